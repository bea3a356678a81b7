//! Who is trained on, who is never seen, who is to be forgotten.
//!
//! A split lists subjects, never scans, so all scans of a person are on one side. Forgotten
//! subjects are part of the training set: they were learned before they can be forgotten.
//!
//! Chance enters by ranking: each subject draws one number from a stream that carries its own
//! name, and subjects are taken in the order of their numbers. Leaving a subject out therefore
//! changes no other subject's number, which a shuffle of the whole list would.

use crate::error::{all_of, in_words};
use crate::{CohortError, SubjectId};
use lacuna_seed::Seed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A division of subjects; the training and the held-out side are disjoint, and a subject to
/// be forgotten was trained on. Both laws hold for every value, made or loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "SplitLists", into = "SplitLists")]
pub struct Split {
    lists: SplitLists,
}

/// A split as listed by a user or a file, not yet known to be consistent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitLists {
    /// Subjects the original model learns from, those to be forgotten included.
    pub train: BTreeSet<SubjectId>,
    /// Subjects no model ever sees.
    pub held_out: BTreeSet<SubjectId>,
    /// Those of the training set that are to be forgotten.
    #[serde(default)]
    pub forget: BTreeSet<SubjectId>,
}

impl TryFrom<SplitLists> for Split {
    type Error = CohortError;

    /// # Errors
    /// [`CohortError::BothSides`], [`CohortError::ForgetOutsideTraining`].
    fn try_from(lists: SplitLists) -> Result<Split, CohortError> {
        let both: Vec<_> = lists.train.intersection(&lists.held_out).collect();
        if !both.is_empty() {
            return Err(CohortError::BothSides { subjects: in_words(both) });
        }
        let strangers: Vec<_> = lists.forget.difference(&lists.train).collect();
        if !strangers.is_empty() {
            let (subjects, training) = (in_words(strangers), all_of(&lists.train));
            return Err(CohortError::ForgetOutsideTraining { subjects, training });
        }
        Ok(Split { lists })
    }
}

impl From<Split> for SplitLists {
    fn from(split: Split) -> SplitLists {
        split.lists
    }
}

impl Split {
    /// A split by lists, all of whose names must be among the cohort's `subjects`.
    pub fn of_lists(subjects: &[SubjectId], lists: SplitLists) -> Result<Split, CohortError> {
        let known: BTreeSet<_> = subjects.iter().collect();
        let named = lists.train.iter().chain(&lists.held_out).chain(&lists.forget);
        let strangers: BTreeSet<_> = named.filter(|subject| !known.contains(subject)).collect();
        if !strangers.is_empty() {
            return Err(CohortError::UnknownSubject { subjects: in_words(strangers), known: all_of(known) });
        }
        Split::try_from(lists)
    }

    /// A split by chance: `held_out` subjects never seen, the others trained on, none to forget yet.
    pub fn drawn(subjects: &[SubjectId], held_out: usize, seed: Seed) -> Result<Split, CohortError> {
        let folds = Folds::new(subjects, held_out, seed)?;
        Ok(folds.fold(0))
    }

    /// The same split with these subjects to be forgotten.
    pub fn with_forget(&self, forget: impl IntoIterator<Item = SubjectId>) -> Result<Split, CohortError> {
        Split::try_from(SplitLists { forget: forget.into_iter().collect(), ..self.lists.clone() })
    }

    /// Subjects the original model learns from, those to be forgotten included.
    pub fn train(&self) -> &BTreeSet<SubjectId> {
        &self.lists.train
    }

    /// Subjects no model ever sees.
    pub fn held_out(&self) -> &BTreeSet<SubjectId> {
        &self.lists.held_out
    }

    /// Subjects to be forgotten.
    pub fn forget(&self) -> &BTreeSet<SubjectId> {
        &self.lists.forget
    }

    /// Subjects of the training set that stay.
    pub fn retain(&self) -> BTreeSet<SubjectId> {
        self.lists.train.difference(&self.lists.forget).cloned().collect()
    }
}

