//! Newton: the forget subjects' influence, taken back in one step (IU, WoodFisher).
//!
//! `theta <- theta_0 + a (|F| / |R|) (H_R + damping)^-1 grad l(F)`, H_R the empirical Fisher information of the retain
//! subjects. One edit and no training; see `edit/newton.rs`. Give it a `retain_weight` to go on from there.
//!
//! Defaults: a = 1, the step itself; *ours:* a damping of 10. The 1e-2 of image classification took a small network of
//! four synthetic heads to a Dice near 0 on everybody and 1 to two thirds of it; 10 cost a hundredth. Where the step is
//! too short to be seen, a may go up to 20 or so. *Ours* too: whole cases as samples, since every sample costs as much
//! memory as the weights.

use super::Strategy;
use crate::{Edit, Goal, Recipe};
use lacuna_nn::BatchNormMode;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "newton",
    about: "Take back the forget subjects' influence by one Newton step",
    source: "Koh and Liang, ICML 2017 (arXiv 1703.04730); Singh and Alistarh, \"WoodFisher\", NeurIPS 2020 (arXiv \
             2004.14340); as unlearning Jia et al., NeurIPS 2023 (arXiv 2304.04934)",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        edits: vec![Edit::Newton { scale: 1.0, damping: 10.0, blocks_per_axis: 1 }],
        forget_weight: 0.0,
        retain_weight: 0.0,
        batch_norm: BatchNormMode::Running,
        ..Recipe::default()
    },
};
