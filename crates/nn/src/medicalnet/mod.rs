//! MedicalNet's layers: what they are called, their shapes, and how an input passes through them.
//!
//! The layer list is built once from an [`Architecture`]; both the tensors a network owns and its
//! forward pass are read from that one list, so they cannot disagree.

mod work;

use crate::architecture::{Architecture, Shortcut};
use crate::parameters::Role;
use crate::pass::Pass;
use burn::tensor::{Slice, Tensor};
use lacuna_kernels::{Activation, Conv3dOptions};

/// The name of the head's tensors begins so; everything else is the encoder.
pub(crate) const HEAD: &str = "conv_seg";

/// One tensor a layer owns: its name, shape, role and how it begins.
pub(crate) struct TensorSpec {
    pub name: String,
    pub shape: Vec<usize>,
    pub role: Role,
    pub init: Init,
}

impl TensorSpec {
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// How a tensor begins.
pub(crate) enum Init {
    /// Normal with variance 2 / fan-out (He et al., 2015), as MedicalNet initialises convolutions.
    KaimingFanOut,
    /// Uniform in ±1/sqrt(fan-in): PyTorch's default, which MedicalNet leaves on the transposed
    /// convolution. The number is the fan-in.
    UniformFanIn(usize),
    Constant(f32),
}

struct Convolution {
    name: String,
    in_channels: usize,
    out_channels: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
}

impl Convolution {
    /// "Same" padding at stride 1, as every convolution of the network has it.
    fn options(&self) -> Conv3dOptions {
        let padding = self.dilation * (self.kernel - 1) / 2;
        Conv3dOptions { stride: [self.stride; 3], padding: [padding; 3], dilation: [self.dilation; 3] }
    }

    fn forward(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        lacuna_kernels::conv3d(x, pass.kernel(&self.name), None, &self.options())
    }

    fn specs(&self) -> Vec<TensorSpec> {
        let k = self.kernel;
        let shape = vec![self.out_channels, self.in_channels, k, k, k];
        vec![TensorSpec { name: format!("{}.weight", self.name), shape, role: Role::Weight, init: Init::KaimingFanOut }]
    }
}

struct Normalisation {
    name: String,
    channels: usize,
}

impl Normalisation {
    fn specs(&self) -> Vec<TensorSpec> {
        [
            ("weight", Role::Weight, 1.0),
            ("bias", Role::Weight, 0.0),
            ("running_mean", Role::Statistic, 0.0),
            ("running_var", Role::Statistic, 1.0),
        ]
        .into_iter()
        .map(|(suffix, role, value)| TensorSpec {
            name: format!("{}.{suffix}", self.name),
            shape: vec![self.channels],
            role,
            init: Init::Constant(value),
        })
        .collect()
    }
}

/// How a block's input joins its output.
enum Skip {
    Identity,
    /// Shortcut A: every `stride`-th voxel, channels filled up with zeros to `channels`.
    Subsample {
        stride: usize,
        channels: usize,
    },
    /// Shortcut B.
    Project(Convolution, Normalisation),
}

struct Block {
    body: Vec<(Convolution, Normalisation)>,
    skip: Skip,
}

impl Block {
    fn forward(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let residual = self.skip.forward(pass, x.clone());
        let (last, before) = self.body.split_last().expect("a block has convolutions");
        let mut y = x;
        for (convolution, normalisation) in before {
            y = convolution.forward(pass, y);
            y = pass.batch_norm(&normalisation.name, y, None, Activation::Relu);
        }
        let (convolution, normalisation) = last;
        y = convolution.forward(pass, y);
        pass.batch_norm(&normalisation.name, y, Some(residual), Activation::Relu)
    }

