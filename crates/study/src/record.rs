//! What a finished run leaves: its scores at every horizon, its history, and what it cost.

mod outcome;

use crate::cost::HorizonCost;
use lacuna_metrics::SubjectScores;
use lacuna_report::Roles;
use lacuna_train::{EpochRecord, Passes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format of [`Record`]; it changes when a reader would have to.
pub const RECORD_SCHEMA: &str = "lacuna-record-3";

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
    /// Volumes passed through networks before the first step.
    pub preparation: Passes,
    /// Wall-clock time of the run, evaluation included; of the last piece, if it was resumed.
    pub seconds: f64,
    /// One entry per epoch.
    pub history: Vec<EpochRecord>,
    /// An unlearning run's scores by role every few epochs, if the study asked for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<CurvePoint>,
    /// How a relearning went, if the run was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relearned: Option<Relearned>,
    /// BLAKE3 of the record's JSON without the seal and without white space, keys in the order above; absent until
    /// the record is written. It shows damage and careless edits; a forger can compute it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<String>,
}

/// Scores on the output grid after some epochs, averaged over the subjects of each role.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurvePoint {
    /// Epochs done.
    pub epochs: usize,
    /// Mean Dice.
    pub dice: Roles<Option<f64>>,
    /// Mean cross-entropy.
    pub cross_entropy: Roles<Option<f64>>,
}

/// How a model learned a subject again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relearned {
    /// Volumes passed until the subject was known; `None` if it never was.
    pub passes: Option<u64>,
    /// After so many it was given up.
    pub passes_max: u64,
    /// The subject is known from this mean cross-entropy on the output grid downwards.
    pub cross_entropy_max: f64,
    /// The subject's mean cross-entropy before the first epoch and after each.
    pub cross_entropy: Vec<f64>,
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
    /// By subject, the mean cross-entropy on the output grid, in nats; empty where it was not computed.
    pub cross_entropy: BTreeMap<String, f64>,
    /// Whether every prediction knew one class only.
    pub collapsed: bool,
    /// The digest of the model that was scored; absent in records that were migrated from a format without it.
    pub model: Option<String>,
    /// What the run had cost by then; absent in the same records.
    pub cost: Option<HorizonCost>,
}

impl Record {
    /// The text of its file.
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

    /// The record of run `key` in its file's text; an error says what was found instead.
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

    /// What is wrong with it as the record of run `key`, if anything is.
    fn fault(&self, key: &str) -> Option<String> {
        match &self.seal {
            _ if self.key != key => Some(format!("that of run {}", self.key)),
            Some(seal) if *seal == self.digest() => None,
            Some(_) => Some("one that was changed after it was sealed".to_string()),
            None => Some("one whose seal is gone".to_string()),
        }
    }
}

/// All that is read of a record before its format is known.
#[derive(Deserialize)]
struct Format {
    schema: String,
}

#[cfg(test)]
mod tests {
    use crate::RECORD_SCHEMA;
    use lacuna_objects::{Address, Place};
    use std::path::{Path, PathBuf};

    /// The archives of records under `docs/results`.
    fn archives() -> Vec<PathBuf> {
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results");
        let folders = std::fs::read_dir(results).unwrap().map(|entry| entry.unwrap().path());
        folders.map(|folder| folder.join("records.tar.xz")).filter(|archive| archive.is_file()).collect()
    }

    /// Every record of an archive, by the key of its run.
    fn texts(archive: &Path) -> Vec<(String, String)> {
        let place = Place::open(&Address::Folder(archive.to_path_buf())).unwrap();
        let names = place.names().unwrap();
        let keys = names.iter().filter_map(|name| name.strip_suffix(".json"));
        let text = |key: &str| place.read(&format!("{key}.json"), 1 << 26).unwrap().unwrap();
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
