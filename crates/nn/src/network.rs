//! A network: an architecture and its tensors.

use crate::deep_supervision::{DeepSupervisionOutputs, crop};
use crate::family::{FAMILIES, Layers};
use crate::layers::{Init, TensorSpec};
use crate::maps::Maps;
use crate::{Architecture, Parameter, Parameters, Pass};
use burn::tensor::{Device, Tensor};
use lacuna_seed::{Seed, Stream};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A part of a network, in the order of the forward pass.
///
/// The names are MedicalNet's. Other families map their parts to them, so that a recipe that freezes or reinitialises
/// the last layers applies to any network. A U-Net's four deepest encoder stages are its four layers.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// The first convolution and its BatchNorm; of a U-Net, the encoder stages above the four deepest.
    Stem,
    /// The first residual stage.
    #[serde(rename = "layer1")]
    Encoder1,
    /// The second residual stage.
    #[serde(rename = "layer2")]
    Encoder2,
    /// The third residual stage.
    #[serde(rename = "layer3")]
    Encoder3,
    /// The fourth residual stage.
    #[serde(rename = "layer4")]
    Encoder4,
    /// The segmentation head: the whole decoder.
    #[serde(rename = "head")]
    Decoder,
}

impl Stage {
    /// Returns the name used in recipes and reports.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Stem => "stem",
            Stage::Encoder1 => "layer1",
            Stage::Encoder2 => "layer2",
            Stage::Encoder3 => "layer3",
            Stage::Encoder4 => "layer4",
            Stage::Decoder => "head",
        }
    }
}

/// A segmentation network with its weights. Cloning copies the whole state.
#[derive(Clone)]
pub struct Network {
    architecture: Architecture,
    layers: Arc<dyn Layers>,
    /// The named tensors. Their values may be changed; their names and shapes must stay.
    pub parameters: Parameters,
}

impl Network {
    /// Creates a network with newly initialised weights, each drawn from its own stream of the seed.
    ///
    /// Each family is initialised as in its own PyTorch code; normalisations have scale 1 and shift 0.
    pub fn new(architecture: Architecture, seed: Seed, device: &Device) -> Network {
        let layers = architecture.layers();
        let stream = seed.stream("initial weights");
        let mut parameters = Parameters::default();
        for spec in layers.specs() {
            let values = initial_values(&spec, &stream);
            parameters.insert(spec.name, Parameter::new(spec.shape, spec.role, values, device));
        }
        Network { architecture, layers, parameters }
    }

    /// Returns the architecture of the network.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Returns the logits of the prediction, `[B, classes, D', H', W']` with the grid of [`Architecture::output_size`],
    /// for an input `[B, C, D, H, W]`.
    pub fn forward(&self, pass: &Pass, input: Tensor<5>) -> Tensor<5> {
        self.decode(pass, &self.encode(pass, input))
    }

    /// Returns the logits of every trained head for an input `[B, C, D, H, W]`.
    pub fn heads(&self, pass: &Pass, input: Tensor<5>) -> DeepSupervisionOutputs {
        let features = self.encode(pass, input);
        let size = self.architecture.output_size(features.input_size);
        self.layers.heads(pass, &features).cropped(size)
    }

    /// Returns the encoder's features for an input `[B, C, D, H, W]`: of MedicalNet one map `[B, 512 or 2048, D/8, H/8,
    /// W/8]`, of a U-Net one map for each stage.
    ///
    /// An input size that the strides do not divide is padded with zeros at the end of each axis; the logits have the
    /// size of the unpadded input.
    pub fn encode(&self, pass: &Pass, input: Tensor<5>) -> Maps {
        self.encode_seeing(pass, input, &mut |_, _| ())
    }

    /// Returns the encoder's features and the output of each stage, in order.
    pub fn encode_by_stage(&self, pass: &Pass, input: Tensor<5>) -> (Maps, Vec<(Stage, Tensor<5>)>) {
        let mut seen: Vec<(Stage, Tensor<5>)> = Vec::new();
        let maps = self.encode_seeing(pass, input, &mut |part, x| {
            let stage = self.layers.part_stage(part);
            match seen.last_mut() {
                Some((last, features)) if *last == stage => *features = x.clone(),
                _ => seen.push((stage, x.clone())),
            }
        });
        (maps, seen)
    }

