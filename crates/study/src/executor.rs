//! The executor of tasks: the one place where networks are trained, unlearned, probed, scored and recorded.
//!
//! A study, `lacuna train` and `lacuna unlearn` give it their tasks, so a run has one monitor, one checkpoint, one
//! scoring loop and one record, whichever command asked for it.

use crate::cases::Data;
use crate::progress::Progress;
use crate::task::{Common, GivenModel, Original, ProbeTask, Probed, Task, TrainTask, UnlearnTask};
use crate::{KeepModels, Record, Store, StudyError, Variant};
use lacuna_cohort::SubjectId;
use lacuna_nn::{Device, Network};
use lacuna_train::TrainConfig;
use lacuna_volume::Preprocessing;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// The settings of an [`Executor`], all of which a result depends on, except where stated.
#[derive(Clone, Debug)]
pub struct ExecutorConfig {
    /// The training of originals and references; its loss and activations are those of unlearning too.
    pub train: TrainConfig,
    /// The preprocessing of the data, for the metadata of models.
    pub preprocess: Preprocessing,
    /// The file with initial weights and its digest.
    pub init: Option<(PathBuf, String)>,
    /// The name of each subject in records and rows; `None` if these are the ids.
    pub pseudonyms: Option<BTreeMap<SubjectId, String>>,
    /// The number of epochs between two points of an unlearning's curve; `None` for no curve.
    pub score_every: Option<usize>,
    /// The models that are kept; no result depends on it.
    pub keep_models: KeepModels,
}

/// Runs tasks on prepared data, and keeps their records, models and checkpoints in a store.
pub struct Executor {
    pub(crate) config: ExecutorConfig,
    pub(crate) data: Arc<Data>,
    pub(crate) common: Common,
    pub(crate) store: Store,
    pub(crate) device: Device,
    /// The models from outside that unlearning tasks begin from.
    given: Vec<Network>,
}

impl Executor {
    /// An executor of tasks on these data.
    pub fn new(config: ExecutorConfig, data: impl Into<Arc<Data>>, store: Store, device: Device) -> Executor {
        let data = data.into();
        let common = Common::new(&config, &data, &device);
        Executor { config, data, common, store, device, given: Vec::new() }
    }

    /// The same executor, which can also begin from this model.
    #[must_use]
    pub fn given(mut self, model: Network) -> Executor {
        self.given.push(model);
        self
    }

    /// The same executor with its tasks named as on a machine with another [`task_device`](crate::task_device).
    pub(crate) fn with_tasks_named_as_on(self, device: Option<String>) -> Executor {
        Executor { common: self.common.named_as_on(device), ..self }
    }

    /// The prepared data.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The device that networks compute on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The store of records and models.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The name under which a subject is written: its pseudonym, or its id.
    pub fn shown(&self, subject: &SubjectId) -> String {
        let name = self.config.pseudonyms.as_ref().and_then(|names| names.get(subject));
        name.cloned().unwrap_or_else(|| subject.to_string())
    }

    /// The names of some subjects as result rows join them.
    pub(crate) fn shown_together(&self, subjects: &BTreeSet<SubjectId>) -> String {
        subjects.iter().map(|subject| self.shown(subject)).collect::<Vec<_>>().join("_")
    }

    /// The task of training on some subjects with a seed; `scored` are the subjects whose scores are recorded.
    pub fn train_task(&self, train: BTreeSet<SubjectId>, scored: BTreeSet<SubjectId>, seed: u64) -> TrainTask {
        // Records name subjects by their shown names, so pseudonyms are part of a record's content.
        let pseudonyms = self.config.pseudonyms.iter();
        let names = pseudonyms.flat_map(|names| scored.iter().filter_map(|subject| names.get(subject)));
        let names: String = names.map(|name| format!(" {name}")).collect();
        let (of_train, of_scored) = (self.data.digest_of(&train), self.data.digest_of(&scored));
        let key = self.common.train_key(&format!("{of_train} {of_scored}{names}"), seed);
        let trajectory = self.common.trajectory(&of_train, seed);
        TrainTask { key, trajectory, train, scored, seed }
    }

    /// A model from outside, as an unlearning begins from it.
    ///
    /// `train` are the subjects that its steps may read, the forgotten ones included; `earlier` are those that it was
    /// made to forget before, which are scored alone.
    pub fn given_model(
        &self,
        model: &Network,
        train: BTreeSet<SubjectId>,
        held_out: &BTreeSet<SubjectId>,
        earlier: BTreeSet<SubjectId>,
        seed: u64,
    ) -> GivenModel {
        let scored = train.iter().chain(held_out).chain(&earlier).cloned().collect();
        let data = format!("{} {}", self.data.digest_of(&train), self.data.digest_of(&scored));
        let model = model.digest();
        let key = self.common.given_key(&model, &data, seed);
        GivenModel { key, model, train, earlier, scored, seed }
    }

    /// The task of unlearning subjects from a model with a recipe. If the model was never trained on them, the task is
    /// a sham: it shows the effect of the recipe on a model that has nothing to forget.
    ///
    /// The models after `kept` epochs are kept for their probes.
    pub fn unlearn_task(
        &self,
        original: Original,
        forget: BTreeSet<SubjectId>,
        variant: &Variant,
        kept: Vec<usize>,
    ) -> UnlearnTask {
        let key = self.common.unlearn_key(original.key(), &forget, variant, self.config.score_every);
        UnlearnTask { key, original, forget, variant: variant.clone(), kept }
    }

