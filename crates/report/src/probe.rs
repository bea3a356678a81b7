//! The results of probing a model for memory.
//!
//! Scores measure what a network predicts. Probes measure what it still holds: whether a short training on the other
//! subjects restores the forgotten subject's scores (rebound), and how soon the subject itself is learned again
//! (relearn). A model that was never trained on the subject has a rebound and a relearning time too; the others are
//! compared with these.

use crate::{Roles, Run};
use serde::{Deserialize, Serialize};

/// The probe results of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeRow {
    /// The run and horizon of the model.
    pub run: Run,
    /// The result after more training on the retain subjects alone, if that was probed.
    pub rebound: Option<Rebound>,
    /// The result of training on the forgotten subject alone, if that was probed.
    pub relearn: Option<Relearn>,
}

/// The scores of a model after more training on the retain subjects alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rebound {
    /// Whether the training ended with scores.
    pub status: ReboundStatus,
    /// The volumes passed forward and backward, up to the divergence if there was one.
    pub passes: u64,
    /// Mean Dice by role on the output grid.
    pub output: Roles<Option<f64>>,
    /// Mean Dice by role on the volume grid.
    pub volume: Roles<Option<f64>>,
    /// Mean cross-entropy of the forgotten subject on the output grid.
    pub forget_cross_entropy: Option<f64>,
}

/// How the training of a rebound ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReboundStatus {
    /// The training ended, and the model has scores.
    Ok,
    /// The training diverged: a value was not finite.
    Diverged,
}

/// The result of training a model on the forgotten subject alone until it is learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relearn {
    /// How the relearning ended.
    pub status: RelearnStatus,
    /// The volumes passed until the subject was learned; `None` if it was not.
    pub passes: Option<u64>,
    /// The volumes after which the relearning was stopped.
    pub passes_max: u64,
    /// The subject counts as learned once its mean cross-entropy on the output grid, in nats, is at most this.
    pub cross_entropy_max: f64,
}

/// How a relearning ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelearnStatus {
    /// The subject was learned within the limit.
    Within,
    /// The subject was not learned within the limit.
    NotWithin,
    /// The training diverged: a value was not finite.
    Diverged,
}
