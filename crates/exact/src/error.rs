//! Errors of exact training.

use lacuna_cohort::SubjectId;
use std::path::PathBuf;

/// An error of planning, training, erasing or predicting with an exact model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExactError {
    /// A setting is out of range, such as more shards, or slices of a shard, than subjects.
    #[error("exact.{key} is {found}: expected {expected}")]
    BadSetting {
        /// The key of the setting in the configuration.
        key: String,
        /// The allowed range, with its reason.
        expected: String,
        /// The value that was given.
        found: String,
    },
    /// A subject that the model was not trained on.
    #[error("subject {subject}: expected one of those the model was trained on, {known}, found none of that name")]
    NotTrainedOn {
        /// The id that was given.
        subject: SubjectId,
        /// The ids of all subjects of the model.
        known: String,
    },
    /// An erase that would leave no subject.
    #[error("expected a subject to remain, found every subject among the leaving; fix: delete the run folder instead")]
    NobodyRemains,
    /// A file of an exact model that differs from what its manifest or format requires.
    #[error("{path}: {field}: expected {expected}, found {found}; fix: {fix}")]
    Unfit {
        /// The path of the file.
        path: PathBuf,
        /// The field or part of the file.
        field: String,
        /// The required value.
        expected: String,
        /// The value that was found.
        found: String,
        /// The suggested repair.
        fix: &'static str,
    },
    /// The initial weights were trained on a subject to erase, or their subjects are unknown.
    #[error(
        "{path}: init: expected initial weights that never saw the leaving subjects, found {found} (the file of BLAKE3 {init}); fix: {fix}"
    )]
    InitSaw {
        /// The path of the manifest.
        path: PathBuf,
        /// The BLAKE3 digest of the file with initial weights.
        init: String,
        /// The subjects that the weights were trained on, or that these are unknown.
        found: String,
        /// The suggested repair.
        fix: &'static str,
    },
    /// Training failed or was stopped.
    #[cfg(feature = "training")]
    #[error(transparent)]
    Train(#[from] lacuna_train::TrainError),
    /// A network file is wrong.
    #[cfg(feature = "training")]
    #[error(transparent)]
    Network(#[from] lacuna_nn::NnError),
    /// Reading or writing a file failed.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
}

#[cfg(feature = "training")]
impl From<lacuna_inference::InferenceError> for ExactError {
    fn from(error: lacuna_inference::InferenceError) -> ExactError {
        ExactError::Train(error.into())
    }
}
