//! The record of a finished run: its scores at every horizon, its history, and its cost.

mod outcome;

use crate::cost::HorizonCost;
use lacuna_metrics::SubjectScores;
use lacuna_report::Roles;
use lacuna_train::{EpochRecord, Passes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format's name in [`Record`]; its number rises with every change that a reader has to follow.
pub const RECORD_SCHEMA: &str = "lacuna-record-3";

/// The record of a finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The format's name, [`RECORD_SCHEMA`].
    pub schema: String,
    /// The digest that names the run.
    pub key: String,
    /// The digest of the final model; `None` if the run diverged.
    pub model: Option<String>,
    /// The digest of the trained model that the run began from, if it began from one.
    pub parent: Option<String>,
    /// The scores at each horizon that was reached.
    pub horizons: Vec<EpochScores>,
    /// A description of the divergence, with its epoch, if the run diverged.
    pub diverged: Option<String>,
    /// The volumes passed through the network.
    pub passes: Passes,
    /// The volumes passed through networks before the first step.
    pub preparation: Passes,
    /// Wall-clock seconds of the run, evaluation included; of its last piece if it was resumed.
    pub seconds: f64,
    /// The history of the training, one entry per epoch.
    pub history: Vec<EpochRecord>,
    /// An unlearning run's scores by role every few epochs, if the study asks for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<CurvePoint>,
    /// The result of a relearning, if the run was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relearned: Option<Relearned>,
    /// BLAKE3 of the record's JSON without the seal and without white space, keys in the order above; absent until the
    /// record is written. It shows damage and careless edits; a forger can compute it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
}

/// Scores on the output grid after a number of epochs, averaged over the subjects of each role.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurvePoint {
    /// The number of finished epochs.
    pub epochs: usize,
    /// The mean Dice of each role.
    pub dice: Roles<Option<f64>>,
    /// The mean cross-entropy of each role, in nats.
    pub cross_entropy: Roles<Option<f64>>,
}

/// The result of learning a subject again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relearned {
    /// The volumes passed until the subject was learned; `None` if it was not learned.
    pub passes: Option<u64>,
    /// The volumes after which the relearning was stopped.
    pub passes_max: u64,
    /// The subject counts as learned once its mean cross-entropy on the output grid, in nats, is at most this.
    pub cross_entropy_max: f64,
    /// The subject's mean cross-entropy before the first epoch and after each epoch.
    pub cross_entropy: Vec<f64>,
}

/// The scores of all subjects after a number of epochs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochScores {
    /// The number of finished epochs.
    pub epochs: usize,
    /// The scores on the volume's grid, by subject.
    pub volume: BTreeMap<String, SubjectScores>,
    /// The scores on the network's output grid, by subject.
    pub output: BTreeMap<String, SubjectScores>,
    /// The mean cross-entropy on the output grid in nats, by subject; empty where it was not computed.
    pub cross_entropy: BTreeMap<String, f64>,
    /// Whether every prediction consists of one class only.
    pub collapsed: bool,
    /// The digest of the scored model; absent in records that were migrated from a format without it.
    pub model: Option<String>,
    /// The cost of the run up to this horizon; absent in the same records.
    pub cost: Option<HorizonCost>,
}

impl Record {
    /// The content of the record's file: one line of JSON.
    pub fn to_line(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec(self).expect("plain data is JSON");
        text.push(b'\n');
        text
    }

    /// The record with its seal.
    pub(crate) fn sealed(self) -> Record {
        let seal = Some(self.digest());
        Record { seal, ..self }
    }

    fn digest(&self) -> String {
        let unsealed = Record { seal: None, ..self.clone() };
        lacuna_disk::digest(&serde_json::to_vec(&unsealed).expect("plain data is JSON"))
    }

    /// Parses the text of run `key`'s record; an error describes what was found instead.
    pub(crate) fn parse(text: &str, key: &str) -> Result<Record, String> {
        let damage = |error: serde_json::Error| format!("damage: {error}");
        let Format { schema } = serde_json::from_str(text).map_err(damage)?;
        if schema != RECORD_SCHEMA {
            return Err(format!("the format {schema}"));
        }
        let record: Record = serde_json::from_str(text).map_err(damage)?;
        match record.fault(key) {
            None => Ok(record),
            Some(fault) => Err(fault),
        }
    }

    /// The defect of this as the record of run `key`, if there is one.
    fn fault(&self, key: &str) -> Option<String> {
        match &self.seal {
            _ if self.key != key => Some(format!("that of run {}", self.key)),
            Some(seal) if *seal == self.digest() => None,
            Some(_) => Some("one that was changed after it was sealed".to_string()),
            None => Some("one whose seal is gone".to_string()),
        }
    }
}

/// The only part of a record that is read before its format is known.
#[derive(Deserialize)]
struct Format {
    schema: String,
}

#[cfg(test)]
mod tests {
    use crate::RECORD_SCHEMA;
    use lacuna_objects::{Address, Location};
    use std::path::{Path, PathBuf};

    /// The archives of records under `docs/results`.
    fn archives() -> Vec<PathBuf> {
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results");
        let folders = std::fs::read_dir(results).unwrap().map(|entry| entry.unwrap().path());
        folders.map(|folder| folder.join("records.tar.xz")).filter(|archive| archive.is_file()).collect()
    }

    /// Every record of an archive, by the key of its run.
    fn texts(archive: &Path) -> Vec<(String, String)> {
        let location = Location::open(&Address::Folder(archive.to_path_buf())).unwrap();
        let names = location.names().unwrap();
        let keys = names.iter().filter_map(|name| name.strip_suffix(".json"));
        let text = |key: &str| location.read(&format!("{key}.json"), 1 << 26).unwrap().unwrap();
        keys.map(|key| (key.to_string(), String::from_utf8(text(key)).unwrap())).collect()
    }

    #[test]
    fn every_committed_record_is_read_and_as_it_was_sealed() {
        let archives = archives();
        assert!(archives.len() > 5, "{archives:?}");
        let records: Vec<_> = archives.iter().flat_map(|archive| texts(archive)).collect();
        assert!(records.len() > 1000, "{}", records.len());
        for (key, text) in records {
            super::Record::parse(&text, &key).unwrap_or_else(|found| panic!("{key}: {found}"));
        }
    }

    #[test]
    fn an_edited_record_one_of_another_run_or_format_and_one_without_a_seal_are_refused() {
        let (key, text) = archives().iter().flat_map(|archive| texts(archive)).next().unwrap();
        let record = super::Record::parse(&text, &key).unwrap();
        let parse = |text: &str| super::Record::parse(text, &key).unwrap_err();
        let seal = format!(",\"seal\":\"{}\"", record.seal.unwrap());
        assert_eq!(parse(&text.replacen(&seal, "", 1)), "one whose seal is gone");
        let edited = text.replacen("\"diverged\":null", "\"diverged\":\"never\"", 1);
        assert_eq!(parse(&edited), "one that was changed after it was sealed");
        assert_eq!(parse(&text.replacen(RECORD_SCHEMA, "lacuna-record-9", 1)), "the format lacuna-record-9");
        assert_eq!(super::Record::parse(&text, "ab").unwrap_err(), format!("that of run {key}"));
        assert!(parse(&text[..text.len() / 2]).starts_with("damage"));
    }
}
