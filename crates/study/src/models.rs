//! The models of finished tasks: read where they lie, made again where they do not.

use crate::study::{Progress, Study};
use crate::{StudyError, Task};
use lacuna_nn::Network;
use std::collections::BTreeMap;

impl Study {
    /// The model at the end of a recorded task, from its file or, where that is gone, made again.
    ///
    /// # Errors
    /// [`StudyError::Record`] if the task has no record or ended without a model;
    /// [`StudyError::NotRepeated`] if the model made again is not the recorded one.
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
        let (_, network) = match task {
            Task::Train(task) => self.train(task, progress)?,
            Task::Unlearn(task) => {
                let original = self.model(&Task::Train(task.original.clone()), progress)?;
                self.unlearn(task, &original, progress)?
            }
            Task::Probe(_) => return Err(unfit("a probe, whose model is not kept")),
        };
        self.store().forget_checkpoint(key);
        let found = network.digest();
        if found == recorded {
            return Ok(network);
        }
        Err(StudyError::NotRepeated { key: key.to_string(), path, recorded, found })
    }

    /// What a model file says of itself beside its network.
    pub(crate) fn metadata(&self, key: &str) -> BTreeMap<String, String> {
        let classes = serde_json::to_string(self.data().labels.classes()).expect("names are JSON");
        let preprocessing = serde_json::to_string(&self.config().preprocess).expect("plain data is JSON");
        BTreeMap::from([
            ("run".to_string(), key.to_string()),
            ("labels".to_string(), classes),
            ("label_table".to_string(), self.data().labels.name().to_string()),
            ("preprocessing".to_string(), preprocessing),
        ])
    }
}
