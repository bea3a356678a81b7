//! The tasks of a study, each named by the digest of everything that determines its outcome.

use crate::cases::Data;
use crate::executor::ExecutorConfig;
use crate::{Probe, Variant};
use lacuna_cohort::{AS_IS, Case, LabelTable, SubjectId};
use lacuna_nn::{Device, device_identity};
use lacuna_report::Role;
use lacuna_train::TrainConfig;
use lacuna_unlearn::{ForgetRetain, UnlearnError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One run of a study.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Training from initial weights.
    Train(TrainTask),
    /// Unlearning from a trained model.
    Unlearn(Box<UnlearnTask>),
    /// A probe of a trained or an unlearned model.
    Probe(Box<ProbeTask>),
}

/// Training on some subjects: an original, a retrained reference, or both at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainTask {
    /// The digest that names the run.
    pub key: String,
    /// The digest of everything that decides the states after each epoch; trainings that differ in their length or in
    /// the subjects that they score share it.
    pub trajectory: String,
    /// The subjects that the model is trained on.
    pub train: BTreeSet<SubjectId>,
    /// The subjects that are scored.
    pub scored: BTreeSet<SubjectId>,
    /// The seed of initial weights and orders.
    pub seed: u64,
}

/// Unlearning a set of subjects from a model.
#[derive(Clone, Debug, PartialEq)]
pub struct UnlearnTask {
    /// The digest that names the run.
    pub key: String,
    /// The model that it begins from.
    pub original: Original,
    /// The subjects to forget.
    pub forget: BTreeSet<SubjectId>,
    /// The recipe and its horizons.
    pub variant: Variant,
    /// The horizons whose model is kept for its probes; no result depends on it.
    pub kept: Vec<usize>,
}

/// The model that an unlearning begins from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Original {
    /// The model of a training task.
    Trained(TrainTask),
    /// A model from outside.
    Given(GivenModel),
}

/// A model from outside, with the subjects that are known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenModel {
    /// The digest of the model, the data and the settings.
    pub key: String,
    /// The digest of the model.
    pub model: String,
    /// The subjects that steps may read, the forgotten ones included.
    pub train: BTreeSet<SubjectId>,
    /// The subjects that the model was made to forget before. They are scored alone: a step that held the model to
    /// what it predicts of them would teach them again.
    pub earlier: BTreeSet<SubjectId>,
    /// The subjects that are scored.
    pub scored: BTreeSet<SubjectId>,
    /// The seed of orders and noise.
    pub seed: u64,
}

impl Original {
    /// The digest that names the model's run, or the given model with its data.
    pub fn key(&self) -> &str {
        match self {
            Original::Trained(task) => &task.key,
            Original::Given(given) => &given.key,
        }
    }

    /// The subjects that the model was trained on, as far as steps may read them.
    pub fn train(&self) -> &BTreeSet<SubjectId> {
        match self {
            Original::Trained(task) => &task.train,
            Original::Given(given) => &given.train,
        }
    }

    /// The subjects that are scored.
    pub fn scored(&self) -> &BTreeSet<SubjectId> {
        match self {
            Original::Trained(task) => &task.scored,
            Original::Given(given) => &given.scored,
        }
    }

    /// The seed of the run.
    pub fn seed(&self) -> u64 {
        match self {
            Original::Trained(task) => task.seed,
            Original::Given(given) => given.seed,
        }
    }

    /// The training task of the model, if it has one.
    pub fn training(&self) -> Option<&TrainTask> {
        match self {
            Original::Trained(task) => Some(task),
            Original::Given(_) => None,
        }
    }
}

/// A probe of what a model still holds of a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeTask {
    /// The digest that names the run.
    pub key: String,
    /// The run that makes the model.
    pub probed: Probed,
    /// The epochs of that run after which the model is taken.
    pub epochs: usize,
    /// The subject that the probe is about.
    pub forget: SubjectId,
    /// The kind of probe, with its settings.
    pub probe: Probe,
}

/// The run that made a probed model.
#[derive(Clone, Debug, PartialEq)]
pub enum Probed {
    /// A training of a reference model.
    Reference {
        /// The name in result rows: `original` or `retrain`.
        strategy: &'static str,
        /// The training task.
        task: TrainTask,
    },
    /// An unlearning of a subject.
    Unlearned(Box<UnlearnTask>),
}

