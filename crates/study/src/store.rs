//! The store of a study's records and models.
//!
//! Records are small and worth keeping under version control; models are large and can be made again from their
//! records. So they lie in two locations, each a folder or a prefix in a bucket; a complete set of records can also be
//! an archive. Where many processes run the tasks of one study, each writes models and checkpoints to a folder of its
//! own, and its models are moved to the shared location when their record is accepted.

use crate::{Record, StudyError};
use lacuna_artefacts::{Artefact, Covers, Kind, Register, Site};
use lacuna_cohort::SubjectId;
use lacuna_nn::{Device, Network, NnError, read_model, write_model};
use lacuna_objects::Location;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The largest record that is read, in bytes.
const RECORD_BYTES_MAX: u64 = 64 << 20;

/// The largest model that is fetched from a bucket, in bytes.
const MODEL_BYTES_MAX: u64 = 16 << 30;

const MODEL_ENDING: &str = ".safetensors";

/// The locations of records and models, and a folder for unfinished work.
#[derive(Clone, Debug)]
pub struct Store {
    records: Location,
    models: Location,
    /// The folder where models and checkpoints are written. It is the folder of `models`, unless another process may
    /// run the same task or the models are in a bucket.
    work: PathBuf,
    /// The folder of runs whose registers list models and checkpoints, if any.
    runs: Option<PathBuf>,
    /// An opened site that is used instead of the one of `runs`.
    site: Option<Site>,
    names: FileNames,
}

/// How the files of a store are named.
#[derive(Clone, Copy, Debug, PartialEq)]
enum FileNames {
    /// By the keys of tasks: a store of many.
    Keys,
    /// By what they are: the run folder of one task.
    RunFolder {
        /// Whether the checkpoint after the last epoch is kept, so that a training can be lengthened.
        keeps_checkpoint: bool,
    },
}

impl Store {
    /// A store in two folders, which are created when they are first written to.
    pub fn new(records: PathBuf, models: PathBuf) -> Store {
        let work = models.clone();
        Store {
            records: Location::folder_at(records),
            models: Location::folder_at(models),
            work,
            runs: None,
            site: None,
            names: FileNames::Keys,
        }
    }

    /// A store in two places; models in a bucket are written to `work` first, and fetched into it.
    pub fn at_locations(records: Location, models: Location, work: PathBuf) -> Store {
        let work = models.folder().map_or(work, |folder| folder.to_path_buf());
        Store { records, models, work, runs: None, site: None, names: FileNames::Keys }
    }

    /// The store of a single task in its run folder: `record.json`, `model.safetensors`, and while the task is
    /// unfinished, or if `keeps_checkpoint`, `checkpoint.safetensors` with `checkpoint.json`.
    pub fn run_folder(folder: &Path, keeps_checkpoint: bool) -> Store {
        let names = FileNames::RunFolder { keeps_checkpoint };
        Store { names, ..Store::new(folder.to_path_buf(), folder.to_path_buf()) }
    }

    /// The same store, which writes models and checkpoints to a folder of this process alone; it still reads models
    /// from the shared location.
    pub fn working_in(&self, work: PathBuf) -> Store {
        Store { work, ..self.clone() }
    }

    /// The same store, which lists its models and checkpoints in the registers of a folder of runs.
    pub fn registering(self, runs: PathBuf) -> Store {
        Store { runs: Some(runs), ..self }
    }

    /// The same store, which lists people under the key of this site, whatever the folder of runs.
    pub fn of_site(self, site: Site) -> Store {
        Store { site: Some(site), ..self }
    }

    /// The site under whose key registers name people, if the store has one; the key of a folder of runs is made at its
    /// first use.
    ///
    /// # Errors
    /// If the key cannot be read or made.
    pub fn site(&self) -> Result<Option<Site>, StudyError> {
        match (&self.site, &self.runs) {
            (Some(site), _) => Ok(Some(site.clone())),
            (None, Some(runs)) => Ok(Some(Site::open_or_create(runs)?)),
            (None, None) => Ok(None),
        }
    }

