//! Errors of predictions, their scores, and a model's metadata.

use std::path::PathBuf;

/// An error of a prediction, of its scores, or of a model's metadata.
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
    /// A prediction was stopped between two forward passes.
    #[error("the prediction was stopped")]
    Stopped,
    /// The list of cases whose loss is computed is empty.
    #[error("expected at least one labelled scan, found none")]
    NoCase,
    /// A prediction holds an infinite or NaN value: the network's weights are finite but too large.
    #[error("scan {scan}: the prediction is not finite")]
    NotFinite {
        /// The name of the scan.
        scan: String,
    },
    /// A score could not be computed.
    #[error(transparent)]
    Metrics(#[from] lacuna_metrics::MetricsError),
    /// A case that is not held in memory could not be fetched again.
    #[error(transparent)]
    Case(Box<lacuna_cohort::CohortError>),
    /// A prediction could not be resampled to the image's own grid.
    #[error(transparent)]
    InverseTransform(#[from] lacuna_volume::InverseTransformError),
}

impl From<lacuna_cohort::CohortError> for InferenceError {
    /// Boxes the error: it is large, and every `Result` of this crate would otherwise be as large.
    fn from(error: lacuna_cohort::CohortError) -> InferenceError {
        InferenceError::Case(Box::new(error))
    }
}
