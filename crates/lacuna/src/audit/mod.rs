//! `lacuna audit`, from its file to its verdicts.
//!
//! The bank is a study's: originals and retrained models of every seed are tasks found by content, so an audit and a
//! study of the same data train them once. Networks are asked here and scores are judged in `lacuna-audit`.

mod arms;
mod attacks;
mod config;
mod controls;
mod declaration;
mod delivered;
mod plan;
mod report;
mod run;
mod table;
mod tasks;

pub use config::{AuditConfig, Controls};
pub use delivered::{Bank, run as run_delivered};
pub use plan::run as plan;
pub use run::run;
