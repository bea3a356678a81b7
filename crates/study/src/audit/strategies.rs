//! An audit of procedures: strategies over seeds, with controls.

use super::controls::Controlled;
use super::declaration::declare;
use super::distances::distances;
use super::identification::pointing;
use super::measure::{Controls, Measurer};
use super::models::{AuditedModel, SubjectModels, arm, side};
use super::tasks::Tasks;
use super::{Audit, Watch};
use crate::{Machine, Study, StudyError, Variant};
use lacuna_audit::attack::pooled_variance;
use lacuna_audit::control::Models;
use lacuna_audit::report::{Attacker, Conclusion, Found, Report, Retained};
use lacuna_audit::{Arms, Assessment, Control, Pool, Protocol, procedure};
use lacuna_cohort::{Split, SubjectId};
use lacuna_seed::Stream;
use std::path::Path;

/// Declare the audit in the folder of records, do the tasks that have no record yet, measure, and judge.
///
/// # Errors
/// Controls on a subject that is not audited; a declaration that was changed; whatever goes wrong in a study. A wish of
/// `watch` to stop is an error too: what was recorded before stays, and the same call goes on from there.
pub fn of_strategies(audit: &Audit, records: &Path, watch: &mut dyn Watch) -> Result<Report, StudyError> {
    let Audit { study, config, .. } = *audit;
    let tasks = Tasks::new(study, config);
    let all = tasks.all()?;
    let planted = tasks.planted()?;
    let held = declare(study, config, &all, records)?;
    watch.declared(&held);
    watch.estimated(&study.estimate_of(&all, &Machine::measure(study.device()))?);
    study.run_tasks(&all, watch)?;
    let mut measurer = Measurer { study, tasks: &tasks, all: &all, watch };
    let audited = measured(&tasks, &mut measurer)?;
    let apart = match planted.filter(|who| audited.iter().all(|audited| *audited.subject != who.0)) {
        Some(who) => Some((&who.0, measurer.bank_models(who, Controls::Without)?)),
        None => None,
    };
    let controls = controls(audit, &tasks, &audited, apart.as_ref().map(|(subject, models)| (*subject, models)))?;
    let (identification, results) = (pointing(audit, &audited), results(audit, &audited)?);
    let found = Found { held: Some(held), seeds: tasks.seeds().len(), results, controls, identification };
    Ok(Report::new(audit.audit_run.clone(), &config.protocol, &config.gate, found))
}

/// A subject that is audited, with its models.
pub(super) struct Audited<'a> {
    pub(super) subject: &'a SubjectId,
    pub(super) models: SubjectModels,
}

fn measured<'a>(tasks: &Tasks<'a>, measurer: &mut Measurer) -> Result<Vec<Audited<'a>>, StudyError> {
    let (controlled, _) = tasks.control_subject()?;
    let of = |who: &'a (SubjectId, Split)| {
        let controls = if who.0 == *controlled { Controls::All } else { Controls::Without };
        Ok(Audited { subject: &who.0, models: measurer.models(who, controls)? })
    };
    tasks.audited().map(of).collect()
}

/// Judge the controls; the planted subject may be one that is not audited.
fn controls(
    audit: &Audit,
    tasks: &Tasks,
    audited: &[Audited],
    planted_apart: Option<(&SubjectId, &SubjectModels)>,
) -> Result<Vec<Control>, StudyError> {
    let everybody = audited.iter().map(|audited| (audited.subject, &audited.models)).chain(planted_apart);
    let everybody: Vec<(&SubjectId, &SubjectModels)> = everybody.collect();
    let of = |wanted: &SubjectId| {
        *everybody.iter().find(|(subject, _)| *subject == wanted).expect("controls are on subjects that were measured")
    };
    let subject = of(&tasks.control_subject()?.0);
    let planted = match tasks.planted()? {
        Some((planted, _)) => Models::Given(of(planted)),
        None => Models::Missing("no subject of the cohort is planted".to_string()),
    };
    let without_forget_term = Models::Given(subject.1.controls.without_forget_term());
    Ok(Controlled { subject, without_forget_term, planted, everybody }.judge(audit))
}

