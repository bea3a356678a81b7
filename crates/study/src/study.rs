//! A study, from its file to its records.

use crate::cases::{Data, Loading};
use crate::opening::{check_init, check_texts, everybody, pseudonyms, splits};
use crate::task::{Common, ProbeTask, Probed, Task, TrainTask, UnlearnTask, probe_key};
use crate::{Forget, ProbeConfig, ProbeHorizons, Record, SplitConfig, Store, StudyConfig, StudyError, Variant};
use lacuna_cohort::{Case, Split, SubjectId, without};
use lacuna_nn::{Device, Network};
use lacuna_report::{ORIGINAL, RETRAIN};
use lacuna_train::{Control, EpochRecord};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A study that is ready to run.
pub struct Study {
    pub(crate) config: StudyConfig,
    pub(crate) data: Data,
    pub(crate) common: Common,
    pub(crate) variants: Vec<Variant>,
    /// Each forgotten subject, with its split of the cohort.
    pub(crate) splits: Vec<(SubjectId, Split)>,
    pub(crate) pseudonyms: BTreeMap<SubjectId, String>,
    pub(crate) store: Store,
    pub(crate) device: Device,
}

/// Receives the progress of a study, and can stop it.
pub trait Progress {
    /// A task begins: its number from 1, the number of tasks, its description, and its epochs.
    fn task(&mut self, _number: usize, _total: usize, _what: &str, _epochs: usize) {}

    /// A model that the task needs is missing and is made again: the description of that run, and its epochs, whose
    /// progress is reported as they run. `None` when the model is complete.
    fn made_again(&mut self, _what: Option<(&str, usize)>) {}

    /// A task has its record; `_found` is true if the record existed already.
    fn task_done(&mut self, _record: &Record, _found: bool) {}

    /// A task has no result, for this reason.
    fn task_left_out(&mut self, _why: &str) {}

    /// An optimiser step is done; epoch and step are counted from 0. The returned value can stop the run.
    fn step(&mut self, _epoch: usize, _step: usize, _steps: usize, _loss: f64) -> Control {
        Control::Continue
    }

    /// An epoch is done.
    fn epoch(&mut self, _record: &EpochRecord) {}
}

/// A progress receiver that ignores everything.
pub struct Unwatched;

impl Progress for Unwatched {}

impl Study {
    /// Reads the cohort, splits it, and checks everything that can be checked before any work.
    ///
    /// `scans` is called with the number of scans that are prepared, and of all scans.
    ///
    /// # Errors
    /// Any defect of the study file, the cohort, the labels or the initial weights.
    pub fn open(
        config: StudyConfig,
        store: Store,
        device: Device,
        loading: &Loading,
        scans: &mut dyn FnMut(usize, usize),
    ) -> Result<Study, StudyError> {
        let mut config = config.checked()?;
        let variants = Variant::all(&config.unlearn)?;
        let (cohort, labels, architecture) = Data::open(&config)?;
        let splits = splits(&config.split, &cohort.subjects())?;
        let init = check_init(&config.network, &architecture, &device)?;
        check_texts(labels.classes(), labels.name())?;
        let subjects: BTreeSet<SubjectId> = splits.iter().flat_map(|(_, split)| everybody(split)).collect();
        let data = Data::prepare(&config, &subjects, loading, scans)?;
        let pseudonyms = match config.pseudonyms.then(|| store.site()).transpose()? {
            None => BTreeMap::new(),
            Some(Some(site)) => pseudonyms(&cohort.subjects(), |id| site.pseudonym(id))?,
            Some(None) => {
                return Err(StudyError::BadSetting {
                    key: "pseudonyms".to_string(),
                    expected: "a store with the key of a site, from which names follow".to_string(),
                    found: "one without".to_string(),
                });
            }
        };
        // A name that the user chose may contain an id, and becomes a name of folders and pages.
        config.name = without(&config.name, pseudonyms.iter().map(|(id, name)| (id.as_str(), name.as_str())));
        let common = Common::new(&config, architecture.to_string(), init, labels.name().to_string(), &device);
        Ok(Study { config, data, common, variants, splits, pseudonyms, store, device })
    }

