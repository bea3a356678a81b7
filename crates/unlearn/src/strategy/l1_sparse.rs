//! L1-sparse: fine-tuning under a penalty on every weight.
//!
//! `L = CE(f(x_r), y_r) + g_t |theta|_1`, g_t falling linearly from g to 0: what no retain subject needs shrinks away.
//!
//! Defaults: g = 1e-4, within the paper's 1e-5 to 5e-4; its decay is the paper's. *Ours:* the rate 5e-3 and
//! the bound 5 on the gradient's norm.

use super::Strategy;
use crate::{Goal, Recipe};
use lacuna_nn::BatchNormMode;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "l1-sparse",
    about: "Train on the retain subjects while every weight shrinks",
    source: "Jia et al., \"Model Sparsity Can Simplify Machine Unlearning\", NeurIPS 2023 (arXiv 2304.04934)",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        forget_weight: 0.0,
        l1_weight: 1e-4,
        batch_norm: BatchNormMode::Running,
        learning_rate: 5e-3,
        gradient_norm_max: Some(5.0),
        ..Recipe::default()
    },
};
