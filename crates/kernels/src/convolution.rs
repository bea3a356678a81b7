//! Three-dimensional convolution and its transpose.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::cpu::geometry::{Direction, Geometry};
use crate::operation::{KernelBackend, has_kernels};
use crate::reference;

/// The geometry of a convolution, per axis in the order (D, H, W).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv3dOptions {
    /// The number of input voxels between neighbouring output voxels.
    pub stride: [usize; 3],
    /// The number of zeros before the first and after the last input voxel.
    pub padding: [usize; 3],
    /// The number of input voxels between neighbouring taps of the kernel.
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
    let ([batch, channels, wide @ ..], [outputs, inputs, kernel @ ..]) = (x.dims(), weight.dims());
    assert_eq!(channels, inputs, "conv3d: the input has {channels} channels, the weight expects {inputs}");
    let geometry = Geometry::of_convolution(batch, wide, kernel, options);
    if !has_kernels(&x) {
        return reference::conv3d(x, weight, bias, options);
    }
    convolve(x, weight, bias, outputs, geometry, Direction::Correlate)
}

/// Computes the transpose of [`conv3d`] with respect to its input, without padding or dilation, as PyTorch's
/// `ConvTranspose3d`.
///
/// Shapes: `x` `[B, Cin, D, H, W]`, `weight` `[Cin, Cout, kD, kH, kW]`, `bias` `[Cout]`, result
/// `[B, Cout, D', H', W']` with `D' = (D - 1) stride + kD`.
///
/// # Panics
/// If the channels disagree.
pub fn conv_transpose3d(x: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>, stride: [usize; 3]) -> Tensor<5> {
    let ([batch, channels, narrow @ ..], [inputs, outputs, kernel @ ..]) = (x.dims(), weight.dims());
    assert_eq!(channels, inputs, "conv_transpose3d: the input has {channels} channels, the weight expects {inputs}");
    if !has_kernels(&x) {
        return reference::conv_transpose3d(x, weight, bias, stride);
    }
    let geometry = Geometry::of_transposed(batch, narrow, kernel, stride);
    convolve(x, weight, bias, outputs, geometry, Direction::Adjoint)
}

