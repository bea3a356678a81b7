//! The tasks of a study, each named by the digest of everything that determines its outcome.

use crate::{Probe, StudyConfig, Variant};
use lacuna_cohort::{Case, SubjectId};
use lacuna_nn::{Device, device_identity};
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
    /// The subjects that the model is trained on.
    pub train: BTreeSet<SubjectId>,
    /// The subjects that are scored.
    pub scored: BTreeSet<SubjectId>,
    /// The seed of initial weights and orders.
    pub seed: u64,
}

/// Unlearning one subject from a trained model.
#[derive(Clone, Debug, PartialEq)]
pub struct UnlearnTask {
    /// The digest that names the run.
    pub key: String,
    /// The training that makes the original model.
    pub original: TrainTask,
    /// The subject to forget.
    pub forget: SubjectId,
    /// The recipe and its horizons.
    pub variant: Variant,
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
        self.training().seed
    }

    /// The subjects that are scored.
    pub(crate) fn scored(&self) -> &BTreeSet<SubjectId> {
        &self.training().scored
    }

    /// The training of the model, or of the original that was unlearned.
    fn training(&self) -> &TrainTask {
        match self {
            Probed::Reference { task, .. } => task,
            Probed::Unlearned(task) => &task.original,
        }
    }
}

impl UnlearnTask {
    /// The subjects whose cases an epoch may pass over: those of the training, and the forgotten subject.
    pub(crate) fn passed(&self) -> BTreeSet<SubjectId> {
        self.original.train.iter().chain([&self.forget]).cloned().collect()
    }

    /// The cases divided into forget and retain set.
    ///
    /// # Errors
    /// If no case belongs to the forgotten subject.
    pub(crate) fn sets<'a>(&self, cases: &[&'a Case]) -> Result<ForgetRetain<'a>, UnlearnError> {
        ForgetRetain::of(cases, &BTreeSet::from([self.forget.clone()]))
    }
}

impl ProbeTask {
    /// The subjects of the training, without the forgotten subject.
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

    /// The subjects that the task's model is trained on, and those of them that it unlearns. For a probe: all subjects
    /// of the training and the forgotten one, and none.
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

    /// The key of the run whose model the task begins from; `None` for a training.
    pub fn needs(&self) -> Option<&str> {
        match self {
            Task::Train(_) => None,
            Task::Unlearn(task) => Some(&task.original.key),
            Task::Probe(task) => Some(task.probed.key()),
        }
    }

    /// The seed of the task.
    pub fn seed(&self) -> u64 {
        match self {
            Task::Train(task) => task.seed,
            Task::Unlearn(task) => task.original.seed,
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
    train: lacuna_train::TrainConfig,
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
    /// The shared settings of a study; `init` is the digest of the file with initial weights.
    pub(crate) fn new(
        config: &StudyConfig,
        network: String,
        init: Option<String>,
        labels: String,
        device: &Device,
    ) -> Common {
        // The frequency of checkpoints does not change a result.
        let train = lacuna_train::TrainConfig { checkpoint_epochs: 1, ..config.train.clone() };
        let device = task_device(device);
        let (version, pseudonyms) = (env!("CARGO_PKG_VERSION").to_string(), config.pseudonyms);
        Common { version, network, init, labels, train, device, pseudonyms }
    }

    /// The same settings, with the device class of another machine.
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
            // A curve changes no other result, but a record without it lacks a requested one.
            Some(epochs) => name(&(decides, epochs)),
            None => name(&decides),
        }
    }
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
