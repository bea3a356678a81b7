//! The two gates, which decide whether a run reached its goal.
//!
//! `suppress` compares a run with the original, `match-retrain` with a bank of retrained models. A run is judged by the
//! gate of its own goal alone, and no figure mixes the two. Everything here is a pure function of rows; a criterion
//! whose figure is missing is unknown, and an unknown criterion never passes.

mod markdown;
mod match_retrain;
mod suppress;
mod text;

use crate::facts::{Runs, by_setting};
use crate::{Band, Goal, ProbeRow, ReportError, ResultRow, Run, ScoreGrid};
use serde::Serialize;
use std::collections::BTreeMap;

/// The format's name of [`Gate`] as JSON; its number rises with every change that a reader has to follow.
pub const GATE_SCHEMA: &str = "lacuna.gate.1";

/// The limits that the gates apply.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Thresholds {
    /// The grid on which Dice is judged; figures of the other grid are shown beside them.
    pub grid: ScoreGrid,
    /// `suppress`: the least share of the original's forget Dice that must be lost.
    pub forget_lost_min: f64,
    /// `suppress`: the least share of the original's retain Dice that must be kept.
    pub retained_min: f64,
    /// `suppress`: the least share of the original's held-out Dice that must be kept.
    pub held_out_kept_min: f64,
    /// `match-retrain`: the fewest retrained models that are accepted as a band.
    pub retrained_min: usize,
    /// `match-retrain`: the largest distance from the retrained models' mean, in their standard deviations.
    pub deviations_max: f64,
    /// `match-retrain`: the largest distance of the forget Dice from their mean, however much they scatter.
    pub forget_difference_max: f64,
    /// `match-retrain`: the largest distance of retain and held-out Dice from their means.
    pub others_difference_max: f64,
    /// `match-retrain`: the largest cost, as a share of a retraining.
    pub retraining_fraction_max: f64,
    /// `match-retrain`: the fewest standard deviations by which the original's forget Dice must lie above the retrained
    /// models'; otherwise nothing was memorised and no forgetting can be shown.
    pub control_deviations_min: f64,
}

impl Thresholds {
    /// The limits of every table that lacuna prints.
    pub const STANDARD: Thresholds = Thresholds {
        grid: ScoreGrid::Output,
        forget_lost_min: 0.99,
        retained_min: 0.995,
        held_out_kept_min: 0.99,
        retrained_min: 5,
        deviations_max: 2.0,
        forget_difference_max: 0.02,
        others_difference_max: 0.005,
        retraining_fraction_max: 0.05,
        control_deviations_min: 2.0,
    };
}

/// The judged runs of one goal, one network and one label table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gate {
    /// The format's name, [`GATE_SCHEMA`].
    pub schema: &'static str,
    /// The goal of the runs.
    pub goal: Goal,
    /// The name of the network.
    pub network: String,
    /// The label table.
    pub labels: String,
    /// The limits that were applied.
    pub thresholds: Thresholds,
    /// One summary for each strategy, variant and horizon.
    pub summaries: Vec<Summary>,
    /// One entry for each run and horizon.
    pub judged: Vec<Judged>,
}

/// The results of a strategy at a horizon, over forgotten subjects and seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The name of the strategy.
    pub strategy: String,
    /// The differences from the named strategy.
    pub variant: String,
    /// The number of epochs after which it was scored.
    pub epochs: usize,
    /// The number of runs.
    pub runs: usize,
    /// The number of runs that passed.
    pub passed: usize,
    /// The number of runs that failed.
    pub failed: usize,
    /// The number of runs that cannot be judged, because rows are missing.
    pub not_assessable: usize,
    /// The number of runs that show nothing, because their original had memorised nothing.
    pub says_nothing: usize,
    /// For each criterion, the number of runs that met it, and of runs for which it is known.
    pub criteria: BTreeMap<&'static str, Met>,
}

/// How many runs met a criterion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Met {
    /// The number of runs that met it.
    pub met: usize,
    /// The number of runs for which it is known.
    pub of: usize,
}

