//! The U-Net's layers: their names, their shapes and their forward pass.
//!
//! A stage of the encoder is a sequence of convolutions, each with an instance norm and a leaky ReLU; the first has the
//! stride. A stage of the decoder upsamples the map of the stage below by a transposed convolution, concatenates the
//! encoder's map of that size behind it, and applies a sequence of convolutions of its own. Names are those of
//! `dynamic_network_architectures`: `encoder.stages.S.0.convs.C`, `decoder.stages.S.convs.C`, `decoder.transpconvs.S`,
//! `decoder.seg_layers.S`, stages of the decoder counted from the deepest.

use super::plan::PlainUnet;
use crate::Cost;
use crate::deep_supervision::DeepSupervisionOutputs;
use crate::family::Layers;
use crate::layers::{Bias, Convolution, Init, TensorSpec, affine_specs};
use crate::maps::Maps;
use crate::network::Stage;
use crate::pass::Pass;
use burn::tensor::Tensor;

/// A convolution followed by an instance norm and a leaky ReLU.
pub(super) struct Unit {
    pub convolution: Convolution,
    normalisation: String,
}

impl Unit {
    fn new(name: &str, channels: [usize; 2], kernel: [usize; 3], stride: [usize; 3]) -> Unit {
        let [in_channels, out_channels] = channels;
        let (bias, dilation) = (Bias::Added, 1);
        let convolution =
            Convolution { name: format!("{name}.conv"), in_channels, out_channels, kernel, stride, dilation, bias };
        Unit { convolution, normalisation: format!("{name}.norm") }
    }

    fn forward(&self, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        pass.instance_norm(&self.normalisation, self.convolution.forward(pass, x))
    }

    fn specs(&self) -> Vec<TensorSpec> {
        let mut specs = self.convolution.specs(Init::KaimingFanInLeaky);
        specs.extend(affine_specs(&self.normalisation, self.convolution.out_channels));
        specs
    }
}

/// A stage of the decoder.
pub(super) struct UpStage {
    up: String,
    /// The numbers of channels of the map below and of this stage.
    pub channels: [usize; 2],
    /// The upsampling factors of the map below, along D, H and W.
    pub stride: [usize; 3],
    pub units: Vec<Unit>,
    head: Convolution,
}

impl UpStage {
    fn forward(&self, pass: &Pass, below: Tensor<5>, skip: Tensor<5>) -> Tensor<5> {
        let finer =
            lacuna_kernels::conv_transpose3d(below, pass.kernel(&self.up), Some(pass.bias(&self.up)), self.stride);
        let joined = Tensor::cat(vec![finer, skip], 1);
        self.units.iter().fold(joined, |x, unit| unit.forward(pass, x))
    }

    fn specs(&self) -> Vec<TensorSpec> {
        let ([below, channels], [d, h, w]) = (self.channels, self.stride);
        let weight = (format!("{}.weight", self.up), vec![below, channels, d, h, w], Init::KaimingFanInLeaky);
        let bias = (format!("{}.bias", self.up), vec![channels], Init::Constant(0.0));
        let mut specs: Vec<TensorSpec> =
            [weight, bias].into_iter().map(|(name, shape, init)| TensorSpec::weight(name, shape, init)).collect();
        specs.extend(self.units.iter().flat_map(Unit::specs));
        specs.extend(self.head.specs(Init::KaimingFanInLeaky));
        specs
    }
}

/// All layers of one U-Net, in the order of the forward pass.
pub(crate) struct Unet {
    pub(super) down: Vec<Vec<Unit>>,
    /// The stages of the decoder, deepest first.
    pub(super) up: Vec<UpStage>,
}

impl Unet {
    pub(super) fn new(network: &PlainUnet) -> Unet {
        let plan = &network.plan;
        let stages = plan.features_per_stage.len();
        let mut channels = network.channels;
        let mut down = Vec::new();
        for stage in 0..stages {
            let features = plan.features_per_stage[stage];
            let unit = |index: usize| {
                let from = if index == 0 { channels } else { features };
                let stride = if index == 0 { plan.strides[stage] } else { [1; 3] };
                let name = format!("encoder.stages.{stage}.0.convs.{index}");
                Unit::new(&name, [from, features], plan.kernel_sizes[stage], stride)
            };
            down.push((0..plan.n_conv_per_stage[stage]).map(unit).collect());
            channels = features;
        }
        let up = (0..stages - 1).map(|position| UpStage::new(network, position)).collect();
        Unet { down, up }
    }