    fn specs(&self) -> Vec<TensorSpec> {
        let mut specs: Vec<TensorSpec> = self.body.iter().flat_map(layer_specs).collect();
        if let Skip::Project(convolution, normalisation) = &self.skip {
            specs.extend(convolution.specs());
            specs.extend(normalisation.specs());
        }
        specs
    }
}

impl Skip {
    fn forward(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        match self {
            Skip::Identity => x,
            Skip::Subsample { stride, channels } => subsample(x, *stride, *channels),
            Skip::Project(convolution, normalisation) => {
                let y = convolution.forward(pass, x);
                pass.batch_norm(&normalisation.name, y, None, Activation::Identity)
            }
        }
    }
}

/// Every layer of one MedicalNet network, in the order an input meets them.
pub(crate) struct MedicalNet {
    stem: (Convolution, Normalisation),
    blocks: Vec<Block>,
    encoder_channels: usize,
    head: Vec<(Convolution, Normalisation)>,
    upsampling: Normalisation,
    classifier: Convolution,
}

/// Channels between the head's layers.
const HEAD_CHANNELS: usize = 32;

impl MedicalNet {
    pub(crate) fn new(architecture: &Architecture) -> MedicalNet {
        let convolution = |name: &str, channels: [usize; 2], kernel, stride, dilation| Convolution {
            name: name.to_string(),
            in_channels: channels[0],
            out_channels: channels[1],
            kernel,
            stride,
            dilation,
        };
        let normalisation = |name: &str, channels| Normalisation { name: name.to_string(), channels };
        let (blocks, encoder_channels) = stages(architecture);
        let h = HEAD_CHANNELS;
        MedicalNet {
            stem: (convolution("conv1", [architecture.channels, 64], 7, 2, 1), normalisation("bn1", 64)),
            blocks,
            encoder_channels,
            upsampling: normalisation("conv_seg.1", h),
            head: vec![(convolution("conv_seg.3", [h, h], 3, 1, 1), normalisation("conv_seg.4", h))],
            classifier: convolution("conv_seg.6", [h, architecture.classes], 1, 1, 1),
        }
    }

    /// How many parts the encoder has: the stem and its residual blocks.
    pub(crate) fn encoder_parts(&self) -> usize {
        1 + self.blocks.len()
    }

    /// Through one part of the encoder; all in turn make `[B, C, D, H, W]` the encoder's features,
    /// `[B, 512 or 2048, D/8, H/8, W/8]`.
    pub(crate) fn encode_part(&self, part: usize, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let Some(block) = part.checked_sub(1) else { return self.enter(pass, x) };
        self.blocks[block].forward(pass, x)
    }

    fn enter(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let (convolution, normalisation) = &self.stem;
        let x = convolution.forward(pass, x);
        let x = pass.batch_norm(&normalisation.name, x, None, Activation::Relu);
        lacuna_kernels::max_pool3d(x, [3; 3], [2; 3], [1; 3])
    }

    /// The encoder's features to logits, `[B, classes, D/4, H/4, W/4]`.
    pub(crate) fn decode(&self, pass: &Pass, features: Tensor<5>) -> Tensor<5> {
        let up = format!("{HEAD}.0");
        let bias = Some(pass.bias(&up));
        let mut x = lacuna_kernels::conv_transpose3d(features, pass.kernel(&up), bias, [2; 3]);
        x = pass.batch_norm(&self.upsampling.name, x, None, Activation::Relu);
        for (convolution, normalisation) in &self.head {
            x = convolution.forward(pass, x);
            x = pass.batch_norm(&normalisation.name, x, None, Activation::Relu);
        }
        self.classifier.forward(pass, x)
    }

    /// Every tensor of the network.
    pub(crate) fn specs(&self) -> Vec<TensorSpec> {
        let mut specs = layer_specs(&self.stem);
        specs.extend(self.blocks.iter().flat_map(Block::specs));
        specs.extend(self.upsampling_specs());
        specs.extend(self.upsampling.specs());
        specs.extend(self.head.iter().flat_map(layer_specs));
        specs.extend(self.classifier.specs());
        specs
    }

