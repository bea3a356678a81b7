//! From scores to a verdict: pools of models for a procedure, one model beside a pool for a delivered one.

use crate::delivered::{Prediction, beside};
use crate::influence::{Direction, influence};
use crate::memory::{completeness, memory};
use crate::never_remembered::{self, NeverRemembered};
use crate::power::seeds_for_equivalence;
use crate::probe::{ProbeResult, probes};
use crate::utility::{Kept, Utility, utility};
use crate::{
    Arm, AuditError, Completeness, Finding, Influence, Measured, Memory, Object, Protocol, Statistic, Verdict, holm,
};
use lacuna_seed::Stream;
use serde::{Deserialize, Serialize};

/// How a model came about, where that alone decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lineage {
    /// Never trained on the subject, as its lineage proves: retrained, or replayed from before the subject and found
    /// to be the bytes of training from the beginning.
    Exact,
    /// Never trained on the subject by the plan of its training; whether it is what training from the beginning makes
    /// was not compared.
    ExactUnproved,
}

/// The three arms of one subject.
#[derive(Clone, Copy, Debug)]
pub struct Arms<'a> {
    /// The models that were trained on all subjects.
    pub original: &'a Arm,
    /// The unlearned models that are judged.
    pub unlearned: &'a Arm,
    /// Trained without the subject.
    pub retrained: &'a Arm,
}

/// A verdict, with all that led to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// What the audit concludes.
    pub verdict: Verdict,
    /// Everything that led to it.
    pub statistics: Statistics,
}

/// What was computed of one subject; the verdict stands beside it, since an audit that is void withholds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// A procedure or a model.
    pub object: Object,
    /// Why, in sentences.
    pub reasons: Vec<String>,
    /// Retrained models that took part.
    pub models: usize,
    /// Whether there was anything to forget.
    pub memory: Option<Memory>,
    /// Where nothing was detectably remembered: whether that is shown, or only not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub never_remembered: Option<NeverRemembered>,
    /// How much of it is gone.
    pub completeness: Option<Completeness>,
    /// The statistic that decides.
    pub primary: Option<Influence>,
    /// The others that were measured, p-values corrected for their number.
    pub secondary: Vec<Secondary>,
    /// Of a delivered model: where it lies.
    pub delivered: Option<Prediction>,
    /// The Dice of the subjects that stay.
    pub utility: Vec<Utility>,
    /// What comes back.
    pub probes: Vec<ProbeResult>,
    /// Where nothing could be concluded: the seeds per arm with which models that are truly alike are shown to be, with
    /// 80 % power. Absent beyond 200.
    pub seeds_needed: Option<usize>,
}

/// A secondary statistic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Secondary {
    /// The comparison of the arm with the retrained models.
    #[serde(flatten)]
    pub influence: Influence,
    /// Its p-value after Holm's correction.
    pub p_holm: f64,
    /// Whether it contradicts: different after correction, and by more than the margin.
    pub contradicts: bool,
}

impl Assessment {
    /// Of a strategy some of whose models left the finite numbers: a result of the method.
    pub fn diverged(diverged: usize, models: usize) -> Assessment {
        let reason = format!("{diverged} of {models} unlearned models diverged and are worth nothing");
        Statistics::empty(Object::Procedure, models).because(Verdict::UtilityLost, reason)
    }

    /// Of a model for which there are no retrained ones: what is missing, in words.
    pub fn without_bank(reason: impl Into<String>) -> Assessment {
        Statistics::empty(Object::DeliveredModel, 0).because(Verdict::NotAssessable, reason)
    }

    /// Of a model that was never trained on the subject, which no statistic has to show.
    pub fn by_lineage(lineage: Lineage) -> Assessment {
        let (verdict, why) = match lineage {
            Lineage::Exact => (Verdict::Exact, "by lineage, no model of it was trained on the subject"),
            Lineage::ExactUnproved => (
                Verdict::ExactUnproved,
                "by construction, unproved: by its plan no model of it was trained on the subject, and no proof.json \
                 shows that its files are those of training from the beginning; `lacuna unlearn --strategy exact \
                 --prove` makes one",
            ),
        };
        Statistics::empty(Object::DeliveredModel, 0).because(verdict, why)
    }
}

impl Statistics {
    fn empty(object: Object, models: usize) -> Statistics {
        Statistics {
            object,
            reasons: Vec::new(),
            models,
            memory: None,
            never_remembered: None,
            completeness: None,
            primary: None,
            secondary: Vec::new(),
            delivered: None,
            utility: Vec::new(),
            probes: Vec::new(),
            seeds_needed: None,
        }
    }

