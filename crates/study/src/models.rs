//! The models of finished tasks: read from their files, or made again where a file is missing.

use crate::executor::Executor;
use crate::progress::Progress;
use crate::{Record, StudyError, Task};
use lacuna_inference::ModelNotes;
use lacuna_nn::Network;
use std::collections::BTreeMap;

impl Executor {
    /// The final model of a recorded task, from its file or, where that is missing, made again.
    ///
    /// # Errors
    /// [`StudyError::Record`] if the task has no record or ended without a model; [`StudyError::NotRepeated`] if the
    /// repeated run gives another model than the recorded one.
    pub fn model(&self, task: &Task, progress: &mut dyn Progress) -> Result<Network, StudyError> {
        let key = task.key();
        let path = self.store().record_path(key);
        let unfit =
            |found: &str| StudyError::Record { path: path.clone(), found: found.to_string(), delete: path.clone() };
        let record = self.store().record(key)?.ok_or_else(|| unfit("none"))?;
        let recorded = record.model.ok_or_else(|| unfit("one without a model"))?;
        if let Some(network) = self.store().model(key, &recorded, self.device())? {
            return Ok(network);
        }
        let Some((_, network)) = self.made_again(task, progress)? else {
            return Err(unfit("a probe, whose model is not kept"));
        };
        let found = network.digest();
        if found == recorded {
            return Ok(network);
        }
        Err(StudyError::NotRepeated { key: key.to_string(), path, recorded, found })
    }

    /// Runs a task again for its model; `None` for a probe, which has none.
    pub(crate) fn made_again(
        &self,
        task: &Task,
        progress: &mut dyn Progress,
    ) -> Result<Option<(Record, Network)>, StudyError> {
        let (what, epochs) = (self.describe(task), self.epochs_of(task));
        let made = match task {
            Task::Train(task) => {
                progress.made_again(Some((&what, epochs)));
                self.train(task, progress)?
            }
            Task::Unlearn(task) => {
                // The original may have to be made again too.
                let original = self.original(task, progress)?;
                progress.made_again(Some((&what, epochs)));
                self.unlearn(task, &original, progress)?
            }
            Task::Probe(_) => return Ok(None),
        };
        progress.made_again(None);
        self.store().forget_checkpoint(task.key());
        Ok(Some(made))
    }

    /// The metadata that is written into a model file beside its network.
    pub(crate) fn metadata(&self, key: &str) -> BTreeMap<String, String> {
        let init = self.config.init.as_ref().map(|(_, digest)| digest.clone());
        // A later unlearning of this model has to use the loss that it was trained with.
        let loss = Some(self.config.train.loss);
        let notes = ModelNotes { loss, ..ModelNotes::new(&self.data.labels, &self.config.preprocess, init) };
        let mut metadata = notes.to_metadata();
        if self.store.names_runs() {
            metadata.insert("run".to_string(), key.to_string());
        }
        metadata
    }
}
