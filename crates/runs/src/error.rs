//! Errors of reading and writing the records of a run.

use std::path::PathBuf;

/// A record of a run that cannot be read, or is not what its name says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunsError {
    /// Reading or writing a file failed.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
    /// A file that is not as its format or a manifest requires.
    #[error("{path}: {what}")]
    Unfit {
        /// The path of the file.
        path: PathBuf,
        /// What was expected, what was found, and the fix.
        what: String,
    },
}
