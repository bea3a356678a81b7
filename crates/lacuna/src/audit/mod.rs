//! `lacuna audit`: an audit in a run folder, and its report as people read it.
//!
//! What is measured and judged is `lacuna_study::audit`'s.

mod opened;
mod plan_text;
mod run;
mod text;

pub use plan_text::plan;
pub use run::{Delivery, of_model, of_strategies, outcome};