/// Applies the operation; a missing bias is replaced by a zero without gradient.
fn convolve(
    x: Tensor<5>,
    weight: Tensor<5>,
    bias: Option<Tensor<1>>,
    outputs: usize,
    geometry: Geometry,
    direction: Direction,
) -> Tensor<5> {
    let bias = bias.unwrap_or_else(|| Tensor::zeros([outputs], &x.device()));
    assert_eq!(bias.dims(), [outputs], "a convolution has one bias per output channel");
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(<Dispatch as KernelBackend>::convolve(x, weight, bias, geometry, direction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    type Operation<'a> = &'a dyn Fn(Tensor<5>, Tensor<5>, Option<Tensor<1>>) -> Tensor<5>;

    /// Returns the output and the gradients of input, weight and bias for the sum of squares of the output.
    fn passes(operation: Operation, x: &Tensor<5>, weight: &Tensor<5>, bias: &Tensor<1>) -> [Vec<f32>; 4] {
        let [x, weight] = [x, weight].map(|tensor| tensor.clone().require_grad());
        let bias = bias.clone().require_grad();
        let output = operation(x.clone(), weight.clone(), Some(bias.clone()));
        let gradients = output.clone().square().sum().backward();
        [
            output.into_data().try_into_vec().unwrap(),
            x.grad(&gradients).unwrap().into_data().try_into_vec().unwrap(),
            weight.grad(&gradients).unwrap().into_data().try_into_vec().unwrap(),
            bias.grad(&gradients).unwrap().into_data().try_into_vec().unwrap(),
        ]
    }

    #[track_caller]
    fn check(fast: Operation, plain: Operation, x: [usize; 5], weight: [usize; 5], outputs: usize) {
        let device = Device::flex().autodiff();
        device.seed(7);
        let random = |shape| Tensor::<5>::random(shape, Distribution::Normal(0.0, 1.0), &device);
        let (x, weight) = (random(x), random(weight));
        let bias = Tensor::random([outputs], Distribution::Normal(0.0, 1.0), &device);
        let (found, expected) = (passes(fast, &x, &weight, &bias), passes(plain, &x, &weight, &bias));
        for ((found, expected), name) in found.iter().zip(&expected).zip(["y", "dx", "dw", "db"]) {
            let scale = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            let distance = found.iter().zip(expected).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(distance <= 1e-5 * scale, "{name}: {distance} of {scale}");
        }
    }

    #[track_caller]
    fn check_convolution(x: [usize; 5], weight: [usize; 5], stride: usize, padding: usize, dilation: usize) {
        let options = Conv3dOptions { stride: [stride; 3], padding: [padding; 3], dilation: [dilation; 3] };
        check(
            &|x, weight, bias| conv3d(x, weight, bias, &options),
            &|x, weight, bias| reference::conv3d(x, weight, bias, &options),
            x,
            weight,
            weight[0],
        );
    }

    #[test]
    fn agrees_with_the_reference_on_a_dense_kernel() {
        check_convolution([2, 9, 5, 6, 7], [19, 9, 3, 3, 3], 1, 1, 1);
    }

    #[test]
    fn agrees_with_the_reference_with_stride() {
        check_convolution([1, 8, 7, 8, 5], [16, 8, 3, 3, 3], 2, 1, 1);
        check_convolution([1, 8, 7, 8, 5], [5, 8, 1, 1, 1], 2, 0, 1);
    }

    #[test]
    fn agrees_with_the_reference_when_the_dilation_leaves_the_grid() {
        check_convolution([2, 6, 4, 6, 3], [8, 6, 3, 3, 3], 1, 4, 4);
    }

    #[test]
    fn agrees_with_the_reference_on_the_first_layer() {
        check_convolution([1, 1, 12, 13, 14], [16, 1, 7, 7, 7], 2, 3, 1);
        check_convolution([1, 3, 8, 9, 10], [4, 3, 7, 7, 7], 2, 3, 1);
    }

    #[test]
    fn the_transpose_agrees_with_the_reference() {
        check(
            &|x, weight, bias| conv_transpose3d(x, weight, bias, [2; 3]),
            &|x, weight, bias| reference::conv_transpose3d(x, weight, bias, [2; 3]),
            [2, 20, 3, 4, 5],
            [20, 7, 2, 2, 2],
            7,
        );
        check(
            &|x, weight, bias| conv_transpose3d(x, weight, bias, [1, 2, 3]),
            &|x, weight, bias| reference::conv_transpose3d(x, weight, bias, [1, 2, 3]),
            [1, 4, 3, 2, 4],
            [4, 18, 3, 2, 1],
            18,
        );
    }

    #[test]
    fn a_frozen_weight_gets_no_gradient_and_its_input_does() {
        let device = Device::flex().autodiff();
        let x = Tensor::<5>::ones([1, 2, 3, 3, 3], &device).require_grad();
        let weight = Tensor::<5>::ones([2, 2, 1, 1, 1], &device);
        let options = Conv3dOptions { stride: [1; 3], padding: [0; 3], dilation: [1; 3] };
        let gradients = conv3d(x.clone(), weight.clone(), None, &options).sum().backward();
        assert!(weight.grad(&gradients).is_none());
        let gradient = x.grad(&gradients).unwrap().into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(gradient, [2.0; 54], "each input voxel feeds two outputs with weight 1");
    }

    #[test]
    fn an_input_outside_the_graph_still_moves_the_weight() {
        let x = Tensor::<5>::ones([1, 2, 3, 3, 3], &Device::flex());
        let weight = Tensor::<5>::ones([1, 2, 1, 1, 1], &Device::flex().autodiff()).require_grad();
        let options = Conv3dOptions { stride: [1; 3], padding: [0; 3], dilation: [1; 3] };
        let gradients = conv3d(x, weight.clone(), None, &options).sum().backward();
        let gradient = weight.grad(&gradients).unwrap().into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(gradient, [27.0; 2], "the sum of 27 voxels of 1");
    }

    #[test]
    fn a_tensor_read_twice_collects_both_gradients() {
        // y = conv(z) + 2 conv(z) for z = 3 x, all channels mixed with weight 1: dy/dx = 3 (2 + 4) = 18 for two
        // outputs, whichever operation comes first; a leaf read twice collects 6.
        let device = Device::flex().autodiff();
        let x = Tensor::<5>::ones([1, 2, 3, 3, 3], &device).require_grad();
        let weight = Tensor::<5>::ones([2, 2, 1, 1, 1], &device);
        let options = Conv3dOptions { stride: [1; 3], padding: [0; 3], dilation: [1; 3] };
        let twice = |z: Tensor<5>| {
            let once = conv3d(z.clone(), weight.clone(), None, &options);
            once + conv3d(z, weight.clone().mul_scalar(2.0), None, &options)
        };
        for (output, expected) in [(twice(x.clone().mul_scalar(3.0)), 18.0), (twice(x.clone()), 6.0)] {
            let gradients = output.sum().backward();
            let gradient = x.grad(&gradients).unwrap().into_data().try_into_vec::<f32>().unwrap();
            assert_eq!(gradient, [expected; 54]);
        }
    }

    #[test]
    #[should_panic(expected = "the kernel reaches 9 voxels, the padded input has 8")]
    fn a_kernel_larger_than_the_padded_input_is_refused() {
        check_convolution([1, 1, 8, 8, 8], [1, 1, 3, 3, 3], 1, 0, 4);
    }
}