    /// The same study with its tasks named as on a machine with another [`task_device`](crate::task_device). The tasks
    /// of a plan are named on the machine that planned them; its attempts record where each was computed.
    #[must_use]
    pub fn with_tasks_named_as_on(self, device: Option<String>) -> Study {
        Study { common: self.common.named_as_on(device), ..self }
    }

    /// All tasks, each once, every task after those it depends on; the bank of reference models comes last.
    pub fn tasks(&self) -> Vec<Task> {
        let seeds = self.config.seeds.iter().copied().chain(self.config.bank_seeds());
        let mut known = BTreeSet::new();
        seeds.flat_map(|seed| self.tasks_of(seed)).filter(|task| known.insert(task.key().to_string())).collect()
    }

    /// The task with this key and seed, if the study has it; faster than searching [`Study::tasks`].
    pub fn task(&self, key: &str, seed: u64) -> Option<Task> {
        self.tasks_of(seed).into_iter().find(|task| task.key() == key)
    }

    /// The tasks of a seed; a seed that only the bank of reference models has needs no unlearning.
    fn tasks_of(&self, seed: u64) -> Vec<Task> {
        let mut tasks = Vec::new();
        for (seed, (forget, split)) in self.of_seed(seed) {
            tasks.extend(self.reference_tasks(forget, split, seed));
            if !self.config.seeds.contains(&seed) {
                continue;
            }
            let original = self.train_task(split.train().clone(), split, seed);
            for variant in &self.variants {
                let task = self.unlearn_task(&original, forget, variant);
                tasks.push(Task::Unlearn(Box::new(task.clone())));
                for epochs in self.probed_horizons(variant) {
                    tasks.extend(self.probe_tasks(&Probed::Unlearned(Box::new(task.clone())), epochs, forget));
                }
            }
        }
        tasks
    }

    /// The tasks of the reference models that others are compared with: their training and their probes.
    fn reference_tasks(&self, forget: &SubjectId, split: &Split, seed: u64) -> Vec<Task> {
        let references = self.references(split, seed);
        let training = references.iter().map(|(_, task)| Task::Train(task.clone()));
        let probes = references.iter().flat_map(|(strategy, task)| {
            let probed = Probed::Reference { strategy, task: task.clone() };
            self.probe_tasks(&probed, self.config.train.epochs, forget).collect::<Vec<_>>()
        });
        training.chain(probes).collect()
    }

    fn probe_tasks(&self, probed: &Probed, epochs: usize, forget: &SubjectId) -> impl Iterator<Item = Task> {
        let probes = self.config.probe.iter().flat_map(ProbeConfig::probes);
        let task = |probe| {
            let key = probe_key(probed, epochs, forget, &probe);
            let (probed, forget) = (probed.clone(), forget.clone());
            Task::Probe(Box::new(ProbeTask { key, probed, epochs, forget, probe }))
        };
        probes.map(task).collect::<Vec<_>>().into_iter()
    }

    /// The horizons after which an unlearned model is probed.
    pub(crate) fn probed_horizons(&self, variant: &Variant) -> Vec<usize> {
        match &self.config.probe {
            Some(probe) if !probe.probes().is_empty() => match probe.horizons {
                ProbeHorizons::Longest => vec![variant.longest_horizon()],
                ProbeHorizons::Each => variant.horizons.clone(),
            },
            _ => Vec::new(),
        }
    }

    /// Each forgotten subject with its split, paired with the seed.
    pub(crate) fn of_seed(&self, seed: u64) -> impl Iterator<Item = (u64, &(SubjectId, Split))> {
        self.splits.iter().map(move |split| (seed, split))
    }

    /// The reference models that others are compared with, by the names that result rows give them.
    pub(crate) fn references(&self, split: &Split, seed: u64) -> Vec<(&'static str, TrainTask)> {
        let retrain = (RETRAIN, self.train_task(split.retain(), split, seed));
        let has_original = self.config.seeds.contains(&seed) || self.config.references.originals;
        let original = has_original.then(|| (ORIGINAL, self.train_task(split.train().clone(), split, seed)));
        original.into_iter().chain([retrain]).collect()
    }

    /// Runs every task that has no record.
    ///
    /// A strategy that diverges is a result and is recorded as one. If `progress` stops a task, it leaves a checkpoint
    /// from which the next call resumes.
    ///
    /// # Errors
    /// Any other error; records that were written before it stay.
    pub fn run(&self, progress: &mut dyn Progress) -> Result<(), StudyError> {
        self.run_tasks(&self.tasks(), progress)
    }

