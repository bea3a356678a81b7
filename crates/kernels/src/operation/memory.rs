//! Between burn's tensors and the kernels' slices.

use burn::backend::Flex;
use burn::backend::flex::{FlexDevice, FlexTensor, Layout};
use burn::backend::ops::FloatTensorOps;
use burn::tensor::TensorData;

/// A tensor `[B, C, D, H, W]` whose memory is dense `[B, D, H, W, C]`.
#[derive(Clone, Debug)]
pub(crate) struct ChannelsLast(FlexTensor);

impl ChannelsLast {
    /// Copies only if the memory is in another order.
    pub(crate) fn new(tensor: FlexTensor) -> Self {
        if is_channels_last(tensor.layout()) {
            return Self(tensor);
        }
        let rows = Flex::float_permute(tensor, &[0, 2, 3, 4, 1]).to_contiguous();
        Self(Flex::float_permute(rows, &[0, 4, 1, 2, 3]))
    }

    /// Of `elements` in channels-last order; `shape` is `[B, C, D, H, W]`.
    pub(crate) fn from_elements(elements: Vec<f32>, [batch, channels, depth, height, width]: [usize; 5]) -> Self {
        let data = TensorData::new(elements, [batch, depth, height, width, channels]);
        Self(Flex::float_permute(Flex::float_from_data(data, &FlexDevice), &[0, 4, 1, 2, 3]))
    }

    /// The elements in channels-last order.
    pub(crate) fn elements(&self) -> &[f32] {
        let first = self.0.layout().start_offset();
        &self.0.storage::<f32>()[first..first + self.0.layout().num_elements()]
    }

    /// `[B, C, D, H, W]`
    pub(crate) fn shape(&self) -> [usize; 5] {
        self.0.layout().shape().dims()
    }

    pub(crate) fn into_tensor(self) -> FlexTensor {
        self.0
    }
}

/// Whether the strides are those of dense `[B, D, H, W, C]`; an axis of one voxel may have any.
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
    /// Copies only if the memory is in another order.
    pub(crate) fn new(tensor: FlexTensor) -> Self {
        Self(tensor.to_contiguous())
    }

    pub(crate) fn from_elements<const D: usize>(elements: Vec<f32>, shape: [usize; D]) -> FlexTensor {
        Flex::float_from_data(TensorData::new(elements, shape), &FlexDevice)
    }

    pub(crate) fn elements(&self) -> &[f32] {
        self.0.storage::<f32>()
    }

    pub(crate) fn into_tensor(self) -> FlexTensor {
        self.0
    }

    pub(crate) fn shape<const D: usize>(&self) -> [usize; D] {
        self.0.layout().shape().dims()
    }
}
