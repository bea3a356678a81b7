//! Errors of a model's metadata and of the settings of a prediction.

use std::path::PathBuf;

/// An error of a model's metadata or of a prediction's settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// A metadata entry of a model file that cannot be parsed.
    #[error("{}: metadata `{key}`: {source}; fix: save the model again", path.display())]
    Note {
        /// The path of the model file.
        path: PathBuf,
        /// The key of the metadata entry.
        key: &'static str,
        /// The error of the JSON parser.
        source: serde_json::Error,
    },
    /// A label map that does not fit the classes beside it.
    #[error("{}: metadata `label_map`: {reason}; fix: give the label table with --labels FILE.toml", path.display())]
    LabelMap {
        /// The model's file.
        path: PathBuf,
        /// The contradiction, in words.
        reason: String,
    },
    /// An overlap that is not in [0, 1).
    #[error("overlap: expected 0 or more and below 1, found {found}")]
    Overlap {
        /// The requested overlap, as a share of a window.
        found: f64,
    },
    /// A window whose lengths are not multiples of the network's stride.
    #[error(
        "window: expected multiples of {stride}, found {found:?}; fix: for example {}",
        found.map(|size| size.next_multiple_of(*stride).max(*stride).to_string()).join("x")
    )]
    Window {
        /// The requested window in voxels along D, H and W.
        found: [usize; 3],
        /// The number of voxels that each length must be a multiple of.
        stride: usize,
    },
}
