//! What can go wrong while training.

use std::path::PathBuf;

/// An error of training, checkpoints or evaluation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting outside its range.
    #[error("{key} is {found}: expected {expected}")]
    BadSetting {
        /// The configuration key.
        key: &'static str,
        /// As given.
        found: String,
        /// The allowed range.
        expected: &'static str,
    },
    /// There is nothing to train on.
    #[error("no case to train on: expected at least one labelled subject")]
    NoCase,
    /// Training left the numbers: a result of the method, not a fault of the program.
    #[error("diverged in epoch {epoch}, step {step}: {what}")]
    Diverged {
        /// Counted from 1.
        epoch: usize,
        /// Counted from 1, within the epoch.
        step: usize,
        /// Which number stopped being one.
        what: String,
    },
    /// A network says something that is not a number: its weights are finite and too large.
    #[error("scan {scan}: the prediction is not finite")]
    NotFinite {
        /// The scan.
        scan: String,
    },
    /// The monitor asked to stop; the state at the end of the last whole epoch was kept.
    #[error("interrupted after epoch {epochs_done}")]
    Interrupted {
        /// Whole epochs done.
        epochs_done: usize,
    },
    /// A checkpoint does not belong to this run, or is damaged.
    #[error("{path}: checkpoint {field}: expected {expected}, found {found}; fix: delete the file to start afresh")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        field: String,
        /// What this run has.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// Writing or reading a file failed.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
    /// A network file is wrong.
    #[error(transparent)]
    Network(#[from] lacuna_nn::NnError),
    /// A score could not be computed.
    #[error(transparent)]
    Metrics(#[from] lacuna_metrics::MetricsError),
    /// A case that is not held in memory could not be fetched again.
    #[error(transparent)]
    Case(Box<lacuna_cohort::CohortError>),
    /// A prediction could not be brought back to the image's grid.
    #[error(transparent)]
    Placement(#[from] lacuna_volume::PlacementError),
    /// The monitor could not record an epoch.
    #[error("cannot record epoch {epoch}: {reason}")]
    Monitor {
        /// Counted from 1.
        epoch: usize,
        /// The monitor's own words.
        reason: String,
    },
}

impl From<lacuna_cohort::CohortError> for TrainError {
    /// Boxed, since its evidence is large and every result here would carry the room for it.
    fn from(error: lacuna_cohort::CohortError) -> TrainError {
        TrainError::Case(Box::new(error))
    }
}
