//! The thresholds of an audit file, and what became of them.

use super::Conclusion;
use crate::{Failure, Gate};
use serde::{Deserialize, Serialize};

/// Whether thresholds were declared and are met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateReport {
    /// Whether the audit file sets any. Reports always say so; the files in docs/results do not, and `None` is how they are
    /// read.
    #[serde(default)]
    pub declared: Option<bool>,
    /// Whether all are met and the audit is not void; nothing where none is set.
    #[serde(default)]
    pub passed: Option<bool>,
    /// Those that are not met.
    #[serde(default)]
    pub failures: Vec<Failure>,
}

impl GateReport {
    /// What a gate makes of the results. An audit that is void passes none.
    pub fn new(gate: &Gate, results: &[Conclusion], void: bool) -> GateReport {
        let of =
            |conclusion: &Conclusion| gate.failures(&conclusion.strategy, &conclusion.subject, &conclusion.assessment);
        let failures: Vec<_> = results.iter().flat_map(of).collect();
        let is_declared = gate.is_declared();
        let passed = is_declared.then_some(failures.is_empty() && !void);
        GateReport { declared: Some(is_declared), passed, failures }
    }
}
