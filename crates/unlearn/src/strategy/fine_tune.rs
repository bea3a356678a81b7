//! Fine-tuning: training goes on without the forget subjects.
//!
//! `L = CE(f(x_r), y_r)`, and what is not repeated may fade. It seldom does: a network that knows its subjects by heart
//! has no retain loss left to move it. The least that any other method has to beat.
//!
//! Defaults: *ours:* the rate 5e-3, within 1e-3 to 1e-2 for 3-D, above the original's so that it moves at all, and the
//! gradient's norm bounded by 5.

use super::Strategy;
use crate::{Goal, Recipe};
use lacuna_nn::BatchNormMode;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "fine-tune",
    about: "Go on training on the retain subjects",
    source: "Golatkar, Achille and Soatto, CVPR 2020 (arXiv 1911.04933), as a baseline",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        forget_weight: 0.0,
        batch_norm: BatchNormMode::Running,
        learning_rate: 5e-3,
        gradient_norm_max: Some(5.0),
        ..Recipe::default()
    },
};
