//! The original fine-tuned on the others alone: not to be called equivalent where the original is flagged.

use super::{ControlName, Definition, Judge, Judged, Observed, References, WithoutForgetTerm};
use crate::{AuditError, Finding};

pub(super) const CONTROL: Definition = Definition {
    name: ControlName::FineTuned,
    expected: "not called equivalent",
    judged: Judged::WithoutForgetTerm(judge),
};

fn judge(judge: &Judge, references: &References, models: &WithoutForgetTerm) -> Vec<Observed> {
    vec![Observed::or_why(of_models(judge, references, models))]
}

fn of_models(judge: &Judge, references: &References, models: &WithoutForgetTerm) -> Result<Observed, AuditError> {
    let influence = judge.influence(ControlName::FineTuned, references, &models.fine_tuned, judge.protocol.alpha)?;
    if !judge.memory(references)?.detectable {
        return Ok(Observed::not_tried("the originals themselves are not flagged"));
    }
    Ok(Observed::of_influence(&influence, influence.finding != Finding::Equivalent))
}
