//! The memory layout of a tensor's values.
//!
//! Files, digests and PyTorch store every tensor row-major. In memory, kernels of convolutions, five axes `[C_out,
//! C_in, kD, kH, kW]`, have the input channels as the last axis, as activations do: the values read for one kernel
//! element are contiguous, and nothing is rearranged during training. Code that treats a tensor element by element
//! (optimisers, masks, norms) is independent of the layout.

/// Converts row-major values into the memory layout.
///
/// # Panics
/// If `row_major` does not have as many values as the shape has elements.
pub fn to_memory_order(shape: &[usize], row_major: Vec<f32>) -> Vec<f32> {
    match kernel_matrix(shape) {
        Some([channels, taps]) => transposed(shape, &row_major, [channels, taps]),
        None => row_major,
    }
}

/// Converts values in the memory layout into row-major order.
///
/// # Panics
/// If `values` does not have as many values as the shape has elements.
pub fn to_row_major(shape: &[usize], values: Vec<f32>) -> Vec<f32> {
    match kernel_matrix(shape) {
        Some([channels, taps]) => transposed(shape, &values, [taps, channels]),
        None => values,
    }
}

/// Returns the number of input channels and the number of kernel elements, for a shape whose layout is not row-major.
fn kernel_matrix(shape: &[usize]) -> Option<[usize; 2]> {
    match *shape {
        [_, channels, depth, height, width] if channels > 1 && depth * height * width > 1 => {
            Some([channels, depth * height * width])
        }
        _ => None,
    }
}

/// Returns the values with the `rows x columns` matrix at each first index transposed.
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
        // Two output channels, two input channels, three kernel elements: element 100 o + 10 i + t.
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
