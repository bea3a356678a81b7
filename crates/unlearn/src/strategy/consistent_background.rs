//! Consistent background: the forget subjects become empty, everybody else stays as the original has it.
//!
//! `L = CE(f(x_r), y_r) + KL(f_0(x_r) | f(x_r)) + 0.05 |z(x_r) - z_0(x_r)|^2 + CE(f(x_f), 0)
//!    + 3 KL(f_0(x') | f(x')) + CE(f(x_r'), y_r')`, with x' the mirror image of the step's subject.
//!
//! *Ours*, for the goal `suppress`: Noisy Label with a target that can be reached. Noise per voxel cannot be learnt, so
//! its gradient never ends and leaks into the others; the background everywhere is one answer, and its gradient fades
//! once it is given. What is left is that the rule spreads to people who look alike. The last two terms say where it ends:
//! mirrored subjects, the forgotten one's own mirror image among them, are strangers to a network that was trained without
//! mirrors, and on them it stays what it was. Even so strangers lost two percent; the labels of those who stay, mirrored with
//! them, teach what serves strangers and give that back. Leave them out (`mirror_weight = 0.0`) where a class means a side
//! of the body.
//!
//! Chosen on two adults who are in no table (docs/results/erasure.md): one retain step per forget step, since with five a
//! subject is passed too seldom to be forgotten in 20 epochs; the first stages stay, which got there in half the epochs;
//! weights 3 and 1; BatchNorm frozen; 5e-3 clipped to norm 5. What it reaches is no model that never saw the subject, and anybody
//! can tell.

use super::Strategy;
use crate::{Interleave, LossLevel, NoiseLaw, Recipe, Redraw};
use lacuna_nn::{BatchNormMode, Stage};
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
        stranger_weight: 3.0,
        mirror_weight: 1.0,
        stages: Some(vec![Stage::Layer3, Stage::Layer4, Stage::Head]),
        interleave: Interleave::Alternate,
        batch_norm: BatchNormMode::Running,
        learning_rate: 5e-3,
        optimiser: OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 1e-4 },
        gradient_norm_max: Some(5.0),
        divergence_guard: Some(LossLevel::UNIFORM_GUESS),
        ..Recipe::default()
    },
};
