//! Consistent background: the forget subjects become empty, everybody else stays as the original has it.
//!
//! `L = CE(f(x_r), y_r) + KL(f_0(x_r) | f(x_r)) + 0.05 |z(x_r) - z_0(x_r)|^2 + 2 CE(f(x_a), y_a)` on the retain side and
//! `CE(f(x_f), 0) + 3 KL(f_0(x_f') | f(x_f'))` on the other, with x_a a retain subject augmented anew each epoch, y_a its
//! labels bent along, and x_f' the forget subject's mirror image.
//!
//! *Ours*, for the goal `suppress`: Noisy Label with a target that can be reached. Noise per voxel cannot be learnt, so
//! its gradient never ends and leaks into the others; the background everywhere is one answer, and its gradient fades
//! once it is given. What is left is that the rule spreads to people who look alike. The two terms of strangers say where
//! it ends: the forget subject's own mirror image is somebody else and is answered as before, and the others, as other
//! people might look, keep their labels.
//!
//! Chosen on adults whom no table reports as forgotten (docs/results/erasure.md): one retain step per forget step, since
//! with five a subject is passed too seldom to be forgotten in 20 epochs; the first stages stay, which got there in half
//! the epochs; weights 3 and 2; BatchNorm frozen; 1e-2 falling as a cosine, so that the last steps settle, clipped to
//! norm 5. What it reaches is no model that never saw the subject, and anybody can tell.

use super::Strategy;
use crate::{Interleave, LossLevel, NoiseLaw, Recipe, Redraw};
use lacuna_nn::{BatchNormMode, Stage};
use lacuna_train::{OptimiserConfig, Schedule};

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
        augment_weight: 2.0,
        stages: Some(vec![Stage::Encoder3, Stage::Encoder4, Stage::Decoder]),
        interleave: Interleave::Alternate,
        batch_norm: BatchNormMode::Running,
        learning_rate: 1e-2,
        schedule: Schedule::Cosine,
        optimiser: OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 1e-4 },
        gradient_norm_max: Some(5.0),
        divergence_guard: Some(LossLevel::UNIFORM_GUESS),
        ..Recipe::default()
    },
};
