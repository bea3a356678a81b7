//! Conversion between burn's tensors and the kernels' slices.

use burn::backend::Flex;
use burn::backend::flex::{FlexDevice, FlexTensor, Layout};
use burn::backend::ops::FloatTensorOps;
use burn::tensor::TensorData;

/// A tensor `[B, C, D, H, W]` whose memory is dense `[B, D, H, W, C]`.
#[derive(Clone, Debug)]
pub(crate) struct ChannelsLast(FlexTensor);

impl ChannelsLast {
    /// Wraps a tensor; copies it only if its memory has another order.
    pub(crate) fn new(tensor: FlexTensor) -> Self {
        if is_channels_last(tensor.layout()) {
            return Self(tensor);
        }
        let rows = Flex::float_permute(tensor, &[0, 2, 3, 4, 1]).to_contiguous();
        Self(Flex::float_permute(rows, &[0, 4, 1, 2, 3]))
    }

    /// Creates a tensor from elements in channels-last order; `shape` is `[B, C, D, H, W]`.
    pub(crate) fn from_elements(elements: Vec<f32>, [batch, channels, depth, height, width]: [usize; 5]) -> Self {
        let data = TensorData::new(elements, [batch, depth, height, width, channels]);
        Self(Flex::float_permute(Flex::float_from_data(data, &FlexDevice), &[0, 4, 1, 2, 3]))
    }

    /// Returns the elements in channels-last order.
    pub(crate) fn elements(&self) -> &[f32] {
        let first = self.0.layout().start_offset();
        &self.0.storage::<f32>()[first..first + self.0.layout().num_elements()]
    }

    /// Returns the elements in channels-last order, mutably; copies them first if another tensor shares them.
    pub(crate) fn elements_mut(&mut self) -> &mut [f32] {
        let (first, length) = (self.0.layout().start_offset(), self.0.layout().num_elements());
        &mut self.0.storage_mut::<f32>()[first..first + length]
    }

    /// Returns the shape `[B, C, D, H, W]`.
    pub(crate) fn shape(&self) -> [usize; 5] {
        self.0.layout().shape().dims()
    }

    pub(crate) fn into_tensor(self) -> FlexTensor {
        self.0
    }
}

/// Returns whether the strides are those of dense `[B, D, H, W, C]`; an axis of one voxel may have any stride.
fn is_channels_last(layout: &Layout) -> bool {
    let [_, channels, depth, height, width] = layout.shape().dims();
    let expected = [depth * height * width * channels, 1, height * width * channels, width * channels, channels];
    let strides = layout.strides().iter().zip(expected);
    strides.zip(layout.shape().iter()).all(|((&stride, expected), &size)| size == 1 || stride == expected as isize)
}

/// A tensor with its elements in row-major order.
#[derive(Clone, Debug)]
pub(crate) struct RowMajor(FlexTensor);

impl RowMajor {
    /// Wraps a tensor; copies it only if its memory has another order.
    pub(crate) fn new(tensor: FlexTensor) -> Self {
        Self(tensor.to_contiguous())
    }

    pub(crate) fn from_elements<const D: usize>(elements: Vec<f32>, shape: [usize; D]) -> FlexTensor {
        Flex::float_from_data(TensorData::new(elements, shape), &FlexDevice)
    }

    pub(crate) fn elements(&self) -> &[f32] {
        self.0.storage::<f32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, Conv3dOptions, Statistics, batch_norm, conv_transpose3d, conv3d, max_pool3d};
    use burn::tensor::{Device, Tensor};

    fn primitive(tensor: &Tensor<5>) -> FlexTensor {
        tensor.clone().try_into_primitive::<Flex>().unwrap()
    }

    #[test]
    fn elements_survive_the_change_of_order_and_back() {
        let device = Device::flex();
        let x = Tensor::<1, burn::tensor::Int>::arange(0..240, &device).float().reshape([2, 5, 2, 3, 4]);
        let converted = Tensor::<5>::from_primitive::<Flex>(ChannelsLast::new(primitive(&x)).into_tensor());
        assert_eq!(converted.dims(), x.dims());
        assert!(is_channels_last(primitive(&converted).layout()));
        converted.into_data().assert_eq(&x.into_data(), true);
    }

    #[test]
    fn nothing_is_rearranged_between_two_operations() {
        let device = Device::flex();
        let ones = |channels| Tensor::<1>::ones([channels], &device);
        let options = Conv3dOptions { stride: [2; 3], padding: [1; 3], dilation: [1; 3] };
        let x = Tensor::<5>::ones([2, 3, 9, 8, 7], &device);
        let convolved = conv3d(x, Tensor::ones([4, 3, 3, 3, 3], &device), None, &options);
        let pooled = max_pool3d(convolved.clone(), [3; 3], [2; 3], [1; 3]);
        let raised = conv_transpose3d(pooled.clone(), Tensor::ones([4, 6, 2, 2, 2], &device), None, [2; 3]);
        let residual = Some(raised.clone());
        let normalised =
            batch_norm(raised.clone(), ones(6), ones(6), Statistics::Batch, residual, Activation::Relu, 1e-5).output;
        for tensor in [convolved, pooled, raised, normalised] {
            let tensor = primitive(&tensor);
            let before = tensor.storage::<f32>().as_ptr();
            let taken = ChannelsLast::new(tensor);
            assert_eq!(taken.elements().as_ptr(), before, "the next operation reads the same memory");
        }
    }
}
