//! The rows of `results.csv`, from the records.

use crate::study::Study;
use crate::task::{TrainTask, UnlearnTask};
use crate::{EpochScores, Record, StudyError, Variant};
use lacuna_cohort::{Split, SubjectId};
use lacuna_report::{Cost, Goal, Outcome, ResultRow, Role, Run, ScoreGrid, ScoredSubject, scored_rows};
use lacuna_train::Passes;
use std::collections::BTreeSet;

/// One horizon of a run, with the data that its rows need.
struct Horizon<'a> {
    run: Run,
    /// The digest that names the task.
    key: &'a str,
    split: &'a Split,
    scores: &'a EpochScores,
    /// The passes of the model retrained without the same subject, if known.
    retraining: Option<Passes>,
}

impl Study {
    /// The rows of every recorded run; an unfinished study has fewer.
    ///
    /// # Errors
    /// If a record is damaged.
    pub fn rows(&self) -> Result<Vec<ResultRow>, StudyError> {
        let mut rows = Vec::new();
        for (seed, (forget, split)) in self.config().seeds.iter().flat_map(|&seed| self.of_seed(seed)) {
            self.add_references(&mut rows, seed, forget, split)?;
            let original = self.train_task(split.train().clone(), split, seed);
            for variant in self.variants() {
                let task = self.unlearn_task(&original, forget, variant);
                if let Some(record) = self.store().record(&task.key)? {
                    self.add_unlearned(&mut rows, &task, split, &record)?;
                }
            }
        }
        for (seed, (forget, split)) in self.config().bank_seeds().flat_map(|seed| self.of_seed(seed)) {
            self.add_references(&mut rows, seed, forget, split)?;
        }
        Ok(rows)
    }

    fn add_references(
        &self,
        rows: &mut Vec<ResultRow>,
        seed: u64,
        forget: &SubjectId,
        split: &Split,
    ) -> Result<(), StudyError> {
        let retraining = self.retraining(split, seed)?;
        for (strategy, TrainTask { key, .. }) in self.references(split, seed) {
            for scores in self.store().record(&key)?.iter().flat_map(|record| &record.horizons) {
                let run = self.row_of(strategy, Goal::Reference, "", scores.epochs, forget, seed);
                self.add_scores(rows, &Horizon { run, key: &key, split, scores, retraining })?;
            }
        }
        Ok(())
    }

    fn add_unlearned(
        &self,
        rows: &mut Vec<ResultRow>,
        task: &UnlearnTask,
        split: &Split,
        record: &Record,
    ) -> Result<(), StudyError> {
        let variant = &task.variant;
        let seed = task.original.seed;
        let run =
            |epochs| self.row_of(&variant.strategy, goal(variant), &variant.differences, epochs, &task.forget, seed);
        let retraining = self.retraining(split, seed)?;
        for scores in &record.horizons {
            let run = run(scores.epochs);
            self.add_scores(rows, &Horizon { run, key: &task.key, split, scores, retraining })?;
        }
        if record.diverged.is_some() {
            let reached = record.horizons.iter().map(|scores| scores.epochs).max().unwrap_or(0);
            let missed = variant.horizons.iter().copied().filter(|&epochs| epochs > reached).min();
            let row = |epochs| ResultRow { run: run(epochs), cost: Cost::default(), outcome: Outcome::Diverged };
            rows.extend(missed.map(row));
        }
        Ok(())
    }

    /// The passes of the model retrained without the subject, if that run is recorded.
    fn retraining(&self, split: &Split, seed: u64) -> Result<Option<Passes>, StudyError> {
        let task = self.train_task(split.retain(), split, seed);
        Ok(self.store().record(&task.key)?.map(|record| record.passes))
    }

    pub(crate) fn row_of(
        &self,
        strategy: &str,
        goal: Goal,
        variant: &str,
        epochs: usize,
        forget: &SubjectId,
        seed: u64,
    ) -> Run {
        Run {
            network: self.data().architecture.name(),
            labels: self.data().labels.name().to_string(),
            goal,
            strategy: strategy.to_string(),
            variant: variant.to_string(),
            epochs,
            forgotten: self.shown(forget),
            seed,
        }
    }

    fn add_scores(&self, rows: &mut Vec<ResultRow>, horizon: &Horizon<'_>) -> Result<(), StudyError> {
        let Horizon { run, key, split, scores, retraining } = horizon;
        let cost = scores.cost.map_or_else(Cost::default, |cost| cost.beside(*retraining));
        for (role, subjects) in sides(split) {
            for subject in &subjects {
                let shown = self.shown(subject);
                for (grid, by_subject) in [(ScoreGrid::Volume, &scores.volume), (ScoreGrid::Output, &scores.output)] {
                    let subject_scores = by_subject.get(&shown).ok_or_else(|| {
                        let path = self.store().record_path(key);
                        let found = format!("no scores of {shown} after {} epochs", scores.epochs);
                        StudyError::Record { delete: path.clone(), path, found }
                    })?;
                    let scored = ScoredSubject {
                        grid,
                        role,
                        subject: &shown,
                        collapsed: scores.collapsed,
                        scores: subject_scores,
                        cross_entropy: scores.cross_entropy.get(&shown).copied(),
                    };
                    rows.extend(scored_rows(run, &cost, &scored));
                }
            }
        }
        Ok(())
    }
}

/// The goal of a recipe.
pub(crate) fn goal(variant: &Variant) -> Goal {
    match variant.recipe.goal {
        lacuna_unlearn::Goal::Suppress => Goal::Suppress,
        lacuna_unlearn::Goal::MatchRetrain => Goal::MatchRetrain,
    }
}

/// The subjects of a split, by role.
pub(crate) fn sides(split: &Split) -> [(Role, BTreeSet<SubjectId>); 3] {
    [(Role::Retain, split.retain()), (Role::Forget, split.forget().clone()), (Role::HeldOut, split.held_out().clone())]
}