/// One run at one horizon, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// The name of the strategy.
    pub strategy: String,
    /// The differences from the named strategy.
    pub variant: String,
    /// The number of epochs after which it was scored.
    pub epochs: usize,
    /// The forgotten subject.
    pub forgotten: String,
    /// The seed of the run.
    pub seed: u64,
    /// The verdict on the run.
    pub verdict: Verdict,
    /// The reason for the verdict, where the criteria do not show it.
    pub note: Option<String>,
    /// `match-retrain`: standard deviations of the original's forget Dice above the retrained models' mean.
    pub control_deviations: Option<f64>,
    /// The criteria, with their figures.
    pub criteria: Vec<Criterion>,
}

/// The verdict of a gate on a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every criterion that counts is met.
    Pass,
    /// At least one criterion that counts is missed.
    Fail,
    /// A model or figure to compare with is missing.
    NotAssessable,
    /// The original lies within the scatter of the retrained models, so forgetting cannot be shown.
    SaysNothing,
}

/// One criterion of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Criterion {
    /// The name in tables.
    pub name: &'static str,
    /// The unit of the figure.
    pub unit: Unit,
    /// The run's figure.
    pub value: Option<f64>,
    /// Whether the figure is only a lower bound: the measurement was stopped there.
    pub is_limit: bool,
    /// The band of retrained models that it is compared with, where it is.
    pub band: Option<Band>,
    /// The distance above their mean, in their standard deviations.
    pub deviations: Option<f64>,
    /// The used share of what the criterion allows: met up to 1, and 1.5 means half as much again as allowed; infinite
    /// where a band allows no distance.
    pub strain: Option<f64>,
    /// Whether the criterion is met; `None` if that is unknown.
    pub met: Option<bool>,
    /// Whether the verdict depends on it.
    pub counts: bool,
}

/// The unit of a figure, which determines how it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A share, printed in percent.
    Part,
    /// A Dice score, from 0 to 1.
    Dice,
    /// Cross-entropy in nats per voxel.
    Nats,
    /// A number of passes of one volume.
    Passes,
}

impl Criterion {
    /// A share that must be at least `least`. Its strain is the missing share divided by `1 - least`.
    fn at_least(name: &'static str, value: Option<f64>, least: f64) -> Criterion {
        let strain = value.map(|value| (1.0 - value).max(0.0) / (1.0 - least));
        Criterion { met: value.map(|value| value >= least), strain, ..Criterion::of((name, Unit::Part), value) }
    }

    /// A share that must be at most `most`.
    fn at_most(name: &'static str, value: Option<f64>, most: f64) -> Criterion {
        let (met, strain) = (value.map(|value| value <= most), value.map(|value| value / most));
        Criterion { met, strain, ..Criterion::of((name, Unit::Part), value) }
    }