impl Probed {
    /// The digest that names the run.
    pub fn key(&self) -> &str {
        match self {
            Probed::Reference { task, .. } => &task.key,
            Probed::Unlearned(task) => &task.key,
        }
    }

    /// The seed of the run.
    pub fn seed(&self) -> u64 {
        match self {
            Probed::Reference { task, .. } => task.seed,
            Probed::Unlearned(task) => task.original.seed(),
        }
    }

    /// The subjects that are scored.
    pub(crate) fn scored(&self) -> &BTreeSet<SubjectId> {
        match self {
            Probed::Reference { task, .. } => &task.scored,
            Probed::Unlearned(task) => task.original.scored(),
        }
    }

    /// The subjects that the model, or the original that was unlearned, was trained on.
    fn train(&self) -> &BTreeSet<SubjectId> {
        match self {
            Probed::Reference { task, .. } => &task.train,
            Probed::Unlearned(task) => task.original.train(),
        }
    }
}

impl UnlearnTask {
    /// The subjects whose cases an epoch may pass over: those of the training, and the forgotten ones.
    pub(crate) fn passed(&self) -> BTreeSet<SubjectId> {
        self.original.train().union(&self.forget).cloned().collect()
    }

    /// The subjects by role; those that the model forgot before come last, if there are any.
    pub fn sides(&self) -> Vec<(Role, BTreeSet<SubjectId>)> {
        let none = BTreeSet::new();
        let earlier = match &self.original {
            Original::Trained(_) => &none,
            Original::Given(given) => &given.earlier,
        };
        by_role(self.original.train(), &self.forget, self.original.scored(), earlier)
    }

    /// The cases divided into forget and retain set.
    ///
    /// # Errors
    /// If no case belongs to a forgotten subject.
    pub(crate) fn sets<'a>(&self, cases: &[&'a Case]) -> Result<ForgetRetain<'a>, UnlearnError> {
        ForgetRetain::of(cases, &self.forget)
    }
}

/// The subjects by role: those of `train` are retained, but for the forgotten ones; of those scored, the others were
/// never trained on, but for those that the model forgot `earlier`, who come last, if there are any.
pub fn by_role(
    train: &BTreeSet<SubjectId>,
    forget: &BTreeSet<SubjectId>,
    scored: &BTreeSet<SubjectId>,
    earlier: &BTreeSet<SubjectId>,
) -> Vec<(Role, BTreeSet<SubjectId>)> {
    let held_out = scored.difference(train).filter(|subject| !earlier.contains(*subject)).cloned().collect();
    let retain = train.difference(forget).cloned().collect();
    let mut sides = vec![(Role::Retain, retain), (Role::Forget, forget.clone()), (Role::HeldOut, held_out)];
    if !earlier.is_empty() {
        sides.push((Role::ForgottenEarlier, earlier.clone()));
    }
    sides
}

impl ProbeTask {
    /// The subjects of the training, without the forgotten subject.
    pub(crate) fn retain(&self) -> BTreeSet<SubjectId> {
        self.probed.train().iter().filter(|subject| **subject != self.forget).cloned().collect()
    }
}

impl Task {
    /// The digest that names the run.
    pub fn key(&self) -> &str {
        match self {
            Task::Train(task) => &task.key,
            Task::Unlearn(task) => &task.key,
            Task::Probe(task) => &task.key,
        }
    }

    /// The subjects that the task's model is trained on, and those of them that it unlearns. For a probe: all subjects
    /// of the training and the forgotten one, and none.
    pub(crate) fn people(&self) -> (BTreeSet<SubjectId>, BTreeSet<SubjectId>) {
        match self {
            Task::Train(task) => (task.train.clone(), BTreeSet::new()),
            Task::Unlearn(task) => {
                let train = task.original.train();
                (train.clone(), task.forget.intersection(train).cloned().collect())
            }
            Task::Probe(task) => {
                let mut known = task.probed.train().clone();
                known.insert(task.forget.clone());
                (known, BTreeSet::new())
            }
        }
    }

