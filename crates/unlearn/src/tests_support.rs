//! What tests of several files need.

use crate::{Edit, ForgetRetain, ForgetTarget, Recipe, Unlearned};
use lacuna_cohort::Case;
use lacuna_nn::loss::SegmentationLoss;
use lacuna_nn::{Activations, BatchNormMode, Device};
use lacuna_seed::Seed;
use lacuna_train::test_cases::resnet_10;

/// The seed of [`with_run`].
pub(crate) const SEED: Seed = Seed(7);

/// A run of two epochs in which the first case is forgotten, the others stay and the fresh ResNet-10 is the original.
pub(crate) fn with_run<T>(recipe: &Recipe, cases: &[Case], act: impl FnOnce(&Unlearned) -> T) -> T {
    let sets = ForgetRetain { forget: vec![&cases[0]], retain: cases[1..].iter().collect() };
    let (loss, seed, device, activations) = (SegmentationLoss::CrossEntropy, SEED, Device::flex(), Activations::Kept);
    act(&Unlearned { original: &resnet_10(), recipe, sets: &sets, epochs: 2, loss, seed, device, activations })
}

/// A recipe whose preparation is short: what it does is tested, not how well. The fresh network that stands for the
/// original guesses, so a guard that wants more than that is off.
pub(crate) fn shortened(recipe: Recipe) -> Recipe {
    let forget_target = recipe.forget_target.clone().map(|target| match target {
        ForgetTarget::UntaughtNetworks { learning_rate, .. } => {
            ForgetTarget::UntaughtNetworks { models: 1, epochs: 1, learning_rate }
        }
        ForgetTarget::ErrorMaximisingNoise { learning_rate, decay, .. } => {
            ForgetTarget::ErrorMaximisingNoise { steps: 3, learning_rate, decay }
        }
        other => other,
    });
    let edits = recipe.edits.iter().cloned().map(by_cases).collect();
    Recipe { forget_target, edits, divergence_guard: None, ..recipe }
}

/// An edit whose samples are whole cases: an eighth of the passes.
fn by_cases(edit: Edit) -> Edit {
    match edit {
        Edit::Dampen { importance, selection, lambda, .. } => {
            Edit::Dampen { importance, selection, lambda, blocks_per_axis: 1 }
        }
        Edit::FisherNoise { strength, deviation_max, .. } => {
            Edit::FisherNoise { strength, deviation_max, blocks_per_axis: 1 }
        }
        other => other,
    }
}

impl Recipe {
    /// Nothing but the retain term, BatchNorm frozen.
    pub(crate) fn fine_tuning() -> Recipe {
        Recipe { forget_weight: 0.0, batch_norm: BatchNormMode::Running, ..Recipe::default() }
    }
}
