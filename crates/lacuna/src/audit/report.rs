//! What an audit leaves: `audit.json`.

use super::attacks::{Attacks, Retained};
use super::declaration::Held;
use lacuna_audit::attack::Identification;
use lacuna_audit::distance::Distance;
use lacuna_audit::{Assessment, Control, Failure, Gate, Object, Power, Verdict};
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
    /// Whether thresholds were declared and every one is met, and which are not.
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
    /// Whether the audit file sets any.
    pub declared: bool,
    /// Whether all are met and the audit is not void; nothing where none is set.
    pub passed: Option<bool>,
    /// Those that are not met.
    pub failures: Vec<Failure>,
}

impl Report {
    /// Whether this audit answered "no": a gate that was declared and not passed, or a control that misbehaved.
    pub fn is_refusal(&self) -> bool {
        self.void || self.gate.passed == Some(false)
    }
}

impl GateReport {
    /// What a gate makes of the results. An audit that is void passes none.
    pub fn of(gate: &Gate, results: &[Row], void: bool) -> GateReport {
        let failures: Vec<_> =
            results.iter().flat_map(|row| gate.failures(&row.strategy, &row.subject, &row.statistics)).collect();
        let declared = gate.is_declared();
        GateReport { declared, passed: declared.then_some(failures.is_empty() && !void), failures }
    }

    /// For people.
    pub fn in_words(&self) -> &'static str {
        match self.passed {
            None => "no gate was declared, so none is passed",
            Some(true) => "passed",
            Some(false) => "not passed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(verdict: Verdict) -> Row {
        let statistics = Assessment { verdict, ..Assessment::without_bank("none") };
        Row {
            strategy: "delivered".to_string(),
            variant: String::new(),
            epochs: None,
            subject: "sub-1".to_string(),
            object: Object::DeliveredModel,
            verdict: Some(verdict),
            statistics,
            attacks: None,
            retained: Vec::new(),
            distances: Vec::new(),
        }
    }

    #[test]
    fn a_gate_passes_only_where_it_was_declared_and_met_by_an_audit_that_is_not_void() {
        let asks = |verdict| Gate { verdicts: Some(vec![verdict]), ..Gate::default() };
        for verdict in Verdict::ALL {
            let rows = [row(verdict)];
            let other = Verdict::ALL.into_iter().find(|other| *other != verdict).unwrap();
            for (gate, void, passed) in [
                (Gate::default(), false, None),
                (Gate::default(), true, None),
                (asks(verdict), false, Some(true)),
                (asks(verdict), true, Some(false)),
                (asks(other), false, Some(false)),
                (asks(other), true, Some(false)),
            ] {
                let found = GateReport::of(&gate, &rows, void);
                assert_eq!((found.passed, found.declared), (passed, gate.is_declared()), "{verdict:?} {gate:?} {void}");
                assert_eq!(found.in_words().contains("no gate was declared"), passed.is_none());
                let json = serde_json::to_value(&found).unwrap();
                assert_eq!(json["passed"].is_null(), passed.is_none(), "{json}");
            }
        }
        // A gate that asks something of no result at all is met by nothing that was found.
        assert_eq!(GateReport::of(&asks(Verdict::Exact), &[], true).passed, Some(false));
    }
}