    /// Runs those of `tasks` that have no record; `tasks` must be ordered so that dependencies come first.
    ///
    /// # Errors
    /// [`StudyError`] of any kind but a strategy's divergence, which is recorded; records that were written before it stay.
    pub fn run_tasks(&self, tasks: &[Task], progress: &mut dyn Progress) -> Result<(), StudyError> {
        let mut model_at_hand: Option<(String, Network)> = None;
        for (number, task) in tasks.iter().enumerate() {
            progress.task(number + 1, tasks.len(), &self.describe(task), self.epochs_of(task));
            let found = self.store.record(task.key())?;
            let record = match &found {
                // This tidies up after a process that ended between recording and tidying up.
                Some(record) => Some(record.clone()),
                None => self.do_task(task, &mut model_at_hand, progress)?,
            };
            if let (Some(record), None) = (&record, &found) {
                self.store.write_record(record)?;
            }
            self.store.forget_checkpoint(task.key());
            self.forget_probed(task, &tasks[number + 1..]);
            match record {
                Some(record) => progress.task_done(&record, found.is_some()),
                None => progress.task_left_out("its run diverged before that horizon"),
            }
        }
        Ok(())
    }

    /// Runs one task and returns its record, which the caller has to write; models and checkpoint stay in the store's
    /// working folder. `None` for a probe of a model that does not exist.
    ///
    /// # Errors
    /// Those of [`Executor::run_tasks`], and a missing record that the task depends on.
    pub fn result_of(&self, task: &Task, progress: &mut dyn Progress) -> Result<Option<Record>, StudyError> {
        progress.task(1, 1, &self.describe(task), self.epochs_of(task));
        self.do_task(task, &mut None, progress)
    }

    /// The model that an unlearning begins from.
    pub(crate) fn original(&self, task: &UnlearnTask, progress: &mut dyn Progress) -> Result<Network, StudyError> {
        match &task.original {
            Original::Trained(training) => self.model(&Task::Train(training.clone()), progress),
            Original::Given(given) => {
                let found = self.given.iter().find(|network| network.digest() == given.model);
                found.cloned().ok_or_else(|| StudyError::BadSetting {
                    key: "model".to_string(),
                    expected: format!("the model {}, which the task begins from", given.model),
                    found: "none".to_string(),
                })
            }
        }
    }

    /// Runs one task and returns its record; `None` for a probe of a model that does not exist.
    fn do_task(
        &self,
        task: &Task,
        model_at_hand: &mut Option<(String, Network)>,
        progress: &mut dyn Progress,
    ) -> Result<Option<Record>, StudyError> {
        if let Task::Probe(probe) = task
            && self.is_impossible(probe)?
        {
            return Ok(None);
        }
        self.store.prove_writing()?;
        let (trained, forgotten) = task.people();
        self.store.register(task.key(), &trained, &forgotten)?;
        let record = match task {
            Task::Train(task) => {
                let (record, network) = self.train(task, progress)?;
                *model_at_hand = Some((task.key.clone(), network));
                record
            }
            Task::Unlearn(task) => {
                let original = match model_at_hand.take() {
                    Some((key, network)) if key == task.original.key() => network,
                    _ => self.original(task, progress)?,
                };
                let (record, _) = self.unlearn(task, &original, progress)?;
                *model_at_hand = Some((task.original.key().to_string(), original));
                record
            }
            Task::Probe(task) => match self.probed_model(task, progress)? {
                Some(network) => self.probe(task, network, progress)?,
                None => return Ok(None),
            },
        };
        Ok(Some(record))
    }

    /// Removes the unlearned model that was kept for probes, unless a task of `to_come` is another probe of it.
    fn forget_probed(&self, task: &Task, to_come: &[Task]) {
        let Task::Probe(done) = task else { return };
        let same = |task: &Task| matches!(task, Task::Probe(task) if (&task.probed, task.epochs) == (&done.probed, done.epochs));
        if !to_come.iter().any(same) {
            self.store.forget_model_at(done.probed.key(), done.epochs);
        }
    }

    /// A description of a task in words.
    pub fn describe(&self, task: &Task) -> String {
        match task {
            Task::Train(task) => format!("train on {} subjects, seed {}", task.train.len(), task.seed),
            Task::Unlearn(task) => {
                let forget: Vec<String> = task.forget.iter().map(|subject| self.shown(subject)).collect();
                format!("{} forgets {}, seed {}", in_words(&task.variant), forget.join(", "), task.original.seed())
            }
            Task::Probe(task) => {
                let ProbeTask { probe, probed, epochs, forget, .. } = &**task;
                let model = match probed {
                    Probed::Reference { strategy, .. } => strategy.to_string(),
                    Probed::Unlearned(task) => format!("{} after {epochs} epochs", in_words(&task.variant)),
                };
                format!("{} of {model}, {} forgotten, seed {}", probe.name(), self.shown(forget), probed.seed())
            }
        }
    }

    pub(crate) fn epochs_of(&self, task: &Task) -> usize {
        match task {
            Task::Train(_) => self.config.train.epochs,
            Task::Unlearn(task) => task.variant.longest_horizon(),
            Task::Probe(task) => task.probe.epochs(),
        }
    }
}

/// The name of a strategy with its differences.
fn in_words(variant: &Variant) -> String {
    let Variant { strategy, differences, .. } = variant;
    if differences.is_empty() { strategy.clone() } else { format!("{strategy} ({differences})") }
}
