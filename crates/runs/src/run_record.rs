//! What a run folder says of its run: `run.json`, what it was made of, and `status.json`, how it stands.

use crate::RunsError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// What the run was made of, in `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// The format's name, `lacuna.run/1`.
    pub schema: String,
    /// The verb of the command that made the run.
    pub verb: String,
    /// lacuna's version.
    pub lacuna: String,
    /// The tensor library's version.
    pub burn: String,
    /// When it began, in UTC.
    pub began: String,
    /// Where it computed, with the class of the instruction set: results depend on it.
    pub device: String,
    /// A digest of the sources of the kernels; empty in records from before it was kept.
    #[serde(default)]
    pub kernels: String,
    /// That device's driver, where it has one and says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// With how many threads; results do not depend on it.
    pub threads: usize,
    /// The command line, without the program's name.
    pub command: Vec<String>,
    /// Every seed, by what it is for.
    pub seeds: BTreeMap<String, u64>,
    /// The digests of what the run was made from.
    pub parents: BTreeMap<String, String>,
}

/// How the run stands, in `status.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// `lacuna.status/1`.
    pub schema: String,
    /// Running, done, failed or interrupted.
    pub status: RunState,
    /// The exit code, once there is one.
    pub exit_code: Option<u8>,
    /// The error's words, if there is one.
    pub message: Option<String>,
    /// When this was written, in UTC.
    pub at: String,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Under way, or killed so suddenly that it could not say.
    Running,
    /// Finished without an error.
    Done,
    /// Ended by an error.
    Failed,
    /// Ended by the user; it can be resumed.
    Interrupted,
}

/// The program that a run's record names, the machine, and the command line.
#[derive(Clone, Debug)]
pub struct Maker {
    /// See [`RunRecord::lacuna`].
    pub lacuna: String,
    /// See [`RunRecord::burn`].
    pub burn: String,
    /// See [`RunRecord::device`].
    pub device: String,
    /// See [`RunRecord::kernels`].
    pub kernels: String,
    /// See [`RunRecord::driver`].
    pub driver: Option<String>,
    /// See [`RunRecord::threads`].
    pub threads: usize,
    /// See [`RunRecord::command`].
    pub command: Vec<String>,
}

/// The name of the file with a [`RunRecord`].
pub const RUN: &str = "run.json";
/// The name of the file with a [`Status`].
pub const STATUS: &str = "status.json";

/// The format of `run.json`.
const SCHEMA: &str = "lacuna.run/1";

/// `run.json` is small.
const RECORD_BYTES_MAX: u64 = 16 << 20;

impl RunRecord {
    /// The record of a run that begins now.
    pub fn new(
        by: impl Into<Maker>,
        verb: &str,
        seeds: BTreeMap<String, u64>,
        parents: BTreeMap<String, String>,
    ) -> RunRecord {
        let Maker { lacuna, burn, device, kernels, driver, threads, command } = by.into();
        RunRecord {
            schema: SCHEMA.to_string(),
            verb: verb.to_string(),
            lacuna,
            burn,
            began: timestamp(),
            device,
            kernels,
            driver,
            threads,
            command,
            seeds,
            parents,
        }
    }

    /// The bytes of a `run.json` as its record; `path` is named in errors.
    ///
    /// # Errors
    /// Bytes that are no record, or is of another format.
    pub fn of_bytes(text: &[u8], path: &Path) -> Result<RunRecord, RunsError> {
        #[derive(Deserialize)]
        struct Format {
            schema: String,
        }
        let Format { schema } = parsed(text, path)?;
        if schema != SCHEMA {
            let what = format!("schema: expected {SCHEMA}, found {schema}; fix: use the lacuna that made the run");
            return Err(RunsError::Unfit { path: path.to_path_buf(), what });
        }
        parsed(text, path)
    }

    /// The digests of the weights that the run began from: of the model that it changed, and of initial weights.
    pub fn began_from(&self) -> impl Iterator<Item = &str> {
        let is_of_weights = |what: &str| what == "model" || what == "init";
        self.parents.iter().filter(move |(what, _)| is_of_weights(what)).map(|(_, digest)| digest.as_str())
    }
}

impl Status {
    /// The status at this moment.
    pub fn new(status: RunState, exit_code: Option<u8>, message: Option<String>) -> Status {
        Status { schema: "lacuna.status/1".to_string(), status, exit_code, message, at: timestamp() }
    }
}

/// Now, in UTC to the second: `2026-11-23T15:42:10Z`.
pub fn timestamp() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What a run was made of.
///
/// # Errors
/// A file that cannot be read, or is of another format.
pub fn read_record(folder: &Path) -> Result<RunRecord, RunsError> {
    let path = folder.join(RUN);
    RunRecord::of_bytes(&lacuna_disk::read_bytes(&path, RECORD_BYTES_MAX)?, &path)
}

/// How a run stands.
///
/// # Errors
/// A file that cannot be read, or is none of a status.
pub fn read_status(folder: &Path) -> Result<Status, RunsError> {
    let path = folder.join(STATUS);
    parsed(&lacuna_disk::read_bytes(&path, RECORD_BYTES_MAX)?, &path)
}

fn parsed<T: for<'a> Deserialize<'a>>(text: &[u8], path: &Path) -> Result<T, RunsError> {
    serde_json::from_slice(text).map_err(|error| RunsError::Unfit {
        path: path.to_path_buf(),
        what: format!("{error}; fix: is this a folder that lacuna made?"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_another_format_is_refused_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("run.json"), r#"{ "schema": "lacuna.run/9", "more": 1 }"#).unwrap();
        let message = read_record(folder.path()).unwrap_err().to_string();
        assert!(message.contains("schema: expected lacuna.run/1, found lacuna.run/9; fix:"), "{message}");
    }

    #[test]
    fn a_run_began_from_its_model_and_its_initial_weights_and_not_from_its_data() {
        let parents =
            [("model", "m"), ("init", "i"), ("data", "d")].map(|(what, digest)| (what.to_string(), digest.to_string()));
        let maker = Maker {
            lacuna: "1".to_string(),
            burn: "1".to_string(),
            device: "cpu".to_string(),
            kernels: "k".to_string(),
            driver: None,
            threads: 1,
            command: Vec::new(),
        };
        let record = RunRecord::new(maker, "train", BTreeMap::new(), BTreeMap::from(parents));
        assert_eq!(record.began_from().collect::<Vec<_>>(), ["i", "m"]);
    }

    #[test]
    fn a_timestamp_has_seconds_and_a_zone() {
        let text = timestamp();
        assert_eq!(text.len(), "2026-11-23T15:42:10Z".len());
        assert!(text.ends_with('Z'));
    }
}
