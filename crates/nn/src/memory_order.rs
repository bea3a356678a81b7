//! How a tensor's values lie in memory.
//!
//! Files, digests and PyTorch have every tensor row-major. In memory the kernels of convolutions, five axes
//! `[C_out, C_in, kD, kH, kW]`, have the input channels last, as the activations that they meet: what is read for one
//! tap lies together, and nothing is rearranged during training. Whatever treats a tensor element by element
//! (optimisers, masks, norms) need not know.

/// Row-major values in the order of memory.
///
/// # Panics
/// If there are not as many values as the shape has elements.
pub fn to_memory_order(shape: &[usize], row_major: Vec<f32>) -> Vec<f32> {
    match kernel_matrix(shape) {
        Some([channels, taps]) => transposed(shape, &row_major, [channels, taps]),
        None => row_major,
    }
}

/// Values in the order of memory, row-major.
///
/// # Panics
/// If there are not as many values as the shape has elements.
pub fn to_row_major(shape: &[usize], values: Vec<f32>) -> Vec<f32> {
    match kernel_matrix(shape) {
        Some([channels, taps]) => transposed(shape, &values, [taps, channels]),
        None => values,
    }
}

/// The second channel axis and the taps of a kernel whose order differs.
fn kernel_matrix(shape: &[usize]) -> Option<[usize; 2]> {
    match *shape {
        [_, channels, depth, height, width] if channels > 1 && depth * height * width > 1 => {
            Some([channels, depth * height * width])
        }
        _ => None,
    }
}

/// Every `rows x columns` matrix of one first index, transposed.
fn transposed(shape: &[usize], values: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    assert_eq!(shape.iter().product::<usize>(), values.len(), "a tensor has one value per element of its shape");
    let mut result = Vec::with_capacity(values.len());
    for matrix in values.chunks_exact(rows * columns) {
        for column in 0..columns {
            result.extend((0..rows).map(|row| matrix[row * columns + column]));
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_channels_come_last_and_go_back() {
        // Two outputs of two inputs of three taps: element 100 o + 10 i + t.
        let row_major: Vec<f32> = [0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112].map(|value| value as f32).into();
        let shape = [2, 2, 1, 1, 3];
        let memory = to_memory_order(&shape, row_major.clone());
        assert_eq!(memory, [0, 10, 1, 11, 2, 12, 100, 110, 101, 111, 102, 112].map(|value| value as f32));
        assert_eq!(to_row_major(&shape, memory), row_major);
    }

    #[test]
    fn other_tensors_stay_as_they_are() {
        for shape in [vec![6], vec![6, 1, 1, 1, 1], vec![2, 1, 1, 1, 3], vec![2, 3, 1, 1, 1]] {
            let values: Vec<f32> = (0..6).map(|value| value as f32).collect();
            assert_eq!(to_memory_order(&shape, values.clone()), values, "{shape:?}");
        }
    }
}
