//! Crash tests: every write of a command fails once, and the next run must end as if nothing had happened.
//!
//! The command is built with `failpoints`. For N = 1, 2, 3, … it runs in a fresh copy of the same folder and fails at
//! its N-th boundary, until a run reaches the end. After each failure every file must be whole, the ledger must verify,
//! and the repeated command must give the bytes of an undisturbed run.

mod operation;

use crate::Failure;
use clap::Args;
use lacuna_weights::WeightFile;
pub use operation::OPERATIONS;
use operation::Operation;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Fail every write boundary of train, unlearn, study, ledger, erase, purge and restore, one after the other, and go on
#[derive(Args)]
#[command(after_help = "Example:\n  cargo xtask crashes --out docs/results/crashes.json")]
pub struct Arguments {
    /// Only this operation
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Only this way to fail
    #[arg(long, value_enum, value_name = "HOW")]
    how: Option<How>,
    /// Begin with this boundary, to go on with a count that was interrupted
    #[arg(long, default_value_t = 1, value_name = "N")]
    from: u64,
    /// A command that was built with `--features failpoints` before [default: build it]
    #[arg(long, value_name = "FILE")]
    command: Option<PathBuf>,
    /// Write what was found as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The way in which a boundary fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum How {
    /// The process ends there.
    #[value(name = "killed")]
    Abort,
    /// The system reports that no space is left.
    Full,
}

/// The results of one operation.
#[derive(Debug, Serialize)]
struct Tried {
    operation: &'static str,
    how: &'static str,
    /// The number of boundaries that failed once each, after which the operation ended as it should.
    survived: u64,
    /// The same number by the name of the next step.
    by_boundary: BTreeMap<String, u64>,
}

/// Runs the crash tests, and prints the number of boundaries survived.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let scratch = Scratch::new("command")?;
    let lacuna = match &arguments.command {
        Some(built) => built.canonicalize()?,
        None => build(&scratch.0)?,
    };
    let wanted = |operation: &&Operation| arguments.only.as_deref().is_none_or(|only| only == operation.name);
    let mut tried = Vec::new();
    for operation in OPERATIONS.iter().filter(wanted) {
        for how in [How::Abort, How::Full].into_iter().filter(|how| arguments.how.is_none_or(|only| only == *how)) {
            let found = try_all(&lacuna, operation, how, arguments.from)?;
            println!("{:8} {:6} {:4} boundaries failed and survived", found.operation, found.how, found.survived);
            tried.push(found);
        }
    }
    if let Some(out) = &arguments.out {
        std::fs::write(out, serde_json::to_string_pretty(&tried)? + "\n")?;
    }
    Ok(())
}

/// Builds a command with failpoints, and copies it to a place that the next build does not overwrite.
fn build(to: &Path) -> Result<PathBuf, Failure> {
    let lacuna = to.join("lacuna");
    std::fs::copy(crate::program::build_with(&["failpoints"])?, &lacuna)?;
    Ok(lacuna)
}

