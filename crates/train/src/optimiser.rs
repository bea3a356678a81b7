//! Update rules over named tensors.
//!
//! Moments are plain vectors beside the tensors they belong to, so a checkpoint holds them by name
//! and a clone of the optimiser is a deep copy.

use crate::{OptimiserConfig, TrainConfig};
use lacuna_kernels::{SgdOptions, sgd_step};
use lacuna_nn::{Network, Parameter, Parameters, Tensor, TensorData};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// The state of an update rule: its number of steps, and the moments of every tensor that it has changed.
#[derive(Clone, Debug)]
pub struct Optimiser {
    rule: OptimiserConfig,
    head_multiplier: f64,
    gradient_norm_max: Option<f64>,
    pub(crate) moments: BTreeMap<String, Moments>,
}

/// The moments of one tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Moments {
    /// The number of steps that changed this tensor.
    pub steps: u64,
    pub first: Vec<f32>,
    /// The second moment, row-major; empty unless the rule keeps one.
    pub second: Vec<f32>,
}

impl Optimiser {
    /// Creates the update rule of a configuration, with no steps taken.
    pub fn new(config: &TrainConfig) -> Optimiser {
        Optimiser {
            rule: config.optimiser,
            head_multiplier: config.head_multiplier,
            gradient_norm_max: config.gradient_norm_max,
            moments: BTreeMap::new(),
        }
    }

    /// Updates every tensor that has a gradient; `learning_rate` is that of the encoder.
    ///
    /// `factors` may return a factor for each element's gradient; an element with factor 0 is unchanged. Returns the
    /// gradient's L2 norm after these factors and before clipping; if it is not finite, nothing is updated.
    pub fn step<'f>(
        &mut self,
        parameters: &mut Parameters,
        gradients: BTreeMap<String, Tensor<1>>,
        learning_rate: f64,
        factors: &dyn Fn(&str) -> Option<&'f [f32]>,
    ) -> f64 {
        let scaled = |(name, gradient): (String, Tensor<1>)| {
            let mut gradient = host(gradient);
            if let Some(factors) = factors(&name) {
                gradient.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
            }
            (name, gradient)
        };
        let mut gradients: BTreeMap<String, Vec<f32>> = gradients.into_iter().map(scaled).collect();
        let norm = l2_norm(gradients.values());
        if !norm.is_finite() {
            return norm;
        }
        if let Some(largest) = self.gradient_norm_max.filter(|&largest| norm > largest) {
            let factor = (largest / norm) as f32;
            gradients.values_mut().flatten().for_each(|value| *value *= factor);
        }
        for (name, parameter) in parameters.iter_mut() {
            if let Some(gradient) = gradients.remove(name) {
                let rate = if Network::is_head(name) { learning_rate * self.head_multiplier } else { learning_rate };
                self.move_one(name, parameter, &gradient, rate, factors(name));
            }
        }
        norm
    }

    fn move_one(
        &mut self,
        name: &str,
        parameter: &mut Parameter,
        gradient: &[f32],
        learning_rate: f64,
        factors: Option<&[f32]>,
    ) {
        let device = parameter.values.device();
        let empty = Tensor::empty([1], &device);
        let mut values = host(std::mem::replace(&mut parameter.values, empty));
        let before = factors.map(|_| values.clone());
        let moments = self.moments.entry(name.to_string()).or_default();
        moments.steps += 1;
        match self.rule {
            OptimiserConfig::Sgd { momentum, weight_decay } => {
                let first_step = moments.steps == 1;
                if first_step {
                    moments.first = vec![0.0; values.len()];
                }
                let options = SgdOptions { learning_rate, momentum, weight_decay };
                sgd_step(&mut values, gradient, &mut moments.first, first_step, options);
            }
            OptimiserConfig::Adamw { weight_decay } => {
                adamw_step(&mut values, gradient, moments, learning_rate, weight_decay);
            }
        }
        if let (Some(factors), Some(before)) = (factors, before) {
            // Weight decay and momentum would change the elements with factor 0, so they are restored.
            let closed = values.iter_mut().zip(before).zip(factors).filter(|(_, factor)| **factor == 0.0);
            closed.for_each(|((value, before), _)| *value = before);
        }
        let count = values.len();
        parameter.values = Tensor::from_data(TensorData::new(values, [count]), &device);
    }
}

/// Algorithm 2 of Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
fn adamw_step(values: &mut [f32], gradient: &[f32], moments: &mut Moments, learning_rate: f64, weight_decay: f64) {
    const BETA_1: f64 = 0.9;
    const BETA_2: f64 = 0.999;
    const EPSILON: f64 = 1e-8;
    if moments.steps == 1 {
        moments.first = vec![0.0; values.len()];
        moments.second = vec![0.0; values.len()];
    }
    let correction_1 = 1.0 - BETA_1.powf(moments.steps as f64);
    let correction_2 = 1.0 - BETA_2.powf(moments.steps as f64);
    let moved = values.iter_mut().zip(gradient).zip(moments.first.iter_mut().zip(moments.second.iter_mut()));
    for ((value, &gradient), (first, second)) in moved {
        let gradient = f64::from(gradient);
        *first = (BETA_1 * f64::from(*first) + (1.0 - BETA_1) * gradient) as f32;
        *second = (BETA_2 * f64::from(*second) + (1.0 - BETA_2) * gradient * gradient) as f32;
        let direction = (f64::from(*first) / correction_1) / ((f64::from(*second) / correction_2).sqrt() + EPSILON);
        let decayed = f64::from(*value) * (1.0 - learning_rate * weight_decay);
        *value = (decayed - learning_rate * direction) as f32;
    }
}

