//! Low-rank adapters (LoRA) of kernels: W' = W + (s / r) U D.
//!
//! A kernel W `[A, B, kD, kH, kW]` is read as a matrix of A rows. The adapter consists of U `[A, r]` as
//! `LAYER.adapter.up`, D `[r, B, kD, kH, kW]` as `LAYER.adapter.down`, and the number s / r as `LAYER.adapter.scale`.
//! For a convolution this is a convolution of r channels with W's kernel size followed by a 1x1x1 one, in parallel to
//! W. The three are ordinary tensors, so optimisers, checkpoints and digests treat them like any other;
//! [`Network::merged`] adds the products to the kernels and removes the adapter's tensors.
//!
//! Source: Hu, Shen, Wallis, Allen-Zhu, Li, Wang, Wang and Chen, "LoRA: Low-Rank Adaptation of Large Language Models",
//! ICLR 2022, section 4.1: U is initialised to 0, so that the network is unchanged at first. D is uniform in
//! ±1/sqrt(fan-in), as in the authors' code. The paper does not cover convolutions; applying it to them as above is
//! *our reading*.

use crate::parameters::{Parameter, Role};
use crate::{Network, Parameters};
use burn::tensor::Tensor;
use lacuna_seed::{Seed, Stream};

const DOWN: &str = "adapter.down";
const UP: &str = "adapter.up";
const SCALE: &str = "adapter.scale";

impl Network {
    /// Returns the network with an adapter of rank `rank` and factor `scale / rank` at every kernel; the outputs are
    /// unchanged, since U is 0.
    pub fn with_adapters(mut self, rank: usize, scale: f64, seed: Seed) -> Network {
        let stream = seed.stream("adapters");
        let kernels = self.parameters.iter().filter(|(_, parameter)| parameter.shape.len() == 5);
        let kernels: Vec<(String, Vec<usize>)> =
            kernels.map(|(name, parameter)| (layer_of(name).to_string(), parameter.shape.clone())).collect();
        let device = crate::Pass::evaluation(&self.parameters).device();
        for (layer, shape) in kernels {
            let down = [&[rank], &shape[1..]].concat();
            let values = first_down(&down, &stream.part(&layer));
            let up = vec![shape[0], rank];
            let mut insert = |suffix: &str, shape: Vec<usize>, role, values| {
                self.parameters.insert(format!("{layer}.{suffix}"), Parameter::new(shape, role, values, &device));
            };
            insert(DOWN, down, Role::Weight, values);
            insert(UP, up.clone(), Role::Weight, vec![0.0; up.iter().product()]);
            insert(SCALE, vec![1], Role::Statistic, vec![(scale / rank as f64) as f32]);
        }
        self
    }

    /// Returns the network with its adapters added to the kernels and removed; without adapters, an unchanged copy.
    pub fn merged(&self) -> Network {
        let mut merged = self.clone();
        let layers: Vec<String> = self
            .parameters
            .iter()
            .filter_map(|(name, _)| name.strip_suffix(&format!(".{DOWN}")))
            .map(str::to_string)
            .collect();
        for layer in layers {
            let values = Adapter::of(&self.parameters, &layer).map(|adapter| {
                let kernel = self.parameters.get(&format!("{layer}.weight")).values.clone();
                adapter.added_to(kernel, |name| self.parameters.get(name).values.clone())
            });
            merged.parameters.set(&format!("{layer}.weight"), values.expect("the layer has an adapter"));
            [DOWN, UP, SCALE].iter().for_each(|suffix| merged.parameters.remove(&format!("{layer}.{suffix}")));
        }
        merged
    }

    /// Returns whether a tensor name is that of an adapter's trainable part, U or D.
    pub fn is_adapter(name: &str) -> bool {
        name.ends_with(DOWN) || name.ends_with(UP)
    }
}

/// The adapter of one layer's kernel.
pub(crate) struct Adapter {
    layer: String,
    /// The number of rows of W, the rank r, and the number of elements in a row of W.
    sizes: [usize; 3],
}

impl Adapter {
    /// Returns the adapter of a layer, if it has one.
    pub(crate) fn of(parameters: &Parameters, layer: &str) -> Option<Adapter> {
        let down = parameters.find(&format!("{layer}.{DOWN}"))?;
        let rows = parameters.get(&format!("{layer}.{UP}")).shape[0];
        let rank = down.shape[0];
        Some(Adapter { layer: layer.to_string(), sizes: [rows, rank, down.len() / rank] })
    }