    /// The key of the run whose model the task begins from; `None` for a training and for a given model.
    pub fn needs(&self) -> Option<&str> {
        match self {
            Task::Train(_) => None,
            Task::Unlearn(task) => task.original.training().map(|training| training.key.as_str()),
            Task::Probe(task) => Some(task.probed.key()),
        }
    }

    /// The seed of the task.
    pub fn seed(&self) -> u64 {
        match self {
            Task::Train(task) => task.seed,
            Task::Unlearn(task) => task.original.seed(),
            Task::Probe(task) => task.probed.seed(),
        }
    }
}

/// The settings that all tasks of a study share, as they enter the tasks' digests.
#[derive(Serialize, Deserialize)]
pub(crate) struct Common {
    /// The version of lacuna, since results may change between versions.
    version: String,
    network: String,
    init: Option<String>,
    labels: String,
    train: TrainConfig,
    /// The device, since others round differently; `None` for x86-64 with AVX2 or AVX-512.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// Whether records name subjects by pseudonyms.
    pseudonyms: bool,
}

/// The device class that does not enter the names of tasks, so that records from before device classes were
/// distinguished keep their names.
const UNNAMED: &str = "cpu/x86-64/avx2";

/// The device as it enters the names of tasks; `None` for x86-64 with AVX2 or AVX-512.
pub fn task_device(device: &Device) -> Option<String> {
    named(device_identity(device))
}

fn named(identity: String) -> Option<String> {
    (identity != UNNAMED).then_some(identity)
}

impl Common {
    /// The shared settings of an executor's tasks.
    pub(crate) fn new(config: &ExecutorConfig, data: &Data, device: &Device) -> Common {
        Common {
            version: env!("CARGO_PKG_VERSION").to_string(),
            network: data.architecture.to_string(),
            init: config.init.as_ref().map(|(_, digest)| digest.clone()),
            labels: table_identity(&data.labels),
            // The frequency of checkpoints does not change a result.
            train: TrainConfig { checkpoint_epochs: 1, ..config.train.clone() },
            device: task_device(device),
            pseudonyms: config.pseudonyms.is_some(),
        }
    }

    /// The same settings, with the device class of another machine.
    pub(crate) fn named_as_on(self, device: Option<String>) -> Common {
        Common { device, ..self }
    }

    pub(crate) fn train_key(&self, data: &str, seed: u64) -> String {
        name(&("train", self, data, seed))
    }

    /// The digest of everything that decides the states of a training after each epoch. The number of epochs does so
    /// only where the learning rate follows from it.
    pub(crate) fn trajectory(&self, data: &str, seed: u64) -> String {
        let epochs = if self.train.schedule.depends_on_length() { self.train.epochs } else { 0 };
        let train = TrainConfig { epochs, ..self.train.clone() };
        name(&("trajectory", &self.version, &self.network, &self.init, &self.labels, train, &self.device, data, seed))
    }

    /// The key of a model from outside; of the training settings, only loss and activations matter to it.
    pub(crate) fn given_key(&self, model: &str, data: &str, seed: u64) -> String {
        name(&("given", self, model, data, seed))
    }

    pub(crate) fn unlearn_key(
        &self,
        original: &str,
        forget: &BTreeSet<SubjectId>,
        variant: &Variant,
        score_every: Option<usize>,
    ) -> String {
        let decides = ("unlearn", original, Forgotten::of(forget), &variant.recipe, &variant.horizons);
        match score_every {
            // A curve changes no other result, but a record without it lacks a requested one.
            Some(epochs) => name(&(decides, epochs)),
            None => name(&decides),
        }
    }
}

/// The forgotten subjects as they enter a key: a set of one as its member.
#[derive(Serialize)]
#[serde(untagged)]
enum Forgotten<'a> {
    One(&'a SubjectId),
    Several(&'a BTreeSet<SubjectId>),
}

impl Forgotten<'_> {
    fn of(subjects: &BTreeSet<SubjectId>) -> Forgotten<'_> {
        match subjects.first() {
            Some(one) if subjects.len() == 1 => Forgotten::One(one),
            _ => Forgotten::Several(subjects),
        }
    }
}

