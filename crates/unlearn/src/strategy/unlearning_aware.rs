//! Unlearning-aware minimisation (UAM): the retain loss is made low where the forget loss is high.
//!
//! `theta <- theta - eta grad L_r(theta + e)`, `e = r g_f / |g_f|` with g_f the gradient of the forget loss at theta, r
//! falling as half a cosine. See `outward.rs`.
//!
//! Source: "Unlearning-Aware Minimization", NeurIPS 2025. *Our reading*: r begins at 0.05, the radius of sharpness-aware
//! minimisation (Foret et al., ICLR 2021), since the authors tune theirs per task; 1e-3, clipped to norm 5, BatchNorm
//! frozen. Each step takes two passes.

use super::Strategy;
use crate::{LossLevel, Recipe};
use lacuna_nn::BatchNormMode;
use lacuna_train::OptimiserConfig;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "unlearning-aware",
    about: "Take the retain gradient a step up the forget subjects' loss",
    source: "\"Unlearning-Aware Minimization\", NeurIPS 2025",
    recipe: || Recipe {
        max_loss: true,
        forget_radius: Some(0.05),
        batch_norm: BatchNormMode::Running,
        optimiser: OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 1e-4 },
        gradient_norm_max: Some(5.0),
        divergence_guard: Some(LossLevel::UNIFORM_GUESS),
        ..Recipe::default()
    },
};
