//! Whether the erased subject is the most unusual one of those audited, by strategy and for retrained models.

use super::Audit;
use super::models::{AuditedModel, SubjectModels, arm};
use super::strategies::Audited;
use lacuna_audit::Pool;
use lacuna_audit::attack::{identification, most_unusual};
use lacuna_audit::report::Pointing;
use lacuna_cohort::SubjectId;
use lacuna_report::RETRAIN;
use std::collections::BTreeMap;

/// One line for each strategy, and one for retrained models.
pub(super) fn pointing(audit: &Audit, audited: &[Audited]) -> Vec<Pointing> {
    let of = |strategy: &str, variant: &str, models: &dyn Fn(&SubjectModels) -> Vec<AuditedModel>| {
        let hits = hits(audit, audited, models);
        let found = identification(&hits, audited.len(), audit.config.protocol.level)?;
        Some(Pointing { strategy: strategy.to_string(), variant: variant.to_string(), found })
    };
    let strategies = audit.study.variants().iter().enumerate().filter_map(|(index, variant)| {
        of(&variant.strategy, &variant.differences, &|models| models.unlearned[index].clone())
    });
    strategies.chain(of(RETRAIN, "", &|models| models.retrained.clone())).collect()
}

/// By subject and model, whether the erased subject is the most unusual one.
fn hits(audit: &Audit, audited: &[Audited], of: &dyn Fn(&SubjectModels) -> Vec<AuditedModel>) -> Vec<Vec<bool>> {
    let primary = audit.config.protocol.primary;
    let pool = |audited: &Audited| arm("retrained", &audited.models.retrained).feature(primary).ok();
    let pools: BTreeMap<&SubjectId, Pool> =
        audited.iter().filter_map(|audited| Some((audited.subject, pool(audited)?))).collect();
    let is_hit = |subject: &SubjectId, model: &AuditedModel| -> Option<bool> {
        let own = (subject, model.measured.features.get(primary));
        let others = model.others.iter().map(|(other, measured)| (other, measured.features.get(primary)));
        let deviations =
            std::iter::once(own).chain(others).map(|(who, score)| Some(pools.get(who)?.deviations_of(score?)));
        let deviations: Vec<f64> = deviations.collect::<Option<_>>()?;
        // Fewer candidates than the chance reckons with would flatter the attack.
        (deviations.len() == audited.len()).then(|| most_unusual(&deviations) == Some(0))
    };
    let of_subject =
        |audited: &Audited| of(&audited.models).iter().filter_map(|model| is_hit(audited.subject, model)).collect();
    audited.iter().map(of_subject).collect()
}
