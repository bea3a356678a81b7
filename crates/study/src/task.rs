//! The tasks of a study, each named by the digest of all that decides its outcome.

use crate::{StudyConfig, Variant};
use lacuna_cohort::SubjectId;
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
        pseudonyms: bool,
    ) -> Common {
        // How often a checkpoint is written decides nothing.
        let train = lacuna_train::TrainConfig { checkpoint_epochs: 1, ..config.train.clone() };
        Common { version: env!("CARGO_PKG_VERSION").to_string(), network, init, labels, train, pseudonyms }
    }

    pub(crate) fn train_key(&self, data: &str, seed: u64) -> String {
        name(&("train", self, data, seed))
    }

    pub(crate) fn unlearn_key(
        &self,
        original: &str,
        forget: &SubjectId,
        variant: &Variant,
        epochs: &[usize],
    ) -> String {
        name(&("unlearn", original, forget, &variant.recipe, epochs))
    }
}

/// The first half of the digest of a value's JSON: 128 bits, enough to name every run there will be.
fn name(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("plain data is JSON");
    lacuna_disk::digest(&json)[..32].to_string()
}
