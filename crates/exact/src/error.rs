//! What can go wrong with exact training.

use lacuna_cohort::SubjectId;
use std::path::PathBuf;

/// An error of planning, training, erasing or predicting with an exact model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExactError {
    /// More shards, or slices of a shard, than subjects.
    #[error("exact.{key} is {found}: expected {expected}")]
    BadSetting {
        /// The configuration key.
        key: String,
        /// The allowed range, and why.
        expected: String,
        /// As given.
        found: String,
    },
    /// Somebody whom the model was not trained on.
    #[error("subject {subject}: expected one of those the model was trained on, {known}, found none of that name")]
    NotTrainedOn {
        /// As given.
        subject: SubjectId,
        /// All that there are.
        known: String,
    },
    /// The last subjects are to leave.
    #[error("expected somebody to remain, found every subject among the leaving; fix: delete the run folder instead")]
    NobodyRemains,
    /// A file of an exact model is not what it should be.
    #[error("{path}: {field}: expected {expected}, found {found}; fix: {fix}")]
    Unfit {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        field: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
        /// What to do.
        fix: &'static str,
    },
    /// The model began from weights that saw whoever is to leave, or of which nothing says whom they saw.
    #[error(
        "{path}: init: expected initial weights that never saw whoever leaves, found {found} (the file of BLAKE3 {init}); fix: {fix}"
    )]
    InitSaw {
        /// The manifest.
        path: PathBuf,
        /// The digest of the file with initial weights.
        init: String,
        /// Whom it saw, or that nothing says.
        found: String,
        /// What to do.
        fix: &'static str,
    },
    /// Training failed or was stopped.
    #[error(transparent)]
    Train(#[from] lacuna_train::TrainError),
    /// A network file is wrong.
    #[error(transparent)]
    Network(#[from] lacuna_nn::NnError),
    /// Reading or writing a file failed.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
}
