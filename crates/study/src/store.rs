//! Where records and models lie.
//!
//! Records are small and worth keeping under version control; models are large and can be made
//! again from what a record says. So they lie in two folders.

use crate::StudyError;
use lacuna_metrics::SubjectScores;
use lacuna_nn::{Device, Network, NnError, read_model, write_model};
use lacuna_train::{EpochRecord, Passes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The format of [`Record`]; it changes when a reader would have to.
pub const RECORD_SCHEMA: &str = "lacuna-record-1";

/// The largest record that is read.
const RECORD_BYTES_MAX: u64 = 64 << 20;

/// A finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// [`RECORD_SCHEMA`].
    pub schema: String,
    /// The digest that names the run.
    pub key: String,
    /// The digest of the model at the end, if it got there.
    pub model: Option<String>,
    /// The digest of the model it began from, where that was a trained one.
    pub parent: Option<String>,
    /// The scores at each horizon reached.
    pub horizons: Vec<EpochScores>,
    /// In which epoch and how it diverged, if it did.
    pub diverged: Option<String>,
    /// Volumes passed through the network.
    pub passes: Passes,
    /// Passes of the frozen original before the first step.
    pub preparation_passes: u64,
    /// Wall-clock time of the run, evaluation included; of the last piece, if it was resumed.
    pub seconds: f64,
    /// One entry per epoch.
    pub history: Vec<EpochRecord>,
}

/// Everybody's scores after some epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochScores {
    /// Epochs done.
    pub epochs: usize,
    /// By subject, on the volume's grid.
    pub volume: BTreeMap<String, SubjectScores>,
    /// By subject, on the network's output grid.
    pub output: BTreeMap<String, SubjectScores>,
    /// Whether every prediction knew one class only.
    pub collapsed: bool,
}

/// The two folders.
#[derive(Clone, Debug)]
pub struct Store {
    records: PathBuf,
    models: PathBuf,
}

impl Store {
    /// A store in two folders, which are made when first written to.
    pub fn new(records: PathBuf, models: PathBuf) -> Store {
        Store { records, models }
    }

    /// The record of a run, if it is finished.
    ///
    /// # Errors
    /// A file that is not that run's record.
    pub fn record(&self, key: &str) -> Result<Option<Record>, StudyError> {
        let path = self.record_path(key);
        if !path.exists() {
            return Ok(None);
        }
        let text = lacuna_disk::read_text(&path, RECORD_BYTES_MAX)?;
        let unfit = |found: String| StudyError::Record { path: path.clone(), found, delete: path.clone() };
        let record: Record = serde_json::from_str(&text).map_err(|error| unfit(format!("damage: {error}")))?;
        if record.schema != RECORD_SCHEMA {
            return Err(unfit(format!("the format {}", record.schema)));
        }
        if record.key == key { Ok(Some(record)) } else { Err(unfit(format!("that of run {}", record.key))) }
    }

    /// Record a finished run, atomically.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_record(&self, record: &Record) -> Result<(), StudyError> {
        let mut text = serde_json::to_vec(record).expect("plain data is JSON");
        text.push(b'\n');
        Ok(lacuna_disk::write_bytes(&self.record_path(&record.key), &text)?)
    }

    /// The model of a run, if it is there and is what its record says; a damaged file is as good as none,
    /// since it can be made again and then is compared with the record.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn model(&self, key: &str, digest: &str, device: &Device) -> Result<Option<Network>, StudyError> {
        let path = self.model_path(key);
        if !path.exists() {
            return Ok(None);
        }
        match read_model(&path, device) {
            Ok(file) => Ok((file.network.digest() == digest).then_some(file.network)),
            Err(error @ NnError::Disk(_)) => Err(error.into()),
            Err(_) => Ok(None),
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

    /// Where the model of a run lies.
    pub fn model_path(&self, key: &str) -> PathBuf {
        self.models.join(format!("{key}.safetensors"))
    }

    /// Where the checkpoint of an unfinished run lies.
    pub fn checkpoint_path(&self, key: &str) -> PathBuf {
        self.models.join(format!("{key}.checkpoint"))
    }

    /// Where the scores of an unfinished run lie.
    pub(crate) fn partial_path(&self, key: &str) -> PathBuf {
        self.models.join(format!("{key}.partial.json"))
    }

    /// Remove what only an unfinished run needs.
    pub(crate) fn forget_checkpoint(&self, key: &str) {
        // Leftovers cost space and nothing else; the record is what counts.
        let _ = std::fs::remove_file(self.checkpoint_path(key));
        let _ = std::fs::remove_file(self.partial_path(key));
    }

    /// Where the record of a run lies.
    pub fn record_path(&self, key: &str) -> PathBuf {
        self.records.join(format!("{key}.json"))
    }
}