    /// The verdict, with its first reason.
    fn because(mut self, verdict: Verdict, reason: impl Into<String>) -> Assessment {
        self.reasons.insert(0, reason.into());
        Assessment { verdict, statistics: self }
    }
}

/// A strategy, over seeds.
///
/// # Errors
/// Models that diverged, or that are not of the same seeds. Too few of them is a verdict, not an error.
pub fn procedure(arms: Arms, protocol: &Protocol, stream: &Stream) -> Result<Assessment, AuditError> {
    let found = Statistics::empty(Object::Procedure, arms.retrained.len());
    let measured = match measured(found.clone(), arms, protocol, stream) {
        Ok(measured) => measured,
        Err(error @ (AuditError::TooFew { .. } | AuditError::NoSpread { .. })) => {
            return Ok(found.because(Verdict::NotAssessable, error.to_string()));
        }
        Err(error) => return Err(error),
    };
    Ok(judged(measured, protocol))
}

/// Everything but the verdict.
fn measured(mut found: Statistics, arms: Arms, protocol: &Protocol, stream: &Stream) -> Result<Statistics, AuditError> {
    let Arms { original, unlearned, retrained } = arms;
    let of = |arm: &Arm| arm.feature(protocol.primary);
    let (o, u, r) = (of(original)?, of(unlearned)?, of(retrained)?);
    let memory = memory(&o, &r, protocol.memory_deviations_min, protocol.alpha)?;
    found.memory = Some(memory);
    if !memory.detectable {
        found.never_remembered = never_remembered::shown(original, retrained, protocol);
    }
    let three = (unlearned, original, retrained);
    found.primary = Some(influence(protocol.primary, three, protocol, protocol.alpha, stream)?);
    found.completeness = completeness(&o, &u, &r, protocol.level, &stream.part("completeness")).ok();
    found.secondary = secondary(three, protocol, stream);
    found.utility = utility(unlearned, retrained, protocol, stream)?;
    found.probes = probes(unlearned, retrained, protocol.level)?;
    Ok(found)
}

/// Those that every model has; one that is missing or does not scatter says nothing.
fn secondary(three: (&Arm, &Arm, &Arm), protocol: &Protocol, stream: &Stream) -> Vec<Secondary> {
    let of = |statistic: &Statistic| influence(*statistic, three, protocol, protocol.alpha, stream).ok();
    let found: Vec<Influence> = protocol.secondary.iter().filter_map(of).collect();
    let corrected = holm(&found.iter().map(|one| one.comparison.p).collect::<Vec<_>>());
    let judged = |(influence, p_holm): (Influence, f64)| {
        let beyond = influence.comparison.difference.abs() > influence.equivalence.width;
        let contradicts = p_holm <= protocol.alpha && beyond && influence.finding != Finding::Equivalent;
        Secondary { influence, p_holm, contradicts }
    };
    found.into_iter().zip(corrected).map(judged).collect()
}