    /// Runs those of `tasks` that have no record; `tasks` must be ordered so that dependencies come first.
    ///
    /// # Errors
    /// Those of [`Study::run`].
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
    /// Those of [`Study::run`], and a missing record that the task depends on.
    pub fn result_of(&self, task: &Task, progress: &mut dyn Progress) -> Result<Option<Record>, StudyError> {
        progress.task(1, 1, &self.describe(task), self.epochs_of(task));
        self.do_task(task, &mut None, progress)
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
                    Some((key, network)) if key == task.original.key => network,
                    _ => self.model(&Task::Train(task.original.clone()), progress)?,
                };
                let (record, _) = self.unlearn(task, &original, progress)?;
                *model_at_hand = Some((task.original.key.clone(), original));
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

    /// The study's configuration, with all defaults filled in.
    pub fn config(&self) -> &StudyConfig {
        &self.config
    }

    /// The study's configuration for display, with subjects under their shown names.
    pub fn config_shown(&self) -> StudyConfig {
        let shown = |subjects: &[SubjectId]| {
            subjects.iter().map(|subject| SubjectId::new(self.shown(subject)).expect("a pseudonym is an id")).collect()
        };
        let split = &self.config.split;
        let forget = match &split.forget {
            Forget::Each => Forget::Each,
            Forget::Only(subjects) => Forget::Only(shown(subjects)),
        };
        let split = SplitConfig { held_out_subjects: shown(&split.held_out_subjects), forget, ..split.clone() };
        StudyConfig { split, ..self.config.clone() }
    }

    /// The prepared data of the study.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Notices about the files for the user, each once; files of subjects with a pseudonym are not named.
    pub fn notices(&self) -> Vec<String> {
        let named = |case: &Case, path: &Path| match self.pseudonyms.get(&case.subject) {
            Some(name) => format!("a file of {name}"),
            None => path.display().to_string(),
        };
        let passed_over = |path: &Path| match self.pseudonyms.is_empty() {
            true => path.display().to_string(),
            false => "a file of the data set".to_string(),
        };
        self.data.notices(named).into_iter().chain(self.data.passed_over(passed_over)).collect()
    }

    /// The device that networks compute on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The store of records and models.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Each forgotten subject, with its split of the cohort.
    pub fn splits(&self) -> &[(SubjectId, Split)] {
        &self.splits
    }

    /// A description of a task in words.
    pub fn describe(&self, task: &Task) -> String {
        match task {
            Task::Train(task) => format!("train on {} subjects, seed {}", task.train.len(), task.seed),
            Task::Unlearn(task) => {
                format!("{} forgets {}, seed {}", in_words(&task.variant), self.shown(&task.forget), task.original.seed)
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

    /// The recipes that the study runs.
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// The name under which a subject is written: its pseudonym, or its id.
    pub fn shown(&self, subject: &SubjectId) -> String {
        self.pseudonyms.get(subject).cloned().unwrap_or_else(|| subject.to_string())
    }

    /// The task of training on some subjects of a split with a seed.
    pub fn train_task(&self, train: BTreeSet<SubjectId>, split: &Split, seed: u64) -> TrainTask {
        let scored = everybody(split);
        // Records name subjects by their shown names, so pseudonyms are part of a record's content.
        let names: String =
            scored.iter().filter_map(|subject| self.pseudonyms.get(subject)).map(|name| format!(" {name}")).collect();
        let data = format!("{} {}{names}", self.data.digest_of(&train), self.data.digest_of(&scored));
        TrainTask { key: self.common.train_key(&data, seed), train, scored, seed }
    }

    /// The task of unlearning a subject from a trained model with a recipe. If the model was never trained on that
    /// subject, the task is a sham: it shows the effect of the recipe on a model that has nothing to forget.
    pub fn unlearn_task(&self, original: &TrainTask, forget: &SubjectId, variant: &Variant) -> UnlearnTask {
        let key = self.common.unlearn_key(&original.key, forget, variant, self.config.unlearn.score_every);
        UnlearnTask { key, original: original.clone(), forget: forget.clone(), variant: variant.clone() }
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