    /// Returns a flat kernel plus (s / r) U D; `read` returns the adapter's tensors by name.
    ///
    /// In memory the elements of W and D have the same order, so their matrices need no rearranging.
    pub(crate) fn added_to(&self, kernel: Tensor<1>, read: impl Fn(&str) -> Tensor<1>) -> Tensor<1> {
        let [rows, rank, columns] = self.sizes;
        let part = |suffix: &str| read(&format!("{}.{suffix}", self.layer));
        let up = part(UP) * part(SCALE);
        let product = up.reshape([rows, rank]).matmul(part(DOWN).reshape([rank, columns]));
        kernel + product.reshape([rows * columns])
    }
}

fn layer_of(kernel: &str) -> &str {
    kernel.strip_suffix(".weight").expect("kernels are named LAYER.weight")
}

fn first_down(shape: &[usize], stream: &Stream) -> Vec<f32> {
    let bound = 1.0 / (shape[1..].iter().product::<usize>() as f64).sqrt();
    let mut draws = stream.draws();
    (0..shape.iter().product()).map(|_| draws.uniform_in(-bound, bound) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, BatchNormMode, Device, Pass};

    fn plain() -> Network {
        Network::new(Architecture::medicalnet(10, 1, 3).unwrap(), Seed(1), &Device::flex())
    }

    /// Returns a network whose adapters are not 0.
    fn taught() -> Network {
        let mut network = plain().with_adapters(2, 4.0, Seed(3));
        let mut draws = Seed(4).stream("up").draws();
        for (_, parameter) in network.parameters.iter_mut().filter(|(name, _)| name.ends_with(UP)) {
            let values: Vec<f32> = (0..parameter.len()).map(|_| 0.1 * draws.normal() as f32).collect();
            parameter.values = Tensor::from_floats(values.as_slice(), &Device::flex());
        }
        network
    }

    fn output(network: &Network) -> Vec<f32> {
        let mut draws = Seed(5).stream("input").draws();
        let input: Vec<f32> = (0..16 * 16 * 16).map(|_| draws.normal() as f32).collect();
        let input = Tensor::<1>::from_floats(input.as_slice(), &Device::flex()).reshape([1, 1, 16, 16, 16]);
        let pass = Pass::evaluation(&network.parameters);
        crate::parameters::values_of(network.forward(&pass, input))
    }

    #[test]
    fn fresh_adapters_change_no_bit_of_the_merged_network() {
        assert_eq!(plain().with_adapters(8, 32.0, Seed(3)).merged().digest(), plain().digest());
    }

    #[test]
    fn a_merged_network_says_what_the_adapted_one_says() {
        let (adapted, merged) = (taught(), taught().merged());
        let (found, expected) = (output(&merged), output(&adapted));
        let error = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(error < 1e-5, "{error} apart");
        let names = |network: &Network| network.parameters.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&merged), names(&plain()), "a merged network has the plain names");
        let moved = output(&plain()).iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(moved > 0.01, "adapters that change nothing prove nothing");
    }

    #[test]
    fn an_addition_of_rank_one_worked_by_hand() {
        // W is 2 x 3 zeros, U = (1, 2), D = (3, 4, 5), s / r = 0.5: rows (1.5, 2, 2.5) and (3, 4, 5).
        let mut parameters = Parameters::default();
        let device = Device::flex();
        let mut insert = |name: &str, shape: &[usize], role, values: &[f32]| {
            parameters.insert(name, Parameter::new(shape.to_vec(), role, values.to_vec(), &device));
        };
        insert("x.weight", &[2, 3, 1, 1, 1], Role::Weight, &[0.0; 6]);
        insert("x.adapter.up", &[2, 1], Role::Weight, &[1.0, 2.0]);
        insert("x.adapter.down", &[1, 3, 1, 1, 1], Role::Weight, &[3.0, 4.0, 5.0]);
        insert("x.adapter.scale", &[1], Role::Statistic, &[0.5]);
        let adapter = Adapter::of(&parameters, "x").unwrap();
        let kernel = parameters.get("x.weight").values.clone();
        let sum = adapter.added_to(kernel, |name| parameters.get(name).values.clone());
        assert_eq!(crate::parameters::values_of(sum), [1.5, 2.0, 2.5, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn both_parts_of_an_adapter_have_gradients_once_up_has_left_zero() {
        let network = taught();
        let pass = Pass::training(&network.parameters, BatchNormMode::Running, &Network::is_adapter);
        let input = Tensor::ones([1, 1, 16, 16, 16], &Device::flex());
        let gradients = pass.gradients(&network.forward(&pass, input).powi_scalar(2).mean());
        assert!(gradients.keys().all(|name| Network::is_adapter(name)));
        let expected = network.parameters.iter().filter(|(name, _)| Network::is_adapter(name)).count();
        assert_eq!(gradients.len(), expected);
        for (name, gradient) in gradients {
            let largest = crate::parameters::values_of(gradient).into_iter().fold(0.0, |a: f32, b| a.max(b.abs()));
            assert!(largest > 0.0, "{name} has no gradient");
        }
    }
}