/// The verdict on a procedure whose arms were measured.
///
/// What is left of a person comes before what was lost of the others: the first is why one audits. The declared
/// statistic and the probes are heard before the secondary statistics, which answer only where the first leave the
/// question open: a model that says noise of the subject has a lower cross-entropy there than one that is sure and
/// wrong, and knows less.
fn judged(mut found: Statistics, protocol: &Protocol) -> Assessment {
    let (memory, primary) = (found.memory.expect("measured"), found.primary.clone().expect("measured"));
    let sided = |(_, finding): &(String, Finding)| matches!(finding, Finding::Residual | Finding::OverForgotten);
    let probes: Vec<(String, Finding)> =
        found.probes.iter().map(|probe| (told_probe(probe), probe.finding)).filter(sided).collect();
    let secondary: Vec<(String, Finding)> = found
        .secondary
        .iter()
        .filter(|secondary| secondary.contradicts)
        .map(|secondary| (told(&secondary.influence), secondary.influence.finding))
        .filter(sided)
        .collect();
    found.reasons.extend(secondary.iter().chain(&probes).map(|(told, _)| told.clone()));
    let lost: Vec<String> = found.utility.iter().filter(|side| side.kept == Kept::Lost).map(told_utility).collect();
    if !memory.detectable {
        let is_sided = matches!(primary.finding, Finding::Residual | Finding::OverForgotten);
        let differs: Vec<String> = is_sided
            .then(|| told(&primary))
            .into_iter()
            .chain(secondary.iter().chain(&probes).map(|(told, _)| told.clone()))
            .chain(lost)
            .collect();
        return nothing_to_forget(found, &memory, differs, protocol);
    }
    found.reasons.extend(lost.iter().cloned());
    let unsure = found.utility.iter().any(|side| side.kept == Kept::Unknown);
    let findings = |told: &[(String, Finding)]| told.iter().map(|(_, finding)| *finding).collect::<Vec<_>>();
    let decisive = [vec![primary.finding], findings(&probes)].concat();
    for heard in [decisive, findings(&secondary)] {
        if heard.contains(&Finding::Residual) {
            return found.because(Verdict::ResidualInfluence, told(&primary));
        }
        if heard.contains(&Finding::OverForgotten) {
            return found.because(Verdict::OverForgotten, told(&primary));
        }
    }
    if !lost.is_empty() {
        return found.because(Verdict::UtilityLost, told(&primary));
    }
    if primary.finding == Finding::Equivalent && !unsure {
        return found.because(Verdict::RetrainEquivalent, told(&primary));
    }
    let deviation = primary.retrained_deviation;
    // Of models that are truly alike: reckoning with the difference just seen would be arguing in a circle.
    found.seeds_needed = seeds_for_equivalence(protocol.margin_in_deviations(deviation), protocol.alpha);
    if primary.finding == Finding::Equivalent {
        found.reasons.push("the loss of Dice is not shown to be within its limit".to_string());
    }
    found.because(Verdict::Inconclusive, told(&primary))
}

/// The verdict where the originals do not detectably remember the subject.
///
/// That a difference was not seen is no finding: only originals that are shown to be like retrained models, and a
/// result that does not differ from these, give [`Verdict::NotRemembered`].
fn nothing_to_forget(mut found: Statistics, memory: &Memory, differs: Vec<String>, protocol: &Protocol) -> Assessment {
    let lie = format!(
        "the originals lie {:.2} deviations from the retrained models (p = {:.3}): the subject is not remembered \
         detectably by this statistic",
        memory.deviations, memory.comparison.p
    );
    let is_alike = differs.is_empty();
    let differing = |told: String| format!("what unlearned differs from the retrained models all the same: {told}");
    found.reasons.extend(differs.into_iter().map(differing));
    match found.never_remembered.clone() {
        Some(shown) if shown.holds() && is_alike => {
            found.reasons.push(NEXT_OF_NOT_REMEMBERED.to_string());
            found.because(Verdict::NotRemembered, format!("{lie}, and {}", shown.told()))
        }
        shown => {
            let deviation = found.primary.as_ref().map_or(1.0, |primary| primary.retrained_deviation);
            let seeds = seeds_for_equivalence(protocol.margin_in_deviations(deviation), protocol.alpha);
            found.seeds_needed = seeds.filter(|seeds| *seeds > found.models);
            found.reasons.extend(shown.filter(|shown| !shown.holds()).map(|shown| shown.told()));
            found.because(Verdict::NotAssessable, format!("{lie}, so its forgetting cannot be judged"))
        }
    }
}

/// What can be done with such a verdict.
const NEXT_OF_NOT_REMEMBERED: &str = "there was nothing to forget by these statistics; `lacuna erase --audit` records \
                                      this for a request, or `lacuna ledger audit REQUEST --verdict not_remembered`";

