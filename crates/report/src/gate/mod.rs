//! The two gates: did a run do what its goal asks?
//!
//! `suppress` compares a run with the original, `match-retrain` with a bank of retrained models. A run is judged by
//! the gate of its own goal and by no other, and no figure mixes the two. Everything here is a pure function of rows;
//! what a row does not hold makes a criterion unknown, and an unknown criterion never passes.

mod markdown;
mod match_retrain;
mod suppress;
mod text;

use crate::facts::{Runs, by_setting};
use crate::{Band, Goal, ProbeRow, ReportError, ResultRow, Run, ScoreGrid};
use serde::Serialize;
use std::collections::BTreeMap;

/// The format of [`Gate`] as JSON; it changes when a reader would have to.
pub const GATE_SCHEMA: &str = "lacuna.gate.1";

/// What the gates ask for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Thresholds {
    /// Where Dice is judged; figures on the other grid are shown where they help.
    pub grid: ScoreGrid,
    /// `suppress`: the least part of the original's forget Dice that is gone.
    pub forget_lost_min: f64,
    /// `suppress`: the least part of the original's retain Dice that is left.
    pub retained_min: f64,
    /// `suppress`: the least part of the original's held-out Dice that is left.
    pub held_out_kept_min: f64,
    /// `match-retrain`: the fewest retrained models that say what chance alone does.
    pub retrained_min: usize,
    /// `match-retrain`: the most standard deviations of the retrained models from their mean.
    pub deviations_max: f64,
    /// `match-retrain`: the most forget Dice from their mean, however much they scatter.
    pub forget_difference_max: f64,
    /// `match-retrain`: the most retain and held-out Dice from their means.
    pub others_difference_max: f64,
    /// `match-retrain`: the largest part of a retraining that may be spent.
    pub retraining_fraction_max: f64,
    /// `match-retrain`: the fewest standard deviations by which the original must miss the retrained models' forget
    /// Dice; otherwise nothing was memorised and nothing can be shown to be forgotten.
    pub control_deviations_min: f64,
}

impl Thresholds {
    /// Those of every table that lacuna prints.
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

/// The runs of one goal before their gate, with one network and label table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gate {
    /// [`GATE_SCHEMA`].
    pub schema: &'static str,
    /// What the runs are for.
    pub goal: Goal,
    /// What was trained.
    pub network: String,
    /// The label table.
    pub labels: String,
    /// What was asked for.
    pub thresholds: Thresholds,
    /// One per strategy, variant and horizon.
    pub summaries: Vec<Summary>,
    /// One per run and horizon.
    pub judged: Vec<Judged>,
}

/// A strategy at a horizon, over forgotten subjects and seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The strategy.
    pub strategy: String,
    /// How it differs from the named one.
    pub variant: String,
    /// The horizon.
    pub epochs: usize,
    /// How many runs.
    pub runs: usize,
    /// How many passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// Of how many nothing can be said, for want of rows.
    pub not_assessable: usize,
    /// How many say nothing, since their original had memorised nothing.
    pub says_nothing: usize,
    /// Of each criterion, how many runs met it and of how many it is known.
    pub criteria: BTreeMap<&'static str, Met>,
}

/// How often a criterion was met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Met {
    /// By so many runs.
    pub met: usize,
    /// Of so many of which it is known.
    pub of: usize,
}

/// One run at one horizon, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// The strategy.
    pub strategy: String,
    /// How it differs from the named one.
    pub variant: String,
    /// The horizon.
    pub epochs: usize,
    /// The forgotten subject.
    pub forgotten: String,
    /// The seed.
    pub seed: u64,
    /// What came of it.
    pub verdict: Verdict,
    /// Why, where that is not to be read from the criteria.
    pub note: Option<String>,
    /// `match-retrain`: standard deviations of the original's forget Dice above the retrained models' mean.
    pub control_deviations: Option<f64>,
    /// Each criterion with its figure.
    pub criteria: Vec<Criterion>,
}

/// What came of a run before its gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every criterion that counts is met.
    Pass,
    /// One is not.
    Fail,
    /// Something to compare with is missing.
    NotAssessable,
    /// The original is no further from the retrained models than they are from each other.
    SaysNothing,
}

/// One thing that a gate asks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Criterion {
    /// What it is called in tables.
    pub name: &'static str,
    /// What its figure is in.
    pub unit: Unit,
    /// The run's figure.
    pub value: Option<f64>,
    /// Whether the figure is no more than where counting ended: the true one is larger.
    pub is_limit: bool,
    /// The retrained models that it is compared with, where it is compared with any.
    pub band: Option<Band>,
    /// How many of their standard deviations it lies above their mean.
    pub deviations: Option<f64>,
    /// How far it went of how far it may go: met up to 1, missed by half as much again at 1.5; infinite where a band
    /// allows nothing.
    pub strain: Option<f64>,
    /// Whether it is met, where that is known.
    pub met: Option<bool>,
    /// Whether the verdict depends on it.
    pub counts: bool,
}

/// What a figure is in, which decides how it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A part of something, printed in percent.
    Part,
    /// Dice.
    Dice,
    /// Nats per voxel.
    Nats,
    /// Passes of one volume.
    Passes,
}

impl Criterion {
    /// A part that is to be at least so much; what is missing to the whole is what may be missing.
    fn at_least(name: &'static str, value: Option<f64>, least: f64) -> Criterion {
        let strain = value.map(|value| (1.0 - value).max(0.0) / (1.0 - least));
        Criterion { met: value.map(|value| value >= least), strain, ..Criterion::of((name, Unit::Part), value) }
    }

    /// A part that is to be at most so much.
    fn at_most(name: &'static str, value: Option<f64>, most: f64) -> Criterion {
        let (met, strain) = (value.map(|value| value <= most), value.map(|value| value / most));
        Criterion { met, strain, ..Criterion::of((name, Unit::Part), value) }
    }

    /// A figure beside those of retrained models, no further from their mean than `reach` lets it.
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

    /// A figure that is compared with nothing yet.
    fn of((name, unit): (&'static str, Unit), value: Option<f64>) -> Criterion {
        let (band, deviations, strain, met) = (None, None, None, None);
        Criterion { name, unit, value, is_limit: false, band, deviations, strain, met, counts: true }
    }
}

/// One gate for each goal that has runs, network and label table.
///
/// # Errors
/// Rows that no study writes; [`ReportError::TwoReferences`] if it is not clear what to compare with.
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

/// The runs of a goal, in the order of their names.
fn of_goal<'a>(runs: &'a Runs<'a>, goal: Goal) -> impl Iterator<Item = (&'a Run, &'a crate::facts::Facts)> {
    runs.iter().filter(move |(run, _)| run.goal == goal).map(|(&run, facts)| (run, facts))
}

/// A run before its criteria were looked at.
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

/// A diverged run has no figure and did not do what was asked of it.
fn diverged(run: &Run) -> Judged {
    Judged { note: Some("diverged".to_string()), ..judged(run, Verdict::Fail, Vec::new()) }
}

/// One criterion missed is a failure, whatever else is unknown; one unknown is no pass.
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
