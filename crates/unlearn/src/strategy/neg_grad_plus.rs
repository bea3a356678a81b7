//! Bounded NegGrad+: descend on those who stay, ascend on those who leave, up to a bound.
//!
//! `L = b CE(f(x_r), y_r) - (1 - b) min(CE(f(x_f), y_f), ln C)`, b = 0.95.
//!
//! Source: Kurmanji, Triantafillou, Hayes and Triantafillou, "Towards Unbounded Machine Unlearning", NeurIPS 2023,
//! section 4 (NegGrad+, with b tuned between 0.9 and 1). The bound is ours: without it the second term has no end, and a
//! subject about whom the network guesses like one who knows nothing is forgotten. *Our reading*: 1e-3 and BatchNorm frozen for volumes, as
//! the authors' code keeps it in evaluation; a forget step before each retain step, as their batches come in pairs.

use super::Strategy;
use crate::{Interleave, LossLevel, Recipe};
use lacuna_nn::BatchNormMode;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "neg-grad-plus",
    about: "Ascend the forget subjects' loss up to that of a guess, descend the others'",
    source: "Kurmanji et al., \"Towards Unbounded Machine Unlearning\", NeurIPS 2023; the bound is ours",
    recipe: || Recipe {
        max_loss: true,
        retain_weight: 0.95,
        forget_weight: 0.05,
        forget_loss_max: Some(LossLevel::UNIFORM_GUESS),
        interleave: Interleave::Alternate,
        batch_norm: BatchNormMode::Running,
        gradient_norm_max: Some(1.0),
        ..Recipe::default()
    },
};
