//! MedicalNet's layers: their names, their shapes and their forward pass.
//!
//! The list of layers is built once from a [`ResNet`]; both the tensors of a network and its forward pass are read from
//! it, so they always agree.

mod graph;
mod resnet;
mod work;

pub use resnet::{DEPTHS, Depth, ResNet, Shortcut};

use crate::Cost;
use crate::family::{FamilyEntry, Layers};
use crate::layers::{Bias, Convolution, Init, TensorSpec, affine_specs};
use crate::maps::Maps;
use crate::network::Stage;
use crate::onnx::GraphBuilder;
use crate::parameters::Role;
use crate::pass::Pass;
use crate::weights::Part;
use burn::tensor::{Slice, Tensor};
use lacuna_kernels::Activation;

/// The prefix of the names of the head's tensors; all other tensors belong to the encoder.
const HEAD: &str = "conv_seg";

/// MedicalNet's entry in the list of families.
pub(crate) const FAMILY: FamilyEntry = FamilyEntry {
    key: "medicalnet",
    supported: "MedicalNet's ResNet-10, 18, 34, 50, 101, 152 or 200, whole or the encoder alone, under its own names or \
                those of MONAI's ResNet",
    decoder: HEAD,
    recognise: resnet::recognise,
    from_metadata: resnet::from_metadata,
};

struct Normalisation {
    name: String,
    channels: usize,
}

impl Normalisation {
    fn specs(&self) -> Vec<TensorSpec> {
        let mut specs = affine_specs(&self.name, self.channels);
        specs.extend([("running_mean", 0.0), ("running_var", 1.0)].map(|(suffix, value)| TensorSpec {
            name: format!("{}.{suffix}", self.name),
            shape: vec![self.channels],
            role: Role::Statistic,
            init: Init::Constant(value),
        }));
        specs
    }
}

/// The connection that adds the input of a block to its output.
enum Skip {
    Identity,
    /// Shortcut A: every `stride`-th voxel, with channels of zeros added up to `channels`.
    Subsample {
        stride: usize,
        channels: usize,
    },
    /// Shortcut B: a 1x1x1 convolution and BatchNorm.
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
            specs.extend(convolution.specs(Init::KaimingFanOut));
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

/// All layers of one MedicalNet network, in the order of the forward pass.
pub(crate) struct MedicalNet {
    stem: (Convolution, Normalisation),
    blocks: Vec<Block>,
    encoder_channels: usize,
    head: Vec<(Convolution, Normalisation)>,
    upsampling: Normalisation,
    classifier: Convolution,
}

/// The number of channels between the head's layers.
const HEAD_CHANNELS: usize = 32;

impl MedicalNet {
    pub(crate) fn new(architecture: &ResNet) -> MedicalNet {
        let convolution = |name: &str, channels, kernel, stride| cube(name.to_string(), channels, kernel, stride, 1);
        let normalisation = |name: &str, channels| Normalisation { name: name.to_string(), channels };
        let (blocks, encoder_channels) = stages(architecture);
        let h = HEAD_CHANNELS;
        MedicalNet {
            stem: (convolution("conv1", [architecture.channels, 64], 7, 2), normalisation("bn1", 64)),
            blocks,
            encoder_channels,
            upsampling: normalisation("conv_seg.1", h),
            head: vec![(convolution("conv_seg.3", [h, h], 3, 1), normalisation("conv_seg.4", h))],
            classifier: convolution("conv_seg.6", [h, architecture.classes], 1, 1),
        }
    }

    fn enter(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let (convolution, normalisation) = &self.stem;
        let x = convolution.forward(pass, x);
        let x = pass.batch_norm(&normalisation.name, x, None, Activation::Relu);
        lacuna_kernels::max_pool3d(x, [3; 3], [2; 3], [1; 3])
    }

    fn upsampling_specs(&self) -> Vec<TensorSpec> {
        // PyTorch takes the fan-in of a transposed kernel [C_in, C_out, k, k, k] from its second axis.
        let fan_in = HEAD_CHANNELS * 8;
        let spec = |suffix: &str, shape: Vec<usize>| {
            TensorSpec::weight(format!("{HEAD}.0.{suffix}"), shape, Init::UniformFanIn(fan_in))
        };
        vec![spec("weight", vec![self.encoder_channels, HEAD_CHANNELS, 2, 2, 2]), spec("bias", vec![HEAD_CHANNELS])]
    }
}

impl Layers for MedicalNet {
    fn specs(&self) -> Vec<TensorSpec> {
        let mut specs = layer_specs(&self.stem);
        specs.extend(self.blocks.iter().flat_map(Block::specs));
        specs.extend(self.upsampling_specs());
        specs.extend(self.upsampling.specs());
        specs.extend(self.head.iter().flat_map(layer_specs));
        specs.extend(self.classifier.specs(Init::KaimingFanOut));
        specs
    }

