//! JIT: just in time, by Lipschitz regularisation on the forget subjects alone.
//!
//! `L = mean_j |f(x_f) - f(x_f + e_j)| / |e_j|`, e_j Gaussian of deviation sigma; no retain subject is asked.
//! Outputs that follow no detail of the forget subject have forgotten what set it apart.
//!
//! Defaults: *ours,* for 3-D: sigma 0.2 and the rate 3e-4; public code has sigma from 0.01 to 1.5 and rates from 3e-4 to
//! 1.5, with 25 draws, the noisy output without gradient and clamped to the image's range. Here each epoch draws once
//! anew, since the draws of a step are in memory together. It has no floor but a constant network: few epochs, or a
//! `retain_weight`. *Our reading:* f are logits, and both outputs move.

use super::Strategy;
use crate::{ForgetTarget, Goal, Recipe};
use lacuna_nn::BatchNormMode;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "jit",
    about: "Flatten the outputs around the forget subjects, without the retain subjects",
    source: "Foster et al., \"Zero-Shot Machine Unlearning at Scale via Lipschitz Regularization\", 2024 (arXiv \
             2402.01401)",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        forget_target: Some(ForgetTarget::OwnOutputsInNoise { deviation: 0.2, draws: 1 }),
        retain_weight: 0.0,
        batch_norm: BatchNormMode::Running,
        learning_rate: 3e-4,
        ..Recipe::default()
    },
};
