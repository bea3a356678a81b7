//! Building blocks of the families' layers: tensor specifications, convolutions, normalisations.

use crate::parameters::Role;
use crate::pass::Pass;
use burn::tensor::Tensor;
use lacuna_kernels::Conv3dOptions;

/// The specification of one tensor of a layer: its name, shape, role and initialisation.
pub(crate) struct TensorSpec {
    pub name: String,
    pub shape: Vec<usize>,
    pub role: Role,
    pub init: Init,
}

impl TensorSpec {
    /// Creates the specification of a weight.
    pub fn weight(name: String, shape: Vec<usize>, init: Init) -> TensorSpec {
        TensorSpec { name, shape, role: Role::Weight, init }
    }

    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// The initialisation of a tensor.
#[derive(Clone, Copy)]
pub(crate) enum Init {
    /// Normal with variance 2 / fan-out (He et al., 2015), as MedicalNet initialises convolutions.
    KaimingFanOut,
    /// Normal with variance 2 / (1.0001 fan-in) (He et al., 2015, for leaky ReLUs of slope 0.01), as nnU-Net
    /// initialises convolutions. PyTorch takes the fan-in from a kernel's second axis, also for transposed
    /// convolutions.
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

/// Whether a convolution has a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bias {
    Absent,
    Added,
}

impl Convolution {
    /// Returns the stride, padding and dilation for the kernels.
    pub fn options(&self) -> Conv3dOptions {
        let padding = self.kernel.map(|taps| self.dilation * (taps - 1) / 2);
        Conv3dOptions { stride: self.stride, padding, dilation: [self.dilation; 3] }
    }

    pub fn forward(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let bias = (self.bias == Bias::Added).then(|| pass.bias(&self.name));
        lacuna_kernels::conv3d(x, pass.kernel(&self.name), bias, &self.options())
    }

    /// Returns the specifications of the kernel and, if there is one, the bias, which is initialised to 0.
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

/// Returns the specifications of a normalisation's scale and shift, one value per channel.
pub(crate) fn affine_specs(name: &str, channels: usize) -> Vec<TensorSpec> {
    [("weight", 1.0), ("bias", 0.0)]
        .map(|(suffix, value)| TensorSpec::weight(format!("{name}.{suffix}"), vec![channels], Init::Constant(value)))
        .into()
}
