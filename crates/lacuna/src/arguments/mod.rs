//! Arguments that several verbs share.

mod cases;
mod consult;
mod data;
pub mod device;
mod exact;
mod images;
pub mod isa;
mod model;
mod passes;
mod plans;
mod preprocess;
mod run;
mod store;
pub mod suggested;
pub mod values;

pub use cases::CaseArguments;
pub use consult::{ConsultArguments, Purpose};
pub use data::{DataArguments, LabelArguments, LayoutArguments, ReadArguments};
pub use exact::ExactArguments;
pub use images::{ImageArguments, ImagesChoice};
pub use model::{Model, ModelArguments, ShortcutChoice, remarks_of};
pub use passes::PassArguments;
pub use plans::PlansArguments;
pub use preprocess::PreprocessArguments;
pub use run::RunArguments;
pub use store::StoreArguments;
pub use values::{spacing_mm, voxels};
