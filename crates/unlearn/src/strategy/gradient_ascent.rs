//! Gradient ascent (NegGrad): the forget subjects' loss goes up, and nothing holds the others.
//!
//! `L = -CE(f(x_f), y_f)`, the gradient clipped.
//!
//! Source: Golatkar, Achille and Soatto, "Eternal Sunshine of the Spotless Net", CVPR 2020 (the baseline "negative
//! gradient"). *Our reading* for volumes: 1e-3, the upper end of what is used in two dimensions with the gradient clipped
//! to norm 1; no weight decay, which would be the only force on what the subject does not touch; BatchNorm frozen, since
//! the statistics of one subject are no others'. It knows no end: with enough epochs everybody is lost, so it has no
//! divergence guard of its own.

use super::Strategy;
use crate::Recipe;
use lacuna_nn::BatchNormMode;
use lacuna_train::OptimiserConfig;

pub(super) const STRATEGY: Strategy = Strategy {
    name: "gradient-ascent",
    about: "Ascend the forget subjects' loss with nothing to hold the others",
    source: "Golatkar, Achille and Soatto, \"Eternal Sunshine of the Spotless Net\", CVPR 2020",
    recipe: || Recipe {
        max_loss: true,
        retain_weight: 0.0,
        batch_norm: BatchNormMode::Running,
        optimiser: OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 0.0 },
        gradient_norm_max: Some(1.0),
        ..Recipe::default()
    },
};
