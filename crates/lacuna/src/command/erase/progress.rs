//! What a request has come to, kept between its steps.

use crate::error::CliError;
use lacuna_ledger::Digest;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const FILE: &str = "progress.json";
const SCHEMA: &str = "lacuna.erase-progress/2";
const BYTES_MAX: u64 = 64 << 20;

/// The runs of a request, in the order in which they are made. It lies in the operator's zone and goes at the end.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    schema: String,
    /// The strategy's name.
    pub strategy: String,
    /// The digest of strategy, recipe and settings.
    pub recipe: String,
    /// The digest of what will be measured.
    pub protocol: Digest,
    /// One for each model.
    pub runs: Vec<Run>,
}

/// One model, and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Its random name.
    pub run: String,
    /// The model that has seen the subject.
    pub from: PathBuf,
    /// SHA-256 of its file.
    pub before: Digest,
    /// What came of it, once it has.
    pub made: Option<Made>,
    /// What an audit of it found, once one has.
    pub audited: Option<Audited>,
}

/// The model that a run made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// Its file.
    pub model: PathBuf,
    /// SHA-256 of its file.
    pub after: Digest,
    /// The digests of both as lacuna names models.
    pub digests: [String; 2],
    /// Scores before and after, by role; no row of a subject.
    pub tables: serde_json::Value,
    /// What it did to the subject.
    pub effect: serde_json::Value,
    /// Passes.
    pub cost: serde_json::Value,
}

/// What an audit found.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audited {
    /// Its verdict.
    pub verdict: String,
    /// Its statistics and controls.
    pub found: serde_json::Value,
}

impl Progress {
    /// Nothing done yet.
    pub fn new(strategy: String, recipe: String, protocol: Digest, runs: Vec<Run>) -> Progress {
        Progress { schema: SCHEMA.to_string(), strategy, recipe, protocol, runs }
    }

    /// What a folder holds, if it does.
    pub fn read(folder: &Path) -> Result<Option<Progress>, CliError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = lacuna_disk::read_text(&path, BYTES_MAX)?;
        serde_json::from_str(&text).map(Some).map_err(|error| CliError::Data {
            what: format!("{}: {error}; fix: delete it, and the runs are done again", path.display()),
        })
    }

    /// Keep it.
    pub fn write(&self, folder: &Path) -> Result<(), CliError> {
        Ok(lacuna_disk::write_bytes(&folder.join(FILE), &serde_json::to_vec(self).expect("plain data is JSON"))?)
    }

    /// It is no longer needed.
    pub fn remove(folder: &Path) -> Result<(), CliError> {
        lacuna_disk::remove_file(&folder.join(FILE))?;
        Ok(())
    }

    /// The models that were made.
    pub fn made(&self) -> impl Iterator<Item = (&Run, &Made)> {
        self.runs.iter().filter_map(|run| Some((run, run.made.as_ref()?)))
    }
}
