//! An original with a newly drawn decoder remembers no subject: it must be judged as over-forgotten.

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