    /// A figure that must lie within `reach` of the mean of retrained models.
    fn beside(
        named: (&'static str, Unit),
        value: Option<f64>,
        band: Option<Band>,
        reach: impl FnOnce(Band) -> f64,
    ) -> Criterion {
        let deviations = value.zip(band).and_then(|(value, band)| band.deviations(value));
        let distance = value.zip(band).map(|(value, band)| ((value - band.mean).abs(), reach(band)));
        let met = distance.map(|(distance, reach)| distance <= reach);
        let strain = distance.map(|(distance, reach)| if distance == 0.0 { 0.0 } else { distance / reach });
        Criterion { band, deviations, strain, met, ..Criterion::of(named, value) }
    }

    /// A figure without a comparison.
    fn of((name, unit): (&'static str, Unit), value: Option<f64>) -> Criterion {
        let (band, deviations, strain, met) = (None, None, None, None);
        Criterion { name, unit, value, is_limit: false, band, deviations, strain, met, counts: true }
    }
}

/// One gate for each goal, network and label table that has runs.
///
/// # Errors
/// Rows that no study writes; [`ReportError::TwoReferences`] if the model to compare with is ambiguous.
pub fn gates(rows: &[ResultRow], probes: &[ProbeRow], thresholds: &Thresholds) -> Result<Vec<Gate>, ReportError> {
    let mut gates = Vec::new();
    for ((network, labels), runs) in by_setting(rows)? {
        for goal in [Goal::Suppress, Goal::MatchRetrain] {
            let judged = match goal {
                Goal::MatchRetrain => match_retrain::judge(&runs, probes, thresholds)?,
                _ => suppress::judge(&runs, thresholds)?,
            };
            if judged.is_empty() {
                continue;
            }
            let (network, labels) = (network.to_string(), labels.to_string());
            let (schema, thresholds, summaries) = (GATE_SCHEMA, *thresholds, summaries(&judged));
            gates.push(Gate { schema, goal, network, labels, thresholds, summaries, judged });
        }
    }
    Ok(gates)
}

/// The runs of a goal, ordered by name.
fn of_goal<'a>(runs: &'a Runs<'a>, goal: Goal) -> impl Iterator<Item = (&'a Run, &'a crate::facts::Facts)> {
    runs.iter().filter(move |(run, _)| run.goal == goal).map(|(&run, facts)| (run, facts))
}

/// A judged run, from its verdict and criteria.
fn judged(run: &Run, verdict: Verdict, criteria: Vec<Criterion>) -> Judged {
    Judged {
        strategy: run.strategy.clone(),
        variant: run.variant.clone(),
        epochs: run.epochs,
        forgotten: run.forgotten.clone(),
        seed: run.seed,
        verdict,
        note: None,
        control_deviations: None,
        criteria,
    }
}

/// The failure of a diverged run, which has no figures.
fn diverged(run: &Run) -> Judged {
    Judged { note: Some("diverged".to_string()), ..judged(run, Verdict::Fail, Vec::new()) }
}

/// The verdict of some criteria: one that is missed is a failure, whatever else is unknown; one that is unknown is no
/// pass.
fn verdict(criteria: &[Criterion]) -> Verdict {
    let counted = || criteria.iter().filter(|criterion| criterion.counts).map(|criterion| criterion.met);
    if counted().any(|met| met == Some(false)) {
        Verdict::Fail
    } else if counted().any(|met| met.is_none()) {
        Verdict::NotAssessable
    } else {
        Verdict::Pass
    }
}

fn summaries(judged: &[Judged]) -> Vec<Summary> {
    let mut groups: BTreeMap<_, Vec<&Judged>> = BTreeMap::new();
    for one in judged {
        groups.entry((one.strategy.as_str(), one.variant.as_str(), one.epochs)).or_default().push(one);
    }
    groups.into_values().map(|group| summary(&group)).collect()
}

fn summary(group: &[&Judged]) -> Summary {
    let count = |verdict| group.iter().filter(|one| one.verdict == verdict).count();
    let mut criteria: BTreeMap<&'static str, Met> = BTreeMap::new();
    for criterion in group.iter().flat_map(|one| &one.criteria) {
        let met = criteria.entry(criterion.name).or_default();
        met.met += usize::from(criterion.met == Some(true));
        met.of += usize::from(criterion.met.is_some());
    }
    Summary {
        strategy: group[0].strategy.clone(),
        variant: group[0].variant.clone(),
        epochs: group[0].epochs,
        runs: group.len(),
        passed: count(Verdict::Pass),
        failed: count(Verdict::Fail),
        not_assessable: count(Verdict::NotAssessable),
        says_nothing: count(Verdict::SaysNothing),
        criteria,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn criterion(met: Option<bool>, counts: bool) -> Criterion {
        Criterion {
            name: "one",
            unit: Unit::Dice,
            value: None,
            is_limit: false,
            band: None,
            deviations: None,
            strain: None,
            met,
            counts,
        }
    }

    #[test]
    fn what_is_unknown_never_passes_and_what_is_missed_fails_whatever_is_unknown() {
        let of = |met: &[Option<bool>]| verdict(&met.iter().map(|&met| criterion(met, true)).collect::<Vec<_>>());
        assert_eq!(of(&[Some(true), Some(true)]), Verdict::Pass);
        assert_eq!(of(&[Some(true), None]), Verdict::NotAssessable);
        assert_eq!(of(&[None, Some(false)]), Verdict::Fail);
        assert_eq!(verdict(&[criterion(Some(false), false)]), Verdict::Pass, "it is shown and does not count");
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let mut rows = crate::fixture::study();
        let gates = |rows: &[ResultRow]| gates(rows, &[], &Thresholds::STANDARD).unwrap();
        let forwards = gates(&rows);
        rows.reverse();
        assert_eq!(gates(&rows), forwards);
        assert_eq!(forwards.iter().map(|gate| gate.goal).collect::<Vec<_>>(), [Goal::Suppress, Goal::MatchRetrain]);
    }
}
