//! Edits of the weights before the first step. One edit per file; the enum lists them.
//!
//! An edit is a function of the original, the sets and a seed; a recipe names a list of them, applied in order. What an
//! edit costs is stated beside it, in passes, and counts as preparation.

mod jitter;
mod reset;

use crate::{UnlearnError, Unlearned};
use lacuna_nn::{Network, Stage};
use lacuna_train::Passes;
use serde::{Deserialize, Serialize};

/// One change of the weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Edit {
    /// Draw the weights of some stages anew, as a fresh network has them.
    Reset {
        /// The stages.
        stages: Vec<Stage>,
    },
    /// Add Gaussian noise to every convolution.
    Jitter {
        /// Its deviation, as a share of the deviation of the tensor's own values.
        deviation: f64,
    },
}

impl Edit {
    /// Whether the edit can be applied.
    ///
    /// # Errors
    /// A setting outside its range.
    pub(crate) fn check(&self) -> Result<(), UnlearnError> {
        let bad = |key, found: String, expected| Err(UnlearnError::BadSetting { key, found, expected });
        match self {
            Edit::Reset { stages } if stages.is_empty() => bad("edits.stages", "none".to_string(), "at least one"),
            Edit::Jitter { deviation } if !(*deviation > 0.0 && *deviation <= 10.0) => {
                bad("edits.deviation", deviation.to_string(), "above 0, 10 at most")
            }
            _ => Ok(()),
        }
    }

    /// The edited network.
    pub(crate) fn apply(&self, network: Network, run: &Unlearned) -> Result<Network, UnlearnError> {
        match self {
            Edit::Reset { stages } => Ok(reset::reset(network, stages, run.seed)),
            Edit::Jitter { deviation } => Ok(jitter::jitter(network, *deviation, run.seed)),
        }
    }

    /// What the edit takes.
    pub(crate) fn passes(&self, _run: &crate::ForgetRetain) -> Passes {
        match self {
            Edit::Reset { .. } | Edit::Jitter { .. } => Passes::default(),
        }
    }
}
