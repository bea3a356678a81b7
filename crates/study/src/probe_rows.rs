//! The rows of `probes.csv` and `curves.csv`, from the records of probes and runs.

use crate::record::Relearned;
use crate::rows::{goal, sides};
use crate::study::Study;
use crate::task::{ProbeTask, Probed, Task};
use crate::{EpochScores, Probe, Record, StudyError};
use lacuna_cohort::Split;
use lacuna_metrics::SubjectScores;
use lacuna_report::{CurveRow, Goal, ProbeRow, Rebound, ReboundStatus, Relearn, RelearnStatus, Role, Roles, Run};
use std::collections::BTreeMap;

impl Study {
    /// One row for each probed model that is recorded.
    ///
    /// # Errors
    /// If a record is damaged.
    pub fn probe_rows(&self) -> Result<Vec<ProbeRow>, StudyError> {
        let mut rows: BTreeMap<Run, ProbeRow> = BTreeMap::new();
        for task in self.tasks() {
            let Task::Probe(task) = task else { continue };
            let Some(record) = self.store().record(&task.key)? else { continue };
            let run = self.probed_run(&task);
            let empty = ProbeRow { run: run.clone(), rebound: None, relearn: None };
            let row = rows.entry(run).or_insert(empty);
            match task.probe {
                Probe::Rebound(_) => row.rebound = Some(self.rebound_of(&record, self.split_of(&task))),
                Probe::Relearn(_) => row.relearn = record.relearned.as_ref().map(|found| relearn_of(&record, found)),
            }
        }
        Ok(rows.into_values().collect())
    }

    /// One row for each point of each curve that is recorded.
    ///
    /// # Errors
    /// If a record is damaged.
    pub fn curve_rows(&self) -> Result<Vec<CurveRow>, StudyError> {
        let mut rows = Vec::new();
        for task in self.tasks() {
            let Task::Unlearn(task) = task else { continue };
            let record = self.store().record(&task.key)?;
            for point in record.iter().flat_map(|record| &record.curve) {
                let (variant, seed) = (&task.variant, task.original.seed);
                let (strategy, differences) = (&variant.strategy, &variant.differences);
                let run = self.row_of(strategy, goal(variant), differences, point.epochs, &task.forget, seed);
                rows.push(CurveRow { run, dice: point.dice, cross_entropy: point.cross_entropy });
            }
        }
        Ok(rows)
    }

    /// The run that a probe belongs to, as result rows name it.
    fn probed_run(&self, task: &ProbeTask) -> Run {
        let (strategy, goal, variant) = match &task.probed {
            Probed::Reference { strategy, .. } => (*strategy, Goal::Reference, ""),
            Probed::Unlearned(task) => {
                (task.variant.strategy.as_str(), goal(&task.variant), task.variant.differences.as_str())
            }
        };
        self.row_of(strategy, goal, variant, task.epochs, &task.forget, task.probed.seed())
    }

    fn split_of(&self, task: &ProbeTask) -> &Split {
        let found = self.splits().iter().find(|(forget, _)| *forget == task.forget);
        &found.expect("a probe is of a forgotten subject of the study").1
    }

    fn rebound_of(&self, record: &Record, split: &Split) -> Rebound {
        let scores = record.horizons.last();
        let means = |by_subject: fn(&EpochScores) -> &BTreeMap<String, SubjectScores>| match scores {
            Some(scores) => self.mean_dice(by_subject(scores), split),
            None => Roles::default(),
        };
        let of_forgotten = |scores: &EpochScores| {
            let losses: Option<Vec<f64>> =
                split.forget().iter().map(|subject| scores.cross_entropy.get(&self.shown(subject)).copied()).collect();
            losses.and_then(|losses| mean(&losses))
        };
        Rebound {
            status: if record.diverged.is_some() { ReboundStatus::Diverged } else { ReboundStatus::Ok },
            passes: record.passes.training,
            output: means(|scores| &scores.output),
            volume: means(|scores| &scores.volume),
            forget_cross_entropy: scores.and_then(of_forgotten),
        }
    }

    /// The mean Dice of each role, over the subjects that have a Dice.
    fn mean_dice(&self, scores: &BTreeMap<String, SubjectScores>, split: &Split) -> Roles<Option<f64>> {
        let mut means = Roles::default();
        for (role, subjects) in sides(split) {
            let dice = subjects.iter().filter_map(|subject| scores.get(&self.shown(subject))?.mean.dice);
            *of_role(&mut means, role) = mean(&dice.collect::<Vec<_>>());
        }
        means
    }
}

/// A mutable reference to the field of a role.
pub(crate) fn of_role<T>(roles: &mut Roles<T>, role: Role) -> &mut T {
    match role {
        Role::Retain => &mut roles.retain,
        Role::Forget => &mut roles.forget,
        Role::HeldOut => &mut roles.held_out,
        Role::ForgottenEarlier => unreachable!("a study forgets from models that have forgotten no subject"),
    }
}

/// The mean of the values, or `None` if there are none.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn relearn_of(record: &Record, found: &Relearned) -> Relearn {
    let status = match (&record.diverged, found.passes) {
        (Some(_), _) => RelearnStatus::Diverged,
        (None, Some(_)) => RelearnStatus::Within,
        (None, None) => RelearnStatus::NotWithin,
    };
    let Relearned { passes_max, cross_entropy_max, .. } = *found;
    let passes = found.passes.filter(|_| status == RelearnStatus::Within);
    Relearn { status, passes, passes_max, cross_entropy_max }
}
