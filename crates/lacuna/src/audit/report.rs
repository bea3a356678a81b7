//! What an audit leaves: `audit.json`.

use super::attacks::{Attacks, Retained};
use super::declaration::Held;
use lacuna_audit::attack::Identification;
use lacuna_audit::distance::Distance;
use lacuna_audit::{Assessment, Control, Failure, Object, Power, Verdict};
use lacuna_objects::Address;
use serde::Serialize;
use std::path::PathBuf;

/// The whole of it.
#[derive(Serialize)]
pub struct Report {
    /// What the audit is called.
    pub name: String,
    /// Its run folder.
    pub run: PathBuf,
    /// Whether a control misbehaved, in which case no verdict is given.
    pub void: bool,
    /// What it was held to.
    pub protocol: Option<Held>,
    /// What so many seeds can show; of no bank, nothing.
    pub power: Option<Power>,
    /// The largest epsilon that so many models could ever have shown.
    pub epsilon_ceiling: f64,
    /// One for each strategy and subject.
    pub results: Vec<Row>,
    /// What had to come out as known.
    pub controls: Vec<Control>,
    /// Could the erased subjects be pointed at? By strategy; `retrain` is what retrained models give.
    pub identification: Vec<Pointing>,
    /// Whether every threshold is met, and which are not.
    pub gate: GateReport,
    /// Where the models lie that saw the subjects; they must be deleted with them.
    pub models: Address,
}

/// One strategy, or one delivered model, and one subject.
#[derive(Serialize)]
pub struct Row {
    /// The strategy, or the model's file.
    pub strategy: String,
    /// How it differs from the named one.
    pub variant: String,
    /// Epochs of unlearning.
    pub epochs: Option<usize>,
    /// Who is forgotten.
    pub subject: String,
    /// A procedure or a model.
    pub object: Object,
    /// What is said; nothing if the audit is void.
    pub verdict: Option<Verdict>,
    /// Everything that led to it.
    pub statistics: Assessment,
    /// What an adversary could tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attacks: Option<Attacks>,
    /// The same of the others in these models.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retained: Vec<Retained>,
    /// How far from retrained models.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distances: Vec<Distance>,
}

/// How a strategy gives its subjects away.
#[derive(Serialize)]
pub struct Pointing {
    /// The strategy.
    pub strategy: String,
    /// How it differs from the named one.
    pub variant: String,
    /// How often the erased subject was the most unusual one.
    pub found: Identification,
}

/// The thresholds.
#[derive(Serialize)]
pub struct GateReport {
    /// Whether all are met and the audit is not void.
    pub passed: bool,
    /// Those that are not.
    pub failures: Vec<Failure>,
}
