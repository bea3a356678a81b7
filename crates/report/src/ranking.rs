//! The order of recipes by their distance from their goal's gate.
//!
//! A search tries many settings on a few subjects, and the number of runs that passed is the same for most of them. So
//! each run counts by its most strained criterion ([`Criterion::strain`](crate::Criterion::strain)): a setting that
//! misses one limit by far gains nothing from meeting the others. Nor does it gain from missing probes: if some runs of
//! a gate were probed and others not, a setting that lacks a criterion comes after those that have all.
//! some runs of a gate were probed and others not, a setting that lacks a criterion comes after those that have all.

use crate::{Gate, Goal, Judged, Verdict};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A strategy, variant and horizon, with the figures that rank it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// The goal of the setting.
    pub goal: Goal,
    /// The name of the strategy.
    pub strategy: String,
    /// The differences from the named strategy.
    pub variant: String,
    /// The number of epochs after which it was scored.
    pub epochs: usize,
    /// The number of runs.
    pub runs: usize,
    /// The number of runs that passed their gate.
    pub passed: usize,
    /// The number of runs that diverged; one is enough to be ranked last.
    pub diverged: usize,
    /// The strain of each run's most strained criterion, averaged over runs: 1 is the limit. `None` if a criterion that
    /// counts is unknown for some run, or a run was compared with an original that had memorised nothing.
    pub strain: Option<f64>,
    /// The criterion that was the most strained in most runs, with the number of these runs.
    pub hardest: Option<(&'static str, usize)>,
    /// The criteria that other settings of the gate were judged by and that some run of this one lacks.
    pub unasked: Vec<&'static str>,
}

/// The settings of a gate, the nearest first. Settings that lack a criterion follow in the same order; those that
/// diverged or cannot be judged come last, ordered by name.
pub fn ranked(gate: &Gate) -> Vec<Ranked> {
    let mut settings: BTreeMap<_, Vec<&Judged>> = BTreeMap::new();
    for judged in &gate.judged {
        settings.entry((judged.strategy.as_str(), judged.variant.as_str(), judged.epochs)).or_default().push(judged);
    }
    let asked: BTreeSet<&'static str> = gate.judged.iter().flat_map(counted).collect();
    let mut ranked: Vec<Ranked> = settings.values().map(|runs| rank(gate.goal, runs, &asked)).collect();
    ranked.sort_by(|one, two| one.order().partial_cmp(&two.order()).expect("a strain is a number"));
    ranked
}

impl Ranked {
    /// The most strained criterion with its number of runs, and the missing criteria, in words; empty if there is
    /// neither.
    pub fn hardest_in_words(&self) -> String {
        let hardest = self.hardest.map(|(name, runs)| format!("{name} ({runs} of {})", self.runs));
        let unasked = (!self.unasked.is_empty()).then(|| format!("not asked: {}", self.unasked.join(", ")));
        hardest.into_iter().chain(unasked).collect::<Vec<_>>().join("; ")
    }

    fn order(&self) -> (bool, bool, f64) {
        (self.strain.is_none(), !self.unasked.is_empty(), self.strain.unwrap_or(0.0))
    }
}

/// The names of the criteria that the verdict on a run depends on.
fn counted(judged: &Judged) -> impl Iterator<Item = &'static str> {
    judged.criteria.iter().filter(|criterion| criterion.counts).map(|criterion| criterion.name)
}

