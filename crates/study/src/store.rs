//! Where records and models lie.
//!
//! Records are small and worth keeping under version control; models are large and can be made
//! again from what a record says. So they lie in two places, each a folder or a prefix in a bucket. Where many processes do the tasks of one study, each writes
//! models and checkpoints to a folder of its own, and what it made is moved to the others' when its record counts.

use crate::{Record, StudyError};
use lacuna_nn::{Device, Network, NnError, read_model, write_model};
use lacuna_objects::Place;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The largest record that is read.
const RECORD_BYTES_MAX: u64 = 64 << 20;

/// The largest model that is fetched from a bucket.
const MODEL_BYTES_MAX: u64 = 16 << 30;

const MODEL_ENDING: &str = ".safetensors";

/// The two places, and a folder to work in.
#[derive(Clone, Debug)]
pub struct Store {
    records: Place,
    models: Place,
    /// Where models and checkpoints are written; that of `models`, unless somebody else may be at the same task or the
    /// models are in a bucket.
    work: PathBuf,
}

impl Store {
    /// A store in two folders, which are made when first written to.
    pub fn new(records: PathBuf, models: PathBuf) -> Store {
        let work = models.clone();
        Store { records: Place::folder_at(records), models: Place::folder_at(models), work }
    }

    /// A store in two places; models in a bucket are written to `work` first, and fetched to there.
    pub fn in_places(records: Place, models: Place, work: PathBuf) -> Store {
        let work = models.folder().map_or(work, |folder| folder.to_path_buf());
        Store { records, models, work }
    }

    /// The same store with models and checkpoints written to a folder that nobody else writes to; models are still
    /// found in the store's own.
    pub fn working_in(&self, work: PathBuf) -> Store {
        Store { work, ..self.clone() }
    }

    /// Move the models made in the private folder to where all find them.
    ///
    /// # Errors
    /// If one cannot be moved.
    pub fn publish_models(&self) -> Result<(), StudyError> {
        for name in self.made()? {
            let made = self.work.join(&name);
            match self.models.folder() {
                Some(folder) => lacuna_disk::move_over(&made, &folder.join(&name))?,
                None => self.models.replace(&name, &lacuna_disk::read_bytes(&made, MODEL_BYTES_MAX)?)?,
            }
        }
        Ok(())
    }

    /// The names of model files in the private folder, in order; none where there is no such folder.
    fn made(&self) -> Result<BTreeSet<String>, StudyError> {
        if self.models.folder() == Some(&self.work) || !self.work.exists() {
            return Ok(BTreeSet::new());
        }
        let refused = |source| lacuna_disk::DiskError::Io { path: self.work.clone(), action: "list", source };
        let mut names = BTreeSet::new();
        for entry in std::fs::read_dir(&self.work).map_err(refused)? {
            // A model is named by a digest; what is no text is none.
            let name = entry.map_err(refused)?.file_name().into_string().unwrap_or_default();
            if name.ends_with(MODEL_ENDING) {
                names.insert(name);
            }
        }
        Ok(names)
    }

    /// The names of what an unfinished run needs to go on, in the order in which they may be copied while it goes on.
    pub fn unfinished(key: &str) -> [String; 2] {
        // A checkpoint may be older than the scores beside it, never newer.
        [format!("{key}.checkpoint"), format!("{key}.partial.json")]
    }

