//! The kernels as operations of burn: which tensors they take, which gradients they register.
//!
//! Logical shapes stay `[B, C, D, H, W]`; the memory of what the kernels return is channels-last, and they take such
//! memory without copying, so that nothing is rearranged between two of them. A gradient is computed only for an
//! operand that takes part in the graph, and an operand is kept only for the gradients that need it.

mod convolution;
mod memory;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};
use burn::tensor::{DType, Device, Tensor};

use crate::cpu::geometry::{Direction, Geometry};

/// The operations that the CPU backend has kernels for.
#[backend_extension(Autodiff, Flex)]
pub(crate) trait KernelBackend: Backend {
    /// Gathers the target grid of `direction` from `x` on its source grid; the weight is `[narrow, wide, taps...]`.
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Geometry,
        direction: Direction,
    ) -> FloatTensor<Self>;
}

/// Whether the kernels can take this tensor: single precision, in this machine's memory.
pub(crate) fn has_kernels(x: &Tensor<5>) -> bool {
    x.device().inner() == Device::new(burn::backend::flex::FlexDevice) && x.dtype() == DType::F32
}
