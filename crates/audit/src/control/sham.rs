//! A retrained model that went through a recipe without its forget term: there is nothing to be found. One control for each
//! recipe.

use super::{ControlName, Definition, Judge, Judged, Observed, References, Sham, WithoutForgetTerm};
use crate::{AuditError, Finding};

pub(super) const CONTROL: Definition =
    Definition { name: ControlName::Sham, expected: "not flagged", judged: Judged::WithoutForgetTerm(judge) };

fn judge(judge: &Judge, references: &References, models: &WithoutForgetTerm) -> Vec<Observed> {
    models.shams.iter().map(|sham| of_recipe(judge, references, sham)).collect()
}

fn of_recipe(judge: &Judge, references: &References, sham: &Sham) -> Observed {
    let observed = match &sham.models {
        None => Observed::not_tried("nothing is left of it without its forget term"),
        Some(models) => Observed::or_why(of_models(judge, references, models)),
    };
    Observed { text: format!("{}: {}", sham.strategy, observed.text), ..observed }
}

fn of_models(judge: &Judge, references: &References, models: &crate::Arm) -> Result<Observed, AuditError> {
    let influence = judge.influence(ControlName::Sham, references, models, judge.protocol.control_alpha)?;
    let is_flagged = matches!(influence.finding, Finding::Residual | Finding::OverForgotten);
    Ok(Observed::of_influence(&influence, !is_flagged))
}
