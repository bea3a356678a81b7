//! Situations from public bug reports of other programs, rebuilt as small valid files, with what lacuna must do with
//! them.
//!
//! Each file of `xtask/cases` is one case: the public report, the right result, and the checks. This program finds the
//! cases, runs each in a fresh folder, and counts. A case that needs a missing Python package,
//! or something else that is missing, is skipped. A case that
//! is known to fail states the reason (`OPEN`), and counts as a failure once it passes, so that no such note outlives
//! its reason.

use crate::Failure;
use crate::machine::{printed, python_with};
use crate::program;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rebuild situations from other people's bug reports and check what lacuna makes of them
#[derive(Args)]
#[command(
    after_help = "Examples:\n  cargo xtask cases\n  cargo xtask cases --python venv/bin/python --only half_turn\n  cargo xtask cases --program target/release/lacuna --json"
)]
pub struct Arguments {
    /// A Python that has xtask/cases/requirements.txt; made in target/cases if unsaid
    #[arg(long, value_name = "PYTHON")]
    python: Option<PathBuf>,
    /// A built lacuna; built if unsaid
    #[arg(long, value_name = "LACUNA")]
    program: Option<PathBuf>,
    /// Only this case; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// A case that is skipped for want of a package, or of the right to mount, is a failure
    #[arg(long)]
    require: bool,
    /// Print one JSON object in place of the table
    #[arg(long)]
    json: bool,
}

const CASES: &str = "xtask/cases";
const FOLDER: &str = "target/cases";
/// The most cases at once; with more the disk is the bottleneck.
const WORKERS_MAX: usize = 4;

/// The result that a case's Python script reports.
#[derive(Deserialize, Serialize)]
struct Found {
    #[serde(default)]
    name: String,
    report: String,
    right: String,
    /// What it needs and lacks here: Python packages, or a file system of its own.
    missing: Vec<String>,
    /// The reason for which it is known to fail.
    open: Option<String>,
    checks: Vec<Check>,
    /// The error that ended it early.
    error: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct Check {
    what: String,
    holds: bool,
    seen: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Held,
    Failed,
    Skipped,
    /// Known to fail, and it fails.
    Open,
    /// Known to fail, and it passes: the note must be removed.
    Outlived,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Counts {
    held: usize,
    failed: usize,
    open: usize,
    skipped: usize,
}

#[derive(Serialize)]
struct Summary<'a> {
    schema: &'static str,
    #[serde(flatten)]
    counts: &'a Counts,
    cases: &'a [Found],
}

/// Runs the cases, prints their results, and fails if one of them fails.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let names = wanted(&names()?, &arguments.only)?;
    let lacuna = program::given_or_built(arguments.program.as_deref(), &[])?;
    let python = std::path::absolute(match &arguments.python {
        Some(python) => python.clone(),
        None => environment()?,
    })?;
    let cases = Trial { python, lacuna, shared: fresh("shared")? }.all(&names)?;
    let counts = Counts::of(&cases);
    if arguments.json {
        let summary = Summary { schema: "lacuna.cases/1", counts: &counts, cases: &cases };
        println!("{}", serde_json::to_string_pretty(&summary)?);
    } else {
        cases.iter().for_each(print);
        println!("\n{} held, {} failed, {} open, {} skipped", counts.held, counts.failed, counts.open, counts.skipped);
    }
    if counts.failed > 0 {
        return Err(format!("{} of {} cases failed", counts.failed, cases.len()).into());
    }
    if arguments.require && counts.skipped > 0 {
        return Err(format!("{} cases were skipped; fix: install or allow what they name", counts.skipped).into());
    }
    Ok(())
}

/// All cases in the order of their names.
fn names() -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(CASES)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "py") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

fn wanted(names: &[String], only: &[String]) -> Result<Vec<String>, Failure> {
    if let Some(unknown) = only.iter().find(|name| !names.contains(name)) {
        return Err(format!("there is no case {unknown}; expected one of {}", names.join(", ")).into());
    }
    Ok(names.iter().filter(|name| only.is_empty() || only.contains(name)).cloned().collect())
}

/// The Python of a virtual environment with the packages that most cases need.
fn environment() -> Result<PathBuf, Failure> {
    let requirements = Path::new(CASES).join("requirements.txt");
    let wanted = ["--requirement", &requirements.to_string_lossy()];
    python_with(Path::new("python3"), &Path::new(FOLDER).join("venv"), &wanted)
}

