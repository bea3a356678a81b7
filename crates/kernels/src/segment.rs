//! The two ends of a segment of the graph that has its own backward pass.
//!
//! To recompute activations, a part of a network runs once without a graph and, when the gradient of its output is
//! known, once more with one. These ends make the second run's gradients equal, byte for byte, to those of a part
//! inside a larger graph: the input is not a leaf, so that gradients are added in place, and the output's gradient is
//! used directly instead of being multiplied by a gradient of one.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::operation::{KernelBackend, has_kernels};

/// Returns the input of a segment: `x` itself, as a node behind the one that collects its gradient.
pub fn begin_segment(x: Tensor<5>) -> Tensor<5> {
    if !has_kernels(&x) {
        return x;
    }
    Tensor::from_dispatch(<Dispatch as KernelBackend>::begin(x.into_dispatch()))
}

/// Returns a scalar whose gradient with respect to `output` is `gradient`; its value is not used.
///
/// `gradient` has the shape of `output` and is not part of the graph.
///
/// # Panics
/// If the shapes differ.
pub fn end_segment(output: Tensor<5>, gradient: Tensor<5>) -> Tensor<1> {
    assert_eq!(output.dims(), gradient.dims(), "end_segment: a gradient has the shape of its tensor");
    let gradient = Tensor::from_inner(gradient);
    if !has_kernels(&output) {
        return (output * gradient).sum();
    }
    Tensor::from_dispatch(<Dispatch as KernelBackend>::end(output.into_dispatch(), gradient.into_dispatch()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    #[test]
    fn what_comes_in_at_the_end_goes_out_at_the_beginning() {
        let plain = Device::flex();
        let gradient = Tensor::<5>::random([2, 3, 2, 4, 5], Distribution::Normal(0.0, 1.0), &plain);
        let x = Tensor::<5>::zeros([2, 3, 2, 4, 5], &plain.autodiff()).require_grad();
        let gradients = end_segment(begin_segment(x.clone()), gradient.clone()).backward();
        x.grad(&gradients).unwrap().into_data().assert_eq(&gradient.into_data(), true);
    }

    #[test]
    fn an_input_outside_the_graph_stays_outside() {
        let x = Tensor::<5>::ones([1, 1, 2, 2, 2], &Device::flex().autodiff());
        assert!(!begin_segment(x).is_require_grad());
    }
}
