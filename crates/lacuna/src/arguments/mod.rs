//! Arguments that several verbs share.

mod data;
mod values;

pub use data::{DataArguments, LabelArguments, ReadArguments};
pub use values::{spacing_mm, voxels};