    /// Returns the maps of the decoder's stages, deepest first.
    fn decoded(&self, pass: &Pass, features: &Maps) -> Vec<Tensor<5>> {
        let mut below = features.deepest().clone();
        let skips = features.volumes().iter().rev().skip(1);
        let stage = |(stage, skip): (&UpStage, &Tensor<5>)| {
            below = stage.forward(pass, below.clone(), skip.clone());
            below.clone()
        };
        self.up.iter().zip(skips).map(stage).collect()
    }
}

impl UpStage {
    /// Creates the decoder stage at a position counted from the deepest.
    fn new(network: &PlainUnet, position: usize) -> UpStage {
        let plan = &network.plan;
        let below = plan.features_per_stage.len() - 1 - position;
        let features = plan.features_per_stage[below - 1];
        let unit = |index: usize| {
            let from = if index == 0 { 2 * features } else { features };
            let name = format!("decoder.stages.{position}.convs.{index}");
            Unit::new(&name, [from, features], plan.kernel_sizes[below - 1], [1; 3])
        };
        UpStage {
            up: format!("decoder.transpconvs.{position}"),
            channels: [plan.features_per_stage[below], features],
            stride: plan.strides[below],
            units: (0..plan.n_conv_per_stage_decoder[position]).map(unit).collect(),
            head: Convolution {
                name: format!("decoder.seg_layers.{position}"),
                in_channels: features,
                out_channels: network.classes,
                kernel: [1; 3],
                stride: [1; 3],
                dilation: 1,
                bias: Bias::Added,
            },
        }
    }
}

impl Layers for Unet {
    fn specs(&self) -> Vec<TensorSpec> {
        let down = self.down.iter().flatten().flat_map(Unit::specs);
        down.chain(self.up.iter().flat_map(UpStage::specs)).collect()
    }

    /// Returns the number of encoder stages.
    fn encoder_parts(&self) -> usize {
        self.down.len()
    }

    fn encode_part(&self, part: usize, pass: &Pass, x: Tensor<5>) -> Tensor<5> {
        self.down[part].iter().fold(x, |x, unit| unit.forward(pass, x))
    }

    fn part_stage(&self, part: usize) -> Stage {
        match self.down.len().saturating_sub(part) {
            0 | 1 => Stage::Encoder4,
            2 => Stage::Encoder3,
            3 => Stage::Encoder2,
            4 => Stage::Encoder1,
            _ => Stage::Stem,
        }
    }

    /// Every stage has a skip connection, and the deepest is the decoder's input.
    fn hands_over(&self, _part: usize) -> bool {
        true
    }

    fn decode(&self, pass: &Pass, features: &Maps) -> Tensor<5> {
        let finest = self.decoded(pass, features).pop().expect("a decoder has a stage");
        self.up.last().expect("a decoder has a stage").head.forward(pass, finest)
    }

    fn heads(&self, pass: &Pass, features: &Maps) -> DeepSupervisionOutputs {
        let maps = self.decoded(pass, features);
        let logits = self.up.iter().zip(maps).rev().map(|(stage, map)| stage.head.forward(pass, map)).collect();
        // From the finest on: each head's stride is the product of the strides between it and the input.
        let mut stride = [1; 3];
        let mut strides = vec![stride];
        for stage in self.up.iter().rev().take(self.up.len() - 1) {
            stride = std::array::from_fn(|axis| stride[axis] * stage.stride[axis]);
            strides.push(stride);
        }
        DeepSupervisionOutputs::new(logits, strides)
    }

    /// The four deepest stages of the encoder correspond to MedicalNet's four layers, counted from the deepest, so that
    /// a recipe that names the last layers applies to this network too. The stages above them are the stem, and the
    /// whole decoder is the head.
    fn stage(&self, name: &str) -> Stage {
        let mut parts = name.split('.');
        if parts.next() != Some("encoder") {
            return Stage::Decoder;
        }
        let stage = parts.nth(1).and_then(|number| number.parse::<usize>().ok()).unwrap_or(0);
        self.part_stage(stage)
    }