    /// Runs the encoder and calls `see` with the output of each part.
    fn encode_seeing(&self, pass: &Pass, input: Tensor<5>, see: &mut dyn FnMut(usize, &Tensor<5>)) -> Maps {
        let [_, _, size @ ..] = input.dims();
        let mut x = pad(pass.to_device(input), self.architecture.padded_size(size));
        let mut handed_over = Vec::new();
        for part in 0..self.layers.encoder_parts() {
            let layers = Arc::clone(&self.layers);
            x = pass.segment(x, move |pass, x| layers.encode_part(part, pass, x));
            see(part, &x);
            if self.layers.hands_over(part) {
                handed_over.push(x.clone());
            }
        }
        Maps::new(handed_over, size)
    }

    /// Returns the logits of the prediction from the encoder's features.
    pub fn decode(&self, pass: &Pass, features: &Maps) -> Tensor<5> {
        crop(self.layers.decode(pass, features), self.architecture.output_size(features.input_size))
    }

    /// Replaces the running statistics by those that a pass observed.
    pub fn absorb(&mut self, running_statistics: BTreeMap<String, Tensor<1>>) {
        for (name, values) in running_statistics {
            self.parameters.set(&name, values);
        }
    }

    /// Returns whether a tensor name belongs to the decoder of any family, and not to the encoder.
    pub fn is_head(name: &str) -> bool {
        let first = name.split('.').next();
        FAMILIES.iter().any(|family| first == Some(family.decoder))
    }

    /// Returns the stage that a tensor belongs to, by its name.
    pub fn stage(&self, name: &str) -> Stage {
        self.layers.stage(name)
    }