fn rank(goal: Goal, runs: &[&Judged], asked: &BTreeSet<&'static str>) -> Ranked {
    // A run that diverged has no criteria; it is ranked last for the divergence.
    let finished = || runs.iter().filter(|judged| !judged.criteria.is_empty());
    let lacks = |name: &&'static str| finished().any(|judged| counted(judged).all(|found| found != *name));
    let worst: Vec<Option<(f64, &'static str)>> = runs.iter().map(|judged| most_strained(judged)).collect();
    let strain = worst.iter().map(|worst| worst.map(|(strain, _)| strain)).sum::<Option<f64>>();
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    worst.iter().flatten().for_each(|(_, name)| *counts.entry(name).or_default() += 1);
    Ranked {
        goal,
        strategy: runs[0].strategy.clone(),
        variant: runs[0].variant.clone(),
        epochs: runs[0].epochs,
        runs: runs.len(),
        passed: runs.iter().filter(|judged| judged.verdict == Verdict::Pass).count(),
        diverged: runs.iter().filter(|judged| judged.criteria.is_empty()).count(),
        strain: strain.map(|sum| sum / runs.len() as f64),
        hardest: counts.into_iter().max_by_key(|&(_, count)| count),
        unasked: asked.iter().copied().filter(lacks).collect(),
    }
}

/// The most strained criterion of a run; `None` if the run diverged or a criterion that counts is unknown.
fn most_strained(judged: &Judged) -> Option<(f64, &'static str)> {
    if judged.criteria.is_empty() || matches!(judged.verdict, Verdict::NotAssessable | Verdict::SaysNothing) {
        return None;
    }
    let counted = judged.criteria.iter().filter(|criterion| criterion.counts);
    let strains: Option<Vec<(f64, &'static str)>> =
        counted.map(|criterion| Some((criterion.strain?, criterion.name))).collect();
    strains?.into_iter().max_by(|one, two| one.0.total_cmp(&two.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{finished, probe, references, run};
    use crate::{Cost, ORIGINAL, Outcome, RETRAIN, ResultRow, Thresholds, gates};

    fn ranking(rows: &[ResultRow]) -> Vec<Ranked> {
        ranked(&gates(rows, &[], &Thresholds::STANDARD).unwrap()[0])
    }

    /// Originals of two subjects and a run of each setting on both; retain 0.9, forget 0.8, held out 0.5 before.
    fn rows(settings: &[(&str, [[f64; 3]; 2])]) -> Vec<ResultRow> {
        let mut rows = Vec::new();
        for (index, subject) in ["sub-01", "sub-02"].into_iter().enumerate() {
            finished(&mut rows, &run(ORIGINAL, 100, subject, 0), [0.9, 0.8, 0.5]);
            for (variant, dice) in settings {
                let run = crate::Run { variant: variant.to_string(), ..run("noisy-label", 20, subject, 0) };
                finished(&mut rows, &run, dice[index]);
            }
        }
        rows
    }

    #[test]
    fn settings_are_ranked_by_what_they_miss_most() {
        // All forgotten; held out 0.495 of 0.5 is the bound (strain 1), 0.49 misses it by as much again (2).
        let found = ranking(&rows(&[
            ("far", [[0.9, 0.0, 0.49], [0.9, 0.0, 0.48]]),
            ("near", [[0.9, 0.0, 0.494], [0.9, 0.0, 0.496]]),
            ("all kept, nothing forgotten", [[0.9, 0.8, 0.5], [0.9, 0.8, 0.5]]),
        ]));
        let order: Vec<&str> = found.iter().map(|ranked| ranked.variant.as_str()).collect();
        assert_eq!(order, ["near", "far", "all kept, nothing forgotten"]);
        // (1.2 + 0.8) / 2, (2 + 4) / 2, and a forget decrease of nothing where 99 % are asked: 1 / 0.01.
        for (ranked, expected) in found.iter().zip([1.0, 3.0, 100.0]) {
            assert!((ranked.strain.unwrap() - expected).abs() < 1e-9, "{ranked:?}");
        }
        assert_eq!((found[0].passed, found[0].hardest), (1, Some(("held out kept", 2))));
    }

    #[test]
    fn a_setting_that_was_not_probed_does_not_come_before_one_that_was() {
        // Five retrained models with a forget Dice of 0.48 to 0.52, which rebound to the same. Both runs hit the mean;
        // one was probed and comes back to 0.9, the other was not asked. It was called the nearest once.
        let mut rows = references(5, 0.9);
        let named = |variant: &str| crate::Run {
            goal: Goal::MatchRetrain,
            variant: variant.to_string(),
            ..run("atlas", 10, "sub-01", 0)
        };
        for variant in ["probed", "not probed"] {
            let from = rows.len();
            finished(&mut rows, &named(variant), [0.9, 0.5, 0.6]);
            rows[from..].iter_mut().for_each(|row| row.cost.retraining_fraction = Some(0.04));
        }
        let retrained =
            (0..5).map(|seed| probe(&run(RETRAIN, 100, "sub-01", seed), 0.48 + 0.01 * seed as f64, Some(8 + seed)));
        let probes: Vec<_> = retrained.chain([probe(&named("probed"), 0.9, Some(9))]).collect();
        let gates = gates(&rows, &probes, &Thresholds::STANDARD).unwrap();
        let found = ranked(gates.iter().find(|gate| gate.goal == Goal::MatchRetrain).unwrap());
        assert_eq!((found[0].variant.as_str(), found[0].hardest), ("probed", Some(("rebound Dice", 1))));
        assert_eq!(
            (found[1].variant.as_str(), &found[1].unasked[..]),
            ("not probed", &["rebound Dice", "relearn passes"][..])
        );
        assert!(found[1].strain < found[0].strain, "by what was asked it is nearer");
    }

    #[test]
    fn what_diverged_or_cannot_be_said_comes_last() {
        let mut rows = rows(&[("finished", [[0.1, 0.8, 0.1], [0.1, 0.8, 0.1]])]);
        let diverged = crate::Run { variant: "diverged".to_string(), ..run("noisy-label", 20, "sub-01", 0) };
        rows.push(ResultRow { run: diverged, cost: Cost::default(), outcome: Outcome::Diverged });
        let found = ranking(&rows);
        assert_eq!((found[0].variant.as_str(), found[1].diverged, found[1].strain), ("finished", 1, None));
    }
}