    fn upsampling_specs(&self) -> Vec<TensorSpec> {
        // PyTorch takes the fan-in of a transposed kernel [C_in, C_out, k, k, k] from its second axis.
        let fan_in = HEAD_CHANNELS * 8;
        let spec = |suffix: &str, shape: Vec<usize>| TensorSpec {
            name: format!("{HEAD}.0.{suffix}"),
            shape,
            role: Role::Weight,
            init: Init::UniformFanIn(fan_in),
        };
        vec![spec("weight", vec![self.encoder_channels, HEAD_CHANNELS, 2, 2, 2]), spec("bias", vec![HEAD_CHANNELS])]
    }
}

fn layer_specs((convolution, normalisation): &(Convolution, Normalisation)) -> Vec<TensorSpec> {
    let mut specs = convolution.specs();
    specs.extend(normalisation.specs());
    specs
}

/// The four residual stages and the channels that leave the last.
///
/// Stages 3 and 4 dilate instead of striding, so the grid stays at an eighth of the input.
fn stages(architecture: &Architecture) -> (Vec<Block>, usize) {
    let depth = architecture.depth_entry();
    let mut blocks = Vec::new();
    let mut channels = 64;
    let stages = [(64, 1, 1), (128, 2, 1), (256, 1, 2), (512, 1, 4)];
    for (stage, ((width, stride, dilation), count)) in stages.into_iter().zip(depth.blocks).enumerate() {
        for index in 0..count {
            let plan = BlockPlan {
                name: format!("layer{}.{index}", stage + 1),
                in_channels: channels,
                width,
                stride: if index == 0 { stride } else { 1 },
                dilation,
                bottleneck: depth.bottleneck,
                shortcut: architecture.shortcut,
            };
            channels = plan.out_channels();
            blocks.push(plan.build());
        }
    }
    (blocks, channels)
}

struct BlockPlan {
    name: String,
    in_channels: usize,
    width: usize,
    stride: usize,
    dilation: usize,
    bottleneck: bool,
    shortcut: Shortcut,
}

impl BlockPlan {
    fn out_channels(&self) -> usize {
        if self.bottleneck { 4 * self.width } else { self.width }
    }

    fn build(&self) -> Block {
        let (i, w, o) = (self.in_channels, self.width, self.out_channels());
        // In a bottleneck the middle convolution carries stride and dilation; in a basic block
        // both dilate, and the first carries the stride.
        let body = if self.bottleneck {
            vec![
                self.layer(1, [i, w], 1, 1, 1),
                self.layer(2, [w, w], 3, self.stride, self.dilation),
                self.layer(3, [w, o], 1, 1, 1),
            ]
        } else {
            vec![self.layer(1, [i, w], 3, self.stride, self.dilation), self.layer(2, [w, o], 3, 1, self.dilation)]
        };
        Block { body, skip: self.skip() }
    }

    fn layer(
        &self,
        number: usize,
        channels: [usize; 2],
        kernel: usize,
        stride: usize,
        dilation: usize,
    ) -> (Convolution, Normalisation) {
        let [in_channels, out_channels] = channels;
        let name = format!("{}.conv{number}", self.name);
        (
            Convolution { name, in_channels, out_channels, kernel, stride, dilation },
            Normalisation { name: format!("{}.bn{number}", self.name), channels: out_channels },
        )
    }

    fn skip(&self) -> Skip {
        let (in_channels, out_channels) = (self.in_channels, self.out_channels());
        if self.stride == 1 && in_channels == out_channels {
            return Skip::Identity;
        }
        match self.shortcut {
            Shortcut::A => Skip::Subsample { stride: self.stride, channels: out_channels },
            Shortcut::B => Skip::Project(
                Convolution {
                    name: format!("{}.downsample.0", self.name),
                    in_channels,
                    out_channels,
                    kernel: 1,
                    stride: self.stride,
                    dilation: 1,
                },
                Normalisation { name: format!("{}.downsample.1", self.name), channels: out_channels },
            ),
        }
    }
}

/// Shortcut A. MedicalNet detaches it, so no gradient flows back through the skip.
fn subsample(x: Tensor<5>, stride: usize, channels: usize) -> Tensor<5> {
    let tracked = x.is_autodiff();
    let x = if tracked { x.inner() } else { x };
    let every = Slice::new(0, None, stride as isize);
    let kept = x.slice([Slice::full(), Slice::full(), every, every, every]);
    let [b, c, d, h, w] = kept.dims();
    let zeros = Tensor::zeros([b, channels - c, d, h, w], &kept.device());
    let joined = Tensor::cat(vec![kept, zeros], 1);
    if tracked { Tensor::from_inner(joined) } else { joined }
}
