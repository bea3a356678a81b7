//! How far models lie from retrained ones: outputs, classes, what each stage of the encoder sees, and weights.

use super::models::AuditedModel;
use crate::{SeenScan, StudyError};
use lacuna_audit::distance::{Distance, Representation, beside_retrained, disagreement, jensen_shannon, of_weights};

type Between<'a> = &'a dyn Fn(&SeenScan, &SeenScan) -> f64;

/// Distances of an arm from the retrained models.
///
/// # Errors
/// A distance that is not finite.
pub(super) fn distances(
    arm: &[AuditedModel],
    retrained: &[AuditedModel],
    level: f64,
) -> Result<Vec<Distance>, StudyError> {
    // Of one seed both are left out, so only arms that are complete can be compared.
    if arm.len() != retrained.len() {
        return Ok(Vec::new());
    }
    let by = |kind: &str, between: Between| -> Result<Option<Distance>, StudyError> {
        Ok(beside_retrained(kind, &matrix(arm, retrained, between), &matrix(retrained, retrained, between), level)?)
    };
    let mut found = Vec::new();
    found.extend(by("outputs", &|a, b| jensen_shannon(&a.logits, &b.logits, a.classes))?);
    found.extend(by("classes", &|a, b| disagreement(&a.logits, &b.logits, a.classes))?);
    let stages = arm.first().and_then(|model| model.seen.scans.first()).map_or(&[][..], |scan| &scan.stages);
    for (index, (stage, _)) in stages.iter().enumerate() {
        let kind = format!("features of {}", stage.name());
        found.extend(by(&kind, &|a, b| between_features(&a.stages[index].1, &b.stages[index].1))?);
    }
    found.extend(of_weights(&weights(arm), &weights(retrained)));
    Ok(found)
}

/// By model of one arm and model of the other, the mean over scans.
fn matrix(arm: &[AuditedModel], others: &[AuditedModel], between: Between) -> Vec<Vec<f64>> {
    let over_scans = |one: &AuditedModel, other: &AuditedModel| {
        let scans = one.seen.scans.iter().zip(&other.seen.scans);
        scans.map(|(one, other)| between(one, other)).sum::<f64>() / one.seen.scans.len() as f64
    };
    arm.iter().map(|one| others.iter().map(|other| over_scans(one, other)).collect()).collect()
}

/// A stage that gives everything the same features has nothing in common with one that does not.
fn between_features(one: &Option<Representation>, other: &Option<Representation>) -> f64 {
    match (one, other) {
        (Some(one), Some(other)) => one.distance(other),
        (None, None) => 0.0,
        _ => 1.0,
    }
}

fn weights(models: &[AuditedModel]) -> Vec<f64> {
    models.iter().filter_map(|model| model.weights).collect()
}
