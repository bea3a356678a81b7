//! Errors of sites and registers.

use lacuna_disk::DiskError;
use std::path::PathBuf;

/// An error of a site's key, a list of locations or a register entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArtefactError {
    /// A file operation failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file whose content does not fit its location.
    #[error("{path}: expected {expected}, found {found}; fix: {fix}")]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The content expected in this location.
        expected: &'static str,
        /// The content that was found.
        found: String,
        /// The fix that the message suggests.
        fix: &'static str,
    },
}