/// Splits of one cohort in which the held-out subjects rotate.
///
/// The subjects stand in a circle in the order of their draws; fold `f` holds out the `k`
/// subjects from place `f k` on. When `k` does not divide their number, the last fold wraps
/// around, so every fold holds out the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folds {
    circle: Vec<SubjectId>,
    held_out: usize,
}

impl Folds {
    /// Folds that hold out `held_out` subjects each; the order comes from `seed`.
    ///
    /// # Errors
    /// [`CohortError::TooFewSubjects`] unless at least one subject is left to train on.
    pub fn new(subjects: &[SubjectId], held_out: usize, seed: Seed) -> Result<Folds, CohortError> {
        let circle = ranked(subjects, seed);
        if circle.len() <= held_out {
            let wanted = format!("holding out {held_out}");
            return Err(CohortError::TooFewSubjects { wanted, needed: held_out + 1, found: circle.len() });
        }
        Ok(Folds { circle, held_out })
    }

    /// Number of folds until every subject has been held out once; 1 if none ever is.
    pub fn count(&self) -> usize {
        if self.held_out == 0 { 1 } else { self.circle.len().div_ceil(self.held_out) }
    }

    /// The split of one fold, with no subject to forget yet.
    ///
    /// # Panics
    /// If `index` is not below [`Folds::count`].
    pub fn fold(&self, index: usize) -> Split {
        assert!(index < self.count(), "fold {index} of {}", self.count());
        let first = index * self.held_out;
        let held_out: BTreeSet<SubjectId> =
            (first..first + self.held_out).map(|position| self.circle[position % self.circle.len()].clone()).collect();
        let train = self.circle.iter().filter(|subject| !held_out.contains(subject)).cloned().collect();
        Split { lists: SplitLists { train, held_out, forget: BTreeSet::new() } }
    }

    /// The split in which `subject` is to be forgotten: the first fold after the subject's own
    /// in which it is trained on. Over all subjects, the held-out ones rotate.
    ///
    /// # Errors
    /// [`CohortError::UnknownSubject`].
    pub fn forgetting(&self, subject: &SubjectId) -> Result<Split, CohortError> {
        let Some(position) = self.circle.iter().position(|other| other == subject) else {
            let known = all_of(self.circle.iter().collect::<BTreeSet<_>>());
            return Err(CohortError::UnknownSubject { subjects: subject.to_string(), known });
        };
        // With no held-out subjects there is one fold, number 0.
        let own = position.checked_div(self.held_out).unwrap_or(0);
        let split = (1..=self.count())
            .map(|step| self.fold((own + step) % self.count()))
            .find(|split| split.train().contains(subject));
        match split {
            Some(split) => split.with_forget([subject.clone()]),
            // With more than half held out, wrapping can hold one subject out in every fold.
            None => Err(CohortError::TooFewSubjects {
                wanted: format!("forgetting {subject} while holding out {}", self.held_out),
                needed: 2 * self.held_out,
                found: self.circle.len(),
            }),
        }
    }
}

