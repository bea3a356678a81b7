//! Bad Teacher: the forget subjects are learnt from a network that knows nothing, the others from the original.
//!
//! `L = KL(f_0(x_r) | f(x_r)) + KL(b(x_f) | f(x_f))`, b a network with fresh weights.
//!
//! Source: Chundawat, Tarun, Mandal and Kankanhalli, "Can Bad Teaching Induce Forgetting?", AAAI 2023, equation 2; Adam
//! at 1e-4 and temperature 1 are theirs. They pass 30 % of the retain set; here all of it is passed, being small. What
//! comes out is no model that never saw the subject: that one would be competent, so this strategy suppresses.
//! *Our reading*: BatchNorm frozen.

use super::Strategy;
use crate::{ForgetTarget, Recipe};
use lacuna_nn::BatchNormMode;
use lacuna_train::OptimiserConfig;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "bad-teacher",
    about: "Learn the forget subjects from a random network, the others from the original",
    source: "Chundawat et al., \"Can Bad Teaching Induce Forgetting?\", AAAI 2023",
    recipe: || Recipe {
        forget_target: Some(ForgetTarget::RandomNetwork),
        retain_weight: 0.0,
        distil_weight: 1.0,
        batch_norm: BatchNormMode::Running,
        learning_rate: 1e-4,
        optimiser: OptimiserConfig::Adamw { weight_decay: 0.0 },
        ..Recipe::default()
    },
};
