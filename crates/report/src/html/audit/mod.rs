//! An audit as a page shows it, read from its `audit.json`.
//!
//! The file is the audit's; this only reads what it draws and leaves the rest, so that a newer audit may say more.
//! Nothing is judged here: verdicts, intervals and error rates are the file's own. What moves with the threshold of the
//! reader, the share of models on either side, is counted from the scores in the file.

mod roc;
mod view;

pub(super) use roc::{Rates, least_of, rates, roc, standard_threshold};
pub(super) use view::{AuditView, view};

use crate::ReportError;
use serde::Deserialize;
use std::path::Path;

/// What is read of `audit.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Audit {
    schema: String,
    /// What it is called.
    pub name: String,
    /// Whether a control misbehaved, in which case no verdict is given.
    pub void: bool,
    #[serde(default)]
    protocol: Option<Protocol>,
    #[serde(default)]
    power: Option<Power>,
    #[serde(default)]
    epsilon_ceiling: Option<f64>,
    pub(in crate::html) results: Vec<Row>,
    #[serde(default)]
    controls: Vec<Control>,
    gate: Gate,
}

#[derive(Clone, Debug, Deserialize)]
struct Protocol {
    digest: String,
    unlearned_before: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct Power {
    seeds: u64,
    detectable: Option<f64>,
    provable: Option<f64>,
    provable_in_deviations: Option<f64>,
    of_equivalence: Option<f64>,
    of_difference: Option<f64>,
    detectable_delivered: Option<f64>,
}

/// One strategy, or one delivered model, and one subject.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::html) struct Row {
    pub(in crate::html) strategy: String,
    pub(in crate::html) variant: String,
    pub(in crate::html) epochs: Option<u64>,
    pub(in crate::html) subject: String,
    verdict: Option<String>,
    statistics: Statistics,
    #[serde(default)]
    attacks: Option<Attacks>,
    #[serde(default)]
    pub(in crate::html) distances: Vec<Distance>,
}

#[derive(Clone, Debug, Deserialize)]
struct Statistics {
    #[serde(default)]
    reasons: Vec<String>,
    #[serde(default)]
    models: Option<u64>,
    #[serde(default)]
    memory: Option<Memory>,
    #[serde(default)]
    completeness: Option<Valued>,
    #[serde(default)]
    primary: Option<Primary>,
    #[serde(default)]
    utility: Vec<Utility>,
    #[serde(default)]
    seeds_needed: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
struct Memory {
    deviations: Option<f64>,
    detectable: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct Valued {
    value: Option<f64>,
    #[serde(default)]
    interval: Option<Interval>,
}

#[derive(Clone, Debug, Deserialize)]
pub(in crate::html) struct Interval {
    pub(in crate::html) low: Option<f64>,
    pub(in crate::html) high: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
struct Primary {
    comparison: Comparison,
    retrained_deviation: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
struct Comparison {
    difference: Option<f64>,
    p: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
struct Utility {
    side: String,
    loss: Option<f64>,
    loss_max: Option<f64>,
    kept: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Attacks {
    margin: Option<Auc>,
    loss: Option<Auc>,
    lira: Option<Lira>,
    operating_point: Option<OperatingPoint>,
    epsilon: Option<Epsilon>,
    klom: Option<Klom>,
}

#[derive(Clone, Debug, Deserialize)]
struct Auc {
    auc: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
struct Lira {
    auc: Option<f64>,
    auc_by_chance: Option<f64>,
    p: Option<f64>,
    scores: Scores,
}

/// Scores of models, one each.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::html) struct Scores {
    pub(in crate::html) unlearned: Vec<f64>,
    pub(in crate::html) retrained: Vec<f64>,
}

#[derive(Clone, Debug, Deserialize)]
struct OperatingPoint {
    true_positive_rate: Option<f64>,
    #[serde(default)]
    interval: Option<Interval>,
}

#[derive(Clone, Debug, Deserialize)]
struct Epsilon {
    at_least: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
struct Klom {
    nats: Option<f64>,
    floor: Option<f64>,
}

/// How far models lie from retrained ones, at one depth.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::html) struct Distance {
    pub(in crate::html) kind: String,
    pub(in crate::html) mean: Option<f64>,
    pub(in crate::html) retrained_mean: Option<f64>,
    #[serde(default)]
    pub(in crate::html) prediction: Option<Prediction>,
}

#[derive(Clone, Debug, Deserialize)]
pub(in crate::html) struct Prediction {
    pub(in crate::html) interval: Interval,
}

#[derive(Clone, Debug, Deserialize)]
struct Control {
    name: String,
    subject: Option<String>,
    expected: String,
    observed: String,
    behaved: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
struct Gate {
    /// Whether the audit's file set any threshold; files of earlier versions do not say.
    #[serde(default)]
    declared: Option<bool>,
    /// Nothing where none was set.
    #[serde(default)]
    passed: Option<bool>,
    #[serde(default)]
    failures: Vec<Failure>,
}

#[derive(Clone, Debug, Deserialize)]
struct Failure {
    strategy: String,
    subject: String,
    threshold: String,
    expected: String,
    found: String,
}

impl Gate {
    /// Whether it is passed, for people.
    fn in_words(&self) -> &'static str {
        match (self.declared, self.passed) {
            (Some(false), _) | (_, None) => "No gate was declared, so there is none to pass.",
            (_, Some(false)) => "The audit's gate is not passed.",
            (Some(true), Some(true)) => "The audit's gate is passed.",
            (None, Some(true)) => "No threshold failed; the file does not say whether a gate was declared.",
        }
    }
}

/// The format that is read.
const SCHEMA: &str = "lacuna.audit/1";
/// Scores of some hundred models and as many rows are far below.
const BYTES_MAX: u64 = 64 << 20;

impl Audit {
    /// Read an `audit.json`.
    ///
    /// # Errors
    /// A file that cannot be read, or is no audit of this format.
    pub fn read(path: &Path) -> Result<Audit, ReportError> {
        let text = lacuna_disk::read_text(path, BYTES_MAX)?;
        Audit::parse(&text).map_err(|found| ReportError::Audit { path: path.to_path_buf(), found })
    }