/// Every strategy on every subject.
fn results(audit: &Audit, audited: &[Audited]) -> Result<Vec<Conclusion>, StudyError> {
    let (protocol, stream) = (&audit.config.protocol, audit.stream());
    let mut found = Vec::new();
    for (index, variant) in audit.study.variants().iter().enumerate() {
        let shared_variance = shared_variance(protocol, index, audited);
        for Audited { subject, models } in audited {
            let subject = audit.study.shown(subject);
            let stream = stream.subject(&subject).part(&variant.strategy).part(&variant.differences);
            let attacker = Attacker { protocol, shared_variance, stream: &stream };
            let compared = Compared { study: audit.study, variant, models, unlearned: &models.unlearned[index] };
            found.push(compared.conclude(subject, &attacker)?);
        }
    }
    Ok(found)
}

/// The variance of scores that the subjects of a strategy share.
fn shared_variance(protocol: &Protocol, index: usize, audited: &[Audited]) -> Option<f64> {
    let arms = |audited: &Audited| {
        let models = &audited.models;
        [arm("unlearned", &models.unlearned[index]), arm("retrained", &models.retrained)]
    };
    let pools = audited.iter().flat_map(arms).filter_map(|arm| arm.feature(protocol.primary).ok());
    let pools: Vec<Pool> = pools.collect();
    let variance = pooled_variance(&pools.iter().collect::<Vec<_>>());
    (variance > 0.0).then_some(variance)
}

/// The models of one strategy and one subject.
struct Compared<'a> {
    study: &'a Study,
    variant: &'a Variant,
    models: &'a SubjectModels,
    unlearned: &'a [AuditedModel],
}

impl Compared<'_> {
    fn conclude(&self, subject: String, attacker: &Attacker) -> Result<Conclusion, StudyError> {
        let (unlearned, retrained) = (self.unlearned, &self.models.retrained);
        Ok(Conclusion {
            strategy: self.variant.strategy.clone(),
            variant: self.variant.differences.clone(),
            epochs: Some(self.variant.longest_horizon()),
            subject,
            assessment: self.assessment(attacker.protocol, attacker.stream)?,
            attacks: Some(attacker.attacks(&side("unlearned", unlearned), &side("retrained", retrained))),
            retained: self.retained(attacker.protocol),
            distances: distances(unlearned, retrained, attacker.protocol.level)?,
        })
    }

    fn assessment(&self, protocol: &Protocol, stream: &Stream) -> Result<Assessment, StudyError> {
        let seeds = self.study.config().seeds.len();
        if self.unlearned.len() < seeds {
            return Ok(Assessment::diverged(seeds - self.unlearned.len(), seeds));
        }
        let (original, retrained) = (arm("original", &self.models.original), arm("retrained", &self.models.retrained));
        let unlearned = arm("unlearned", self.unlearned);
        let arms = Arms { original: &original, unlearned: &unlearned, retrained: &retrained };
        Ok(procedure(arms, protocol, stream)?)
    }

    /// Every other audited subject that both arms were trained on; one whose scores cannot be compared is left out.
    fn retained(&self, protocol: &Protocol) -> Vec<Retained> {
        let retrained = &self.models.retrained;
        let others = retrained.first().into_iter().flat_map(|model| model.others.keys());
        let pool = |models: &[AuditedModel], subject: &SubjectId, what: &'static str| {
            let scores = models.iter().filter_map(|model| model.others.get(subject)?.features.get(protocol.primary));
            Pool::new(what, scores.collect()).ok()
        };
        let of = |subject: &SubjectId| {
            let (u, r) = (pool(self.unlearned, subject, "unlearned")?, pool(retrained, subject, "retrained")?);
            Retained::new(self.study.shown(subject), &u, &r).ok()
        };
        others.filter_map(of).collect()
    }
}
