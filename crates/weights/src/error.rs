//! What can be wrong with a file of weights.

use std::path::PathBuf;

/// An error about a file of named tensors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file could not be read or written.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
    /// The file is in no format that is read.
    #[error("{path}: expected a PyTorch file (zip or legacy) or safetensors, found {found}; fix: {fix}")]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What its first bytes say.
        found: String,
        /// What to do.
        fix: &'static str,
    },
    /// The file is damaged, or holds something other than named tensors.
    #[error("{path}: {place}: expected {expected}, found {found}; fix: {fix}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        place: String,
        /// What was promised there.
        expected: String,
        /// What is there.
        found: String,
        /// What to do.
        fix: &'static str,
    },
    /// Tensors cannot be written as asked.
    #[error("{place}: expected {expected}, found {found}; fix: {fix}")]
    Unwritable {
        /// Which tensor or part.
        place: String,
        /// What can be written.
        expected: String,
        /// What was asked for.
        found: String,
        /// What to do.
        fix: &'static str,
    },
}

/// What is wrong at a place of a file, before the file's name is known.
#[derive(Debug)]
pub(crate) struct Fault {
    pub place: String,
    pub expected: String,
    pub found: String,
    pub fix: &'static str,
}

/// What to do about a file that contradicts itself.
pub(crate) const DAMAGED: &str = "copy or download the file again";

/// What to do about a file that is sound and holds something else.
pub(crate) const SAVE_STATE_DICT: &str =
    "load it in PyTorch where you trust it and save the weights alone, `torch.save(model.state_dict(), FILE)`";

impl Fault {
    /// A file that contradicts itself.
    pub fn damaged(place: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Fault {
        Fault { place: place.into(), expected: expected.into(), found: found.into(), fix: DAMAGED }
    }

    /// A file that is sound and holds something else.
    pub fn foreign(place: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Fault {
        Fault { place: place.into(), expected: expected.into(), found: found.into(), fix: SAVE_STATE_DICT }
    }

    pub fn of(self, path: &std::path::Path) -> WeightsError {
        let Fault { place, expected, found, fix } = self;
        WeightsError::Malformed { path: path.to_path_buf(), place, expected, found, fix }
    }
}
