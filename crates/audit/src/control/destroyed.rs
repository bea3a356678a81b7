//! An original with a decoder drawn anew knows nobody: it must come out as over-forgotten.

use super::{Bank, ControlName, Definition, Judge, Judged, Observed};
use crate::{Arm, AuditError, Finding};

pub(super) const CONTROL: Definition =
    Definition { name: ControlName::Destroyed, expected: "over-forgotten", judged: Judged::Destroyed(judge) };

fn judge(judge: &Judge, bank: &Bank, destroyed: &Arm) -> Observed {
    Observed::or_why(of_models(judge, bank, destroyed))
}

fn of_models(judge: &Judge, bank: &Bank, destroyed: &Arm) -> Result<Observed, AuditError> {
    let influence = judge.influence(ControlName::Destroyed, bank, destroyed, judge.protocol.alpha)?;
    Ok(Observed::of_influence(&influence, influence.finding == Finding::OverForgotten))
}
