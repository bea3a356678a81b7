//! The rows of `results.csv` and `curves.csv`, from the records.

use crate::executor::Executor;
use crate::opening::everybody;
use crate::study::Study;
use crate::task::{TrainTask, UnlearnTask, by_role};
use crate::{CurvePoint, EpochScores, Record, StudyError, Variant};
use lacuna_cohort::{Split, SubjectId};
use lacuna_report::{
    Cost, CurveRow, Goal, ORIGINAL, Outcome, ResultRow, Role, Run, ScoreGrid, ScoredSubject, scored_rows,
};
use lacuna_train::Passes;
use std::collections::BTreeSet;

/// One horizon of a run, with the data that its rows need.
struct Horizon<'a> {
    run: Run,
    /// The digest that names the task.
    key: &'a str,
    /// The subjects by role.
    sides: &'a [(Role, BTreeSet<SubjectId>)],
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
                    let retraining = self.retraining(split, seed)?;
                    rows.extend(self.executor.unlearned_rows(&task, &record, retraining)?);
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
                let forgotten = BTreeSet::from([forget.clone()]);
                let run = self.executor.row_of(strategy, Goal::Reference, "", scores.epochs, &forgotten, seed);
                let horizon = Horizon { run, key: &key, sides: &sides(split), scores, retraining };
                rows.extend(self.executor.rows_of_scores(&horizon)?);
            }
        }
        Ok(())
    }

    /// The passes of the model retrained without the subject, if that run is recorded.
    fn retraining(&self, split: &Split, seed: u64) -> Result<Option<Passes>, StudyError> {
        let task = self.train_task(split.retain(), split, seed);
        Ok(self.store().record(&task.key)?.map(|record| record.passes))
    }
}

impl Executor {
    /// The rows of a recorded unlearning: those of a given original, of each horizon, and one without scores for the
    /// first horizon that a diverged run missed. `retraining` are the passes of the model retrained without the same
    /// subjects, if known.
    ///
    /// # Errors
    /// If the record lacks the scores of a subject.
    pub fn unlearned_rows(
        &self,
        task: &UnlearnTask,
        record: &Record,
        retraining: Option<Passes>,
    ) -> Result<Vec<ResultRow>, StudyError> {
        let (variant, seed, sides) = (&task.variant, task.original.seed(), task.sides());
        let mut rows = Vec::new();
        let horizon = |run, scores| Horizon { run, key: &task.key, sides: &sides, scores, retraining };
        if let Some(scores) = &record.original {
            let run = self.row_of(ORIGINAL, Goal::Reference, "", scores.epochs, &task.forget, seed);
            rows.extend(self.rows_of_scores(&horizon(run, scores))?);
        }
        let run =
            |epochs| self.row_of(&variant.strategy, goal(variant), &variant.differences, epochs, &task.forget, seed);
        for scores in &record.horizons {
            rows.extend(self.rows_of_scores(&horizon(run(scores.epochs), scores))?);
        }
        if record.diverged.is_some() {
            let reached = record.horizons.iter().map(|scores| scores.epochs).max().unwrap_or(0);
            let missed = variant.horizons.iter().copied().filter(|&epochs| epochs > reached).min();
            let row = |epochs| ResultRow { run: run(epochs), cost: Cost::default(), outcome: Outcome::Diverged };
            rows.extend(missed.map(row));
        }
        Ok(rows)
    }

    /// The rows of an unlearning's curve.
    pub fn unlearned_curve(&self, task: &UnlearnTask, record: &Record) -> Vec<CurveRow> {
        let (variant, seed) = (&task.variant, task.original.seed());
        let row = |point: &CurvePoint| {
            let (strategy, differences) = (&variant.strategy, &variant.differences);
            let run = self.row_of(strategy, goal(variant), differences, point.epochs, &task.forget, seed);
            CurveRow { run, dice: point.dice, cross_entropy: point.cross_entropy }
        };
        record.curve.iter().map(row).collect()
    }

    pub(crate) fn row_of(
        &self,
        strategy: &str,
        goal: Goal,
        variant: &str,
        epochs: usize,
        forget: &BTreeSet<SubjectId>,
        seed: u64,
    ) -> Run {
        Run {
            network: self.data().architecture.name(),
            labels: self.data().labels.name().to_string(),
            goal,
            strategy: strategy.to_string(),
            variant: variant.to_string(),
            epochs,
            forgotten: self.shown_together(forget),
            seed,
        }
    }

    fn rows_of_scores(&self, horizon: &Horizon<'_>) -> Result<Vec<ResultRow>, StudyError> {
        let Horizon { run, key, sides, scores, retraining } = horizon;
        let mut rows = Vec::new();
        let cost = scores.cost.map_or_else(Cost::default, |cost| cost.beside(*retraining));
        for (role, subjects) in *sides {
            for subject in subjects {
                let shown = self.shown(subject);
                for (grid, by_subject) in [(ScoreGrid::Volume, &scores.volume), (ScoreGrid::Output, &scores.output)] {
                    let subject_scores = by_subject.get(&shown).ok_or_else(|| {
                        let path = self.store().record_path(key);
                        let found = format!("no scores of {shown} after {} epochs", scores.epochs);
                        StudyError::Record { delete: path.clone(), path, found }
                    })?;
                    let scored = ScoredSubject {
                        grid,
                        role: *role,
                        subject: &shown,
                        collapsed: scores.collapsed,
                        scores: subject_scores,
                        cross_entropy: scores.cross_entropy.get(&shown).copied(),
                    };
                    rows.extend(scored_rows(run, &cost, &scored));
                }
            }
        }
        Ok(rows)
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
pub(crate) fn sides(split: &Split) -> Vec<(Role, BTreeSet<SubjectId>)> {
    by_role(split.train(), split.forget(), &everybody(split), &BTreeSet::new())
}
