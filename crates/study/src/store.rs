//! Where records and models lie.
//!
//! Records are small and worth keeping under version control; models are large and can be made
//! again from what a record says. So they lie in two folders.

use crate::StudyError;
use lacuna_metrics::SubjectScores;
use lacuna_nn::{Device, Network, read_model, write_model};
use lacuna_train::{EpochRecord, Passes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The largest record that is read.
const RECORD_BYTES_MAX: u64 = 64 << 20;

/// A finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// `lacuna-record-1`.
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
        let unfit = |reason: String| StudyError::Record { path: path.clone(), reason };
        let record: Record = serde_json::from_str(&text).map_err(|error| unfit(error.to_string()))?;
        if record.key == key { Ok(Some(record)) } else { Err(unfit(format!("it says {}", record.key))) }
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

    /// The model of a run, if it is there and is what its record says.
    ///
    /// # Errors
    /// A damaged file.
    pub fn model(&self, key: &str, digest: &str, device: &Device) -> Result<Option<Network>, StudyError> {
        let path = self.model_path(key);
        if !path.exists() {
            return Ok(None);
        }
        let network = read_model(&path, device)?.network;
        Ok((network.digest() == digest).then_some(network))
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
