//! Three-dimensional max pooling.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::Conv3dOptions;
use crate::cpu::geometry::Geometry;
use crate::operation::{KernelBackend, has_kernels};
use crate::reference;

/// Returns the maximum over each window, as PyTorch's `MaxPool3d` without dilation; padding is never the maximum.
///
/// Shapes: `x` `[B, C, D, H, W]`, result `[B, C, D', H', W']` with `D' = (D + 2 padding - kernel) / stride + 1`.
/// Where several voxels of a window share the maximum, the first in (D, H, W) order receives the gradient.
///
/// # Panics
/// If the window is larger than the padded input or the padding larger than half the window.
pub fn max_pool3d(x: Tensor<5>, kernel: [usize; 3], stride: [usize; 3], padding: [usize; 3]) -> Tensor<5> {
    assert!((0..3).all(|axis| 2 * padding[axis] <= kernel[axis]), "max_pool3d: padding is at most half the window");
    let [batch, _, wide @ ..] = x.dims();
    let geometry = Geometry::of_convolution(batch, wide, kernel, &Conv3dOptions { stride, padding, dilation: [1; 3] });
    if !has_kernels(&x) {
        return reference::max_pool3d(x, kernel, stride, padding);
    }
    Tensor::from_dispatch(<Dispatch as KernelBackend>::pool_max(x.into_dispatch(), geometry))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    #[test]
    fn agrees_with_the_reference_and_its_gradient() {
        let device = Device::flex().autodiff();
        device.seed(3);
        for (shape, kernel, stride, padding) in
            [([2, 5, 7, 8, 9], 3, 2, 1), ([1, 16, 6, 5, 4], 2, 2, 0), ([1, 3, 4, 4, 5], 3, 1, 1)]
        {
            let x = Tensor::<5>::random(shape, Distribution::Normal(0.0, 1.0), &device);
            let passes = |pool: &dyn Fn(Tensor<5>) -> Tensor<5>| {
                let x = x.clone().require_grad();
                let output = pool(x.clone());
                let gradients = output.clone().square().sum().backward();
                [output, Tensor::from_inner(x.grad(&gradients).unwrap())]
                    .map(|t| t.into_data().try_into_vec::<f32>().unwrap())
            };
            let (kernel, stride, padding) = ([kernel; 3], [stride; 3], [padding; 3]);
            let [output, gradient] = passes(&|x| max_pool3d(x, kernel, stride, padding));
            let [output_plain, gradient_plain] = passes(&|x| reference::max_pool3d(x, kernel, stride, padding));
            assert_eq!(output, output_plain);
            for (found, expected) in gradient.iter().zip(&gradient_plain) {
                assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{shape:?}: {found}, {expected}");
            }
        }
    }

    #[test]
    fn the_first_of_equal_voxels_takes_the_gradient() {
        let x = Tensor::<5>::ones([1, 1, 2, 2, 2], &Device::flex().autodiff()).require_grad();
        let gradients = max_pool3d(x.clone(), [2; 3], [2; 3], [0; 3]).sum().backward();
        let gradient = x.grad(&gradients).unwrap().into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(gradient, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    }
}
