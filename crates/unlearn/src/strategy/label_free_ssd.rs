//! Label-free SSD: dampening by the outputs alone.
//!
//! As SSD, with I the mean absolute gradient of `|f(x)|^2`, so that no label of anybody is needed; see `edit/dampen.rs`.
//!
//! Defaults: as SSD's. *Our reading:* f(x) are the logits, squared norm over classes, mean over voxels.

use super::Strategy;
use crate::{Edit, Goal, Importance, Recipe, Selection};
use lacuna_nn::BatchNormMode;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "label-free-ssd",
    about: "Dampen weights that move the forget subjects' outputs more than all",
    source: "Foster, Schoepf and Brintrup, \"Loss-Free Machine Unlearning\", 2024 (arXiv 2402.19308)",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        edits: vec![Edit::Dampen {
            importance: Importance::Outputs,
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