    /// The record of a run, if it is finished.
    ///
    /// # Errors
    /// A file that is not that run's record, or is not as it was sealed.
    pub fn record(&self, key: &str) -> Result<Option<Record>, StudyError> {
        let Some(bytes) = self.records.read(&record_name(key), RECORD_BYTES_MAX)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|error| format!("damage: {error}"));
        match text.and_then(|text| Record::parse(&text, key)) {
            Ok(record) => Ok(Some(record)),
            Err(found) => {
                let path = self.record_path(key);
                Err(StudyError::Record { delete: path.clone(), path, found })
            }
        }
    }

    /// Whether there is something where the record of a run lies; it is not read.
    ///
    /// # Errors
    /// A bucket that does not answer.
    pub fn has_record(&self, key: &str) -> Result<bool, StudyError> {
        Ok(self.records.has(&record_name(key))?)
    }

    /// Those of some runs that have something where their records lie, by one listing.
    ///
    /// # Errors
    /// A folder that cannot be listed, or a bucket that does not answer.
    pub fn recorded<'a>(&self, keys: impl Iterator<Item = &'a str>) -> Result<BTreeSet<&'a str>, StudyError> {
        let names = self.records.names()?;
        Ok(keys.filter(|key| names.contains(&record_name(key))).collect())
    }

    /// The digest of the bytes of a run's record, if there are any.
    ///
    /// # Errors
    /// As [`Store::has_record`].
    pub fn record_digest(&self, key: &str) -> Result<Option<String>, StudyError> {
        Ok(self.records.read(&record_name(key), RECORD_BYTES_MAX)?.map(|bytes| lacuna_disk::digest(&bytes)))
    }

    /// Record a finished run, atomically.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_record(&self, record: &Record) -> Result<(), StudyError> {
        Ok(self.records.replace(&record_name(&record.key), &record.to_line())?)
    }

    /// Record a finished run unless it has a record already; whether it had none.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_record_new(&self, record: &Record) -> Result<bool, StudyError> {
        Ok(self.records.create(&record_name(&record.key), &record.to_line())?)
    }

    /// The model of a run, if it is there and is what its record says; a damaged file is as good as none,
    /// since it can be made again and then is compared with the record.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn model(&self, key: &str, digest: &str, device: &Device) -> Result<Option<Network>, StudyError> {
        if let Some(network) = read_if_right(&self.model_path(key), digest, device)? {
            return Ok(Some(network));
        }
        match self.models.folder() {
            Some(folder) => read_if_right(&folder.join(model_name(key)), digest, device),
            None => {
                let Some(bytes) = self.models.read(&model_name(key), MODEL_BYTES_MAX)? else { return Ok(None) };
                // Not under a model's name, or it would be published as one that was made here.
                let fetched = self.work.join(format!("{key}.fetched"));
                lacuna_disk::write_bytes(&fetched, &bytes)?;
                let network = read_if_right(&fetched, digest, device);
                lacuna_disk::remove_file(&fetched)?;
                network
            }
        }
    }

    /// Keep the model of a run.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_model(
        &self,
        key: &str,
        network: &Network,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), StudyError> {
        Ok(write_model(&self.model_path(key), network, metadata)?)
    }

    /// The model of a run at a horizon that is kept until its probes are recorded; see [`Store::model`].
    pub(crate) fn model_at(
        &self,
        key: &str,
        epochs: usize,
        digest: &str,
        device: &Device,
    ) -> Result<Option<Network>, StudyError> {
        self.model(&at(key, epochs), digest, device)
    }

    /// Keep the model of a run at a horizon.
    pub(crate) fn write_model_at(
        &self,
        key: &str,
        epochs: usize,
        network: &Network,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), NnError> {
        write_model(&self.model_path(&at(key, epochs)), network, metadata)
    }

    /// Remove it again.
    pub(crate) fn forget_model_at(&self, key: &str, epochs: usize) {
        // As of checkpoints, a leftover costs space and nothing else.
        let _ = std::fs::remove_file(self.model_path(&at(key, epochs)));
    }

    /// Whether the model of a run is there, without reading it; a bucket that does not answer has none now.
    pub fn has_model(&self, key: &str) -> bool {
        self.model_path(key).exists() || self.models.has(&model_name(key)).unwrap_or(false)
    }

    /// Where the model of a run is written.
    fn model_path(&self, key: &str) -> PathBuf {
        self.work.join(model_name(key))
    }

    /// Where the checkpoint of an unfinished run lies.
    pub(crate) fn checkpoint_path(&self, key: &str) -> PathBuf {
        let [checkpoint, _] = Store::unfinished(key);
        self.work.join(checkpoint)
    }

    /// Where the scores of an unfinished run lie.
    pub(crate) fn partial_path(&self, key: &str) -> PathBuf {
        let [_, partial] = Store::unfinished(key);
        self.work.join(partial)
    }

    /// Remove what only an unfinished run needs.
    pub(crate) fn forget_checkpoint(&self, key: &str) {
        // Leftovers cost space and nothing else; the record is what counts.
        let _ = std::fs::remove_file(self.checkpoint_path(key));
        let _ = std::fs::remove_file(self.partial_path(key));
    }

    /// Where the record of a run lies, for messages: in a bucket that is no path of this machine.
    pub fn record_path(&self, key: &str) -> PathBuf {
        self.records.at(&record_name(key)).into()
    }
}

/// The network of a file, if the file is there, whole, and of that digest.
fn read_if_right(path: &Path, digest: &str, device: &Device) -> Result<Option<Network>, StudyError> {
    if !path.exists() {
        return Ok(None);
    }
    match read_model(path, device) {
        Ok(file) if file.network.digest() == digest => Ok(Some(file.network)),
        Err(error @ NnError::Disk(_)) => Err(error.into()),
        Ok(_) | Err(_) => Ok(None),
    }
}

fn record_name(key: &str) -> String {
    format!("{key}.json")
}

fn model_name(key: &str) -> String {
    format!("{key}{MODEL_ENDING}")
}

