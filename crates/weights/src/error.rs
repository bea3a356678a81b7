//! Errors of weight files.

use std::path::PathBuf;

/// An error about a file of named tensors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file could not be read or written.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
    /// The format of the file is not supported.
    #[error("{path}: expected a PyTorch file (zip or legacy) or safetensors, found {found}; fix: {fix}")]
    UnknownFormat {
        /// The path of the file.
        path: PathBuf,
        /// A description of its first bytes.
        found: String,
        /// The fix that the message suggests.
        fix: &'static str,
    },
    /// The file is damaged, or does not hold named tensors.
    #[error("{path}: {location}: expected {expected}, found {found}; fix: {fix}")]
    Malformed {
        /// The path of the file.
        path: PathBuf,
        /// The position in the file.
        location: String,
        /// The content expected there.
        expected: String,
        /// The content that was found.
        found: String,
        /// The fix that the message suggests.
        fix: &'static str,
    },
    /// The tensors cannot be written in the requested format.
    #[error("{location}: expected {expected}, found {found}; fix: {fix}")]
    Unwritable {
        /// The tensor or part that cannot be written.
        location: String,
        /// The values that can be written.
        expected: String,
        /// The value that was requested.
        found: String,
        /// The fix that the message suggests.
        fix: &'static str,
    },
}

/// A fault at a position in a file whose path is not yet known.
#[derive(Debug)]
pub(crate) struct Fault {
    pub location: String,
    pub expected: String,
    pub found: String,
    pub fix: &'static str,
}

/// The fix for a file that contradicts itself.
pub(crate) const DAMAGED: &str = "copy or download the file again";

/// The fix for a valid file with other content.
pub(crate) const SAVE_STATE_DICT: &str =
    "load it in PyTorch where you trust it and save the weights alone, `torch.save(model.state_dict(), FILE)`";

impl Fault {
    /// Returns the fault of a file that contradicts itself.
    pub fn damaged(location: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Fault {
        Fault { location: location.into(), expected: expected.into(), found: found.into(), fix: DAMAGED }
    }

    /// Returns the fault of a valid file with other content.
    pub fn foreign(location: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Fault {
        Fault { location: location.into(), expected: expected.into(), found: found.into(), fix: SAVE_STATE_DICT }
    }

    pub fn of(self, path: &std::path::Path) -> WeightsError {
        let Fault { location, expected, found, fix } = self;
        WeightsError::Malformed { path: path.to_path_buf(), location, expected, found, fix }
    }
}
