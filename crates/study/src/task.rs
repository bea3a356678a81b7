//! The tasks of a study, each named by the digest of all that decides its outcome.

use crate::{Probe, StudyConfig, Variant};
use lacuna_cohort::{Case, SubjectId};
use lacuna_nn::{Device, device_identity};
use lacuna_unlearn::{ForgetRetain, UnlearnError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Training from the beginning.
    Train(TrainTask),
    /// Unlearning from a trained model.
    Unlearn(Box<UnlearnTask>),
    /// A question to either kind of model.
    Probe(Box<ProbeTask>),
}

/// Training on some subjects: an original, a retrained reference, or both at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainTask {
    /// The digest that names the run.
    pub key: String,
    /// Who is trained on.
    pub train: BTreeSet<SubjectId>,
    /// Everybody that is scored.
    pub scored: BTreeSet<SubjectId>,
    /// Initial weights and orders.
    pub seed: u64,
}

/// Unlearning one subject from a trained model.
#[derive(Clone, Debug, PartialEq)]
pub struct UnlearnTask {
    /// The digest that names the run.
    pub key: String,
    /// The run that made the original.
    pub original: TrainTask,
    /// Who is forgotten.
    pub forget: SubjectId,
    /// By what recipe.
    pub variant: Variant,
}

/// What is still in a model of a subject?
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeTask {
    /// The digest that names the run.
    pub key: String,
    /// The run that made the model.
    pub probed: Probed,
    /// After how many of its epochs.
    pub epochs: usize,
    /// Of whom.
    pub forget: SubjectId,
    /// What is asked.
    pub probe: Probe,
}

/// The run that made a probed model.
#[derive(Clone, Debug, PartialEq)]
pub enum Probed {
    /// Training.
    Reference {
        /// As rows name it: `original` or `retrain`.
        strategy: &'static str,
        /// The run.
        task: TrainTask,
    },
    /// Unlearning.
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

    /// Its seed.
    pub fn seed(&self) -> u64 {
        self.training().seed
    }

    /// Everybody that is scored.
    pub(crate) fn scored(&self) -> &BTreeSet<SubjectId> {
        &self.training().scored
    }

    /// The run that the model or its original was trained by.
    fn training(&self) -> &TrainTask {
        match self {
            Probed::Reference { task, .. } => task,
            Probed::Unlearned(task) => &task.original,
        }
    }
}

impl UnlearnTask {
    /// Whose cases an epoch may pass over: who was trained on, and the forgotten subject.
    pub(crate) fn passed(&self) -> BTreeSet<SubjectId> {
        self.original.train.iter().chain([&self.forget]).cloned().collect()
    }

    /// These cases on their two sides.
    ///
    /// # Errors
    /// None of them is of the forgotten subject.
    pub(crate) fn sets<'a>(&self, cases: &[&'a Case]) -> Result<ForgetRetain<'a>, UnlearnError> {
        ForgetRetain::of(cases, &BTreeSet::from([self.forget.clone()]))
    }
}

