//! What an adversary could tell, and how far models lie from retrained ones.

use super::arms::{One, arm};
use crate::error::CliError;
use lacuna_audit::attack::{Auc, Lira, OperatingPoint, auc, lira, pooled_variance, true_positives_at};
use lacuna_audit::distance::{Distance, Representation, beside_retrained, disagreement, jensen_shannon, of_weights};
use lacuna_audit::epsilon::{Epsilon, epsilon};
use lacuna_audit::klom::{Klom, klom};
use lacuna_audit::{Arm, AuditError, Comparison, Pool, Protocol, Statistic, welch};
use lacuna_cohort::SubjectId;
use lacuna_seed::Stream;
use serde::Serialize;

/// The false-positive rate at which true positives are counted: the least that so few models can speak of.
const FALSE_POSITIVES: f64 = 0.1;

/// Attacks on one subject, unlearned against retrained models.
#[derive(Serialize)]
pub struct Attacks {
    /// By the primary statistic as it is.
    margin: Option<Auc>,
    /// By the mean loss.
    loss: Option<Auc>,
    /// By likelihoods fitted for the subject.
    lira: Option<Lira>,
    /// Of the last.
    operating_point: Option<OperatingPoint>,
    /// Of the last, at the ratio 0, which is fixed beforehand.
    epsilon: Option<Epsilon>,
    /// Patch by patch.
    klom: Option<Klom>,
}

impl Attacks {
    /// U-LiRA, where there were models enough.
    pub fn lira(&self) -> Option<&Lira> {
        self.lira.as_ref()
    }

    /// What it shows.
    pub fn epsilon(&self) -> Option<Epsilon> {
        self.epsilon
    }
}

/// A retained subject in the same unlearned models: is it served or exposed otherwise than by retrained ones?
#[derive(Serialize)]
pub struct Retained {
    subject: String,
    /// Unlearned minus retrained models, by the primary statistic.
    comparison: Comparison,
    /// How well the arms are told apart by it.
    auc: Option<Auc>,
}

/// The variance of scores that the subjects of a strategy share.
pub fn shared_variance(protocol: &Protocol, arms: &[(&[One], &[One])]) -> Option<f64> {
    let pools: Vec<Pool> = arms
        .iter()
        .flat_map(|(unlearned, retrained)| [arm("unlearned", unlearned), arm("retrained", retrained)])
        .filter_map(|arm| arm.feature(protocol.primary).ok())
        .collect();
    let variance = pooled_variance(&pools.iter().collect::<Vec<_>>());
    (variance > 0.0).then_some(variance)
}

/// Every attack that so many models allow.
pub fn attacks(
    unlearned: &[One],
    retrained: &[One],
    protocol: &Protocol,
    shared: Option<f64>,
    stream: &Stream,
) -> Attacks {
    let (u, r) = (arm("unlearned", unlearned), arm("retrained", retrained));
    let of = |arm: &Arm, statistic| arm.feature(statistic).map(|pool| pool.values().to_vec()).unwrap_or_default();
    let by = |statistic| auc(&of(&u, statistic), &of(&r, statistic));
    let lira = match (u.feature(protocol.primary), r.feature(protocol.primary), shared) {
        (Ok(u), Ok(r), Some(shared)) => lira(&u, &r, shared, stream).ok(),
        _ => None,
    };
    let scores = lira.as_ref().map(|lira| &lira.scores);
    Attacks {
        margin: by(protocol.primary),
        loss: by(Statistic::CrossEntropyBand),
        operating_point: scores.and_then(|scores| {
            true_positives_at(FALSE_POSITIVES, &scores.unlearned, &scores.retrained, protocol.level)
        }),
        epsilon: scores.map(|scores| epsilon(&scores.unlearned, &scores.retrained, 0.0)),
        klom: klom(&patches(unlearned), &patches(retrained)).ok(),
        lira,
    }
}

/// Margins by model and patch, scans one after the other.
fn patches(models: &[One]) -> Vec<Vec<f64>> {
    let of = |one: &One| one.seen.scans.iter().flat_map(|scan| scan.patch_margins.iter().copied()).collect();
    models.iter().map(of).collect()
}

/// Every other audited subject that both arms were trained on.
pub fn retained(
    unlearned: &[One],
    retrained: &[One],
    protocol: &Protocol,
    shown: &dyn Fn(&SubjectId) -> String,
) -> Vec<Retained> {
    let others: Vec<&SubjectId> = retrained.first().map(|one| one.others.keys().collect()).unwrap_or_default();
    let pool = |models: &[One], subject: &SubjectId, what: &'static str| {
        let scores = models.iter().filter_map(|one| one.others.get(subject)?.features.get(protocol.primary));
        Pool::new(what, scores.collect())
    };
    let of = |subject: &&SubjectId| -> Result<Retained, AuditError> {
        let (u, r) = (pool(unlearned, subject, "unlearned")?, pool(retrained, subject, "retrained")?);
        let (comparison, auc) = (welch(&u, &r)?, auc(u.values(), r.values()));
        Ok(Retained { subject: shown(subject), comparison, auc })
    };
    others.iter().filter_map(|subject| of(subject).ok()).collect()
}

/// Distances of an arm from the retrained models: what is said, which classes, what each stage of the encoder sees, and
/// the weights.
pub fn distances(arm: &[One], retrained: &[One], level: f64) -> Result<Vec<Distance>, CliError> {
    // Of one seed both are left out, so only arms that are complete can be compared.
    if arm.len() != retrained.len() {
        return Ok(Vec::new());
    }
    let said = |kind: &str, between: Between| -> Result<Option<Distance>, CliError> {
        let rows = |arm: &[One]| -> Vec<Vec<f64>> {
            arm.iter().map(|one| retrained.iter().map(|other| between(one, other)).collect()).collect()
        };
        Ok(beside_retrained(kind, &rows(arm), &rows(retrained), level)?)
    };
    let mut found = Vec::new();
    found.extend(said("outputs", &|one, other| {
        over_scans(one, other, &|a, b| jensen_shannon(&a.logits, &b.logits, a.classes))
    })?);
    found.extend(said("classes", &|one, other| {
        over_scans(one, other, &|a, b| disagreement(&a.logits, &b.logits, a.classes))
    })?);
    let stages = arm.first().and_then(|one| one.seen.scans.first()).map_or(&[][..], |scan| &scan.stages);
    for (place, (stage, _)) in stages.iter().enumerate() {
        let kind = format!("features of {}", stage.name());
        found.extend(said(&kind, &|one, other| {
            over_scans(one, other, &|a, b| seen(&a.stages[place].1, &b.stages[place].1))
        })?);
    }
    let weights = |models: &[One]| models.iter().filter_map(|one| one.weights).collect::<Vec<f64>>();
    found.extend(of_weights(&weights(arm), &weights(retrained)));
    Ok(found)
}

type Between<'a> = &'a dyn Fn(&One, &One) -> f64;

fn over_scans(
    one: &One,
    other: &One,
    between: &dyn Fn(&lacuna_study::SeenScan, &lacuna_study::SeenScan) -> f64,
) -> f64 {
    let scans = one.seen.scans.iter().zip(&other.seen.scans);
    scans.map(|(one, other)| between(one, other)).sum::<f64>() / one.seen.scans.len() as f64
}

/// A stage that gives everything the same features has nothing in common with one that does not.
fn seen(one: &Option<Representation>, other: &Option<Representation>) -> f64 {
    match (one, other) {
        (Some(one), Some(other)) => one.distance(other),
        (None, None) => 0.0,
        _ => 1.0,
    }
}
