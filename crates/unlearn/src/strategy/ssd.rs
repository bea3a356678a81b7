//! SSD: selective synaptic dampening.
//!
//! `theta_i <- theta_i min(lambda I_F,i^-1 I_D,i, 1)` where `I_F,i > alpha I_D,i`, I the mean squared gradient of a
//! sample's loss. One edit and no training; see `edit/dampen.rs`.
//!
//! Defaults: lambda 1 is the paper's. Its alpha of 10 for images can select nothing where |D| / |F| is below 10;
//! *ours:* 1.5, and the eight blocks of a volume as samples.

use super::Strategy;
use crate::{Edit, Goal, Importance, Recipe, Selection};
use lacuna_nn::BatchNormMode;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "ssd",
    about: "Dampen weights that matter to the forget subjects more than to all",
    source: "Foster, Schoepf and Brintrup, \"Fast Machine Unlearning Without Retraining Through Selective Synaptic \
             Dampening\", AAAI 2024 (arXiv 2308.07707)",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        edits: vec![Edit::Dampen {
            importance: Importance::Labels,
            selection: Selection::Threshold(1.5),
            lambda: 1.0,
            blocks_per_axis: 2,
        }],
        forget_weight: 0.0,
        retain_weight: 0.0,
        batch_norm: BatchNormMode::Running,
        ..Recipe::default()
    },
};
