//! Three-dimensional max pooling.

use burn::tensor::Tensor;

use crate::reference;

/// The maximum over each window, as PyTorch's `MaxPool3d` without dilation; padding never wins.
///
/// Shapes: `x` `[B, C, D, H, W]`, result `[B, C, D', H', W']` with `D' = (D + 2 padding - kernel) / stride + 1`.
/// Where several voxels of a window share the maximum, the first in (D, H, W) order receives the gradient.
///
/// # Panics
/// If the window is larger than the padded input or the padding larger than half the window.
pub fn max_pool3d(x: Tensor<5>, kernel: [usize; 3], stride: [usize; 3], padding: [usize; 3]) -> Tensor<5> {
    reference::max_pool3d(x, kernel, stride, padding)
}
