//! The tasks of a study, each named by the digest of all that decides its outcome.

use crate::{StudyConfig, Variant};
use lacuna_cohort::SubjectId;
use lacuna_nn::{Device, device_identity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// Training from the beginning.
    Train(TrainTask),
    /// Unlearning from a trained model.
    Unlearn(Box<UnlearnTask>),
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

impl Task {
    /// The digest that names the run.
    pub fn key(&self) -> &str {
        match self {
            Task::Train(task) => &task.key,
            Task::Unlearn(task) => &task.key,
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
    /// Another device rounds otherwise, so it has records of its own; unsaid for the CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// Records name subjects as the study shows them.
    pseudonyms: bool,
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
        let device = (*device != Device::flex()).then(|| device_identity(device));
        let (version, pseudonyms) = (env!("CARGO_PKG_VERSION").to_string(), config.pseudonyms);
        Common { version, network, init, labels, train, device, pseudonyms }
    }

    pub(crate) fn train_key(&self, data: &str, seed: u64) -> String {
        name(&("train", self, data, seed))
    }

    pub(crate) fn unlearn_key(&self, original: &str, forget: &SubjectId, variant: &Variant) -> String {
        name(&("unlearn", original, forget, &variant.recipe, &variant.horizons))
    }
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
    fn the_cpu_is_not_named() {
        // Records made before there was another device keep their names.
        assert!(!serde_json::to_string(&common(None)).unwrap().contains("device"));
    }
}
