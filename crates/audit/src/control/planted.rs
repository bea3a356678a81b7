//! A planted subject must be flagged in its originals, or the audit is blind.

use super::{ControlName, Definition, Judge, Judged, Observed, References};
use crate::Memory;

pub(super) const CONTROL: Definition =
    Definition { name: ControlName::Planted, expected: "flagged in its originals", judged: Judged::Planted(judge) };

fn judge(judge: &Judge, references: &References) -> Observed {
    Observed::or_why(judge.memory(references).map(|memory| of_memory(&memory)))
}

fn of_memory(memory: &Memory) -> Observed {
    let text = format!("{:+.2} deviations, p = {:.4}", memory.deviations, memory.comparison.p);
    Observed::new(text, memory.detectable)
}