fn try_all(lacuna: &Path, operation: &Operation, how: How, from: u64) -> Result<Tried, Failure> {
    let scratch = Scratch::new(operation.name)?;
    let base = scratch.0.join("base");
    std::fs::create_dir_all(&base)?;
    let quiet = Runner::plain(lacuna, base.clone());
    (operation.prepare)(&quiet)?;
    let whole = scratch.copy(&base, "whole")?;
    let expected = (operation.go)(&Runner::plain(lacuna, whole))?;
    let mut by_boundary = BTreeMap::new();
    for boundary in from.. {
        let folder = scratch.copy(&base, "trial")?;
        let again = Runner::plain(lacuna, folder.clone());
        let failing = Runner { lacuna, folder: folder.clone(), fail: Some((boundary, how)) };
        let stopped_before =
            |said: &str| said.lines().find_map(|line| line.strip_prefix("failed before: ").map(str::to_string));
        let context = |what: String| -> Failure { format!("{} {how:?} {boundary}: {what}", operation.name).into() };
        let output = failing.output((operation.command)(&again)?)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let Some(stopped_before) = stopped_before(&said) else {
            if !output.status.success() {
                return Err(context(format!("it failed by itself: {said}")));
            }
            break;
        };
        if said.contains("panicked") || (how == How::Full && output.status.code().is_none()) {
            return Err(context(format!("a full disk is an error with a message, found: {said}")));
        }
        check_whole(&folder).map_err(|error| context(format!("before {stopped_before}: {error}")))?;
        let found =
            (operation.go)(&again).map_err(|error| context(format!("before {stopped_before}, again: {error}")))?;
        if found != expected {
            return Err(context(format!("before {stopped_before}: ended in {found}, not in {expected}")));
        }
        *by_boundary.entry(stopped_before).or_default() += 1;
    }
    let how = if how == How::Abort { "killed" } else { "full" };
    Ok(Tried { operation: operation.name, how, survived: by_boundary.values().sum(), by_boundary })
}

/// Runs the command in a folder.
pub struct Runner<'a> {
    lacuna: &'a Path,
    /// The folder that the commands run in.
    pub folder: PathBuf,
    fail: Option<(u64, How)>,
}

impl Runner<'_> {
    /// A runner whose commands do not fail.
    pub fn plain(lacuna: &Path, folder: PathBuf) -> Runner<'_> {
        Runner { lacuna, folder, fail: None }
    }

    fn output(&self, words: String) -> Result<Output, Failure> {
        let mut command = Command::new(self.lacuna);
        command.current_dir(&self.folder).args(words.split_whitespace()).args(["--threads", "1", "--progress", "none"]);
        if let Some((boundary, how)) = self.fail {
            command.env("LACUNA_FAIL_AT", boundary.to_string());
            command.env("LACUNA_FAIL_HOW", if how == How::Full { "full" } else { "abort" });
        }
        Ok(command.output()?)
    }

    /// The object that a command prints with `--json`.
    pub fn json(&self, words: &str) -> Result<serde_json::Value, Failure> {
        let output = self.output(format!("{words} --json"))?;
        if !output.status.success() {
            return Err(format!("lacuna {words}: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Whether a command succeeds.
    pub fn succeeds(&self, words: &str) -> Result<bool, Failure> {
        Ok(self.output(words.to_string())?.status.success())
    }

    /// The last of the run folders of a verb, if there is one.
    pub fn last_run(&self, verb: &str) -> Option<String> {
        let folders = std::fs::read_dir(self.folder.join("runs").join(verb)).ok()?;
        let name = folders.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).max()?;
        Some(format!("runs/{verb}/{name}"))
    }
}

/// Checks that every file under its final name is whole; leftovers of a write end in `.tmp`.
fn check_whole(folder: &Path) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            check_whole(&path)?;
            continue;
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let damaged = match ending {
            "json" => serde_json::from_slice::<serde_json::Value>(&std::fs::read(&path)?).is_err(),
            "safetensors" | "checkpoint" => WeightFile::open(&path).is_err(),
            _ => false,
        };
        if damaged {
            return Err(format!("{} is half written", path.display()).into());
        }
    }
    Ok(())
}

/// A folder that is deleted when this value is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Result<Scratch, Failure> {
        let folder = std::env::temp_dir().join(format!("lacuna-crashes-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Scratch(folder))
    }

    /// Makes a fresh copy of a folder, in place of an earlier one.
    fn copy(&self, from: &Path, name: &str) -> Result<PathBuf, Failure> {
        let to = self.0.join(name);
        if to.exists() {
            std::fs::remove_dir_all(&to)?;
        }
        copy_all(from, &to)?;
        Ok(to)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A folder that is left among the system's temporary files does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn copy_all(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy_all(&path, &target)?;
        } else {
            std::fs::copy(&path, &target)?;
        }
    }
    Ok(())
}