    /// Registers whose data the files of a run will hold. It is called before any file is written, so that a killed run
    /// is listed too. Checkpoints also hold the subjects that a model unlearns.
    ///
    /// # Errors
    /// If the register cannot be written.
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
            // The folder of one attempt is deleted with its register, so the site need not remember it.
            Register::of(&self.work).enter(&site.fingerprint(), &artefact)?;
        }
        if let Some(folder) = self.records.folder() {
            site.remember(folder, true)?;
        }
        Ok(())
    }

    /// Removes temporary files that killed processes left more than a day ago; only folders have such files.
    ///
    /// # Errors
    /// If the folder cannot be listed, or a file cannot be removed.
    pub fn remove_abandoned(&self) -> Result<(), StudyError> {
        let folders = [self.records.folder(), self.models.folder(), Some(self.work.as_path())];
        Ok(folders.into_iter().flatten().try_for_each(lacuna_disk::remove_abandoned)?)
    }

    /// Moves the models of the private folder to the shared location.
    ///
    /// # Errors
    /// If a model cannot be moved.
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

    /// The names of model files in the private folder, in order; empty if there is no such folder.
    fn made(&self) -> Result<BTreeSet<String>, StudyError> {
        if self.models.folder() == Some(&self.work) || !self.work.exists() {
            return Ok(BTreeSet::new());
        }
        let refused = |source| lacuna_disk::DiskError::Io { path: self.work.clone(), action: "list", source };
        let mut names = BTreeSet::new();
        for entry in std::fs::read_dir(&self.work).map_err(refused)? {
            // A model's name is a digest; a name that is no text belongs to no model.
            let name = entry.map_err(refused)?.file_name().into_string().unwrap_or_default();
            if name.ends_with(MODEL_ENDING) {
                names.insert(name);
            }
        }
        Ok(names)
    }

    /// The names of the files that an unfinished run resumes from, in the order in which they may be copied while it
    /// runs.
    pub fn unfinished(key: &str) -> [String; 2] {
        // The checkpoint may be older than the scores beside it, never newer.
        [format!("{key}.checkpoint"), format!("{key}.partial.json")]
    }

    /// The names of the same files in the run folder of a single task.
    pub const UNFINISHED_IN_RUN_FOLDER: [&str; 2] = ["checkpoint.safetensors", "checkpoint.json"];

    /// Whether a run whose checkpoint belongs to another program or machine begins anew; in a run folder, which is of
    /// one run alone, this is an error.
    pub(crate) fn begins_anew(&self) -> bool {
        self.names == FileNames::Keys
    }

    /// Whether the checkpoint of a finished task is kept.
    pub(crate) fn keeps_checkpoints(&self) -> bool {
        self.names == FileNames::RunFolder { keeps_checkpoint: true }
    }

    /// Whether a model file names its run. The key of a run covers the forgotten subjects, and a model that leaves its
    /// run folder must not allow to test who they are.
    pub(crate) fn names_runs(&self) -> bool {
        self.names == FileNames::Keys
    }

    fn record_name(&self, key: &str) -> String {
        match self.names {
            FileNames::Keys => format!("{key}.json"),
            FileNames::RunFolder { .. } => "record.json".to_string(),
        }
    }

    fn model_name(&self, key: &str) -> String {
        match self.names {
            FileNames::Keys => format!("{key}{MODEL_ENDING}"),
            FileNames::RunFolder { .. } => format!("model{MODEL_ENDING}"),
        }
    }

    /// The files that an unfinished run resumes from: the checkpoint, and the scores so far.
    fn unfinished_files(&self, key: &str) -> [PathBuf; 2] {
        let names = match self.names {
            FileNames::Keys => Store::unfinished(key),
            FileNames::RunFolder { .. } => Store::UNFINISHED_IN_RUN_FOLDER.map(str::to_string),
        };
        names.map(|name| self.work.join(name))
    }

    /// Reads the record of a run; `None` if the run is not finished.
    ///
    /// # Errors
    /// If the file is not that run's record, or was changed after it was sealed.
    pub fn record(&self, key: &str) -> Result<Option<Record>, StudyError> {
        let Some(bytes) = self.records.read(&self.record_name(key), RECORD_BYTES_MAX)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|error| format!("damage: {error}"));
        match text.and_then(|text| Record::parse(&text, key)) {
            Ok(record) => Ok(Some(record)),
            Err(found) => {
                let path = self.record_path(key);
                Err(StudyError::Record { delete: path.clone(), path, found })
            }
        }
    }

    /// Whether a record of the run exists; its content is not checked.
    ///
    /// # Errors
    /// If the bucket does not answer.
    pub fn has_record(&self, key: &str) -> Result<bool, StudyError> {
        Ok(self.records.has(&self.record_name(key))?)
    }

    /// The runs of `keys` whose records exist, found by one listing; their content is not checked.
    ///
    /// # Errors
    /// If the folder cannot be listed, or the bucket does not answer.
    pub fn recorded<'a>(&self, keys: impl Iterator<Item = &'a str>) -> Result<BTreeSet<&'a str>, StudyError> {
        let names = self.records.names()?;
        Ok(keys.filter(|key| names.contains(&self.record_name(key))).collect())
    }

    /// The digest of the bytes of a run's record; `None` if there is no record.
    ///
    /// # Errors
    /// Those of [`Store::has_record`].
    pub fn record_digest(&self, key: &str) -> Result<Option<String>, StudyError> {
        Ok(self.records.read(&self.record_name(key), RECORD_BYTES_MAX)?.map(|bytes| lacuna_disk::digest(&bytes)))
    }

    /// Checks that records can be written, before work whose result is a record.
    ///
    /// # Errors
    /// If the records lie in an archive.
    pub(crate) fn prove_writing(&self) -> Result<(), StudyError> {
        Ok(self.records.prove_writing()?)
    }

    /// Writes the record of a finished run, atomically.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_record(&self, record: &Record) -> Result<(), StudyError> {
        Ok(self.records.replace(&self.record_name(&record.key), &record.to_line())?)
    }

    /// Writes the record of a finished run unless it has one already; returns whether it was written.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_record_new(&self, record: &Record) -> Result<bool, StudyError> {
        Ok(self.records.create(&self.record_name(&record.key), &record.to_line())?)
    }

    /// Reads the model of a run. Returns `None` if the file is missing, damaged, or differs from `digest`: the model
    /// can be made again, and is then compared with the record.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn model(&self, key: &str, digest: &str, device: &Device) -> Result<Option<Network>, StudyError> {
        if let Some(network) = read_if_right(&self.model_path(key), digest, device)? {
            return Ok(Some(network));
        }
        match self.models.folder() {
            Some(folder) => read_if_right(&folder.join(self.model_name(key)), digest, device),
            None => {
                let Some(bytes) = self.models.read(&self.model_name(key), MODEL_BYTES_MAX)? else { return Ok(None) };
                // A name that no model has, or the file would be published as a model made here.
                let fetched = self.work.join(format!("{key}.fetched"));
                lacuna_disk::write_bytes(&fetched, &bytes)?;
                let network = read_if_right(&fetched, digest, device);
                lacuna_disk::remove_file(&fetched)?;
                network
            }
        }
    }

    /// Writes the model of a run.
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

    /// Reads the model of a run at a horizon, which is kept until its probes are recorded; see [`Store::model`].
    pub(crate) fn model_at(
        &self,
        key: &str,
        epochs: usize,
        digest: &str,
        device: &Device,
    ) -> Result<Option<Network>, StudyError> {
        self.model(&at(key, epochs), digest, device)
    }

    /// Writes the model of a run at a horizon.
    pub(crate) fn write_model_at(
        &self,
        key: &str,
        epochs: usize,
        network: &Network,
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), NnError> {
        write_model(&self.model_path(&at(key, epochs)), network, metadata)
    }

    /// Removes the model of a run at a horizon; errors are ignored.
    pub(crate) fn forget_model_at(&self, key: &str, epochs: usize) {
        // As with checkpoints, a file that is left costs disk space and has no other effect.
        let _ = std::fs::remove_file(self.model_path(&at(key, epochs)));
    }

    /// Whether the model of a run exists, without reading it; false if the bucket does not answer.
    pub fn has_model(&self, key: &str) -> bool {
        self.model_path(key).exists() || self.models.has(&self.model_name(key)).unwrap_or(false)
    }

    /// The path to which the model of a run is written.
    fn model_path(&self, key: &str) -> PathBuf {
        self.work.join(self.model_name(key))
    }

    /// The path of an unfinished run's checkpoint.
    pub(crate) fn checkpoint_path(&self, key: &str) -> PathBuf {
        let [checkpoint, _] = self.unfinished_files(key);
        checkpoint
    }

    /// The path of an unfinished run's scores.
    pub(crate) fn partial_path(&self, key: &str) -> PathBuf {
        let [_, partial] = self.unfinished_files(key);
        partial
    }

    /// Removes the files that only an unfinished run needs, unless the store keeps them; errors are ignored.
    pub(crate) fn forget_checkpoint(&self, key: &str) {
        if self.keeps_checkpoints() {
            return;
        }
        // Files that are left cost disk space and have no other effect; the record is what counts.
        let _ = std::fs::remove_file(self.checkpoint_path(key));
        let _ = std::fs::remove_file(self.partial_path(key));
    }

    /// The path of a run's record, for messages; in a bucket it is no path of this machine.
    pub fn record_path(&self, key: &str) -> PathBuf {
        self.records.at(&self.record_name(key)).into()
    }
}

/// The network in a file; `None` if the file is missing, damaged, or has another digest.
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

/// The name of a run's model at a horizon.
fn at(key: &str, epochs: usize) -> String {
    format!("{key}-{epochs}")
}

#[cfg(test)]
mod tests;