    /// Returns the number of parts: the stem and the residual blocks.
    fn encoder_parts(&self) -> usize {
        1 + self.blocks.len()
    }

    /// Runs one part; all parts in turn map `[B, C, D, H, W]` to the features `[B, 512 or 2048, D/8, H/8, W/8]`.
    fn encode_part(&self, part: usize, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        let Some(block) = part.checked_sub(1) else { return self.enter(pass, x) };
        self.blocks[block].forward(pass, x)
    }

    fn part_stage(&self, part: usize) -> Stage {
        match part.checked_sub(1) {
            None => Stage::Stem,
            Some(block) => self.stage(&self.blocks[block].body[0].0.name),
        }
    }

    fn hands_over(&self, part: usize) -> bool {
        part == self.blocks.len()
    }

    /// Returns the logits `[B, classes, D/4, H/4, W/4]` from the encoder's features.
    fn decode(&self, pass: &Pass, features: &Maps) -> Tensor<5> {
        let up = format!("{HEAD}.0");
        let bias = Some(pass.bias(&up));
        let mut x = lacuna_kernels::conv_transpose3d(features.deepest().clone(), pass.kernel(&up), bias, [2; 3]);
        x = pass.batch_norm(&self.upsampling.name, x, None, Activation::Relu);
        for (convolution, normalisation) in &self.head {
            x = convolution.forward(pass, x);
            x = pass.batch_norm(&normalisation.name, x, None, Activation::Relu);
        }
        self.classifier.forward(pass, x)
    }

    fn graph(&self, graph: &mut GraphBuilder, input: String, part: Part) -> Option<(String, usize)> {
        Some(self.graph_of(graph, input, part))
    }

    fn stage(&self, name: &str) -> Stage {
        match name.split('.').next() {
            Some("layer1") => Stage::Encoder1,
            Some("layer2") => Stage::Encoder2,
            Some("layer3") => Stage::Encoder3,
            Some("layer4") => Stage::Encoder4,
            Some(HEAD) => Stage::Decoder,
            _ => Stage::Stem,
        }
    }

    fn cost(&self, size: [usize; 3]) -> Cost {
        self.cost_of(size)
    }
}

/// Creates a convolution without a bias, with the same kernel size, stride and dilation along each axis.
fn cube(name: String, channels: [usize; 2], kernel: usize, stride: usize, dilation: usize) -> Convolution {
    let [in_channels, out_channels] = channels;
    let (kernel, stride) = ([kernel; 3], [stride; 3]);
    Convolution { name, in_channels, out_channels, kernel, stride, dilation, bias: Bias::Absent }
}

fn layer_specs((convolution, normalisation): &(Convolution, Normalisation)) -> Vec<TensorSpec> {
    let mut specs = convolution.specs(Init::KaimingFanOut);
    specs.extend(normalisation.specs());
    specs
}

/// Returns the blocks of the four residual stages, and the number of channels of the last.
///
/// Stages 3 and 4 dilate instead of striding, so the grid stays at an eighth of the input.
fn stages(architecture: &ResNet) -> (Vec<Block>, usize) {
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
        // In a bottleneck the middle convolution has the stride and the dilation; in a basic block both are dilated,
        // and the first has the stride.
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
        let normalisation = Normalisation { name: format!("{}.bn{number}", self.name), channels: channels[1] };
        (cube(format!("{}.conv{number}", self.name), channels, kernel, stride, dilation), normalisation)
    }

    fn skip(&self) -> Skip {
        let (in_channels, out_channels) = (self.in_channels, self.out_channels());
        if self.stride == 1 && in_channels == out_channels {
            return Skip::Identity;
        }
        match self.shortcut {
            Shortcut::A => Skip::Subsample { stride: self.stride, channels: out_channels },
            Shortcut::B => Skip::Project(
                cube(format!("{}.downsample.0", self.name), [in_channels, out_channels], 1, self.stride, 1),
                Normalisation { name: format!("{}.downsample.1", self.name), channels: out_channels },
            ),
        }
    }
}

/// Computes shortcut A. MedicalNet detaches it, so no gradient flows back through the skip.
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