impl ProbeTask {
    /// Who was trained on, but for the forgotten subject.
    pub(crate) fn retain(&self) -> BTreeSet<SubjectId> {
        self.probed.training().train.iter().filter(|subject| **subject != self.forget).cloned().collect()
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

    /// Whom the task's model was trained on, and whom of these it is made to forget. A probe that trains knows all of them.
    pub(crate) fn people(&self) -> (BTreeSet<SubjectId>, BTreeSet<SubjectId>) {
        match self {
            Task::Train(task) => (task.train.clone(), BTreeSet::new()),
            Task::Unlearn(task) => {
                let forgotten = BTreeSet::from([task.forget.clone()]);
                (task.original.train.clone(), forgotten.intersection(&task.original.train).cloned().collect())
            }
            Task::Probe(task) => {
                let mut known = task.probed.training().train.clone();
                known.insert(task.forget.clone());
                (known, BTreeSet::new())
            }
        }
    }

    /// The name of the run whose model it begins from, if that is one of the study's.
    pub fn needs(&self) -> Option<&str> {
        match self {
            Task::Train(_) => None,
            Task::Unlearn(task) => Some(&task.original.key),
            Task::Probe(task) => Some(task.probed.key()),
        }
    }

    /// Its seed.
    pub fn seed(&self) -> u64 {
        match self {
            Task::Train(task) => task.seed,
            Task::Unlearn(task) => task.original.seed,
            Task::Probe(task) => task.probed.seed(),
        }
    }
}

/// What every task of a study has in common, as it enters the tasks' digests.
#[derive(Serialize, Deserialize)]
pub(crate) struct Common {
    /// Results may change between versions of the program.
    version: String,
    network: String,
    init: Option<String>,
    labels: String,
    train: lacuna_train::TrainConfig,
    /// Another device rounds otherwise, so it has records of its own; unsaid for x86-64 with AVX2 or AVX-512.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// Records name subjects as the study shows them.
    pseudonyms: bool,
}

/// Machines of this class do not enter the names of tasks: records that were made before another class was told apart
/// keep their names.
const UNNAMED: &str = "cpu/x86-64/avx2";

/// The device as it enters the names of tasks: what results depend on, or nothing for x86-64 with AVX2 or AVX-512.
pub fn task_device(device: &Device) -> Option<String> {
    named(device_identity(device))
}

fn named(identity: String) -> Option<String> {
    (identity != UNNAMED).then_some(identity)
}

impl Common {
    /// `init` is the digest of the file with initial weights.
    pub(crate) fn new(
        config: &StudyConfig,
        network: String,
        init: Option<String>,
        labels: String,
        device: &Device,
    ) -> Common {
        // How often a checkpoint is written decides nothing.
        let train = lacuna_train::TrainConfig { checkpoint_epochs: 1, ..config.train.clone() };
        let device = task_device(device);
        let (version, pseudonyms) = (env!("CARGO_PKG_VERSION").to_string(), config.pseudonyms);
        Common { version, network, init, labels, train, device, pseudonyms }
    }

    /// The same with the names of tasks as another machine gives them.
    pub(crate) fn named_as_on(self, device: Option<String>) -> Common {
        Common { device, ..self }
    }

    pub(crate) fn train_key(&self, data: &str, seed: u64) -> String {
        name(&("train", self, data, seed))
    }

    pub(crate) fn unlearn_key(
        &self,
        original: &str,
        forget: &SubjectId,
        variant: &Variant,
        score_every: Option<usize>,
    ) -> String {
        let decides = ("unlearn", original, forget, &variant.recipe, &variant.horizons);
        match score_every {
            // A curve decides nothing, but a record without one is not what was asked for.
            Some(epochs) => name(&(decides, epochs)),
            None => name(&decides),
        }
    }
}

/// The name of a probe. The key of the run that made the model holds data, network, training and seed.
pub(crate) fn probe_key(probed: &Probed, epochs: usize, forget: &SubjectId, probe: &Probe) -> String {
    name(&("probe", probed.key(), epochs, forget, probe))
}

/// The name of a probe of a model that no task of the study made.
pub(crate) fn delivered_probe_key(model: &str, retrained: &TrainTask, forget: &SubjectId, probe: &Probe) -> String {
    name(&("probe of a delivered model", model, &retrained.key, forget, probe))
}

/// The first half of the digest of a value's JSON: 128 bits, enough to name every run there will be.
fn name(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("plain data is JSON");
    lacuna_disk::digest(&json)[..32].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(device: Option<&str>) -> Common {
        Common {
            version: "0".to_string(),
            network: "network".to_string(),
            init: None,
            labels: "labels".to_string(),
            train: lacuna_train::TrainConfig::default(),
            device: device.map(str::to_string),
            pseudonyms: false,
        }
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