/// Computed in f64, over chunks of fixed length, so that the number of threads changes no bit.
fn l2_norm<'a>(gradients: impl Iterator<Item = &'a Vec<f32>>) -> f64 {
    const PIECE: usize = 1 << 14;
    let square = |value: &f32| f64::from(*value) * f64::from(*value);
    let squares = |piece: &[f32]| {
        let (eights, rest) = piece.as_chunks::<8>();
        let mut sums = [0.0; 8];
        for eight in eights {
            sums.iter_mut().zip(eight).for_each(|(sum, value)| *sum += square(value));
        }
        sums.iter().sum::<f64>() + rest.iter().map(square).sum::<f64>()
    };
    let pieces = gradients.map(|gradient| gradient.par_chunks(PIECE).map(squares).collect::<Vec<f64>>());
    pieces.flatten().sum::<f64>().sqrt()
}

fn host(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_nn::{Device, Role};

    fn one(value: f32) -> Parameters {
        let mut parameters = Parameters::default();
        for name in ["conv1.weight", "conv_seg.6.weight"] {
            parameters.insert(name, Parameter::new(vec![1], Role::Weight, vec![value], &Device::flex()));
        }
        parameters
    }

    fn gradient(name: &str, value: f32) -> BTreeMap<String, Tensor<1>> {
        BTreeMap::from([(name.to_string(), Tensor::from_floats([value], &Device::flex()))])
    }

    /// Returns `None`: no element has a factor.
    fn free(_name: &str) -> Option<&'static [f32]> {
        None
    }

    #[test]
    fn an_element_at_factor_0_stays_and_others_move_by_their_share() {
        // Decay 0.5 and momentum 0.9, two steps; the gradient of the element with factor 0.5 is 2 * 0.5 = 1:
        // v1 = 1 + 0.5 * 1 = 1.5, w = 1 - 0.15 = 0.85; v2 = 0.9 * 1.5 + 1 + 0.425 = 2.775, w = 0.5725.
        let mut parameters = Parameters::default();
        let device = Device::flex();
        parameters.insert("conv1.weight", Parameter::new(vec![2], Role::Weight, vec![1.0, 1.0], &device));
        let mut optimiser = rule(OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 0.5 });
        for _ in 0..2 {
            let gradients = BTreeMap::from([("conv1.weight".to_string(), Tensor::from_floats([2.0, 2.0], &device))]);
            optimiser.step(&mut parameters, gradients, 0.1, &|_| Some(&[0.0, 0.5]));
        }
        let values = parameters.get("conv1.weight").to_vec();
        assert_eq!(values[0], 1.0);
        assert!((values[1] - 0.5725).abs() < 1e-6, "{values:?}");
    }

    fn rule(optimiser: OptimiserConfig) -> Optimiser {
        Optimiser::new(&TrainConfig { optimiser, head_multiplier: 100.0, ..TrainConfig::default() })
    }

    #[test]
    fn the_head_moves_a_hundred_times_as_far_and_what_has_no_gradient_stays() {
        let mut parameters = one(1.0);
        let mut optimiser = rule(OptimiserConfig::Sgd { momentum: 0.0, weight_decay: 0.0 });
        optimiser.step(&mut parameters, gradient("conv_seg.6.weight", 1.0), 0.001, &free);
        assert!((parameters.get("conv_seg.6.weight").to_vec()[0] - 0.9).abs() < 1e-6);
        assert_eq!(parameters.get("conv1.weight").to_vec(), [1.0]);
    }

    #[test]
    fn adamw_moves_by_the_learning_rate_first_and_decays_beside_it() {
        // The first direction is g/|g| = 1: 1 * (1 - 0.1 * 0.5) - 0.1 = 0.85.
        let mut parameters = one(1.0);
        let mut optimiser = rule(OptimiserConfig::Adamw { weight_decay: 0.5 });
        optimiser.step(&mut parameters, gradient("conv1.weight", 3.0), 0.1, &free);
        assert!((parameters.get("conv1.weight").to_vec()[0] - 0.85).abs() < 1e-6);
    }

    #[test]
    fn a_long_gradient_is_scaled_to_the_largest_norm() {
        let mut parameters = one(0.0);
        let config = TrainConfig {
            gradient_norm_max: Some(2.0),
            optimiser: OptimiserConfig::Sgd { momentum: 0.0, weight_decay: 0.0 },
            ..TrainConfig::default()
        };
        let norm = Optimiser::new(&config).step(&mut parameters, gradient("conv1.weight", 8.0), 1.0, &free);
        assert_eq!(norm, 8.0);
        assert_eq!(parameters.get("conv1.weight").to_vec(), [-2.0]);
    }

    #[test]
    fn a_gradient_that_is_no_number_moves_nothing() {
        let mut parameters = one(1.0);
        let norm = rule(OptimiserConfig::Adamw { weight_decay: 0.0 }).step(
            &mut parameters,
            gradient("conv1.weight", f32::NAN),
            0.1,
            &free,
        );
        assert!(norm.is_nan());
        assert_eq!(parameters.get("conv1.weight").to_vec(), [1.0]);
    }
}
