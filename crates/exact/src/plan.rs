//! The assignment of subjects to shards and slices.
//!
//! A plan is made once, when a model is trained. Erasing removes a subject from it and moves no other subject: the
//! others' positions, and so the bytes of their states, do not depend on whether the subject was erased.

use crate::budget::epochs_per_stage;
use crate::{ExactError, Expectation};
use lacuna_cohort::SubjectId;
use lacuna_seed::Seed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The largest number of shards or slices that is accepted from a file; no cohort can fill more.
const COUNT_MAX: usize = 10_000;

/// The subjects of each slice of each shard, and the epochs of each stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawPlan")]
pub struct Plan {
    epochs: Vec<usize>,
    shards: Vec<Vec<BTreeSet<SubjectId>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlan {
    epochs: Vec<usize>,
    shards: Vec<Vec<BTreeSet<SubjectId>>>,
}

/// The training of one shard from the entry of one slice to the entry of the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// The slice that enters with this stage, counted from 0.
    pub slice: usize,
    /// The number of the plan's epochs before this stage; it does not change when subjects are erased.
    pub first_epoch: usize,
    /// The number of epochs of this stage.
    pub epochs: usize,
    /// The subjects of this slice and of those before it.
    pub subjects: BTreeSet<SubjectId>,
}

impl Plan {
    /// Deals `subjects` to `shards` shards of `slices` slices each, for as many passes as `epochs` epochs over all
    /// subjects.
    ///
    /// Subjects are ranked by the probability of a request, the least likely first, ties broken by a draw per subject.
    /// The ranks are dealt to the shards in turn, and each shard is cut into slices of equal numbers. So the subjects
    /// that are most likely to leave stand in the last slices, where leaving is cheapest.
    ///
    /// # Errors
    /// If there are fewer subjects than shards, or fewer in the smallest shard than slices.
    pub fn new(
        subjects: &[SubjectId],
        expected: &Expectation,
        [shards, slices]: [usize; 2],
        epochs: usize,
        seed: Seed,
    ) -> Result<Plan, ExactError> {
        check_count("shards", shards, subjects.len(), "the number of subjects trained on")?;
        check_count("slices", slices, subjects.len() / shards, "the number of subjects in the smallest shard")?;
        let ranked = ranked(subjects, expected, seed);
        let of_shard = |shard: usize| ranked.iter().skip(shard).step_by(shards).cloned().collect::<Vec<_>>();
        let shards = (0..shards).map(|shard| cut(&of_shard(shard), slices)).collect();
        Ok(Plan { epochs: epochs_per_stage(epochs, slices), shards })
    }

    /// The epochs of each stage; stage i begins when slice i enters.
    pub fn epochs(&self) -> &[usize] {
        &self.epochs
    }

    /// The subjects by shard and slice; shards and slices can be empty after an erase.
    pub fn shards(&self) -> &[Vec<BTreeSet<SubjectId>>] {
        &self.shards
    }

    /// The subjects of all shards.
    pub fn subjects(&self) -> BTreeSet<SubjectId> {
        self.shards.iter().flatten().flatten().cloned().collect()
    }

    /// The shard and slice of a subject, counted from 0; `None` if the plan does not have it.
    pub fn position(&self, subject: &SubjectId) -> Option<[usize; 2]> {
        let slices = self.shards.iter().enumerate().flat_map(|(shard, slices)| {
            slices.iter().enumerate().map(move |(slice, subjects)| ([shard, slice], subjects))
        });
        slices.into_iter().find(|(_, subjects)| subjects.contains(subject)).map(|(position, _)| position)
    }

    /// The same plan without some subjects; the others keep their positions.
    ///
    /// # Errors
    /// If a leaving subject is not in the plan, or no subject would remain.
    pub fn without(&self, leaving: &BTreeSet<SubjectId>) -> Result<Plan, ExactError> {
        let known = self.subjects();
        if let Some(stranger) = leaving.iter().find(|subject| !known.contains(subject)) {
            let names: Vec<&str> = known.iter().map(SubjectId::as_str).collect();
            return Err(ExactError::NotTrainedOn { subject: stranger.clone(), known: names.join(", ") });
        }
        if known == *leaving {
            return Err(ExactError::NobodyRemains);
        }
        let strike = |subjects: &BTreeSet<SubjectId>| subjects.difference(leaving).cloned().collect();
        let shards = self.shards.iter().map(|slices| slices.iter().map(strike).collect()).collect();
        Ok(Plan { epochs: self.epochs.clone(), shards })
    }

