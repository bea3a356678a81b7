//! What probing a model for memory found.
//!
//! Scores ask what a network says. Probes ask what is still in it: whether a little training on the others brings the
//! forgotten subject back (rebound), and how soon the subject itself is learned again (relearn). A model that never
//! saw the subject has a rebound and a relearning time too, and those are what the others are compared with.

use crate::{Roles, Run};
use serde::{Deserialize, Serialize};

/// One model, probed.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeRow {
    /// Which model.
    pub run: Run,
    /// After more training on the retain subjects alone, if that was asked.
    pub rebound: Option<Rebound>,
    /// After training on the forgotten subject alone, if that was asked.
    pub relearn: Option<Relearn>,
}

/// A model after more training on the retain subjects alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rebound {
    /// Whether it has scores.
    pub status: ReboundStatus,
    /// Volumes passed forward and backward; of a diverged run, until then.
    pub passes: u64,
    /// Mean Dice by role on the output grid.
    pub output: Roles<Option<f64>>,
    /// The same on the volume grid.
    pub volume: Roles<Option<f64>>,
    /// Mean cross-entropy of the forgotten subject on the output grid.
    pub forget_cross_entropy: Option<f64>,
}

/// How the training of a rebound ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReboundStatus {
    /// With scores.
    Ok,
    /// It left the finite numbers.
    Diverged,
}

/// A model trained on the forgotten subject alone until it knows the subject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relearn {
    /// How it ended.
    pub status: RelearnStatus,
    /// Volumes passed until the subject was known; `None` if it never was.
    pub passes: Option<u64>,
    /// After so many it was given up.
    pub passes_max: u64,
    /// The subject is known from this mean cross-entropy on the output grid downwards.
    pub cross_entropy_max: f64,
}

/// How relearning ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelearnStatus {
    /// The subject was known in time.
    Within,
    /// It was not.
    NotWithin,
    /// The training left the finite numbers.
    Diverged,
}
