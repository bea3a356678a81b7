//! What a study will take, from its tasks and what is recorded of them.

use crate::study::Study;
use crate::task::{Probed, Task, TrainTask};
use crate::{Estimate, Machine, Probe, StudyError, Workload};
use lacuna_cohort::SubjectId;
use lacuna_unlearn::{epoch_cost, training_passes};
use std::collections::{BTreeMap, BTreeSet};

impl Study {
    /// Time and memory of what is not recorded yet.
    ///
    /// # Errors
    /// A damaged record.
    pub fn estimate(&self, machine: &Machine) -> Result<Estimate, StudyError> {
        self.estimate_of(&self.tasks(), machine)
    }

    /// The same of some tasks.
    ///
    /// # Errors
    /// As [`Study::estimate`].
    pub fn estimate_of(&self, tasks: &[Task], machine: &Machine) -> Result<Estimate, StudyError> {
        let (mut passes, mut again) = (0, BTreeMap::new());
        for task in tasks {
            let is_possible = !matches!(task, Task::Probe(task) if self.is_impossible(task)?);
            if self.store.record(task.key())?.is_none() && is_possible {
                passes += self.passes_of(task)?;
                if let Some(needed) = needed_model(task).filter(|needed| !self.store.has_model(&needed.key)) {
                    again.insert(&needed.key, needed);
                }
            }
        }
        for needed in again.into_values() {
            // A training without a record is a task of its own.
            if self.store.has_record(&needed.key)? {
                passes += self.training_of(needed);
            }
        }
        let workload = self.workload()?;
        let estimate = Estimate::new(&workload, passes, machine);
        workload.check_memory(machine.available_gib)?;
        Ok(estimate)
    }

    /// Time and memory of one task from its beginning, recorded or not.
    ///
    /// # Errors
    /// As [`Study::estimate`].
    pub fn estimate_task(&self, task: &Task, machine: &Machine) -> Result<Estimate, StudyError> {
        Ok(Estimate::new(&self.workload()?, self.passes_of(task)?, machine))
    }

    /// The largest step of its tasks.
    fn workload(&self) -> Result<Workload, StudyError> {
        let mut volumes_at_once = self.config.train.batch_size;
        for task in self.tasks() {
            if let Task::Unlearn(task) = task {
                let cases = self.data.of(&task.passed());
                let step = epoch_cost(&task.variant.recipe, &task.sets(&cases)?).volumes_at_once;
                volumes_at_once = volumes_at_once.max(step);
            }
        }
        Ok(self.data.workload(volumes_at_once, self.config.train.activations))
    }

    /// Training passes at most, preparation included.
    fn passes_of(&self, task: &Task) -> Result<u64, StudyError> {
        let cases = |subjects: &BTreeSet<SubjectId>| self.data.of(subjects).len() as u64;
        match task {
            Task::Train(task) => Ok(self.training_of(task)),
            Task::Unlearn(task) => {
                let cases = self.data.of(&task.passed());
                let epochs = task.variant.longest_horizon();
                let steps = training_passes(&task.variant.recipe, &task.sets(&cases)?, epochs);
                Ok(self.preparation_of(task)?.training + steps)
            }
            Task::Probe(probe) => {
                let per_epoch = match probe.probe {
                    Probe::Rebound(_) => cases(&probe.retain()),
                    Probe::Relearn(_) => cases(&BTreeSet::from([probe.forget.clone()])),
                };
                Ok(per_epoch * self.epochs_of(task) as u64)
            }
        }
    }

    fn training_of(&self, task: &TrainTask) -> u64 {
        (self.data.of(&task.train).len() * self.config.train.epochs) as u64
    }
}

/// The training whose model a task begins from. That of a probe of an unlearned model is kept for it.
fn needed_model(task: &Task) -> Option<&TrainTask> {
    match task {
        Task::Unlearn(task) => Some(&task.original),
        Task::Probe(probe) => match &probe.probed {
            Probed::Reference { task, .. } => Some(task),
            Probed::Unlearned(_) => None,
        },
        Task::Train(_) => None,
    }
}
