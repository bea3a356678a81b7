//! Probes: a short further training that shows what a model still holds of a subject.
//!
//! A rebound is a run like any other, and is resumed like one. A relearning takes a few passes of one subject: it keeps
//! no checkpoint, and begins anew after an interruption. Both use the training loop and its streams.

use crate::executor::Executor;
use crate::probe_config::{Probe, RelearnConfig};
use crate::progress::Progress;
use crate::record::Relearned;
use crate::runs::{Ending, divergence, record};
use crate::task::{ProbeTask, Probed, Task, TrainTask, UnlearnTask, delivered_probe_key};
use crate::watch::{Watch, Watched};
use crate::{Record, StudyError};
use lacuna_cohort::{Case, SubjectId};
use lacuna_inference::score_on_output_grid;
use lacuna_nn::Network;
use lacuna_seed::Seed;
use lacuna_train::{Control, Monitor, Passes, State, Supervised, TrainConfig, TrainError, fit};
use std::collections::BTreeSet;
use std::time::Instant;

impl Executor {
    /// The model that a probe begins from; `None` if its run diverged before that horizon.
    pub(crate) fn probed_model(
        &self,
        task: &ProbeTask,
        progress: &mut dyn Progress,
    ) -> Result<Option<Network>, StudyError> {
        match &task.probed {
            Probed::Reference { task, .. } => self.model(&Task::Train(task.clone()), progress).map(Some),
            Probed::Unlearned(unlearned) => self.model_at(unlearned, task.epochs, progress),
        }
    }

    /// Whether a record shows that the run to probe diverged before the probed horizon.
    pub(crate) fn is_impossible(&self, task: &ProbeTask) -> Result<bool, StudyError> {
        let Probed::Unlearned(unlearned) = &task.probed else { return Ok(false) };
        let record = self.store().record(&unlearned.key)?;
        Ok(record.is_some_and(|record| record.horizons.iter().all(|scores| scores.epochs != task.epochs)))
    }

    /// The model of an unlearning run at a horizon, kept for its probes or made again; `None` if the run diverged
    /// before.
    fn model_at(
        &self,
        task: &UnlearnTask,
        epochs: usize,
        progress: &mut dyn Progress,
    ) -> Result<Option<Network>, StudyError> {
        let path = self.store().record_path(&task.key);
        let unfit = |found: String| StudyError::Record { path: path.clone(), found, delete: path.clone() };
        let recorded = self.store().record(&task.key)?.ok_or_else(|| unfit("none".to_string()))?;
        let Some(recorded) = digest_at(&recorded, epochs) else { return Ok(None) };
        let recorded = recorded.ok_or_else(|| unfit(format!("no digest of the model after {epochs} epochs")))?;
        if let Some(network) = self.store().model_at(&task.key, epochs, &recorded, self.device())? {
            return Ok(Some(network));
        }
        let again = self.made_again(&Task::Unlearn(Box::new(task.clone())), progress)?;
        match self.store().model_at(&task.key, epochs, &recorded, self.device())? {
            Some(network) => Ok(Some(network)),
            None => {
                let found = again
                    .and_then(|(again, _)| digest_at(&again, epochs))
                    .flatten()
                    .unwrap_or_else(|| "none".to_string());
                Err(StudyError::NotRepeated { key: task.key.clone(), path, recorded, found })
            }
        }
    }

    /// Runs probes on a model from outside; the retain subjects are those of `retrained`.
    /// Each result is recorded under the model's digest, so that it is computed once.
    ///
    /// # Errors
    /// Those of [`Executor::run_tasks`].
    pub fn probe_delivered(
        &self,
        network: &Network,
        retrained: &TrainTask,
        forget: &SubjectId,
        probes: Vec<Probe>,
        progress: &mut dyn Progress,
    ) -> Result<Vec<(Probe, Record)>, StudyError> {
        let digest = network.digest();
        let ask = |probe: Probe| {
            let key = delivered_probe_key(&digest, retrained, forget, &probe);
            if let Some(record) = self.store().record(&key)? {
                return Ok((probe, record));
            }
            let probed = Probed::Reference { strategy: "delivered", task: retrained.clone() };
            let task = ProbeTask { key, probed, epochs: 0, forget: forget.clone(), probe };
            let record = self.probe(&task, network.clone(), progress)?;
            self.store().write_record(&record)?;
            self.store().forget_checkpoint(&task.key);
            Ok((probe, record))
        };
        probes.into_iter().map(ask).collect()
    }

    /// Runs a probe on a network, and returns its record without writing it.
    pub(crate) fn probe(
        &self,
        task: &ProbeTask,
        network: Network,
        progress: &mut dyn Progress,
    ) -> Result<Record, StudyError> {
        let config = task.probe.train_config(&self.config.train);
        match &task.probe {
            Probe::Rebound(_) => self.rebound(task, &config, network, progress),
            Probe::Relearn(relearn) => self.relearn(task, relearn, &config, network, progress),
        }
    }