    /// The stages of a shard, in order.
    ///
    /// A slice without subjects has no stage: it would only train once more on the slices before it, which no new
    /// subject requires.
    pub fn stages(&self, shard: usize) -> Vec<Stage> {
        let mut stages = Vec::new();
        let (mut subjects, mut first_epoch) = (BTreeSet::new(), 0);
        for (slice, (entering, &epochs)) in self.shards[shard].iter().zip(&self.epochs).enumerate() {
            subjects.extend(entering.iter().cloned());
            if !entering.is_empty() {
                stages.push(Stage { slice, first_epoch, epochs, subjects: subjects.clone() });
            }
            first_epoch += epochs;
        }
        stages
    }

    /// The shards that have subjects, counted from 0.
    pub fn living_shards(&self) -> impl Iterator<Item = usize> {
        (0..self.shards.len()).filter(|&shard| self.shards[shard].iter().any(|slice| !slice.is_empty()))
    }
}

impl TryFrom<RawPlan> for Plan {
    type Error = String;

    /// Checks that [`Plan::new`] and erasing could have made a plan that was read from a file.
    fn try_from(RawPlan { epochs, shards }: RawPlan) -> Result<Plan, String> {
        if !(1..=COUNT_MAX).contains(&shards.len()) || !(1..=COUNT_MAX).contains(&epochs.len()) {
            return Err(format!(
                "plan: expected 1 to {COUNT_MAX} shards and slices, found {} and {}",
                shards.len(),
                epochs.len()
            ));
        }
        if let Some(wrong) = epochs.iter().find(|&&epochs| !(1..=100_000).contains(&epochs)) {
            return Err(format!("plan: expected 1 to 100000 epochs per stage, found {wrong}"));
        }
        if let Some(slices) = shards.iter().find(|slices| slices.len() != epochs.len()) {
            return Err(format!("plan: expected {} slices in every shard, found {}", epochs.len(), slices.len()));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = shards.iter().flatten().flatten().find(|subject| !seen.insert(*subject)) {
            return Err(format!("plan: expected every subject in one slice, found {twice} in two"));
        }
        if seen.is_empty() {
            return Err("plan: expected a subject, found none".to_string());
        }
        Ok(Plan { epochs, shards })
    }
}

fn check_count(key: &str, found: usize, most: usize, of_what: &str) -> Result<(), ExactError> {
    if (1..=most.min(COUNT_MAX)).contains(&found) {
        return Ok(());
    }
    let expected = format!("1 to {}, {of_what}", most.min(COUNT_MAX));
    Err(ExactError::BadSetting { key: key.to_string(), expected, found: found.to_string() })
}

/// The subjects, the least likely to leave first. Ties are broken by a draw per subject, which does not depend on the
/// other subjects.
fn ranked(subjects: &[SubjectId], expected: &Expectation, seed: Seed) -> Vec<SubjectId> {
    let stream = seed.stream("exact plan");
    let mut keyed: Vec<(f64, f64, &SubjectId)> = subjects
        .iter()
        .map(|subject| (expected.of(subject), stream.subject(subject.as_str()).draws().uniform(), subject))
        .collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(b.2)));
    keyed.into_iter().map(|(_, _, subject)| subject.clone()).collect()
}

