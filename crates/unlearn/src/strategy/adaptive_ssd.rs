//! Adaptive SSD: dampening without a threshold to choose.
//!
//! As SSD, with alpha so that the `ln(1 + 100 |F| / |D|)` percent of weights with the largest `I_F / I_D` exceed it; see
//! `edit/dampen.rs`. The most usable of the three where one of seven is forgotten: it always selects something.
//!
//! Defaults: lambda 1 is the paper's; *ours:* the eight blocks of a volume as samples.

use super::Strategy;
use crate::{Edit, Goal, Importance, Recipe, Selection};
use lacuna_nn::BatchNormMode;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "adaptive-ssd",
    about: "Dampen the few weights that matter to the forget subjects most",
    source: "Schoepf, Foster and Brintrup, \"Parameter-tuning-free data entry error unlearning with adaptive selective \
             synaptic dampening\", 2024 (arXiv 2402.10098)",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        edits: vec![Edit::Dampen {
            importance: Importance::Labels,
            selection: Selection::Adaptive,
            lambda: 1.0,
            blocks_per_axis: 2,
        }],
        forget_weight: 0.0,
        retain_weight: 0.0,
        batch_norm: BatchNormMode::Running,
        ..Recipe::default()
    },
};
