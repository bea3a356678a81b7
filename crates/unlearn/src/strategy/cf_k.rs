//! CF-k: catastrophic forgetting of the last k layers.
//!
//! As fine-tuning, `L = CE(f(x_r), y_r)`, with all but the last stages kept in place. Forgets no more than fine-tuning
//! does, at less work per step.
//!
//! Defaults: *our reading* of k: the last residual stage and the head; `stages` says otherwise. Rate and bound as
//! fine-tuning's.

use super::Strategy;
use crate::{Goal, Recipe};
use lacuna_nn::{BatchNormMode, Stage};

pub(super) const STRATEGY: Strategy = Strategy {
    name: "cf-k",
    about: "Go on training the last stages on the retain subjects",
    source: "Goel et al., \"Towards Adversarial Evaluations for Inexact Machine Unlearning\", 2022 (arXiv 2201.06640)",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        stages: Some(vec![Stage::Encoder4, Stage::Decoder]),
        forget_weight: 0.0,
        batch_norm: BatchNormMode::Running,
        learning_rate: 5e-3,
        gradient_norm_max: Some(5.0),
        ..Recipe::default()
    },
};
