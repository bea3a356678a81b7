//! A trained network applied to prepared images, and the scores of its predictions.
//!
//! An [`Inferer`] runs a network on a prepared scan: on the whole input, or as a sliding window whose windows begin at
//! multiples of [`STRIDE`] and are blended on the output grid, with optional mirroring (test-time augmentation).
//! [`score_subject`] compares the predictions of a subject's scans with its labels, whichever inferer made them.
//! [`segment`] goes from images to a label map. [`ModelNotes`] are the metadata of a model file: its classes, and the
//! preprocessing of its input.
//!
//! This crate reads no images and writes no results.

mod case_tensor;
mod cross_entropy;
mod error;
mod inferer;
mod mirror;
mod notes;
mod prediction;
mod score;
mod segment;

pub use case_tensor::{input_tensor, targets, volume_tensor};
pub use error::InferenceError;
pub use inferer::{Inferer, Input, STRIDE, logits};
pub use mirror::{Axis, mirrorings};
pub use notes::ModelNotes;
pub use prediction::{Prediction, values};
pub use score::{CaseScores, OutputScores, mean_loss, predict, predict_with, score_on_output_grid, score_subject};
pub use segment::{Segmentation, segment};
