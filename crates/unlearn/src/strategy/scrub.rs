//! SCRUB with rewind: a student that disobeys its teacher on the forget subjects and obeys on the others.
//!
//! `max` steps: `L = -KL(f_0(x_f) | f(x_f))`, in the first epochs only and before the others. `min` steps:
//! `L = 0.99 CE(f(x_r), y_r) + 0.5 KL(f_0(x_r) | f(x_r))`, in every epoch. Returned is the epoch after which the forget
//! loss is nearest to that of mirrored retain subjects.
//!
//! Source: Kurmanji, Triantafillou, Hayes and Triantafillou, "Towards Unbounded Machine Unlearning", NeurIPS 2023,
//! equation 3 and section 3.3 (SCRUB+R). Weights, temperature 4, 5e-4 and two to five epochs of max steps are within the
//! ranges of their code; a cosine stands for their steps of the rate. *Our reading*: BatchNorm frozen, the level of the
//! rewind (see `rewind.rs`), and a bound on the max term, that of a uniform guess, since the authors' own runs are known
//! to diverge where max steps outweigh the others.
//!
//! At its first max step the student *is* the teacher, so the divergence is 0 and so is its gradient. A dropout or a
//! moving BatchNorm breaks that tie in the authors' runs; here a jitter of 1 % of each kernel's deviation does. Their
//! epochs have many forget batches and ours as many as forget scans, so at their rate it does little: on one synthetic
//! head six epochs moved 0.7 % of the probability. Raise `learning_rate` or `forget_epochs` first.

use super::Strategy;
use crate::{Edit, ForgetTarget, Goal, Interleave, LossLevel, Recipe, Rewind};
use lacuna_nn::BatchNormMode;
use lacuna_train::{OptimiserConfig, Schedule};

pub(super) const STRATEGY: Strategy = Strategy {
    name: "scrub",
    about: "Push away from the original on the forget subjects, obey it on the others, rewind",
    source: "Kurmanji et al., \"Towards Unbounded Machine Unlearning\", NeurIPS 2023 (SCRUB+R)",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        max_loss: true,
        forget_target: Some(ForgetTarget::OriginalOutputs),
        edits: vec![Edit::Jitter { deviation: 0.01 }],
        retain_weight: 0.99,
        distil_weight: 0.5,
        temperature: 4.0,
        forget_epochs: Some(5),
        forget_loss_max: Some(LossLevel::UNIFORM_GUESS),
        interleave: Interleave::ForgetFirst,
        batch_norm: BatchNormMode::Running,
        learning_rate: 5e-4,
        optimiser: OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 5e-4 },
        schedule: Schedule::Cosine,
        gradient_norm_max: Some(5.0),
        rewind: Some(Rewind::ForgetLossNearest { level: LossLevel::MIRRORED }),
        ..Recipe::default()
    },
};
