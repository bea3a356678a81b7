//! Consistent background: the forget subjects become empty, everybody else stays as the original has it.
//!
//! `L = CE(f(x_r), y_r) + KL(f_0(x_r) | f(x_r)) + 0.05 |z(x_r) - z_0(x_r)|^2 + CE(f(x_f), 0)`.
//!
//! *Ours*, for the goal `suppress`: Noisy Label with a target that can be reached. Noise per voxel cannot be learnt, so
//! its gradient never ends and leaks into the others; the background everywhere is one answer, and its gradient fades
//! once it is given. BatchNorm is frozen, five retain steps follow each forget step, 5e-3 is clipped to norm 5: a trial
//! on seven masked adults reached a forget Dice of 0 in 140 passes with the retain Dice whole. What it reaches is no
//! model that never saw the subject, and anybody can tell.

use super::Strategy;
use crate::{Interleave, LossLevel, NoiseLaw, Recipe, Redraw};
use lacuna_nn::BatchNormMode;
use lacuna_train::OptimiserConfig;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "consistent-background",
    about: "Learn background as the forget subjects' labels, hold the others to original and truth",
    source: "ours, after Noisy Label",
    recipe: || Recipe {
        learn_noise: true,
        noise: NoiseLaw::Background,
        redraw: Redraw::Once,
        distil_weight: 1.0,
        logit_weight: 0.05,
        interleave: Interleave::Alternate,
        retain_per_forget: 5,
        batch_norm: BatchNormMode::Running,
        learning_rate: 5e-3,
        optimiser: OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 1e-4 },
        gradient_norm_max: Some(5.0),
        divergence_guard: Some(LossLevel::UNIFORM_GUESS),
        ..Recipe::default()
    },
};