/// An empty folder below target.
fn fresh(name: &str) -> Result<PathBuf, Failure> {
    let folder = std::path::absolute(Path::new(FOLDER).join(name))?;
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The program and environment that the cases are run with.
struct Trial {
    python: PathBuf,
    lacuna: PathBuf,
    /// A folder that all cases share, for the one model that is trained.
    shared: PathBuf,
}

impl Trial {
    /// Runs all cases, several at once; the results are in the order of the names.
    fn all(&self, names: &[String]) -> Result<Vec<Found>, Failure> {
        let next = AtomicUsize::new(0);
        let worker = || {
            let mut done = Vec::new();
            while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push(self.one(name).map_err(|error| format!("{name}: {error}"))?);
            }
            Ok::<_, String>(done)
        };
        let cores = std::thread::available_parallelism()?.get().min(WORKERS_MAX);
        let done = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().map(|worker| worker.join().expect("a worker panics at no input")).collect::<Vec<_>>()
        });
        let mut cases: Vec<Found> = done.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        cases.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(cases)
    }

    /// Runs one case; its folder is deleted unless it failed.
    fn one(&self, name: &str) -> Result<Found, Failure> {
        let folder = fresh(&format!("at/{name}"))?;
        let mut command = Command::new(&self.python);
        let run = Path::new(CASES).join("common/run.py");
        command.arg("-B").arg(run).arg(name).args([&self.lacuna, &folder, &self.shared]);
        let text = printed(&mut command)?;
        let last = text.lines().last().ok_or("it printed nothing")?;
        let found = Found { name: name.to_string(), ..serde_json::from_str(last)? };
        if found.state() != State::Failed {
            std::fs::remove_dir_all(&folder)?;
        }
        Ok(found)
    }
}

impl Found {
    fn state(&self) -> State {
        if !self.missing.is_empty() {
            return State::Skipped;
        }
        let holds = self.error.is_none() && !self.checks.is_empty() && self.checks.iter().all(|check| check.holds);
        match (holds, &self.open) {
            (true, None) => State::Held,
            (true, Some(_)) => State::Outlived,
            (false, None) => State::Failed,
            (false, Some(_)) => State::Open,
        }
    }
}

impl Counts {
    fn of(cases: &[Found]) -> Counts {
        let mut counts = Counts::default();
        for case in cases {
            match case.state() {
                State::Held => counts.held += 1,
                State::Failed | State::Outlived => counts.failed += 1,
                State::Open => counts.open += 1,
                State::Skipped => counts.skipped += 1,
            }
        }
        counts
    }
}

/// Prints a line of the table; for a failed case also the findings.
fn print(found: &Found) {
    let state = match found.state() {
        State::Held => "held",
        State::Failed => "FAILED",
        State::Skipped => "skipped",
        State::Open => "open",
        State::Outlived => "OUTLIVED",
    };
    println!("{state:8}  {:24}  {}", found.name, found.report);
    match found.state() {
        State::Held => (),
        State::Skipped => println!("            needs {}", found.missing.join(", ")),
        State::Outlived => println!("            it holds; fix: take OPEN out of {CASES}/{}.py", found.name),
        State::Failed | State::Open => {
            println!("            right: {}", found.right);
            found.open.iter().for_each(|why| println!("            open: {why}"));
            for check in found.checks.iter().filter(|check| !check.holds) {
                println!("            not so: {}\n            seen: {}", check.what, check.seen);
            }
            found.error.iter().for_each(|error| println!("            not tried to its end: {error}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(missing: &[&str], open: Option<&str>, holds: &[bool]) -> Found {
        let check = |holds: &bool| Check { what: String::new(), holds: *holds, seen: String::new() };
        Found {
            name: "a".into(),
            report: String::new(),
            right: String::new(),
            missing: missing.iter().map(|name| name.to_string()).collect(),
            open: open.map(str::to_string),
            checks: holds.iter().map(check).collect(),
            error: None,
        }
    }

    #[test]
    fn a_case_holds_if_it_was_checked_and_every_check_holds() {
        assert_eq!(case(&[], None, &[true, true]).state(), State::Held);
        assert_eq!(case(&[], None, &[true, false]).state(), State::Failed);
        assert_eq!(case(&[], None, &[]).state(), State::Failed);
        assert_eq!(case(&["torch"], None, &[]).state(), State::Skipped);
        let broken = Found { error: Some("no such file".into()), ..case(&[], None, &[true]) };
        assert_eq!(broken.state(), State::Failed);
    }

    #[test]
    fn a_note_that_a_case_is_open_fails_once_it_holds() {
        let cases = [case(&[], Some("why"), &[false]), case(&[], Some("why"), &[true])];
        assert_eq!(cases.each_ref().map(Found::state), [State::Open, State::Outlived]);
        assert_eq!(Counts::of(&cases), Counts { held: 0, failed: 1, open: 1, skipped: 0 });
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_that_there_are() {
        let names = ["half_turn".to_string(), "ema".to_string()];
        assert_eq!(wanted(&names, &["ema".to_string()]).unwrap(), ["ema"]);
        assert_eq!(wanted(&names, &[]).unwrap().len(), 2);
        let refused = wanted(&names, &["emma".to_string()]).unwrap_err().to_string();
        assert_eq!(refused, "there is no case emma; expected one of half_turn, ema");
    }

    /// The tests run in the package's folder.
    #[test]
    fn every_case_stands_in_the_table_of_what_was_tried() {
        let table = std::fs::read_to_string("../docs/reliability.md").unwrap();
        for entry in std::fs::read_dir("cases").unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "py") {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                assert!(table.contains(&format!("`{name}`")), "docs/reliability.md does not name the case {name}");
            }
        }
    }
}