    fn rebound(
        &self,
        task: &ProbeTask,
        config: &TrainConfig,
        network: Network,
        progress: &mut dyn Progress,
    ) -> Result<Record, StudyError> {
        let start = Instant::now();
        let parent = Some(network.digest());
        let mut state = State::new(network, config);
        let objective = self.supervised(&task.retain(), config, task)?;
        let (horizons, preparation) = ([config.epochs], Passes::default());
        let watched = Watched::new(&task.key, task.probed.scored(), &horizons);
        let mut watch = Watch::resume(self, watched, &mut state, progress)?;
        let outcome = fit(&mut state, &objective, config, &mut watch);
        let left = watch.finish(&state, &outcome)?;
        let diverged = divergence(outcome)?;
        let ending = Ending { parent, preparation, left, relearned: None, diverged, start };
        Ok(record(&task.key, &state, ending))
    }

    fn relearn(
        &self,
        task: &ProbeTask,
        relearn: &RelearnConfig,
        config: &TrainConfig,
        network: Network,
        progress: &mut dyn Progress,
    ) -> Result<Record, StudyError> {
        let start = Instant::now();
        let parent = Some(network.digest());
        let forget = BTreeSet::from([task.forget.clone()]);
        let mut state = State::new(network, config);
        let objective = self.supervised(&forget, config, task)?;
        let scans = self.data().of(&forget);
        let mut lesson =
            Lesson { executor: self, forget: &task.forget, scans, relearn, cross_entropy: Vec::new(), progress };
        let outcome = match lesson.is_known(&state) {
            Ok(true) => Ok(()),
            Ok(false) => fit(&mut state, &objective, config, &mut lesson),
            Err(error) => Err(error),
        };
        let outcome = match outcome {
            Err(TrainError::Interrupted { .. }) if lesson.has_been_known() => Ok(()),
            outcome => outcome,
        };
        let relearned = lesson.relearned(&state);
        let diverged = divergence(outcome)?;
        let (preparation, left) = Default::default();
        let ending = Ending { parent, preparation, left, relearned: Some(relearned), diverged, start };
        Ok(record(&task.key, &state, ending))
    }

    fn supervised<'a>(
        &'a self,
        subjects: &BTreeSet<SubjectId>,
        config: &TrainConfig,
        task: &ProbeTask,
    ) -> Result<Supervised<'a>, TrainError> {
        Supervised::new(self.data().of(subjects), config, Seed(task.probed.seed()), self.device().clone())
    }
}

/// The digest of the model at a horizon; the outer `None` means that the horizon was not reached, the inner one that
/// the digest is unknown. Records without a digest per horizon have only that of the last.
fn digest_at(record: &Record, epochs: usize) -> Option<Option<String>> {
    let scores = record.horizons.iter().find(|scores| scores.epochs == epochs)?;
    let last = record.horizons.iter().all(|scores| scores.epochs <= epochs);
    Some(scores.model.clone().or_else(|| record.model.clone().filter(|_| last)))
}

/// The monitor of a relearning, which stops the training once the subject is learned.
struct Lesson<'a> {
    executor: &'a Executor,
    forget: &'a SubjectId,
    scans: Vec<&'a Case>,
    relearn: &'a RelearnConfig,
    /// The mean cross-entropy before the first epoch and after each epoch.
    cross_entropy: Vec<f64>,
    progress: &'a mut dyn Progress,
}

impl Lesson<'_> {
    fn is_known(&mut self, state: &State) -> Result<bool, TrainError> {
        let (classes, device) = (self.executor.data().labels.classes(), self.executor.device());
        let scores = score_on_output_grid(&state.network, &self.scans, classes, device);
        let scores = scores.map_err(|error| self.executor.without_id(error, self.forget))?;
        self.cross_entropy.push(scores.cross_entropy);
        Ok(self.has_been_known())
    }

    fn has_been_known(&self) -> bool {
        self.cross_entropy.last().is_some_and(|&found| found <= self.relearn.cross_entropy_max)
    }

    fn relearned(&self, state: &State) -> Relearned {
        Relearned {
            passes: self.has_been_known().then_some(state.passes.training),
            passes_max: (self.relearn.epochs_max * self.scans.len()) as u64,
            cross_entropy_max: self.relearn.cross_entropy_max,
            cross_entropy: self.cross_entropy.clone(),
        }
    }
}

impl Monitor for Lesson<'_> {
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f64) -> Control {
        self.progress.step(epoch, step, steps, loss)
    }

    fn epoch(&mut self, state: &State) -> Result<Control, TrainError> {
        let is_known = self.is_known(state)?;
        self.progress.epoch(state)?;
        Ok(if is_known { Control::Stop } else { Control::Continue })
    }
}
