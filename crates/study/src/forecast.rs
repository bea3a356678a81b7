//! The estimated cost of a study, from its tasks and their records.

use crate::study::Study;
use crate::task::{Probed, Task, TrainTask};
use crate::{Estimate, Machine, Probe, StudyError, Workload};
use lacuna_cohort::SubjectId;
use lacuna_unlearn::{epoch_cost, training_passes};
use std::collections::{BTreeMap, BTreeSet};

impl Study {
    /// Estimates time and memory of all tasks without a record.
    ///
    /// # Errors
    /// If a record is damaged.
    pub fn estimate(&self, machine: &Machine) -> Result<Estimate, StudyError> {
        self.estimate_of(&self.tasks(), machine)
    }

    /// Estimates time and memory of those of `tasks` that have no record.
    ///
    /// # Errors
    /// Those of [`Study::estimate`].
    pub fn estimate_of(&self, tasks: &[Task], machine: &Machine) -> Result<Estimate, StudyError> {
        let (mut passes, mut again) = (0, BTreeMap::new());
        for task in tasks {
            let is_possible = !matches!(task, Task::Probe(task) if self.executor.is_impossible(task)?);
            if self.store().record(task.key())?.is_none() && is_possible {
                passes += self.passes_of(task)?;
                if let Some(needed) = needed_model(task).filter(|needed| !self.store().has_model(&needed.key)) {
                    again.insert(&needed.key, needed);
                }
            }
        }
        for needed in again.into_values() {
            // A training without a record is counted as a task of its own.
            if self.store().has_record(&needed.key)? {
                passes += self.training_of(needed);
            }
        }
        let workload = self.workload()?;
        let estimate = Estimate::new(&workload, passes, machine);
        workload.check_memory(machine.available_gib)?;
        Ok(estimate)
    }

    /// Estimates time and memory of one task from its beginning, whether it is recorded or not.
    ///
    /// # Errors
    /// Those of [`Study::estimate`].
    pub fn estimate_task(&self, task: &Task, machine: &Machine) -> Result<Estimate, StudyError> {
        Ok(Estimate::new(&self.workload()?, self.passes_of(task)?, machine))
    }

    /// The workload of the largest step of all tasks.
    fn workload(&self) -> Result<Workload, StudyError> {
        let mut volumes_at_once = self.config.train.batch_size;
        for task in self.tasks() {
            if let Task::Unlearn(task) = task {
                let cases = self.data().of(&task.passed());
                let step = epoch_cost(&task.variant.recipe, &task.sets(&cases)?).volumes_at_once;
                volumes_at_once = volumes_at_once.max(step);
            }
        }
        Ok(self.data().workload(volumes_at_once, self.config.train.activations))
    }

    /// An upper bound of the task's training passes, preparation included.
    fn passes_of(&self, task: &Task) -> Result<u64, StudyError> {
        let cases = |subjects: &BTreeSet<SubjectId>| self.data().of(subjects).len() as u64;
        match task {
            Task::Train(task) => Ok(self.training_of(task)),
            Task::Unlearn(task) => {
                let cases = self.data().of(&task.passed());
                let epochs = task.variant.longest_horizon();
                let steps = training_passes(&task.variant.recipe, &task.sets(&cases)?, epochs);
                Ok(self.executor.preparation_of(task)?.training + steps)
            }
            Task::Probe(probe) => {
                let per_epoch = match probe.probe {
                    Probe::Rebound(_) => cases(&probe.retain()),
                    Probe::Relearn(_) => cases(&BTreeSet::from([probe.forget.clone()])),
                };
                Ok(per_epoch * self.executor.epochs_of(task) as u64)
            }
        }
    }

    fn training_of(&self, task: &TrainTask) -> u64 {
        (self.data().of(&task.train).len() * self.config.train.epochs) as u64
    }
}

/// The training task whose model this task begins from. `None` for a probe of an unlearned model, which is kept for the
/// probe.
fn needed_model(task: &Task) -> Option<&TrainTask> {
    match task {
        Task::Unlearn(task) => task.original.training(),
        Task::Probe(probe) => match &probe.probed {
            Probed::Reference { task, .. } => Some(task),
            Probed::Unlearned(_) => None,
        },
        Task::Train(_) => None,
    }
}
