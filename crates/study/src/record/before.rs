//! The two formats of before costs and losses were recorded, read and never written.

use crate::EpochScores;
use lacuna_metrics::SubjectScores;
use lacuna_train::{EpochRecord, Passes};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format of before records were sealed: nothing shows whether such a record was edited.
pub(super) const UNSEALED_SCHEMA: &str = "lacuna-record-1";

/// What is read here.
pub(super) const SCHEMAS: [&str; 2] = [UNSEALED_SCHEMA, "lacuna-record-2"];

/// A record as it was; its order of fields is that of its seal.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    schema: String,
    key: String,
    model: Option<String>,
    parent: Option<String>,
    horizons: Vec<Scores>,
    diverged: Option<String>,
    passes: Passes,
    preparation_passes: u64,
    seconds: f64,
    history: Vec<EpochRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seal: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scores {
    epochs: usize,
    volume: BTreeMap<String, SubjectScores>,
    output: BTreeMap<String, SubjectScores>,
    collapsed: bool,
}

impl Record {
    pub(super) fn digest(&self) -> String {
        let unsealed = Record { seal: None, ..self.clone() };
        lacuna_disk::digest(&serde_json::to_vec(&unsealed).expect("plain data is JSON"))
    }
}

impl From<Record> for super::Record {
    fn from(old: Record) -> super::Record {
        super::Record {
            schema: old.schema,
            key: old.key,
            model: old.model,
            parent: old.parent,
            horizons: old.horizons.into_iter().map(EpochScores::from).collect(),
            diverged: old.diverged,
            passes: old.passes,
            // The only preparation there was: words of the frozen original.
            preparation: Passes { training: 0, teacher: old.preparation_passes },
            seconds: old.seconds,
            history: old.history,
            curve: Vec::new(),
            relearned: None,
            seal: old.seal,
        }
    }
}

impl From<Scores> for EpochScores {
    fn from(old: Scores) -> EpochScores {
        let Scores { epochs, volume, output, collapsed } = old;
        EpochScores { epochs, volume, output, cross_entropy: BTreeMap::new(), collapsed, model: None, cost: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    /// The records under `docs/results`, all of the first format.
    fn committed() -> Vec<PathBuf> {
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results");
        let folders = std::fs::read_dir(results).unwrap().map(|entry| entry.unwrap().path().join("records"));
        let files = folders.filter(|folder| folder.is_dir()).flat_map(|folder| std::fs::read_dir(folder).unwrap());
        // What audits declared lies in a folder beside the records.
        files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
    }

    fn key(path: &Path) -> &str {
        path.file_stem().unwrap().to_str().unwrap()
    }

    #[test]
    fn the_committed_records_are_read() {
        let paths = committed();
        assert!(paths.len() > 50, "{}", paths.len());
        for path in paths {
            let text = std::fs::read_to_string(&path).unwrap();
            let record = super::super::Record::parse(&text, key(&path)).unwrap();
            assert!(record.horizons.iter().all(|scores| !scores.output.is_empty()), "{}", path.display());
        }
    }

    #[test]
    fn a_seal_of_the_second_format_still_tells_of_an_edit() {
        let path = committed().remove(0);
        let text = std::fs::read_to_string(&path).unwrap();
        let unsealed: Record = serde_json::from_str(&text).unwrap();
        let sealed = Record { schema: SCHEMAS[1].to_string(), ..unsealed };
        let text = |record: &Record| serde_json::to_string(record).unwrap();
        let parse = |text: &str| super::super::Record::parse(text, key(&path));
        assert_eq!(parse(&text(&sealed)).unwrap_err(), "one whose seal is gone");
        let sealed = text(&Record { seal: Some(sealed.digest()), ..sealed });
        let found = parse(&sealed).unwrap();
        assert!(!found.is_unsealed() && found.horizons[0].cost.is_none());
        let edited = sealed.replacen("\"collapsed\":false", "\"collapsed\":true", 1);
        assert_eq!(parse(&edited).unwrap_err(), "one that was changed after it was sealed");
        let promoted = sealed.replacen(SCHEMAS[1], UNSEALED_SCHEMA, 1);
        assert!(parse(&promoted).unwrap_err().contains("which has none"));
        assert_eq!(
            parse(&sealed.replacen(SCHEMAS[1], "lacuna-record-9", 1)).unwrap_err(),
            "the format lacuna-record-9"
        );
    }
}
