//! The kernels as operations of burn: the tensors that they take, and the gradients that they register.
//!
//! Logical shapes stay `[B, C, D, H, W]`; the memory of the kernels' outputs is channels-last, and they take such
//! memory without copying, so that nothing is rearranged between two kernels. A gradient is computed only for an
//! operand that is part of the graph, and an operand is kept only for the gradients that need it.

mod accumulate;
mod convolution;
mod counts;
pub(crate) mod memory;
mod normalisation;
mod pooling;
mod segment;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::flex::{FlexDevice, FlexTensor};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, ExtensionType, Flex, backend_extension};
use burn::tensor::{DType, Device, Tensor};

use crate::cpu::geometry::{Direction, Geometry};
pub use counts::{OperationCounts, take_operation_counts};
pub(crate) use normalisation::Rule;

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

    /// Returns the maximum of each window.
    fn pool_max(x: FloatTensor<Self>, geometry: Geometry) -> FloatTensor<Self>;

    /// Returns the output, mean and variance of a normalisation.
    fn normalise(
        #[extension_type] operands: Operands<Self>,
        rule: Rule,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Returns the input of a segment of the graph.
    fn begin(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Returns the root of a segment of the graph whose output has this gradient.
    fn end(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// The tensors of a normalisation.
#[derive(ExtensionType)]
pub(crate) struct Operands<B: Backend> {
    pub x: FloatTensor<B>,
    pub scale: FloatTensor<B>,
    pub shift: FloatTensor<B>,
    #[extension_type]
    pub residual: Residual<B>,
    #[extension_type]
    pub given: Given<B>,
}

/// The tensor that is added before the activation, if there is one.
#[derive(ExtensionType)]
pub(crate) enum Residual<B: Backend> {
    Added(FloatTensor<B>),
    Absent,
}

/// Given mean and variance; otherwise the batch's own are used.
#[derive(ExtensionType)]
pub(crate) enum Given<B: Backend> {
    Moments(FloatTensor<B>, FloatTensor<B>),
    Nothing,
}

/// Returns whether the kernels can take this tensor: single precision, in this machine's memory.
pub(crate) fn has_kernels<const D: usize>(x: &Tensor<D>) -> bool {
    x.device().inner() == Device::new(FlexDevice) && x.dtype() == DType::F32
}

impl KernelBackend for Flex {
    fn convolve(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        geometry: Geometry,
        direction: Direction,
    ) -> FlexTensor {
        convolution::plain(x, weight, bias, geometry, direction)
    }

    fn pool_max(x: FlexTensor, geometry: Geometry) -> FlexTensor {
        pooling::plain(x, geometry)
    }

    fn normalise(operands: Operands<Self>, rule: Rule) -> (FlexTensor, FlexTensor, FlexTensor) {
        normalisation::plain(operands, rule)
    }

    fn begin(x: FlexTensor) -> FlexTensor {
        x
    }

    fn end(_output: FlexTensor, _gradient: FlexTensor) -> FlexTensor {
        segment::nothing()
    }
}

impl<C: CheckpointStrategy> KernelBackend for Autodiff<Flex, C> {
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Geometry,
        direction: Direction,
    ) -> FloatTensor<Self> {
        convolution::tracked::<C>(x, weight, bias, geometry, direction)
    }

    fn pool_max(x: FloatTensor<Self>, geometry: Geometry) -> FloatTensor<Self> {
        pooling::tracked::<C>(x, geometry)
    }

    fn normalise(operands: Operands<Self>, rule: Rule) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        normalisation::tracked::<C>(operands, rule)
    }

    fn begin(x: FloatTensor<Self>) -> FloatTensor<Self> {
        segment::begin::<C>(x)
    }

    fn end(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        segment::end::<C>(output, gradient)
    }
}
