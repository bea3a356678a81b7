//! burn's own convolutions with this crate's options.

use burn::tensor::module;
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Slice, Tensor};

use crate::Conv3dOptions;

/// Computes [`crate::conv3d`] by burn's own operation.
pub fn conv3d(x: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>, options: &Conv3dOptions) -> Tensor<5> {
    let [_, _, kernel @ ..] = weight.dims();
    let (x, stride) = without_skipped_voxels(x, kernel, options);
    module::conv3d(x, weight, bias, ConvOptions::new(stride, options.padding, options.dilation, 1))
}

/// Returns the input without the voxels that a kernel of size 1 skips, and the remaining stride.
///
/// On GPUs burn 0.22.1 computes the input's gradient of a strided kernel of size 1 as zeros, which would stop the
/// gradient at every projecting shortcut; observed with Mesa's software driver, for a stride larger than the kernel.
fn without_skipped_voxels(x: Tensor<5>, kernel: [usize; 3], options: &Conv3dOptions) -> (Tensor<5>, [usize; 3]) {
    let is_one_wide = |axis: usize| kernel[axis] == 1 && options.padding[axis] == 0;
    let step = |axis| if is_one_wide(axis) { options.stride[axis] } else { 1 };
    let [depth, height, width] = [0, 1, 2].map(step);
    let left = [0, 1, 2].map(|axis| options.stride[axis] / step(axis));
    if [depth, height, width] == [1; 3] {
        return (x, left);
    }
    let every = |step: usize| Slice::new(0, None, step as isize);
    let kept = x.slice([Slice::full(), Slice::full(), every(depth), every(height), every(width)]);
    (kept, left)
}

/// Computes [`crate::conv_transpose3d`] by burn's own operation.
pub fn conv_transpose3d(x: Tensor<5>, weight: Tensor<5>, bias: Option<Tensor<1>>, stride: [usize; 3]) -> Tensor<5> {
    module::conv_transpose3d(x, weight, bias, ConvTransposeOptions::new(stride, [0; 3], [0; 3], [1; 3], 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_line_of_three_taps_worked_by_hand() {
        // x = 1 2 3 4, w = 1 10 100, padding 1: 0+10*1+100*2, 1+20+300, 2+30+400, 3+40+0; bias 0.5.
        let device = Device::flex();
        let x = Tensor::<5>::from_data([[[[[1.0, 2.0, 3.0, 4.0]]]]], &device);
        let weight = Tensor::<5>::from_data([[[[[1.0, 10.0, 100.0]]]]], &device);
        let bias = Tensor::<1>::from_data([0.5], &device);
        let options = Conv3dOptions { stride: [1; 3], padding: [0, 0, 1], dilation: [1; 3] };
        let output = conv3d(x, weight, Some(bias), &options).into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(output, [210.5, 321.5, 432.5, 43.5]);
    }

    #[test]
    fn a_transposed_line_worked_by_hand() {
        // Each input voxel adds a multiple of w, two voxels apart: 1*(1 10), 2*(1 10).
        let device = Device::flex();
        let x = Tensor::<5>::from_data([[[[[1.0, 2.0]]]]], &device);
        let weight = Tensor::<5>::from_data([[[[[1.0, 10.0]]]]], &device);
        let output = conv_transpose3d(x, weight, None, [1, 1, 2]).into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(output, [1.0, 10.0, 2.0, 20.0]);
    }
}
