//! The check that all elements of a tensor are finite.

use burn::backend::Flex;
use burn::tensor::Tensor;
use rayon::prelude::*;

use crate::operation::{has_kernels, memory::RowMajor};

/// The number of elements examined by one task.
const ELEMENTS_PER_TASK: usize = 1 << 16;

/// Returns whether no element is NaN or infinite; on the CPU the memory is read without a copy.
pub fn all_finite<const D: usize>(tensor: &Tensor<D>) -> bool {
    let finite = |elements: &[f32]| elements.iter().all(|element| element.is_finite());
    if !has_kernels(tensor) {
        let elements = tensor.to_data().convert::<f32>().try_into_vec::<f32>().expect("converted to f32");
        return finite(&elements);
    }
    let tensor = tensor.clone().inner().try_into_primitive::<Flex>();
    let tensor = RowMajor::new(tensor.expect("a tensor with kernels lives on the CPU backend"));
    tensor.elements().par_chunks(ELEMENTS_PER_TASK).all(finite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn one_element_that_is_no_number_is_found_wherever_it_stands() {
        let device = Device::flex();
        for length in [1, ELEMENTS_PER_TASK, ELEMENTS_PER_TASK + 1] {
            let mut elements = vec![1.0_f32; length];
            assert!(all_finite(&Tensor::<1>::from_floats(elements.as_slice(), &device)));
            for (index, value) in [(0, f32::NAN), (length - 1, f32::INFINITY), (length / 2, f32::NEG_INFINITY)] {
                let before = std::mem::replace(&mut elements[index], value);
                assert!(!all_finite(&Tensor::<1>::from_floats(elements.as_slice(), &device)));
                elements[index] = before;
            }
        }
    }
}
