//! Whether a method did anything to the subjects it was to forget.
//!
//! Nothing is the commonest outcome of a method at its published settings, and a table shows it only to who looks for it.
//! So the outputs on the forget subjects are compared before and after: a run that moved them by less than
//! [`Effect::NOTHING`] has had no effect, whatever it cost.

use crate::ForgetRetain;
use lacuna_cohort::Case;
use lacuna_inference::{Prediction, predict};
use lacuna_nn::{Device, Network};
use lacuna_train::{Passes, TrainError};
use serde::{Deserialize, Serialize};

/// How far a network's outputs on the forget subjects are from the original's, on the output grid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Mean over voxels of `sum_c |p_c - p0_c| / 2`: the share of probability that is elsewhere.
    pub moved: f64,
    /// Share of voxels whose most probable class is another.
    pub relabelled: f64,
    /// Whether both are below [`Effect::NOTHING`].
    pub is_nothing: bool,
    /// What finding out took; no part of the run's own cost.
    pub passes: Passes,
}

impl Effect {
    /// One voxel in a hundred: less than retraining with another seed moves. *Ours.*
    pub const NOTHING: f64 = 0.01;
}

/// Compare a network with the original on the forget subjects; voxels are averaged within a case, then cases.
///
/// # Errors
/// If a case cannot be fetched.
pub fn effect(
    original: &Network,
    network: &Network,
    sets: &ForgetRetain,
    device: &Device,
) -> Result<Effect, TrainError> {
    let (mut moved, mut relabelled) = (0.0, 0.0);
    let count = sets.forget.len() as f64;
    for case in &sets.forget {
        let of = |network: &Network, case: &Case| predict(network, case, device);
        let (before, after) = (of(original, case)?, of(network, case)?);
        moved += distance(&before, &after) / count;
        relabelled += disagreement(&before, &after) / count;
    }
    let is_nothing = moved < Effect::NOTHING && relabelled < Effect::NOTHING;
    Ok(Effect { moved, relabelled, is_nothing, passes: Passes { training: 0, teacher: 2 * sets.forget.len() as u64 } })
}

fn distance(one: &Prediction, other: &Prediction) -> f64 {
    let difference = |(one, other): (&f32, &f32)| f64::from((one - other).abs());
    let sum: f64 = one.probabilities.iter().zip(&other.probabilities).map(difference).sum();
    0.5 * sum / one.voxels() as f64
}

fn disagreement(one: &Prediction, other: &Prediction) -> f64 {
    let differ = (0..one.voxels()).filter(|&voxel| one.class(voxel) != other.class(voxel));
    differ.count() as f64 / one.voxels() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_nn::Tensor;
    use lacuna_train::test_cases::{heads, resnet_10};

    fn prediction(probabilities: &[f32]) -> Prediction {
        let shape = [2, 1, 1, probabilities.len() / 2];
        Prediction { probabilities: probabilities.to_vec(), logits: Vec::new(), shape }
    }

    #[test]
    fn two_voxels_worked_by_hand() {
        // Voxel 0 from (0.8, 0.2) to (0.3, 0.7) moves a half and changes class, voxel 1 stays: 0.25 and 0.5.
        let (before, after) = (prediction(&[0.8, 0.6, 0.2, 0.4]), prediction(&[0.3, 0.6, 0.7, 0.4]));
        assert!((distance(&before, &after) - 0.25).abs() < 1e-6);
        assert_eq!(disagreement(&before, &after), 0.5);
        assert_eq!(distance(&after, &before), distance(&before, &after));
    }

    #[test]
    fn the_original_has_no_effect_and_a_network_that_guesses_has() {
        let cases = heads(2);
        let sets = ForgetRetain { forget: vec![&cases[0]], retain: vec![&cases[1]] };
        let of = |network: &Network| effect(&resnet_10(), network, &sets, &Device::flex()).unwrap();
        let none = of(&resnet_10());
        assert_eq!((none.moved, none.relabelled, none.is_nothing), (0.0, 0.0, true));
        assert_eq!(none.passes, Passes { training: 0, teacher: 2 });
        let mut guessing = resnet_10();
        let head = guessing.parameters.get("conv_seg.6.weight").len();
        guessing.parameters.set("conv_seg.6.weight", Tensor::zeros([head], &Device::flex()));
        assert!(!of(&guessing).is_nothing);
    }
}
