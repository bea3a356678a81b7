//! Stochastic gradient descent with momentum, as one pass over the parameters.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use rayon::prelude::*;

use crate::operation::{has_kernels, memory::RowMajor};

/// The number of elements updated by one task.
const ELEMENTS_PER_TASK: usize = 1 << 14;

/// The constants of one step. Dampening is 0 and the momentum is not Nesterov's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdOptions {
    /// The learning rate, by which the direction is multiplied.
    pub learning_rate: f64,
    /// The share of the previous direction that is kept.
    pub momentum: f64,
    /// The multiple of the parameter that is added to its gradient.
    pub weight_decay: f64,
}

/// Performs one step of PyTorch's `SGD`, in place.
///
/// `g = gradient + weight_decay p`, `m = g` on the first step and `momentum m + g` after it,
/// `p = p - learning_rate m`. The three slices hold the same elements in the same order; `momentum_buffer` is
/// not read on the first step.
///
/// # Panics
/// If the lengths differ.
pub fn sgd_step(
    parameter: &mut [f32],
    gradient: &[f32],
    momentum_buffer: &mut [f32],
    first_step: bool,
    options: SgdOptions,
) {
    assert_eq!(parameter.len(), gradient.len(), "sgd_step: one gradient per parameter");
    assert_eq!(parameter.len(), momentum_buffer.len(), "sgd_step: one momentum per parameter");
    let parameters = parameter.par_chunks_mut(ELEMENTS_PER_TASK);
    let momenta = momentum_buffer.par_chunks_mut(ELEMENTS_PER_TASK);
    parameters.zip(momenta).zip(gradient.par_chunks(ELEMENTS_PER_TASK)).for_each(
        |((parameter, momentum), gradient)| {
            if first_step {
                momentum.fill(0.0);
            }
            step(parameter, gradient, momentum, options);
        },
    );
}

fn step(parameter: &mut [f32], gradient: &[f32], momentum: &mut [f32], options: SgdOptions) {
    let SgdOptions { learning_rate, momentum: kept, weight_decay } = options;
    let (learning_rate, kept, weight_decay) = (learning_rate as f32, kept as f32, weight_decay as f32);
    for ((parameter, &gradient), momentum) in parameter.iter_mut().zip(gradient).zip(momentum) {
        *momentum = kept * *momentum + (gradient + weight_decay * *parameter);
        *parameter -= learning_rate * *momentum;
    }
}

/// Performs [`sgd_step`] on tensors outside the graph: takes and returns the parameter and its momentum, `None` before
/// the first step.
///
/// On the CPU a parameter and a momentum with no other owner are updated in place; shared ones are copied.
///
/// # Panics
/// If the shapes differ.
pub fn sgd_update<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    momentum: Option<Tensor<D>>,
    options: SgdOptions,
) -> (Tensor<D>, Tensor<D>) {
    assert_eq!(parameter.dims(), gradient.dims(), "sgd_update: the gradient must have the parameter's shape");
    if !has_kernels(&parameter) {
        return update_by_tensor_operations(parameter, gradient, momentum, options);
    }
    let first_step = momentum.is_none();
    let momentum = momentum.unwrap_or_else(|| parameter.zeros_like());
    let (mut parameter, gradient, mut momentum) =
        (owned(parameter), RowMajor::new(primitive(gradient)), owned(momentum));
    sgd_step(parameter.storage_mut(), gradient.elements(), momentum.storage_mut(), first_step, options);
    (Tensor::from_primitive::<Flex>(parameter), Tensor::from_primitive::<Flex>(momentum))
}

fn update_by_tensor_operations<const D: usize>(
    parameter: Tensor<D>,
    gradient: Tensor<D>,
    momentum: Option<Tensor<D>>,
    options: SgdOptions,
) -> (Tensor<D>, Tensor<D>) {
    let gradient = gradient + parameter.clone() * options.weight_decay;
    let momentum = match momentum {
        Some(momentum) => momentum * options.momentum + gradient,
        None => gradient,
    };
    (parameter - momentum.clone() * options.learning_rate, momentum)
}

fn primitive<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    tensor.inner().try_into_primitive::<Flex>().expect("a tensor with kernels lives on the CPU backend")
}

/// Returns the tensor with its elements row-major, starting at the first element of its memory.
fn owned<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    RowMajor::new(primitive(tensor)).into_tensor()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_worked_by_hand() {
        // p = 1, g = 0.5, lr = 0.1, momentum = 0.9, weight decay = 0.1:
        // step 1: g' = 0.5 + 0.1 = 0.6, m = 0.6, p = 1 - 0.06 = 0.94
        // step 2: g' = 0.5 + 0.094 = 0.594, m = 0.54 + 0.594 = 1.134, p = 0.94 - 0.1134 = 0.8266
        let options = SgdOptions { learning_rate: 0.1, momentum: 0.9, weight_decay: 0.1 };
        let (mut parameter, mut momentum) = ([1.0_f32], [f32::NAN]);
        sgd_step(&mut parameter, &[0.5], &mut momentum, true, options);
        assert!((parameter[0] - 0.94).abs() < 1e-6 && (momentum[0] - 0.6).abs() < 1e-6);
        sgd_step(&mut parameter, &[0.5], &mut momentum, false, options);
        assert!((parameter[0] - 0.8266).abs() < 1e-6 && (momentum[0] - 1.134).abs() < 1e-6);
    }

    #[test]
    fn tensors_and_slices_take_the_same_steps() {
        let device = burn::tensor::Device::flex();
        let options = SgdOptions { learning_rate: 0.1, momentum: 0.9, weight_decay: 0.01 };
        let (start, gradient) = ([0.5_f32, -1.0, 2.0], [0.25_f32, 0.5, -0.125]);
        let (mut parameter, mut momentum) = (start, [0.0; 3]);
        let mut tensors = (Tensor::<1>::from_data(start, &device), None);
        let mut plain = tensors.clone();
        for step in 0..3 {
            sgd_step(&mut parameter, &gradient, &mut momentum, step == 0, options);
            let gradient = Tensor::<1>::from_data(gradient, &device);
            let (updated, kept) = sgd_update(tensors.0, gradient.clone(), tensors.1, options);
            tensors = (updated, Some(kept));
            let (updated, kept) = update_by_tensor_operations(plain.0, gradient, plain.1, options);
            plain = (updated, Some(kept));
        }
        let numbers = |tensor: Tensor<1>| tensor.into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(numbers(tensors.0), parameter);
        assert_eq!(numbers(tensors.1.unwrap()), momentum);
        for (found, expected) in numbers(plain.0).iter().zip(parameter) {
            assert!((found - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn a_shared_parameter_is_left_as_it_was() {
        let device = burn::tensor::Device::flex();
        let options = SgdOptions { learning_rate: 1.0, momentum: 0.0, weight_decay: 0.0 };
        let parameter = Tensor::<1>::from_data([1.0_f32], &device);
        let (updated, _) = sgd_update(parameter.clone(), Tensor::from_data([1.0_f32], &device), None, options);
        assert_eq!(parameter.into_data().try_into_vec::<f32>().unwrap(), [1.0]);
        assert_eq!(updated.into_data().try_into_vec::<f32>().unwrap(), [0.0]);
    }
}
