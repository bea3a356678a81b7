//! What can go wrong with a site or a register.

use lacuna_disk::DiskError;
use std::path::PathBuf;

/// A site's key, a list of places or a register entry that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtefactError {
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file that is not what its place says.
    #[error("{path}: expected {expected}, found {found}; fix: {fix}")]
    File {
        /// The file.
        path: PathBuf,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: String,
        /// What to do.
        fix: &'static str,
    },
}
