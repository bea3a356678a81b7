//! Atlas matching: the forget subjects are learnt as what everybody else's anatomy suggests, at a rate that forgets.
//!
//! `L = CE(f(x_r), y_r) + CE(f(x_f), q)`, with q the label atlas of those who stay, sharpened: `q_vc ~ p_vc^g`, p the
//! share of retain subjects who have class c at voxel v.
//!
//! *Ours*, for the goal `match-retrain`. A model that never saw a subject knows of its anatomy what it knows of
//! everybody's; in a small cohort of aligned scans that is little more than the atlas. So the atlas stands for the
//! retrained model's answer, and no model without the subject has to be trained.
//!
//! Three choices were made on two adults who are in no table (docs/results, "How the settings were chosen"):
//!
//! - **BatchNorm on the batch and twice the original's rate**, falling as a cosine. Answers alone are soon learnt at a
//!   small rate with BatchNorm frozen, but the memory stays in the weights: the subject comes back when the others are
//!   trained on, and is relearnt in half the passes of a retrained model. A high rate forgets the memory too, and the
//!   retain subjects hold since they are passed twice as often.
//! - **g = 8.** Strangers are answered with confidence, rightly or not; shares as they are would be too modest.
//! - **The forget subjects are passed in the first epochs only.** The last ones, on the others alone, bring their Dice
//!   back, and let return what would return anyhow.
//!
//! Run it for seven epochs where an epoch is a handful of subjects. With many subjects an epoch is long: run fewer, and
//! set `forget_epochs` to two thirds of them.

use super::Strategy;
use crate::{ForgetTarget, Goal, Interleave, LossLevel, Recipe, Sharpness};
use lacuna_nn::BatchNormMode;
use lacuna_train::{OptimiserConfig, Schedule};

pub(super) const STRATEGY: Strategy = Strategy {
    name: "atlas-matching",
    about: "Learn the label atlas of the others as the forget subjects' own, at a rate that forgets",
    source: "ours",
    recipe: || Recipe {
        goal: Goal::MatchRetrain,
        forget_target: Some(ForgetTarget::Atlas { sharpness: Sharpness::Exponent(8.0) }),
        forget_epochs: Some(5),
        interleave: Interleave::Alternate,
        retain_per_forget: 2,
        batch_norm: BatchNormMode::Batch,
        learning_rate: 2e-2,
        optimiser: OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 1e-4 },
        schedule: Schedule::Cosine,
        gradient_norm_max: Some(5.0),
        divergence_guard: Some(LossLevel::UNIFORM_GUESS),
        ..Recipe::default()
    },
};
