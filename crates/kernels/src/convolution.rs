//! Three-dimensional convolution and its transpose.

use burn::tensor::Tensor;

use crate::reference;

/// The geometry of a convolution, per axis in the order (D, H, W).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv3dOptions {
    /// Input voxels between neighbouring output voxels.
    pub stride: [usize; 3],
    /// Zeros assumed before the first and after the last input voxel.
    pub padding: [usize; 3],
    /// Input voxels between neighbouring taps of the kernel.
    pub dilation: [usize; 3],
}

/// Cross-correlates `x` with `weight`, as PyTorch's `Conv3d` without groups.
///
/// Shapes: `x` `[B, Cin, D, H, W]`, `weight` `[Cout, Cin, kD, kH, kW]`, `bias` `[Cout]`, result
/// `[B, Cout, D', H', W']` with `D' = (D + 2 padding - dilation (kD - 1) - 1) / stride + 1`.
///
/// # Panics
/// If the channels disagree or the kernel reaches beyond the padded input.
pub fn conv3d(x: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>, options: &Conv3dOptions) -> Tensor<5> {
    reference::conv3d(x, weight, bias, options)
}

/// The transpose of [`conv3d`] with respect to its input, without padding or dilation, as PyTorch's
/// `ConvTranspose3d`.
///
/// Shapes: `x` `[B, Cin, D, H, W]`, `weight` `[Cin, Cout, kD, kH, kW]`, `bias` `[Cout]`, result
/// `[B, Cout, D', H', W']` with `D' = (D - 1) stride + kD`.
///
/// # Panics
/// If the channels disagree.
pub fn conv_transpose3d(x: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>, stride: [usize; 3]) -> Tensor<5> {
    reference::conv_transpose3d(x, weight, bias, stride)
}
