//! Errors of training.

use std::path::PathBuf;

/// An error of training, checkpoints or evaluation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A setting outside its range.
    #[error("{key} is {found}: expected {expected}")]
    BadSetting {
        /// The configuration key of the setting.
        key: &'static str,
        /// The value that was found, as text.
        found: String,
        /// The allowed range of the setting.
        expected: &'static str,
    },
    /// The list of cases to train on is empty.
    #[error("no case to train on: expected at least one labelled subject")]
    NoCase,
    /// A loss, gradient, weight or prediction became infinite or NaN: a result of the method, not a fault of the
    /// program.
    #[error("diverged in epoch {epoch}, step {step}: {what}")]
    Diverged {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step within the epoch, counted from 1.
        step: usize,
        /// Names the value that is not finite.
        what: String,
    },
    /// A prediction holds an infinite or NaN value: the network's weights are finite but too large.
    #[error("scan {scan}: the prediction is not finite")]
    NotFinite {
        /// The name of the scan.
        scan: String,
    },
    /// The monitor stopped the run; the state after the last optimiser step is kept.
    #[error("interrupted after epoch {epochs_done}")]
    Interrupted {
        /// The number of completed epochs.
        epochs_done: usize,
    },
    /// A checkpoint is damaged, or belongs to another run.
    #[error("{path}: checkpoint {field}: expected {expected}, found {found}; fix: delete the file to start afresh")]
    Checkpoint {
        /// The path of the checkpoint.
        path: PathBuf,
        /// The field of the checkpoint that does not match.
        field: String,
        /// The value that this run requires.
        expected: String,
        /// The value found in the file.
        found: String,
    },
    /// Writing or reading a file failed.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
    /// A network could not be read or written.
    #[error(transparent)]
    Network(#[from] lacuna_nn::NnError),
    /// A score could not be computed.
    #[error(transparent)]
    Metrics(#[from] lacuna_metrics::MetricsError),
    /// A case that is not held in memory could not be fetched again.
    #[error(transparent)]
    Case(Box<lacuna_cohort::CohortError>),
    /// A prediction could not be resampled to the image's own grid.
    #[error(transparent)]
    InverseTransform(#[from] lacuna_volume::InverseTransformError),
    /// The monitor could not record an epoch.
    #[error("cannot record epoch {epoch}: {reason}")]
    Monitor {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The reason that the monitor gives.
        reason: String,
    },
}

impl From<lacuna_cohort::CohortError> for TrainError {
    /// Boxes the error: it is large, and every `Result` of this crate would otherwise be as large.
    fn from(error: lacuna_cohort::CohortError) -> TrainError {
        TrainError::Case(Box::new(error))
    }
}