    fn cost(&self, size: [usize; 3]) -> Cost {
        self.cost_of(size)
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::tiny;
    use super::*;
    use crate::{Architecture, Network, Pass, UnetPlan};
    use burn::tensor::Device;
    use lacuna_seed::Seed;

    fn network(plan: UnetPlan) -> Network {
        Network::new(Architecture::PlainUnet(PlainUnet::new(plan, 1, 3).unwrap()), Seed(1), &Device::flex())
    }

    #[test]
    fn stages_are_counted_from_the_deepest_and_the_decoder_is_the_head() {
        let mut deep = tiny();
        deep.features_per_stage.push(8);
        deep.kernel_sizes.push([3; 3]);
        deep.strides.push([1, 1, 2]);
        deep.n_conv_per_stage.push(1);
        deep.n_conv_per_stage_decoder.push(1);
        let (four, five) = (network(tiny()), network(deep));
        let of =
            |network: &Network, stage: usize| network.stage(&format!("encoder.stages.{stage}.0.convs.0.norm.bias"));
        let last_four = [Stage::Encoder1, Stage::Encoder2, Stage::Encoder3, Stage::Encoder4];
        assert_eq!([0, 1, 2, 3].map(|stage| of(&four, stage)), last_four);
        assert_eq!(of(&five, 0), Stage::Stem);
        assert_eq!([1, 2, 3, 4].map(|stage| of(&five, stage)), last_four);
        for name in ["decoder.transpconvs.0.weight", "decoder.stages.2.convs.0.conv.bias", "decoder.seg_layers.1.bias"]
        {
            assert_eq!(four.stage(name), Stage::Decoder);
            assert!(Network::is_head(name));
        }
        assert!(four.parameters.iter().all(|(name, _)| Network::is_head(name) == (four.stage(name) == Stage::Decoder)));
    }

    #[test]
    fn a_merged_adapter_says_what_it_said_beside_every_kernel_transposed_ones_too() {
        let plain = network(tiny());
        let mut adapted = plain.clone().with_adapters(2, 4.0, Seed(3));
        for (_, parameter) in adapted.parameters.iter_mut().filter(|(name, _)| name.ends_with("adapter.up")) {
            parameter.values = parameter.values.ones_like().mul_scalar(0.1);
        }
        let output = |network: &Network| {
            let ramp: Vec<f32> = (0..512).map(|voxel| voxel as f32 / 512.0).collect();
            let input = Tensor::<1>::from_floats(ramp.as_slice(), &Device::flex()).reshape([1, 1, 4, 8, 16]);
            network.forward(&Pass::evaluation(&network.parameters), input).into_data().try_into_vec::<f32>().unwrap()
        };
        let (found, expected, before) = (output(&adapted.merged()), output(&adapted), output(&plain));
        let apart = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart(&found, &expected) < 1e-4 && apart(&before, &expected) > 1e-2);
    }

    #[test]
    fn a_fresh_kernel_has_the_deviation_of_he_for_leaky_rectifiers() {
        let plan = UnetPlan { features_per_stage: vec![32, 32, 8, 8], ..tiny() };
        let network = network(plan);
        let values = network.parameters.get("encoder.stages.1.0.convs.0.conv.weight").to_vec();
        let deviation = (values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
        // 32 channels of 27 kernel elements: sqrt(2 / 1.0001 / 864) = 0.0481; 27,648 draws are within 1.5 percent of
        // it.
        assert!((deviation - 0.0481).abs() < 0.015 * 0.0481, "{deviation}");
    }

    #[test]
    fn cost_is_what_the_layers_add_up_to_and_linear_in_voxels() {
        let layers = Unet::new(&PlainUnet::new(tiny(), 1, 3).unwrap());
        let cost = layers.cost([8, 16, 16]);
        assert_eq!(cost.weights as usize, network(tiny()).parameters.weight_count());
        // The two convolutions of the first stage: 2048 voxels, 9 kernel elements, 1 to 4 and 4 to 4 channels.
        assert!(cost.multiply_adds > 2048.0 * 9.0 * 20.0);
        let double = layers.cost([16, 16, 16]);
        assert!((double.multiply_adds / cost.multiply_adds - 2.0).abs() < 1e-9);
        assert!((double.activations / cost.activations - 2.0).abs() < 1e-9);
        assert!(cost.recomputed < cost.activations);
    }
}
