//! UNSIR: impair with noise that the network is as wrong about as can be, then repair.
//!
//! Before: `min_N -CE(f_0(N), y_f) + 0.1 mean N^2` over a volume of noise for each forget subject. Impair, in the first
//! epoch: `L = CE(f(x_r), y_r) + CE(f(N), y_f)`. Repair, in the others: `L = CE(f(x_r), y_r)`.
//!
//! Source: Tarun, Chundawat, Mandal and Kankanhalli, "Fast Yet Effective Machine Unlearning", IEEE TNNLS 2023, equation 2
//! and section IV. 250 steps of Adam at 0.1 (their number where single samples are forgotten), 0.1 on the noise's square
//! and 0.02 for the first epoch are theirs; a cosine that falls from there stands for their 0.01 of the repair. *Our
//! reading*: mean for sum of squares (see `mechanic/error_noise.rs`), clipping to norm 5, BatchNorm frozen. It was made
//! for classes, where a label is private to those who are forgotten; of one person's labels none is, so the impairment
//! hits everybody and the repair has much to do.

use super::Strategy;
use crate::{ForgetTarget, Recipe};
use lacuna_nn::BatchNormMode;
use lacuna_train::{OptimiserConfig, Schedule};

pub(super) const STRATEGY: Strategy = Strategy {
    name: "unsir",
    about: "Impair with error-maximising noise under the forget subjects' labels, then repair",
    source: "Tarun et al., \"Fast Yet Effective Machine Unlearning\", IEEE TNNLS 2023",
    recipe: || Recipe {
        forget_target: Some(ForgetTarget::ErrorMaximisingNoise { steps: 250, learning_rate: 0.1, decay: 0.1 }),
        forget_epochs: Some(1),
        batch_norm: BatchNormMode::Running,
        learning_rate: 0.02,
        optimiser: OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 1e-4 },
        schedule: Schedule::Cosine,
        gradient_norm_max: Some(5.0),
        ..Recipe::default()
    },
};
