//! Fisher noise: forgetting by noise that the retain subjects do not feel.
//!
//! `theta_i <- theta_i + min(sqrt(a / F_R,i), m) n_i`. One edit and no training; see `edit/fisher_noise.rs`.
//!
//! Defaults: *ours,* for 3-D: a = 1e-8, within the 1e-9 to 1e-6 in which public code moves, and m = 1e-3, since larger
//! noise on weights of a deviation near 1e-2 costs the retain subjects first.

use super::Strategy;
use crate::{Edit, Goal, Recipe};
use lacuna_nn::BatchNormMode;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "fisher-noise",
    about: "Add noise to weights where the retain subjects' loss is flat",
    source: "Golatkar, Achille and Soatto, \"Eternal Sunshine of the Spotless Net\", CVPR 2020 (arXiv 1911.04933)",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        edits: vec![Edit::FisherNoise { strength: 1e-8, deviation_max: 1e-3, blocks_per_axis: 2 }],
        forget_weight: 0.0,
        retain_weight: 0.0,
        batch_norm: BatchNormMode::Running,
        ..Recipe::default()
    },
};
