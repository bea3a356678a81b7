//! EU-k: exact unlearning of the last k layers.
//!
//! The last stages are drawn anew and trained on the retain subjects, `L = CE(f(x_r), y_r)`; the others stay. What is
//! relearned never saw the forget subjects; the stages before it did, and still know them.
//!
//! Defaults: *our reading* of k: the last residual stage and the head. BatchNorm's statistics stay frozen as everywhere
//! here; those of the fresh stages are 0 and 1, so these train as if without normalisation. `batch_norm = "batch"` gives
//! them statistics, and lets those of the others drift. *Ours:* the rate 5e-3 and the bound 5 on the
//! gradient's norm, large at first in fresh layers.

use super::Strategy;
use crate::{Edit, Goal, Recipe};
use lacuna_nn::{BatchNormMode, Stage};

pub(super) const STRATEGY: Strategy = Strategy {
    name: "eu-k",
    about: "Draw the last stages anew and train them on the retain subjects",
    source: "Goel et al., \"Towards Adversarial Evaluations for Inexact Machine Unlearning\", 2022 (arXiv 2201.06640)",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        edits: vec![Edit::Reset { stages: vec![Stage::Encoder4, Stage::Decoder] }],
        stages: Some(vec![Stage::Encoder4, Stage::Decoder]),
        forget_weight: 0.0,
        batch_norm: BatchNormMode::Running,
        learning_rate: 5e-3,
        gradient_norm_max: Some(5.0),
        ..Recipe::default()
    },
};
