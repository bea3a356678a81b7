//! What a run folder says of its run: `run.json`, what it was made of, and `status.json`, how it stands.

use crate::command::BURN_VERSION;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::progress::timestamp;
use crate::words;
use lacuna_nn::{device_identity, kernels_digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// What the run was made of, in `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    pub schema: String,
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
    Done,
    /// Ended by an error.
    Failed,
    /// Ended by the user; it can be resumed.
    Interrupted,
}

/// The format of `run.json`.
const SCHEMA: &str = "lacuna.run/1";

/// `run.json` is small.
const RECORD_BYTES_MAX: u64 = 16 << 20;

impl RunRecord {
    /// A record of this process.
    pub fn new(
        context: &Context,
        verb: &str,
        seeds: BTreeMap<String, u64>,
        parents: BTreeMap<String, String>,
    ) -> RunRecord {
        RunRecord {
            schema: SCHEMA.to_string(),
            verb: verb.to_string(),
            lacuna: env!("CARGO_PKG_VERSION").to_string(),
            burn: BURN_VERSION.to_string(),
            began: timestamp(),
            device: device_identity(&context.device),
            kernels: kernels_digest().to_string(),
            driver: context.adapter.as_ref().and_then(|adapter| adapter.driver.clone()),
            threads: rayon::current_num_threads(),
            command: words::texts(),
            seeds,
            parents,
        }
    }
}

impl Status {
    pub fn new(status: RunState, exit: Option<Exit>, message: Option<String>) -> Status {
        let schema = "lacuna.status/1".to_string();
        Status { schema, status, exit_code: exit.map(Exit::code), message, at: timestamp() }
    }
}

/// What a run was made of.
///
/// # Errors
/// A file that cannot be read, or is of another format.
pub fn read_record(path: &Path) -> Result<RunRecord, CliError> {
    #[derive(Deserialize)]
    struct Format {
        schema: String,
    }
    let file = path.join("run.json");
    let Format { schema } = read_json(&file)?;
    if schema != SCHEMA {
        let file = file.display();
        let what = format!("{file}: schema: expected {SCHEMA}, found {schema}; fix: use the lacuna that made the run");
        return Err(CliError::Data { what });
    }
    read_json(&file)
}

/// How a run stands.
pub fn read_status(path: &Path) -> Result<Status, CliError> {
    read_json(&path.join("status.json"))
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, CliError> {
    let text = lacuna_disk::read_text(path, RECORD_BYTES_MAX)?;
    serde_json::from_str(&text).map_err(|error| CliError::Data {
        what: format!("{}: {error}; fix: is this a folder that lacuna made?", path.display()),
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
}
