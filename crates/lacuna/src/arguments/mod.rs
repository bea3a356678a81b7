//! Arguments that several verbs share.

mod data;
mod model;
mod preprocess;
pub mod values;

pub use data::{DataArguments, LabelArguments, LayoutArguments, ReadArguments};
pub use model::{Model, ModelArguments, ShortcutChoice};
pub use preprocess::PreprocessArguments;
pub use values::{spacing_mm, voxels};
