//! What the families build their networks of: tensors to own, convolutions, normalisations.

use crate::parameters::Role;
use crate::pass::Pass;
use burn::tensor::Tensor;
use lacuna_kernels::Conv3dOptions;

/// One tensor a layer owns: its name, shape, role and how it begins.
pub(crate) struct TensorSpec {
    pub name: String,
    pub shape: Vec<usize>,
    pub role: Role,
    pub init: Init,
}

impl TensorSpec {
    /// A weight.
    pub fn weight(name: String, shape: Vec<usize>, init: Init) -> TensorSpec {
        TensorSpec { name, shape, role: Role::Weight, init }
    }

    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// How a tensor begins.
#[derive(Clone, Copy)]
pub(crate) enum Init {
    /// Normal with variance 2 / fan-out (He et al., 2015), as MedicalNet initialises convolutions.
    KaimingFanOut,
    /// Normal with variance 2 / (1.0001 fan-in) (He et al., 2015, for leaky rectifiers of slope 0.01), as nnU-Net
    /// initialises convolutions. PyTorch takes the fan-in from a kernel's second axis, of transposed ones too.
    KaimingFanInLeaky,
    /// Uniform in ±1/sqrt(fan-in): PyTorch's default, which MedicalNet leaves on the transposed
    /// convolution. The number is the fan-in.
    UniformFanIn(usize),
    Constant(f32),
}

/// A convolution with "same" padding at stride 1.
pub(crate) struct Convolution {
    pub name: String,
    pub in_channels: usize,
    pub out_channels: usize,
    pub kernel: [usize; 3],
    pub stride: [usize; 3],
    pub dilation: usize,
    pub bias: Bias,
}

/// Whether a convolution adds one number to each channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bias {
    Absent,
    Added,
}

impl Convolution {
    /// Stride, padding and dilation.
    pub fn options(&self) -> Conv3dOptions {
        let padding = self.kernel.map(|taps| self.dilation * (taps - 1) / 2);
        Conv3dOptions { stride: self.stride, padding, dilation: [self.dilation; 3] }
    }

    pub fn forward(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let bias = (self.bias == Bias::Added).then(|| pass.bias(&self.name));
        lacuna_kernels::conv3d(x, pass.kernel(&self.name), bias, &self.options())
    }

    /// Kernel and bias; a bias begins at 0.
    pub fn specs(&self, init: Init) -> Vec<TensorSpec> {
        let [d, h, w] = self.kernel;
        let shape = vec![self.out_channels, self.in_channels, d, h, w];
        let mut specs = vec![TensorSpec::weight(format!("{}.weight", self.name), shape, init)];
        if self.bias == Bias::Added {
            let shape = vec![self.out_channels];
            specs.push(TensorSpec::weight(format!("{}.bias", self.name), shape, Init::Constant(0.0)));
        }
        specs
    }
}

/// Scale and shift of a normalisation's channels.
pub(crate) fn affine_specs(name: &str, channels: usize) -> Vec<TensorSpec> {
    [("weight", 1.0), ("bias", 0.0)]
        .map(|(suffix, value)| TensorSpec::weight(format!("{name}.{suffix}"), vec![channels], Init::Constant(value)))
        .into()
}