/// Consecutive pieces whose sizes differ by one at most.
fn cut(subjects: &[SubjectId], slices: usize) -> Vec<BTreeSet<SubjectId>> {
    let until = |slice: usize| subjects.len() * slice / slices;
    (0..slices).map(|slice| subjects[until(slice)..until(slice + 1)].iter().cloned().collect()).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::BTreeMap;

    pub fn ids(count: usize) -> Vec<SubjectId> {
        (0..count).map(|number| SubjectId::new(format!("sub-{number}")).unwrap()).collect()
    }

    pub fn plan(count: usize, counts: [usize; 2]) -> Plan {
        Plan::new(&ids(count), &expected(count, &[]), counts, 20, Seed(1)).unwrap()
    }

    fn expected(count: usize, stated: &[(&str, f64)]) -> Expectation {
        let stated: BTreeMap<String, f64> = stated.iter().map(|(name, p)| (name.to_string(), *p)).collect();
        Expectation::new(&stated, &ids(count)).unwrap()
    }

    fn only(number: usize) -> BTreeSet<SubjectId> {
        BTreeSet::from([ids(number + 1)[number].clone()])
    }

    #[test]
    fn everybody_is_in_one_slice_of_one_shard() {
        for (count, shards, slices) in [(1, 1, 1), (7, 1, 7), (7, 2, 3), (11, 3, 2), (60, 5, 12)] {
            let plan = plan(count, [shards, slices]);
            let listed: Vec<&SubjectId> = plan.shards.iter().flatten().flatten().collect();
            assert_eq!(listed.len(), count);
            assert_eq!(plan.subjects().len(), count);
            assert!(plan.shards.iter().flatten().all(|slice| !slice.is_empty()));
        }
    }

    #[test]
    fn subjects_likely_to_leave_enter_last() {
        let expected = expected(6, &[("sub-0", 0.9), ("sub-3", 0.8), ("sub-5", 0.0)]);
        let plan = Plan::new(&ids(6), &expected, [2, 3], 10, Seed(1)).unwrap();
        assert_eq!(plan.position(&ids(6)[0]).unwrap()[1], 2);
        assert_eq!(plan.position(&ids(6)[3]).unwrap()[1], 2);
        assert_eq!(plan.position(&ids(6)[5]).unwrap(), [0, 0]);
        let shard = |number: usize| plan.position(&ids(6)[number]).unwrap()[0];
        assert_ne!(shard(0), shard(3), "the two most likely leave different shards");
    }

    #[test]
    fn the_seed_decides_among_equals_and_nobody_else_does() {
        let order = |subjects: &[SubjectId], seed| ranked(subjects, &expected(8, &[]), Seed(seed));
        assert_ne!(order(&ids(8), 1), order(&ids(8), 2));
        for out in ids(8) {
            let others: Vec<_> = ids(8).into_iter().filter(|subject| *subject != out).collect();
            let left: Vec<_> = order(&ids(8), 1).into_iter().filter(|subject| *subject != out).collect();
            assert_eq!(order(&others, 1), left);
        }
    }

    #[test]
    fn striking_a_subject_out_moves_no_other() {
        let plan = plan(7, [2, 3]);
        for out in ids(7) {
            let without = plan.without(&BTreeSet::from([out.clone()])).unwrap();
            for subject in ids(7) {
                let expected = if subject == out { None } else { plan.position(&subject) };
                assert_eq!(without.position(&subject), expected);
            }
            assert_eq!(without.epochs, plan.epochs);
        }
    }

    #[test]
    fn a_stage_trains_on_its_slice_and_all_before_it() {
        let plan = plan(4, [1, 4]);
        let stages = plan.stages(0);
        assert_eq!(stages.iter().map(|stage| stage.subjects.len()).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(stages.iter().map(|stage| stage.first_epoch).collect::<Vec<_>>(), [0, 8, 16, 24]);
    }

    #[test]
    fn a_slice_left_empty_has_no_stage_and_the_epochs_of_the_others_stay() {
        let plan = plan(4, [1, 4]);
        let second = plan.shards[0][1].clone();
        let stages = plan.without(&second).unwrap().stages(0);
        assert_eq!(stages.iter().map(|stage| stage.slice).collect::<Vec<_>>(), [0, 2, 3]);
        assert_eq!(stages.iter().map(|stage| stage.first_epoch).collect::<Vec<_>>(), [0, 16, 24]);
        assert_eq!(stages[2].subjects.len(), 3);
    }

    #[test]
    fn a_shard_that_everybody_left_is_no_longer_living_and_the_last_subject_stays() {
        let two = plan(2, [2, 1]);
        let one = two.without(&two.shards[0][0]).unwrap();
        assert_eq!(one.living_shards().collect::<Vec<_>>(), [1]);
        assert!(one.stages(0).is_empty());
        assert!(matches!(one.without(&one.subjects()), Err(ExactError::NobodyRemains)));
        assert!(matches!(one.without(&two.shards[0][0]), Err(ExactError::NotTrainedOn { .. })));
    }

    #[test]
    fn more_shards_or_slices_than_subjects_are_refused_with_the_most() {
        let refused = |counts| Plan::new(&ids(7), &expected(7, &[]), counts, 20, Seed(1)).unwrap_err().to_string();
        assert!(refused([8, 1]).contains("exact.shards is 8: expected 1 to 7"));
        assert!(refused([2, 4]).contains("exact.slices is 4: expected 1 to 3"));
        assert!(refused([0, 1]).contains("exact.shards is 0"));
    }

    #[test]
    fn a_plan_reads_back_and_one_that_could_not_have_been_made_does_not() {
        let plan = plan(5, [2, 2]);
        let text = serde_json::to_string(&plan.without(&only(3)).unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan.without(&only(3)).unwrap());
        for (wrong, why) in [
            (r#"{"epochs":[1],"shards":[]}"#, "1 to 10000 shards"),
            (r#"{"epochs":[0],"shards":[[["a"]]]}"#, "1 to 100000 epochs"),
            (r#"{"epochs":[1],"shards":[[["a"],["b"]]]}"#, "1 slices"),
            (r#"{"epochs":[1],"shards":[[["a"]],[["a"]]]}"#, "found a in two"),
            (r#"{"epochs":[1],"shards":[[[]]]}"#, "found none"),
            (r#"{"epochs":[1],"shards":[[["a/b"]]]}"#, "subject id"),
            (r#"{"epochs":[1],"shards":[[["a"]]],"more":1}"#, "unknown field"),
        ] {
            let message = serde_json::from_str::<Plan>(wrong).unwrap_err().to_string();
            assert!(message.contains(why), "{wrong}: {message}");
        }
    }
}
