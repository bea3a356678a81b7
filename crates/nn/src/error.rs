//! What can go wrong with networks and their files.

use std::path::PathBuf;

/// An error about an architecture or a weight file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    /// A depth for which no network is published.
    #[error("depth {found} is no MedicalNet depth: expected one of 10, 18, 34, 50, 101, 152, 200")]
    UnknownDepth {
        /// The depth as given.
        found: usize,
    },
    /// A class or channel count of zero or beyond any use.
    #[error("{what} is {found}: expected {expected}")]
    BadCount {
        /// Which count.
        what: &'static str,
        /// As given.
        found: usize,
        /// The allowed range.
        expected: &'static str,
    },
    /// The file could not be read or written.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
    /// The file is not a well-formed safetensors file.
    #[error(
        "{path}: expected a safetensors file, found none that can be read ({reason}); fix: save the weights as safetensors"
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The parser's reason.
        reason: String,
    },
    /// A metadata field is missing or contradicts itself.
    #[error("{path}: metadata `{field}`: expected {expected}, found {found}")]
    BadMetadata {
        /// The file.
        path: PathBuf,
        /// The metadata key.
        field: &'static str,
        /// What would do.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A tensor holds values that are not numbers.
    #[error("{path}: tensor `{tensor}` holds a value that is not finite")]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// The file's tensors are not those of the network asked for.
    #[error(
        "{path}: expected the tensors of {architecture}, found {report}; fix: give the file's own depth, shortcut and classes"
    )]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The network, in words.
        architecture: String,
        /// What matched and what did not.
        report: String,
    },
}
