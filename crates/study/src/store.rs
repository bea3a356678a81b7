//! Where records and models lie.
//!
//! Records are small and worth keeping under version control; models are large and can be made
//! again from what a record says. So they lie in two places, each a folder or a prefix in a bucket; records that are
//! complete may also be an archive. Where many processes do the tasks of one study, each writes models and checkpoints
//! to a folder of its own, and what it made is moved to the others' when its record counts.

use crate::{Record, StudyError};
use lacuna_artefacts::{Artefact, Covers, Kind, Register, Site};
use lacuna_cohort::SubjectId;
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
    /// The folder of runs in whose site's registers models and checkpoints are entered.
    runs: Option<PathBuf>,
    /// A site that was opened already, in place of that one.
    site: Option<Site>,
}

impl Store {
    /// A store in two folders, which are made when first written to.
    pub fn new(records: PathBuf, models: PathBuf) -> Store {
        let work = models.clone();
        Store { records: Place::folder_at(records), models: Place::folder_at(models), work, runs: None, site: None }
    }

    /// A store in two places; models in a bucket are written to `work` first, and fetched to there.
    pub fn in_places(records: Place, models: Place, work: PathBuf) -> Store {
        let work = models.folder().map_or(work, |folder| folder.to_path_buf());
        Store { records, models, work, runs: None, site: None }
    }

    /// The same store with models and checkpoints written to a folder that nobody else writes to; models are still
    /// found in the store's own.
    pub fn working_in(&self, work: PathBuf) -> Store {
        Store { work, ..self.clone() }
    }

    /// The same store whose models and checkpoints are entered into registers of the site of a folder of runs.
    pub fn registering(self, runs: PathBuf) -> Store {
        Store { runs: Some(runs), ..self }
    }

    /// The same store under the key of this site, whatever the folder of runs.
    pub fn of_site(self, site: Site) -> Store {
        Store { site: Some(site), ..self }
    }

    /// Under whose key people are named, if there is any; that of a folder of runs is made at its first use.
    ///
    /// # Errors
    /// A key that cannot be read or made.
    pub fn site(&self) -> Result<Option<Site>, StudyError> {
        match (&self.site, &self.runs) {
            (Some(site), _) => Ok(Some(site.clone())),
            (None, Some(runs)) => Ok(Some(Site::open_or_create(runs)?)),
            (None, None) => Ok(None),
        }
    }

    /// Enter whose data the files of a run will hold, before any of them is written: a run that is killed is known all
    /// the same. Checkpoints hold whom a model is made to forget, too.
    ///
    /// # Errors
    /// A register that cannot be written.
    pub(crate) fn register(
        &self,
        key: &str,
        trained: &BTreeSet<SubjectId>,
        forgotten: &BTreeSet<SubjectId>,
    ) -> Result<(), StudyError> {
        let Some(site) = self.site()? else { return Ok(()) };
        let keys =
            |subjects: &mut dyn Iterator<Item = &SubjectId>| subjects.map(|id| site.subject_key(id.as_str())).collect();
        let artefact = Artefact {
            covers: Covers::Stem,
            holds: keys(&mut trained.difference(forgotten)),
            forgotten: keys(&mut forgotten.iter()),
            ..Artefact::of_file(key, Kind::Weights)
        };
        let shared = self.models.folder();
        if let Some(folder) = shared {
            site.remember(folder, true)?;
            Register::of(folder).enter(&site.fingerprint(), &artefact)?;
        }
        if shared != Some(self.work.as_path()) {
            // A folder of one attempt goes with it, so the site need not remember it.
            Register::of(&self.work).enter(&site.fingerprint(), &artefact)?;
        }
        if let Some(folder) = self.records.folder() {
            site.remember(folder, true)?;
        }
        Ok(())
    }

    /// Remove what killed processes left of writes, a day after; folders alone have such files.
    ///
    /// # Errors
    /// A folder that cannot be listed, or a file that cannot be removed.
    pub fn remove_abandoned(&self) -> Result<(), StudyError> {
        let folders = [self.records.folder(), self.models.folder(), Some(self.work.as_path())];
        Ok(folders.into_iter().flatten().try_for_each(lacuna_disk::remove_abandoned)?)
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

    /// Whether records can be written, asked before work that ends in one.
    ///
    /// # Errors
    /// Records that lie in an archive.
    pub(crate) fn prove_writing(&self) -> Result<(), StudyError> {
        Ok(self.records.prove_writing()?)
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
mod tests;
