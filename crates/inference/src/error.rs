//! What can be wrong with a model's notes or with how a network is to be asked.

use std::path::PathBuf;

/// Why a network cannot be asked as wished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// A note of a model's file that cannot be understood.
    #[error("{}: metadata `{key}`: {source}; fix: save the model again", path.display())]
    Note {
        /// The model's file.
        path: PathBuf,
        /// Which note.
        key: &'static str,
        /// What its text is not.
        source: serde_json::Error,
    },
    /// A label map that does not fit the classes beside it.
    #[error("{}: metadata `label_map`: {reason}; fix: give the label table with --labels FILE.toml", path.display())]
    LabelMap {
        /// The model's file.
        path: PathBuf,
        /// What contradicts what.
        reason: String,
    },
    /// An overlap that is no share of a window.
    #[error("overlap: expected 0 or more and below 1, found {found}")]
    Overlap {
        /// What was asked for.
        found: f64,
    },
    /// A window that a network cannot be shifted by.
    #[error(
        "window: expected multiples of {stride}, found {found:?}; fix: for example {}",
        found.map(|size| size.next_multiple_of(*stride).max(*stride).to_string()).join("x")
    )]
    Window {
        /// Voxels along D, H and W, as asked for.
        found: [usize; 3],
        /// What they must be multiples of.
        stride: usize,
    },
}
