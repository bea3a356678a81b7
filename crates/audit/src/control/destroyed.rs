//! An original with a newly drawn decoder remembers no subject: it must be judged as over-forgotten.

use super::{ControlName, Definition, Judge, Judged, Observed, References};
use crate::{Arm, AuditError, Finding};

pub(super) const CONTROL: Definition =
    Definition { name: ControlName::Destroyed, expected: "over-forgotten", judged: Judged::Destroyed(judge) };

fn judge(judge: &Judge, references: &References, destroyed: &Arm) -> Observed {
    Observed::or_why(of_models(judge, references, destroyed))
}

fn of_models(judge: &Judge, references: &References, destroyed: &Arm) -> Result<Observed, AuditError> {
    let influence = judge.influence(ControlName::Destroyed, references, destroyed, judge.protocol.alpha)?;
    Ok(Observed::of_influence(&influence, influence.finding == Finding::OverForgotten))
}
