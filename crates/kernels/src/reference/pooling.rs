//! Max pooling over a volume as two poolings over planes, since the maximum of a box is the maximum over D of the
//! maxima over (H, W).

use burn::tensor::Tensor;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;

/// Computes [`crate::max_pool3d`] by burn's two-dimensional pooling, first over (H, W), then over D.
pub fn max_pool3d(x: Tensor<5>, kernel: [usize; 3], stride: [usize; 3], padding: [usize; 3]) -> Tensor<5> {
    let [batch, channels, depth, height, width] = x.dims();
    let in_plane = MaxPoolOptions::new([kernel[1], kernel[2]])
        .with_stride([stride[1], stride[2]])
        .with_padding([padding[1], padding[2]]);
    let planes = max_pool2d(x.reshape([batch, channels * depth, height, width]), in_plane);
    let [_, _, height, width] = planes.dims();
    let along_depth = MaxPoolOptions::new([kernel[0], 1]).with_stride([stride[0], 1]).with_padding([padding[0], 0]);
    let output = max_pool2d(planes.reshape([batch, channels, depth, height * width]), along_depth);
    let [_, _, depth, _] = output.dims();
    output.reshape([batch, channels, depth, height, width])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn padding_never_wins() {
        // Windows of 3 around voxels 0 and 2 of -5 -4 -3 -2: max(pad, -5, -4) and max(-4, -3, -2).
        let x = Tensor::<5>::from_data([[[[[-5.0, -4.0, -3.0, -2.0]]]]], &Device::flex());
        let output = max_pool3d(x, [1, 1, 3], [1, 1, 2], [0, 0, 1]).into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(output, [-4.0, -2.0]);
    }
}