/// The subjects, each once, in the order of one draw per subject.
fn ranked(subjects: &[SubjectId], seed: Seed) -> Vec<SubjectId> {
    let stream = seed.stream("split");
    let mut ranked: Vec<(f64, SubjectId)> = subjects
        .iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|subject| (stream.subject(subject.as_str()).draws().uniform(), subject.clone()))
        .collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    ranked.into_iter().map(|(_, subject)| subject).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> SubjectId {
        SubjectId::new(name).unwrap()
    }

    fn people(count: usize) -> Vec<SubjectId> {
        (0..count).map(|n| id(&format!("s{n}"))).collect()
    }

    fn lists(train: &[&str], held_out: &[&str], forget: &[&str]) -> SplitLists {
        let set = |names: &[&str]| names.iter().map(|name| id(name)).collect();
        SplitLists { train: set(train), held_out: set(held_out), forget: set(forget) }
    }

    #[test]
    fn every_fold_divides_the_cohort_and_everyone_is_held_out() {
        for (count, held_out) in [(7, 2), (6, 3), (5, 1), (4, 0), (3, 2)] {
            let folds = Folds::new(&people(count), held_out, Seed(3)).unwrap();
            let mut ever_held_out = BTreeSet::new();
            for index in 0..folds.count() {
                let split = folds.fold(index);
                assert_eq!(split.held_out().len(), held_out);
                assert_eq!(split.train().len(), count - held_out);
                assert!(split.train().is_disjoint(split.held_out()));
                ever_held_out.extend(split.held_out().clone());
            }
            assert_eq!(ever_held_out.len(), if held_out == 0 { 0 } else { count });
        }
    }

    #[test]
    fn each_subject_is_forgotten_in_a_fold_that_trains_on_it() {
        let subjects = people(7);
        let folds = Folds::new(&subjects, 2, Seed(0)).unwrap();
        let mut held_out = BTreeSet::new();
        for subject in &subjects {
            let split = folds.forgetting(subject).unwrap();
            assert_eq!(split.forget(), &BTreeSet::from([subject.clone()]));
            assert_eq!(split.retain().len(), 4);
            held_out.extend(split.held_out().clone());
        }
        assert_eq!(held_out.len(), 7, "the held-out subjects rotate");
    }

    #[test]
    fn a_split_follows_from_the_seed_alone() {
        let subjects = people(20);
        let mut reversed = subjects.clone();
        reversed.reverse();
        let drawn = |subjects: &[SubjectId], seed| Split::drawn(subjects, 5, Seed(seed)).unwrap();
        assert_eq!(drawn(&subjects, 1), drawn(&reversed, 1));
        assert_ne!(drawn(&subjects, 1), drawn(&subjects, 2));
    }

    #[test]
    fn leaving_one_subject_out_keeps_the_order_of_the_others() {
        let subjects = people(20);
        let mut whole = ranked(&subjects, Seed(4));
        let removed = subjects[7].clone();
        whole.retain(|subject| *subject != removed);
        let rest: Vec<_> = subjects.iter().filter(|subject| **subject != removed).cloned().collect();
        assert_eq!(ranked(&rest, Seed(4)), whole);
    }

    #[test]
    fn a_subject_on_both_sides_is_refused_when_made_and_when_loaded() {
        let error = Split::try_from(lists(&["a", "b"], &["b"], &[])).unwrap_err();
        assert!(matches!(error, CohortError::BothSides { .. }) && error.is_config());
        let error = serde_json::from_str::<Split>(r#"{"train":["a","b"],"held_out":["b"]}"#).unwrap_err();
        assert!(error.to_string().contains("both in training and held out: b"), "{error}");
    }

    #[test]
    fn a_split_survives_being_written_down() {
        let split = Split::try_from(lists(&["a", "b"], &["c"], &["a"])).unwrap();
        let text = serde_json::to_string(&split).unwrap();
        assert_eq!(serde_json::from_str::<Split>(&text).unwrap(), split);
        assert_eq!(split.retain(), BTreeSet::from([id("b")]));
    }

    #[test]
    fn whoever_was_not_trained_on_cannot_be_forgotten() {
        let split = Split::try_from(lists(&["a", "b"], &["c"], &[])).unwrap();
        let message = split.with_forget([id("c")]).unwrap_err().to_string();
        assert_eq!(message, "cannot forget c: not in the training set; fix: choose from a, b");
    }

    #[test]
    fn lists_may_name_only_subjects_of_the_cohort() {
        let message = Split::of_lists(&people(2), lists(&["s0", "x"], &["s1"], &[])).unwrap_err().to_string();
        assert_eq!(message, "the cohort has no subject x; fix: choose from s0, s1");
    }

    #[test]
    fn someone_must_be_left_to_train_on() {
        let message = Split::drawn(&people(2), 2, Seed(0)).unwrap_err().to_string();
        assert_eq!(message, "holding out 2 needs at least 3 subjects, the cohort has 2; fix: hold out fewer");
    }
}