/// The name of a run's model at a horizon.
fn at(key: &str, epochs: usize) -> String {
    format!("{key}-{epochs}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::HorizonCost;
    use crate::{EpochScores, RECORD_SCHEMA};
    use lacuna_metrics::Scorer;
    use lacuna_train::{EpochRecord, Passes};

    const KEY: &str = "ab12";

    /// A record with a score and a loss.
    fn record() -> Record {
        let names = ["background", "brain"].map(String::from);
        let mut scorer = Scorer::new(&names).unwrap();
        for (probability, truth) in [(0.3, 0), (0.7, 1), (0.6, 0)] {
            scorer.add(&[1.0 - probability, probability], u8::from(probability > 0.5), truth).unwrap();
        }
        let scores = BTreeMap::from([("sub-01".to_string(), scorer.finish().unwrap())]);
        let passes = Passes { training: 2, teacher: 0 };
        let preparation = Passes::default();
        let cost = HorizonCost { steps: 2, passes, preparation, seconds: 0.5, peak_mib: Some(100.0) };
        let epoch = EpochRecord {
            epoch: 1,
            learning_rate: 0.01,
            loss: 0.7,
            gradient_norm: 1.5,
            passes: 2,
            terms: BTreeMap::new(),
            distance: None,
        };
        Record {
            schema: RECORD_SCHEMA.to_string(),
            key: KEY.to_string(),
            model: Some("cd34".to_string()),
            parent: None,
            horizons: vec![EpochScores {
                epochs: 1,
                volume: scores.clone(),
                output: scores,
                cross_entropy: BTreeMap::from([("sub-01".to_string(), 0.4)]),
                collapsed: false,
                model: Some("cd34".to_string()),
                cost: Some(cost),
            }],
            diverged: None,
            passes,
            preparation,
            seconds: 1.25,
            history: vec![epoch],
            curve: Vec::new(),
            relearned: None,
            seal: None,
        }
    }

    fn store(folder: &tempfile::TempDir) -> Store {
        Store::new(folder.path().join("records"), folder.path().join("models"))
    }

    /// A store that holds `record`, its file changed.
    #[track_caller]
    fn read_after(record: Record, change: impl FnOnce(String) -> String) -> Result<Option<Record>, StudyError> {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        store.write_record(&record).unwrap();
        let path = store.record_path(KEY);
        let text = std::fs::read_to_string(&path).unwrap();
        let changed = change(text.clone());
        assert_ne!(changed, text, "the test changes something");
        std::fs::write(path, changed).unwrap();
        store.record(KEY)
    }

    #[test]
    fn a_record_reads_back_as_written_and_a_run_without_one_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let (store, record) = (store(&folder), record().sealed());
        assert_eq!(store.record(KEY).unwrap(), None);
        store.write_record(&record).unwrap();
        assert_eq!(store.record(KEY).unwrap(), Some(record));
    }

    #[test]
    fn every_number_reads_back_to_the_last_bit() {
        // Loss and gradient norm as some run could have them; a reader that is quick rather than exact is one
        // unit in the last place off for about every tenth of such numbers.
        let mut record = record();
        let mut draws = lacuna_seed::Seed(0).stream("round trip").draws();
        record.history = (1..=1000)
            .map(|epoch| EpochRecord {
                epoch,
                loss: draws.uniform(),
                gradient_norm: draws.uniform(),
                ..record.history[0].clone()
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let (store, record) = (store(&folder), record.sealed());
        store.write_record(&record).unwrap();
        let found = store.record(KEY).unwrap().unwrap();
        let off = found.history.iter().zip(&record.history).filter(|(found, written)| found != written).count();
        assert_eq!(off, 0, "of 1000 epochs");
    }

    #[test]
    fn a_record_edited_by_hand_is_refused_with_the_fix() {
        for (from, to) in
            [("\"loss\":0.7", "\"loss\":0.6"), ("\"diverged\":null", "\"diverged\":\"so\""), ("cd34", "cd35")]
        {
            let message = read_after(record().sealed(), |text| text.replace(from, to)).unwrap_err().to_string();
            assert!(message.contains("changed after it was sealed") && message.contains("; fix: delete"), "{message}");
        }
        let without = |text: String| text[..text.rfind(",\"seal\"").unwrap()].to_string() + "}\n";
        let message = read_after(record().sealed(), without).unwrap_err().to_string();
        assert!(message.contains("whose seal is gone"), "{message}");
    }

    #[test]
    fn a_second_record_of_a_run_does_not_replace_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let (store, first) = (store(&folder), record().sealed());
        assert!(store.write_record_new(&first).unwrap());
        let second = Record { seconds: 9.0, seal: None, ..first.clone() }.sealed();
        assert!(!store.write_record_new(&second).unwrap());
        assert_eq!(store.record(KEY).unwrap(), Some(first));
    }

    #[test]
    fn models_of_a_private_folder_are_found_there_and_then_by_all() {
        let folder = tempfile::tempdir().unwrap();
        let all = store(&folder);
        let private = all.working_in(folder.path().join("private"));
        let device = Device::flex();
        let architecture = lacuna_nn::Architecture::medicalnet(10, 1, 2).unwrap();
        let network = Network::new(architecture, lacuna_seed::Seed(0), &device);
        private.write_model(KEY, &network, &BTreeMap::new()).unwrap();
        let digest = network.digest();
        let is_found = |store: &Store| store.model(KEY, &digest, &device).unwrap().is_some();
        assert!(is_found(&private) && !is_found(&all));
        private.publish_models().unwrap();
        assert!(is_found(&private) && is_found(&all));
        assert_eq!(std::fs::read_dir(folder.path().join("private")).unwrap().count(), 0);
    }

    #[test]
    fn white_space_is_no_edit() {
        let spread = |text: String| {
            let record: Record = serde_json::from_str(&text).unwrap();
            serde_json::to_string_pretty(&record).unwrap()
        };
        assert!(read_after(record().sealed(), spread).unwrap().is_some());
    }
}
