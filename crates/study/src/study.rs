//! A study, from its file to its records.

use crate::cases::{Data, Loading, OpenData};
use crate::executor::{Executor, ExecutorConfig};
use crate::opening::{check_init, check_texts, everybody, pseudonyms, splits};
use crate::progress::Progress;
use crate::task::{Original, ProbeTask, Probed, Task, TrainTask, UnlearnTask, probe_key};
use crate::{Forget, ProbeConfig, ProbeHorizons, Record, SplitConfig, Store, StudyConfig, StudyError, Variant};
use lacuna_cohort::{Case, Split, SubjectId, without};
use lacuna_nn::{Device, Network};
use lacuna_report::{ORIGINAL, RETRAIN};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A study that is ready to run.
pub struct Study {
    pub(crate) config: StudyConfig,
    pub(crate) executor: Executor,
    pub(crate) variants: Vec<Variant>,
    /// Each forgotten subject, with its split of the cohort.
    pub(crate) splits: Vec<(SubjectId, Split)>,
}

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
        let opened = OpenData::new(&config.data, &config.preprocess, &config.network, config.split.seed)?;
        let known = opened.cohort.subjects();
        let splits = splits(&config.split, &known)?;
        let init = check_init(&config.network, &opened.architecture, &device)?;
        check_texts(opened.labels.classes(), opened.labels.name())?;
        let subjects: BTreeSet<SubjectId> = splits.iter().flat_map(|(_, split)| everybody(split)).collect();
        let data = opened.prepare(&subjects, loading, scans)?;
        let pseudonyms = config.pseudonyms.then(|| named_by_site(&store, &known)).transpose()?;
        // A name that the user chose may contain an id, and becomes a name of folders and pages.
        let named = pseudonyms.iter().flatten().map(|(id, name)| (id.as_str(), name.as_str()));
        config.name = without(&config.name, named);
        let settings = ExecutorConfig {
            train: config.train.clone(),
            preprocess: config.preprocess.clone(),
            init: init.map(|init| (init.path, init.digest)),
            pseudonyms,
            score_every: config.unlearn.score_every,
            keep_models: config.keep_models,
        };
        Ok(Study { config, executor: Executor::new(settings, data, store, device), variants, splits })
    }

    /// The same study with its tasks named as on a machine with another [`task_device`](crate::task_device). The tasks
    /// of a plan are named on the machine that planned them; its attempts record where each was computed.
    #[must_use]
    pub fn with_tasks_named_as_on(self, device: Option<String>) -> Study {
        Study { executor: self.executor.with_tasks_named_as_on(device), ..self }
    }

    /// Runs those of `tasks` that have no record; see [`Executor::run_tasks`].
    ///
    /// # Errors
    /// Those of [`Executor::run_tasks`].
    pub fn run_tasks(&self, tasks: &[Task], progress: &mut dyn Progress) -> Result<(), StudyError> {
        self.executor.run_tasks(tasks, progress)
    }

    /// Runs one task and returns its record; see [`Executor::result_of`].
    ///
    /// # Errors
    /// Those of [`Executor::result_of`].
    pub fn result_of(&self, task: &Task, progress: &mut dyn Progress) -> Result<Option<Record>, StudyError> {
        self.executor.result_of(task, progress)
    }

    /// A description of a task in words.
    pub fn describe(&self, task: &Task) -> String {
        self.executor.describe(task)
    }

    /// The final model of a recorded task; see [`Executor::model`].
    ///
    /// # Errors
    /// Those of [`Executor::model`].
    pub fn model(&self, task: &Task, progress: &mut dyn Progress) -> Result<Network, StudyError> {
        self.executor.model(task, progress)
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
        self.executor.run_tasks(&self.tasks(), progress)
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
        self.executor.data()
    }

    /// The executor of the study's tasks.
    pub fn executor(&self) -> &Executor {
        &self.executor
    }

    /// Notices about the files for the user, each once; files of subjects with a pseudonym are not named.
    pub fn notices(&self) -> Vec<String> {
        let pseudonyms = self.executor.config.pseudonyms.as_ref();
        let named = |case: &Case, path: &Path| match pseudonyms.and_then(|names| names.get(&case.subject)) {
            Some(name) => format!("a file of {name}"),
            None => path.display().to_string(),
        };
        let passed_over = |path: &Path| match pseudonyms.is_none() {
            true => path.display().to_string(),
            false => "a file of the data set".to_string(),
        };
        self.data().notices(named).into_iter().chain(self.data().passed_over(passed_over)).collect()
    }

    /// The device that networks compute on.
    pub fn device(&self) -> &Device {
        self.executor.device()
    }

    /// The store of records and models.
    pub fn store(&self) -> &Store {
        self.executor.store()
    }

    /// Each forgotten subject, with its split of the cohort.
    pub fn splits(&self) -> &[(SubjectId, Split)] {
        &self.splits
    }

    /// The recipes that the study runs.
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// The name under which a subject is written: its pseudonym, or its id.
    pub fn shown(&self, subject: &SubjectId) -> String {
        self.executor.shown(subject)
    }

    /// The task of training on some subjects of a split with a seed.
    pub fn train_task(&self, train: BTreeSet<SubjectId>, split: &Split, seed: u64) -> TrainTask {
        self.executor.train_task(train, everybody(split), seed)
    }

    /// The task of unlearning a subject from a trained model with a recipe; see [`Executor::unlearn_task`].
    pub fn unlearn_task(&self, original: &TrainTask, forget: &SubjectId, variant: &Variant) -> UnlearnTask {
        let (original, kept) = (Original::Trained(original.clone()), self.probed_horizons(variant));
        self.executor.unlearn_task(original, BTreeSet::from([forget.clone()]), variant, kept)
    }
}

/// The pseudonyms of subjects under the key of the store's site.
fn named_by_site(store: &Store, subjects: &[SubjectId]) -> Result<BTreeMap<SubjectId, String>, StudyError> {
    match store.site()? {
        Some(site) => pseudonyms(subjects, |id| site.pseudonym(id)),
        None => Err(StudyError::BadSetting {
            key: "pseudonyms".to_string(),
            expected: "a store with the key of a site, from which names follow".to_string(),
            found: "one without".to_string(),
        }),
    }
}