    fn parse(text: &str) -> Result<Audit, String> {
        let audit: Audit = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if audit.schema == SCHEMA { Ok(audit) } else { Err(format!("the schema `{}`", audit.schema)) }
    }

    /// Everybody whom it names.
    pub fn subjects(&self) -> impl Iterator<Item = &String> {
        let of_rows = self.results.iter().map(|row| &row.subject);
        let of_controls = self.controls.iter().filter_map(|control| control.subject.as_ref());
        of_rows.chain(of_controls).chain(self.gate.failures.iter().map(|failure| &failure.subject))
    }

    /// Call everybody otherwise.
    pub(super) fn call(&mut self, call: &dyn Fn(&str) -> String) {
        let rename = |name: &mut String| *name = call(name);
        self.results.iter_mut().map(|row| &mut row.subject).for_each(rename);
        self.controls.iter_mut().filter_map(|control| control.subject.as_mut()).for_each(rename);
        self.gate.failures.iter_mut().map(|failure| &mut failure.subject).for_each(rename);
    }

    /// Every other text that is shown, which may hold an id.
    pub(super) fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let rows = self.results.iter_mut().flat_map(Row::texts);
        let controls = self.controls.iter_mut().flat_map(Control::texts);
        rows.chain(controls).chain(self.gate.failures.iter_mut().flat_map(Failure::texts))
    }
}

impl Row {
    fn texts(&mut self) -> Vec<&mut String> {
        let utility = self.statistics.utility.iter_mut().flat_map(|loss| [&mut loss.side, &mut loss.kept]);
        let reasons = &mut self.statistics.reasons;
        [&mut self.strategy, &mut self.variant].into_iter().chain(reasons).chain(utility).collect()
    }
}

impl Control {
    fn texts(&mut self) -> [&mut String; 3] {
        [&mut self.name, &mut self.expected, &mut self.observed]
    }
}

impl Failure {
    fn texts(&mut self) -> [&mut String; 4] {
        [&mut self.strategy, &mut self.threshold, &mut self.expected, &mut self.found]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The audit of docs/results, of ten seeds and two strategies.
    pub(in crate::html) fn ixi7() -> Audit {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results/ixi7-audit/audit.json");
        Audit::read(Path::new(path)).unwrap()
    }

    #[test]
    fn an_audit_of_ours_is_read() {
        let audit = ixi7();
        assert_eq!(audit.results.len(), 2);
        assert_eq!(audit.controls.len(), 6);
        let lira = audit.results[0].attacks.as_ref().unwrap().lira.as_ref().unwrap();
        assert_eq!((lira.scores.unlearned.len(), lira.scores.retrained.len()), (10, 10));
    }

    #[test]
    fn a_gate_that_nobody_declared_has_not_passed_on_the_page() {
        let of = |gate: &str| serde_json::from_str::<Gate>(gate).unwrap().in_words();
        for (gate, words) in [
            (r#"{"declared":false,"passed":null,"failures":[]}"#, "No gate was declared"),
            (r#"{"declared":true,"passed":true,"failures":[]}"#, "gate is passed"),
            (r#"{"declared":true,"passed":false,"failures":[]}"#, "gate is not passed"),
            (r#"{"passed":true,"failures":[]}"#, "does not say whether a gate was declared"),
            (r#"{"passed":false,"failures":[]}"#, "gate is not passed"),
            ("{}", "No gate was declared"),
        ] {
            let found = of(gate);
            assert!(found.contains(words), "{gate}: {found}");
            assert_eq!(found.contains("is passed"), words == "gate is passed", "{gate}: {found}");
        }
    }

    #[test]
    fn everybody_is_called_otherwise_everywhere() {
        let mut audit = ixi7();
        audit.call(&|_| "somebody".to_string());
        assert!(!format!("{audit:?}").contains("IXI0"));
    }

    #[test]
    fn another_format_is_refused_by_its_name() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results/ixi7-audit/audit.json");
        let text = std::fs::read_to_string(path).unwrap().replace("lacuna.audit/1", "lacuna.audit/9");
        assert_eq!(Audit::parse(&text).unwrap_err(), "the schema `lacuna.audit/9`");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*", cut in 0usize..2000) {
            let _ = Audit::parse(&text);
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results/ixi7-audit/audit.json");
            let whole = std::fs::read_to_string(path).unwrap();
            prop_assert!(Audit::parse(&whole[..cut]).is_err());
        }
    }
}