/// One model beside retrained ones.
///
/// Whether a single model can be judged at all is asked of the originals: their mean must fall outside the interval
/// that the model is to fall into.
///
/// # Errors
/// A model that diverged. Too few retrained models is a verdict.
pub fn delivered_model(
    model: &Measured,
    original: &Arm,
    retrained: &Arm,
    protocol: &Protocol,
) -> Result<Assessment, AuditError> {
    let mut found = Statistics::empty(Object::DeliveredModel, retrained.len());
    let Some(score) = model.features.get(protocol.primary) else {
        return Ok(found.because(Verdict::NotAssessable, "the declared statistic was not measured of the model"));
    };
    let pool = match retrained.feature(protocol.primary) {
        Ok(pool) => pool,
        Err(error @ AuditError::TooFew { .. }) => return Ok(found.because(Verdict::NotAssessable, error.to_string())),
        Err(error) => return Err(error),
    };
    let comparison = beside(score, &pool, protocol.level)?;
    found.delivered = Some(comparison);
    found.probes = probes(&Arm::new("delivered", vec![model.clone()]), retrained, protocol.level)?;
    let originals = original.feature(protocol.primary).ok();
    found.memory = match &originals {
        Some(originals) => Some(memory(originals, &pool, protocol.memory_deviations_min, protocol.alpha)?),
        None => None,
    };
    let remembered = match (&found.memory, &originals) {
        (Some(memory), Some(originals)) => {
            memory.detectable && beside(originals.mean(), &pool, protocol.level)?.p <= protocol.alpha
        }
        _ => false,
    };
    let outside_probes: Vec<String> =
        found.probes.iter().filter(|probe| probe.finding != Finding::Undecided).map(told_probe).collect();
    if let (Some(memory), false) = (found.memory, remembered)
        && !memory.detectable
    {
        found.never_remembered = never_remembered::shown(original, retrained, protocol);
        let mut differs = outside_probes;
        if comparison.p <= protocol.alpha {
            differs.push(format!("{} {score:.4}, p = {:.3}", protocol.primary.name(), comparison.p));
        }
        if loses_dice(model, retrained, protocol) {
            differs.push("the others lose more Dice than is allowed".to_string());
        }
        if pool.len() < protocol.delivered_models_min {
            found.reasons.push(format!("fewer than {} retrained models", protocol.delivered_models_min));
            found.never_remembered = None;
        }
        return Ok(nothing_to_forget(found, &memory, differs, protocol));
    }
    if !remembered {
        let reason = "the originals fall into the retrained models' prediction interval or are missing: one model \
                      cannot be judged by this statistic";
        return Ok(found.because(Verdict::NotAssessable, reason));
    }
    let direction = Direction::of(protocol.primary, originals.as_ref(), &pool, protocol.alpha);
    let told = format!(
        "{} {score:.4}, retrained models' interval {:.4} to {:.4}, p = {:.3}, rank p = {:.3} of {} models",
        protocol.primary.name(),
        comparison.interval.low,
        comparison.interval.high,
        comparison.p,
        comparison.rank_p,
        pool.len()
    );
    let outside = (comparison.p <= protocol.alpha).then(|| direction.finding(score - pool.mean()));
    let speaking: Vec<Finding> = outside.into_iter().chain(found.probes.iter().map(|probe| probe.finding)).collect();
    found.reasons.extend(outside_probes);
    let verdict = if speaking.contains(&Finding::Residual) {
        Verdict::ResidualInfluence
    } else if speaking.contains(&Finding::OverForgotten) {
        Verdict::OverForgotten
    } else if loses_dice(model, retrained, protocol) {
        Verdict::UtilityLost
    } else if pool.len() < protocol.delivered_models_min {
        found.seeds_needed = Some(protocol.delivered_models_min);
        Verdict::Inconclusive
    } else {
        Verdict::ConsistentWithRetrain
    };
    Ok(found.because(verdict, told))
}

fn loses_dice(model: &Measured, retrained: &Arm, protocol: &Protocol) -> bool {
    let loses = |of: &dyn Fn(&Measured) -> Option<f64>| match (of(model), retrained.pool(of)) {
        (Some(dice), Ok(pool)) => pool.mean() - dice > protocol.utility_loss_max,
        _ => false,
    };
    loses(&|model| model.retain_dice) || loses(&|model| model.held_out_dice)
}

fn told(influence: &Influence) -> String {
    let Influence { statistic, mean, retrained_mean, retrained_deviation, comparison, equivalence, .. } = influence;
    format!(
        "{}: mean {mean:.4}, retrained {retrained_mean:.4}, {:+.2} deviations, p = {:.3}; equivalence {} the margin of {:.4}",
        statistic.name(),
        comparison.difference / retrained_deviation,
        comparison.p,
        if equivalence.passed { "shown within" } else { "not shown within" },
        equivalence.width
    )
}

fn told_probe(probe: &ProbeResult) -> String {
    let interval = probe.prediction.interval;
    format!(
        "{}: mean {:.4}, retrained models' range {:.4} to {:.4}",
        probe.probe.name(),
        probe.mean,
        interval.low,
        interval.high
    )
}

fn told_utility(side: &Utility) -> String {
    format!(
        "{} Dice {:.4} below the retrained models', at most {} is allowed",
        side.side.name(),
        side.loss,
        side.loss_max
    )
}