/// The name of a label table, with a digest of its content unless the table is built in: two files of one name may
/// define other classes.
fn table_identity(table: &LabelTable) -> String {
    let name = table.name().to_string();
    // The classes of `as-is` follow from the data set, whose digest enters every key.
    if name == AS_IS || LabelTable::built_in(&name, None).is_ok_and(|built_in| built_in == *table) {
        return name;
    }
    let content = serde_json::to_vec(table).expect("plain data is JSON");
    format!("{name} {}", lacuna_disk::digest(&content))
}

/// The key of a probe. The key of the run that made the model covers data, network, training and seed.
pub(crate) fn probe_key(probed: &Probed, epochs: usize, forget: &SubjectId, probe: &Probe) -> String {
    name(&("probe", probed.key(), epochs, forget, probe))
}

/// The key of a probe of a model from outside the study.
pub(crate) fn delivered_probe_key(model: &str, retrained: &TrainTask, forget: &SubjectId, probe: &Probe) -> String {
    name(&("probe of a delivered model", model, &retrained.key, forget, probe))
}

/// The first half of the digest of a value's JSON: 128 bits, enough to make collisions negligible.
fn name(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("plain data is JSON");
    lacuna_disk::digest(&json)[..32].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_cohort::WrittenTable;

    fn common(device: Option<&str>) -> Common {
        Common {
            version: "0".to_string(),
            network: "network".to_string(),
            init: None,
            labels: "labels".to_string(),
            train: TrainConfig::default(),
            device: device.map(str::to_string),
            pseudonyms: false,
        }
    }

    #[test]
    fn tables_of_one_name_share_a_record_only_if_they_count_alike() {
        let built_in = LabelTable::built_in("tissue", None).unwrap();
        assert_eq!(table_identity(&built_in), "tissue");
        let written = |map: &str| {
            let text = format!(r#"{{"name": "tissue", "classes": ["background", "brain"], "map": {map}}}"#);
            serde_json::from_str::<WrittenTable>(&text).unwrap().table().unwrap()
        };
        let [one, other] =
            [r#"{"0": "background", "1": "brain"}"#, r#"{"0": "background", "2": "brain"}"#].map(written);
        let names: BTreeSet<String> = [&built_in, &one, &other].map(table_identity).into();
        assert_eq!(names.len(), 3, "{names:?}");
    }

    #[test]
    fn subjects_are_divided_by_role_worked_by_hand() {
        let ids = |names: &[&str]| -> BTreeSet<SubjectId> {
            names.iter().map(|name| SubjectId::new(name.to_string()).unwrap()).collect()
        };
        let all = ids(&["a", "b", "c", "d", "e"]);
        let sides = by_role(&ids(&["a", "b"]), &ids(&["b"]), &all, &ids(&["e"]));
        let expected = [
            (Role::Retain, ids(&["a"])),
            (Role::Forget, ids(&["b"])),
            (Role::HeldOut, ids(&["c", "d"])),
            (Role::ForgottenEarlier, ids(&["e"])),
        ];
        assert_eq!(sides, expected);
        // A sham forgets a subject that the model was never trained on; it counts as held out too.
        let sham = by_role(&ids(&["a", "b"]), &ids(&["c"]), &ids(&["a", "b", "c"]), &ids(&[]));
        assert_eq!(sham[0].1, ids(&["a", "b"]));
        assert_eq!((&sham[1].1, &sham[2].1), (&ids(&["c"]), &ids(&["c"])));
    }

    #[test]
    fn devices_share_no_record() {
        let keys: BTreeSet<String> =
            [None, Some("one"), Some("other")].map(|device| common(device).train_key("data", 0)).into();
        assert_eq!(keys.len(), 3);
    }

    #[test]
    fn the_usual_class_of_processors_is_not_named_and_every_other_is() {
        // Records made before there was another device keep their names.
        assert!(!serde_json::to_string(&common(None)).unwrap().contains("device"));
        let class = |arch: &str, set| format!("cpu/{arch}/{set}");
        assert_eq!(named(class("x86-64", "avx2")), None);
        let others = [class("x86-64", "portable"), class("aarch64", "portable")];
        let keys: BTreeSet<String> =
            others.map(named).iter().chain([&None]).map(|device| common(device.as_deref()).train_key("d", 0)).collect();
        assert_eq!(keys.len(), 3, "portable kernels and other architectures have records of their own");
    }
}
