//! Ignorant teacher: the forget subjects are learnt from a network that never saw them and yet is competent.
//!
//! `L = CE(f(x_r), y_r) + KL(f_0(x_r) | f(x_r)) + KL(o(x_f) | f(x_f))`, o trained from fresh weights on the retain
//! subjects alone for a short while.
//!
//! *Ours*, after the two teachers of Chundawat et al. (AAAI 2023) with the incompetent one replaced. 30 epochs are 15 % of
//! the 200 that MedicalNet trains for; where the original had fewer, so should the teacher. Its training counts in the
//! run's cost. 5e-3, clipped to norm 5, with two retain steps per forget step: what held in a trial on seven masked
//! adults. A teacher that learned too little pulls the forget subjects below what retraining would leave of them.

use super::Strategy;
use crate::{ForgetTarget, Goal, Interleave, LossLevel, Recipe};
use lacuna_nn::BatchNormMode;
use lacuna_train::OptimiserConfig;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "ignorant-teacher",
    about: "Learn the forget subjects from a network trained briefly without them",
    source: "ours, after Chundawat et al., AAAI 2023",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        forget_target: Some(ForgetTarget::UntaughtNetworks { models: 1, epochs: 30, learning_rate: 1e-2 }),
        distil_weight: 1.0,
        interleave: Interleave::Alternate,
        retain_per_forget: 2,
        batch_norm: BatchNormMode::Running,
        learning_rate: 5e-3,
        optimiser: OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 1e-4 },
        gradient_norm_max: Some(5.0),
        divergence_guard: Some(LossLevel::UNIFORM_GUESS),
        ..Recipe::default()
    },
};
