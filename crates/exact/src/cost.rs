//! The cost of training a plan and of erasing subjects from it. The unit is a pass: one scan, forward and backward.
//!
//! Pure arithmetic on a [`Plan`]; the tests of training check that a run takes as many passes.

use crate::{Expectation, Plan, Stage};
use lacuna_cohort::SubjectId;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A subject's position in a plan, and the cost of erasing that subject alone from the model as trained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SubjectCost {
    /// The id of the subject.
    pub subject: SubjectId,
    /// The subject's shard, counted from 1.
    pub shard: usize,
    /// The subject's slice, counted from 1.
    pub slice: usize,
    /// The number of the subject's scans.
    pub scans: u64,
    /// The expected probability that the subject asks to be erased.
    pub probability: f64,
    /// The passes that an erase of the subject replays.
    pub erase_passes: u64,
    /// `erase_passes` divided by the passes of ordinary training without the subject.
    pub of_retraining: f64,
}

/// The passes of training a plan from the beginning; `scans` holds the number of scans of each subject.
pub fn training_passes(plan: &Plan, scans: &BTreeMap<SubjectId, u64>) -> u64 {
    plan.living_shards().flat_map(|shard| plan.stages(shard)).map(|stage| passes(&stage, scans)).sum()
}

/// The passes that are replayed to erase `leaving` from a trained plan.
///
/// In each shard these are the stages from the first slice that holds a leaving subject, without these subjects.
///
/// # Errors
/// Those of [`Plan::without`].
pub fn erase_passes(
    plan: &Plan,
    leaving: &BTreeSet<SubjectId>,
    scans: &BTreeMap<SubjectId, u64>,
) -> Result<u64, crate::ExactError> {
    let without = plan.without(leaving)?;
    let replayed = plan.shards().iter().enumerate().filter_map(|(shard, slices)| {
        let first = slices.iter().position(|slice| !slice.is_disjoint(leaving))?;
        let stages = without.stages(shard).into_iter().filter(move |stage| stage.slice >= first);
        Some(stages.map(|stage| passes(&stage, scans)).sum::<u64>())
    });
    Ok(replayed.sum())
}

/// The passes of ordinary training, in which every epoch passes all scans.
pub fn ordinary_passes<'a>(
    epochs: usize,
    subjects: impl IntoIterator<Item = &'a SubjectId>,
    scans: &BTreeMap<SubjectId, u64>,
) -> u64 {
    epochs as u64 * subjects.into_iter().map(|subject| scans[subject]).sum::<u64>()
}

/// The position and cost of each subject, in order of shard, slice and name; `epochs` are those of ordinary training.
///
/// A subject is left out if no other subject would remain: it cannot be erased.
pub fn subject_costs(
    plan: &Plan,
    epochs: usize,
    expected: &Expectation,
    scans: &BTreeMap<SubjectId, u64>,
) -> Vec<SubjectCost> {
    let everybody = plan.subjects();
    let mut costs: Vec<SubjectCost> = everybody
        .iter()
        .filter_map(|subject| {
            let erase_passes = erase_passes(plan, &BTreeSet::from([subject.clone()]), scans).ok()?;
            let retraining = ordinary_passes(epochs, everybody.iter().filter(|other| *other != subject), scans);
            let [shard, slice] = plan.position(subject)?;
            Some(SubjectCost {
                subject: subject.clone(),
                shard: shard + 1,
                slice: slice + 1,
                scans: scans[subject],
                probability: expected.of(subject),
                erase_passes,
                of_retraining: erase_passes as f64 / retraining as f64,
            })
        })
        .collect();
    costs.sort_by(|a, b| (a.shard, a.slice, &a.subject).cmp(&(b.shard, b.slice, &b.subject)));
    costs
}

fn passes(stage: &Stage, scans: &BTreeMap<SubjectId, u64>) -> u64 {
    stage.epochs as u64 * stage.subjects.iter().map(|subject| scans[subject]).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{ids, plan};

    fn one_each(count: usize) -> BTreeMap<SubjectId, u64> {
        ids(count).into_iter().map(|subject| (subject, 1)).collect()
    }

    #[test]
    fn equal_slices_cost_what_ordinary_training_costs() {
        // 4 subjects, 4 slices, 8 epochs each: 8 (1 + 2 + 3 + 4) = 80 = 20 epochs of 4.
        assert_eq!(training_passes(&plan(4, [1, 4]), &one_each(4)), 80);
        assert_eq!(ordinary_passes(20, &ids(4), &one_each(4)), 80);
        // Two shards of two: 13 epochs of 1 and 14 of 2, twice (20 epochs, 2 slices: 13 and 14).
        assert_eq!(plan(4, [2, 2]).epochs(), [13, 14]);
        assert_eq!(training_passes(&plan(4, [2, 2]), &one_each(4)), 2 * (13 + 2 * 14));
    }

    #[test]
    fn leaving_costs_the_stages_that_follow() {
        // Slices of one subject, 8 epochs each. After a subject of slice i leaves, each stage j > i has j - 1 subjects:
        // 8 (1 + 2 + 3), 8 (2 + 3), 8 * 3, 0.
        let plan = plan(4, [1, 4]);
        let cost = |slice: usize| erase_passes(&plan, &plan.shards()[0][slice], &one_each(4)).unwrap();
        assert_eq!([cost(0), cost(1), cost(2), cost(3)], [48, 40, 24, 0]);
    }

    #[test]
    fn a_slice_that_others_remain_in_is_trained_again_without_the_subject() {
        // Two slices of two, 13 and 14 epochs. From the first: 13 + 14 * 3. From the second: 14 * 3.
        let plan = plan(4, [1, 2]);
        let cost = |slice: usize| {
            let one = plan.shards()[0][slice].iter().take(1).cloned().collect();
            erase_passes(&plan, &one, &one_each(4)).unwrap()
        };
        assert_eq!([cost(0), cost(1)], [13 + 14 * 3, 14 * 3]);
    }

    #[test]
    fn several_at_once_cost_one_replay_of_each_shard() {
        let plan = plan(6, [2, 3]);
        let both: BTreeSet<_> = plan.shards()[0][1].union(&plan.shards()[0][2]).cloned().collect();
        // From the second and third slice of one shard nothing is left to replay.
        assert_eq!(erase_passes(&plan, &both, &one_each(6)).unwrap(), 0);
        let of_each: BTreeSet<_> = plan.shards()[0][0].union(&plan.shards()[1][0]).cloned().collect();
        let one = erase_passes(&plan, &plan.shards()[0][0], &one_each(6)).unwrap();
        assert_eq!(erase_passes(&plan, &of_each, &one_each(6)).unwrap(), 2 * one);
    }

    #[test]
    fn a_subject_of_many_scans_counts_as_many() {
        let plan = plan(2, [1, 2]);
        let first = plan.shards()[0][0].first().unwrap().clone();
        let scans = ids(2).into_iter().map(|subject| (subject.clone(), if subject == first { 3 } else { 1 })).collect();
        let costs = subject_costs(&plan, 20, &Expectation::new(&BTreeMap::new(), &ids(2)).unwrap(), &scans);
        // 20 epochs, 2 slices: 13 and 14. The first leaves 14 passes of the second's one scan, of 20 in ordinary
        // retraining.
        assert_eq!((costs[0].erase_passes, costs[0].of_retraining), (14, 0.7));
        assert_eq!((costs[1].erase_passes, costs[1].of_retraining), (0, 0.0));
    }
}
