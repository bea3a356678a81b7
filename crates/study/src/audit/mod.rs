//! An audit of models: from its file to its report.
//!
//! The bank is a study's: originals and retrained models of every seed are tasks found by content, so an audit and a
//! study of the same data train them once. Networks are measured here; scores are judged in `lacuna-audit`, whose
//! [`Report`] this gives back.
//!
//! - [`of_strategies`] audits the strategies of the file over its seeds; [`of_model`] audits one delivered model.
//! - [`plan()`] says what an audit could show and would cost.
//! - [`Watch`] hears how an audit goes, and can stop it between two steps.
//!
//! Deliberately absent: printing, and run folders.

mod config;
mod controls;
mod declaration;
mod delivered;
mod distances;
mod identification;
mod measure;
mod models;
mod networks;
mod plan;
mod recorded;
mod strategies;
mod tasks;
#[cfg(test)]
mod tests;

pub use config::{AuditConfig, Controls};
pub use delivered::{Bank, Delivered, of_model};
pub use plan::{Plan, PlanLine, plan};
pub use strategies::of_strategies;

use crate::{Estimate, Progress, Study, Unwatched};
use lacuna_audit::Held;
#[cfg(doc)]
use lacuna_audit::Report;
use lacuna_audit::report::AuditRun;
use lacuna_seed::{Seed, Stream};

/// An audit that can begin.
#[derive(Clone)]
pub struct Audit<'a> {
    /// The study that its models are tasks of, opened from the audit's own file.
    pub study: &'a Study,
    /// The settings of the audit.
    pub config: &'a AuditConfig,
    /// How its report names it, its run folder and where its models lie.
    pub audit_run: AuditRun,
}

/// An observer of an audit. Its tasks are reported as those of a study are.
pub trait Watch: Progress {
    /// The audit was declared, or found to have been declared before.
    fn declared(&mut self, _held: &Held) {}

    /// What is left to do before models are measured.
    fn estimated(&mut self, _estimate: &Estimate) {}

    /// The models of `done` seeds of `seeds` were measured on a subject, named as the study shows it.
    fn measured(&mut self, _done: usize, _seeds: usize, _subject: &str) {}

    /// Whether to stop before the next model is measured.
    fn wants_to_stop(&self) -> bool {
        false
    }
}

impl Watch for Unwatched {}

impl Audit<'_> {
    /// The stream of every draw.
    fn stream(&self) -> Stream {
        Seed(self.config.study.split.seed).stream("audit")
    }
}
