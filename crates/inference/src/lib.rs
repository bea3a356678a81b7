//! A trained network applied to prepared images.
//!
//! [`predict`] runs a network on a prepared scan as a [`SlidingWindow`] describes: on the whole input, or as a sliding window whose
//! windows begin at multiples of [`STRIDE`] and are blended on the output grid, with optional mirroring (test-time
//! augmentation). [`ModelNotes`] are the metadata of a model file: its classes, and the preprocessing of its input.
//!
//! This crate reads no images and writes no results; `lacuna predict` and the Python package use it for both.

mod error;
mod mirror;
mod notes;
mod sliding_window;

pub use error::InferenceError;
pub use mirror::{Axis, mirrorings};
pub use notes::ModelNotes;
pub use sliding_window::{STRIDE, SlidingWindow, logits, predict, values};
