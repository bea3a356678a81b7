//! A trained network applied to prepared images.
//!
//! [`say`] puts a prepared scan through a network in a [`Way`]: at once, or in windows that begin at multiples of
//! [`STRIDE`] and are blended on the output grid, and from every side asked for. [`ModelNotes`] are what a model's file
//! says beside its weights: its classes, and how images become its input.
//!
//! Nothing here reads an image, names a file of results, or knows who asks: `lacuna predict` and the Python package do.

mod error;
mod mirror;
mod notes;
mod way;

pub use error::InferenceError;
pub use mirror::{Axis, orientations};
pub use notes::ModelNotes;
pub use way::{STRIDE, Way, logits, say, values};
