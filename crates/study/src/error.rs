//! What can go wrong in a study.

use std::path::PathBuf;

/// An error of study files, tasks and records.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// The study file is not one.
    #[error("{path}: {reason}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The parser's reason, with line and column.
        reason: String,
    },
    /// A setting that no study can have.
    #[error("{key}: expected {expected}, found {found}")]
    BadSetting {
        /// The key in the study file.
        key: String,
        /// What would do.
        expected: String,
        /// As given.
        found: String,
    },
    /// The file with initial weights fits the network in no or too few tensors.
    #[error("{path}: network.init: {reason}")]
    Init {
        /// The weight file.
        path: PathBuf,
        /// What matched and what did not.
        reason: String,
    },
    /// A record does not belong where it lies, or is damaged.
    #[error("{path}: not a record of this task: {reason}; delete the file to have the task done again")]
    Record {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// More memory is needed than there is.
    #[error("the study needs about {needed_gib:.1} GiB of memory and {available_gib:.1} GiB are available; fix: {fix}")]
    Memory {
        /// The estimate.
        needed_gib: f64,
        /// What the machine has.
        available_gib: f64,
        /// A size that fits.
        fix: String,
    },
    /// The cohort, a label table, or a scan.
    #[error(transparent)]
    Cohort(#[from] lacuna_cohort::CohortError),
    /// A file.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
    /// The network or its files.
    #[error(transparent)]
    Network(#[from] lacuna_nn::NnError),
    /// Training, or a request to stop.
    #[error(transparent)]
    Train(#[from] lacuna_train::TrainError),
    /// A recipe, or its run.
    #[error(transparent)]
    Unlearn(#[from] lacuna_unlearn::UnlearnError),
    /// The rows could not be written or averaged.
    #[error(transparent)]
    Report(#[from] lacuna_report::ReportError),
}