    /// Returns the BLAKE3 digest of architecture, names, shapes and values: equal digests mean equal models.
    pub fn digest(&self) -> String {
        let mut bytes = self.architecture.to_string().into_bytes();
        for (name, parameter) in self.parameters.iter() {
            bytes.extend((name.len() as u64).to_le_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend(parameter.shape.iter().flat_map(|&size| (size as u64).to_le_bytes()));
            bytes.extend(parameter.to_vec().iter().flat_map(|value| value.to_le_bytes()));
        }
        lacuna_disk::digest(&bytes)
    }
}

fn initial_values(spec: &TensorSpec, stream: &Stream) -> Vec<f32> {
    let count: usize = spec.shape.iter().product();
    let mut draws = stream.part(&spec.name).draws();
    match spec.init {
        Init::Constant(value) => vec![value; count],
        Init::KaimingFanOut => {
            let fan_out = spec.shape[0] * spec.shape[2..].iter().product::<usize>();
            let deviation = (2.0 / fan_out as f64).sqrt();
            (0..count).map(|_| (deviation * draws.normal()) as f32).collect()
        }
        Init::KaimingFanInLeaky => {
            let fan_in = spec.shape[1..].iter().product::<usize>();
            let deviation = (2.0 / (1.0 + 0.01f64.powi(2)) / fan_in as f64).sqrt();
            (0..count).map(|_| (deviation * draws.normal()) as f32).collect()
        }
        Init::UniformFanIn(fan_in) => {
            let bound = 1.0 / (fan_in as f64).sqrt();
            (0..count).map(|_| draws.uniform_in(-bound, bound) as f32).collect()
        }
    }
}

/// Pads a volume with zeros at the end of each axis, up to a size (D, H, W).
fn pad(x: Tensor<5>, size: [usize; 3]) -> Tensor<5> {
    (0..3).fold(x, |x, axis| {
        let mut missing = x.dims();
        missing[2 + axis] = size[axis] - missing[2 + axis];
        if missing[2 + axis] == 0 {
            return x;
        }
        let zeros = Tensor::zeros(missing, &x.device());
        Tensor::cat(vec![x, zeros], 2 + axis)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activations, BatchNormMode, Role, Shortcut};
    use lacuna_kernels::OperationCounts;

    fn tiny(depth: usize) -> Network {
        Network::new(Architecture::medicalnet(depth, 1, 3).unwrap(), Seed(1), &Device::flex())
    }

    #[test]
    fn parameter_counts_are_medicalnets() {
        // The counts are those of MedicalNet's own network in PyTorch.
        let count = |depth, classes| {
            let architecture = Architecture::medicalnet(depth, 1, classes).unwrap();
            architecture
                .layers()
                .specs()
                .iter()
                .filter(|spec| spec.role == Role::Weight)
                .map(|spec| spec.shape.iter().product::<usize>())
                .sum::<usize>()
        };
        assert_eq!(count(10, 2), 14_514_464);
        assert_eq!(count(50, 2), 46_707_232);
        assert_eq!(count(50, 9), 46_707_456);
    }

    #[test]
    fn shortcut_a_owns_no_projection() {
        let a = Architecture::medicalnet(18, 1, 2).unwrap();
        let names = |architecture: Architecture| architecture.layers().specs().into_iter().map(|spec| spec.name);
        assert!(names(a.clone()).all(|name| !name.contains("downsample")));
        assert!(names(a.with_shortcut(Shortcut::B)).any(|name| name.contains("downsample")));
    }

    #[test]
    fn output_has_the_announced_shape() {
        let network = tiny(10);
        let input = Tensor::zeros([2, 1, 16, 24, 8], &Device::flex());
        let logits = network.forward(&Pass::evaluation(&network.parameters), input);
        let [d, h, w] = network.architecture().output_size([16, 24, 8]);
        assert_eq!(logits.dims(), [2, 3, d, h, w]);
    }

    #[test]
    fn a_clone_is_independent_of_its_origin() {
        let network = tiny(10);
        let mut copy = network.clone();
        let before = network.digest();
        assert_eq!(copy.digest(), before);
        let pass = Pass::without_gradients(&copy.parameters, BatchNormMode::Batch);
        copy.forward(&pass, Tensor::ones([1, 1, 16, 16, 16], &Device::flex()));
        let observed = pass.running_statistics();
        assert!(!observed.is_empty());
        copy.absorb(observed);
        assert_ne!(copy.digest(), before);
        assert_eq!(network.digest(), before);
    }

    #[test]
    fn only_trainable_weights_have_gradients() {
        let network = tiny(10);
        let trainable = |name: &str| !Network::is_head(name);
        let pass = Pass::training(&network.parameters, BatchNormMode::Running, &trainable);
        let logits = network.forward(&pass, Tensor::ones([1, 1, 16, 16, 16], &Device::flex()));
        let gradients = pass.gradients(&logits.sum());
        assert!(gradients.contains_key("conv1.weight"));
        assert!(gradients.keys().all(|name| !Network::is_head(name)));
    }

    /// Returns the number of gradients that a step on one volume computed; with `head_alone`, of the head on constant
    /// features.
    fn counts(trainable: &dyn Fn(&str) -> bool, head_alone: bool, activations: Activations) -> OperationCounts {
        let network = tiny(10);
        let pass = Pass::training(&network.parameters, BatchNormMode::Batch, trainable).with_activations(activations);
        let input = Tensor::ones([1, 1, 16, 16, 16], &Device::flex());
        lacuna_kernels::take_operation_counts();
        let logits = if head_alone {
            let encoder = Pass::without_gradients(&network.parameters, BatchNormMode::Batch);
            network.decode(&pass, &network.encode(&encoder, input).map(|features| pass.to_device(features.clone())))
        } else {
            network.forward(&pass, input)
        };
        pass.gradients(&logits.square().sum());
        lacuna_kernels::take_operation_counts()
    }

    #[test]
    fn with_a_frozen_encoder_the_graph_costs_what_the_head_alone_costs() {
        for activations in [Activations::Kept, Activations::Recomputed] {
            let found = counts(&Network::is_head, false, activations);
            assert_eq!(found, counts(&Network::is_head, true, activations));
            // Three kernels, one bias, scale and shift of two BatchNorms; the first kernel's input needs no gradient.
            assert_eq!((found.weight_gradients, found.input_gradients), (3 + 1 + 4, 2 + 2));
        }
    }

    #[test]
    fn the_graph_keeps_less_with_every_stage_that_is_frozen_and_computes_no_gradient_of_it() {
        let from = |first: &'static str| {
            move |name: &str| Network::is_head(name) || (name.starts_with("layer") && name >= first)
        };
        let all_counts = ["layer1", "layer2", "layer3", "layer4"].map(|f| counts(&from(f), false, Activations::Kept));
        for pair in all_counts.windows(2) {
            assert!(pair[1].kept_bytes < pair[0].kept_bytes, "{pair:?}");
            assert!(pair[1].input_gradients < pair[0].input_gradients, "{pair:?}");
        }
        // A block of stages 2 to 4 has three kernels with a BatchNorm each; that of stage 1 has no projection.
        let weights = all_counts.map(|counts| counts.weight_gradients);
        assert_eq!(weights, [8 + 3 * 9 + 6, 8 + 3 * 9, 8 + 2 * 9, 8 + 9]);
        let all = counts(&|_| true, false, Activations::Kept);
        assert!(all.kept_bytes > all_counts[0].kept_bytes);
    }

    #[test]
    fn a_frozen_decoder_passes_gradients_on_and_computes_none_of_its_own() {
        let encoder = |name: &str| !Network::is_head(name);
        let (all, found) = (counts(&|_| true, false, Activations::Kept), counts(&encoder, false, Activations::Kept));
        assert_eq!(found.weight_gradients, all.weight_gradients - 8);
        assert!(found.kept_bytes < all.kept_bytes);
    }
}
