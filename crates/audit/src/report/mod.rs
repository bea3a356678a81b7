//! What an audit leaves: `audit.json`.
//!
//! [`Report`] is the one type of it: audits write it, pages draw it, requests to erase take their verdict from it. A
//! file is read back into the type that it was written from; the one number that JSON does not hold, an infinite
//! [`Epsilon::found`](crate::epsilon::Epsilon::found), comes back as unknown.

mod attacks;
mod gate;
mod row;

pub use attacks::{Attacker, Attacks, Side};
pub use gate::GateReport;
pub use row::{Conclusion, Pointing, Retained, Row};

use crate::control::is_void;
use crate::epsilon::ceiling;
use crate::{AuditError, Control, Gate, Power, Protocol};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The format that is written and read.
const SCHEMA: &str = "lacuna.audit/1";

/// The whole of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What the audit is called.
    pub name: String,
    /// The run folder of the audit.
    pub run: PathBuf,
    /// Whether a control misbehaved, in which case no verdict is given.
    pub void: bool,
    /// What it was held to; nothing for a delivered model.
    pub protocol: Option<Held>,
    /// What so many seeds can show; nothing without reference models.
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
    /// Where the models lie that saw the subjects, a folder or the address of a bucket; they must be deleted with them.
    pub models: String,
}

/// The declaration that an audit was held to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The declaration's digest.
    pub digest: String,
    /// The file of the declaration.
    pub file: PathBuf,
    /// Unlearned models that had been made before it was written.
    pub unlearned_before: usize,
}

/// Where an audit takes place, as its report names it.
#[derive(Clone, Debug)]
pub struct AuditRun {
    /// [`Report::name`].
    pub name: String,
    /// [`Report::run`].
    pub run: PathBuf,
    /// [`Report::models`].
    pub models: String,
}

/// What an audit found, before it is known whether a control voids it.
#[derive(Clone, Debug)]
pub struct Found {
    /// [`Report::protocol`].
    pub held: Option<Held>,
    /// Models in each arm; 0 without reference models.
    pub seeds: usize,
    /// One for each strategy and subject.
    pub results: Vec<Conclusion>,
    /// [`Report::controls`].
    pub controls: Vec<Control>,
    /// [`Report::identification`].
    pub identification: Vec<Pointing>,
}

impl Report {
    /// From what was found: power, gate, and verdicts unless a control misbehaved.
    pub fn new(audit_run: AuditRun, protocol: &Protocol, gate: &Gate, found: Found) -> Report {
        let Found { held, seeds, results, controls, identification } = found;
        let void = is_void(&controls);
        Report {
            name: audit_run.name,
            run: audit_run.run,
            void,
            protocol: held,
            power: protocol.power(seeds),
            epsilon_ceiling: ceiling(seeds),
            gate: GateReport::new(gate, &results, void),
            results: results.into_iter().map(|conclusion| conclusion.row(void)).collect(),
            controls,
            identification,
            models: audit_run.models,
        }
    }

    /// Whether this audit answered "no": a gate that was declared and not passed, or a control that misbehaved.
    pub fn is_refusal(&self) -> bool {
        self.void || self.gate.passed == Some(false)
    }

    /// The report as the file has it, with the name of its format.
    pub fn file(&self) -> impl Serialize + '_ {
        Written { schema: SCHEMA, report: self }
    }

    /// A report from the text of its file.
    ///
    /// # Errors
    /// [`AuditError::Report`] for text that is no audit of this format.
    pub fn parse(text: &str) -> Result<Report, AuditError> {
        let refuse = |error: serde_json::Error| AuditError::Report { found: error.to_string() };
        let Format { schema } = serde_json::from_str(text).map_err(refuse)?;
        if schema != SCHEMA {
            return Err(AuditError::Report { found: format!("the schema `{schema}`") });
        }
        serde_json::from_str(text).map_err(refuse)
    }

    /// The subjects that it names.
    pub fn subjects(&self) -> impl Iterator<Item = &String> {
        let of_rows = self.results.iter().flat_map(Row::subjects);
        let of_controls = self.controls.iter().filter_map(|control| control.subject.as_ref());
        of_rows.chain(of_controls).chain(self.gate.failures.iter().map(|failure| &failure.subject))
    }

    /// The same, to be renamed.
    pub fn subjects_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let of_rows = self.results.iter_mut().flat_map(Row::subjects_mut);
        let of_controls = self.controls.iter_mut().filter_map(|control| control.subject.as_mut());
        of_rows.chain(of_controls).chain(self.gate.failures.iter_mut().map(|failure| &mut failure.subject))
    }

    /// Every other text that a user's words can stand in, and an id with them.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let of_rows = self.results.iter_mut().flat_map(Row::texts_mut);
        let of_controls = self.controls.iter_mut().flat_map(|control| [&mut control.expected, &mut control.observed]);
        let of_strategies = self.identification.iter_mut().flat_map(|found| [&mut found.strategy, &mut found.variant]);
        let of_failures = self.gate.failures.iter_mut();
        let of_failures =
            of_failures.flat_map(|failure| [&mut failure.strategy, &mut failure.expected, &mut failure.found]);
        of_rows.chain(of_controls).chain(of_strategies).chain(of_failures)
    }
}

#[derive(Serialize)]
struct Written<'a> {
    schema: &'static str,
    #[serde(flatten)]
    report: &'a Report,
}

#[derive(Deserialize)]
struct Format {
    schema: String,
}

#[cfg(test)]
mod tests;
