//! `lacuna watch`: a run that is under way, seen from elsewhere.
//!
//! Only files of the run folder are read, so it works over any connection, never holds the run up, and may be left and
//! taken up again. On a terminal it draws; elsewhere it writes a line whenever something has changed.

mod draw;
mod screen;
mod view;

use crate::context::Context;
use crate::error::CliError;
use crate::interrupt;
use crate::output::{Outcome, say};
use crate::run_folder::RunState;
use crate::text_table::named;
use clap::Args;
use serde::Serialize;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;
use view::View;

/// Watch a running train, unlearn, study, demo or audit: curves, Dice of each subject, time left, memory
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lacuna watch runs/study/20261123-154210-ixi7\n  lacuna watch runs/train --every 5\n  lacuna \
                        watch runs/unlearn/20261124-101500-atlas-matching --once\n\nA folder of run folders stands for the \
                        one begun last. q, Esc or Ctrl-C leave; the run goes on."
)]
pub struct Arguments {
    /// A run folder, or a folder of them, of which the one begun last is taken
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
    /// Look once and end
    #[arg(long)]
    once: bool,
}

#[derive(Serialize)]
struct Seen<'a> {
    #[serde(serialize_with = "lacuna_artefacts::portable::path")]
    run: &'a Path,
    #[serde(flatten)]
    view: &'a View,
}

/// Look until the run has ended or the user has seen enough.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let folder = run_folder(&arguments.run)?;
    let every = Duration::from_secs(arguments.every);
    let is_drawn = !arguments.once && !context.quiet && !crate::redact::is_on() && std::io::stdout().is_terminal();
    let view = match is_drawn {
        true => screen::show(&folder, every)?,
        false => lines(&folder, every, arguments.once, context)?,
    };
    let text = named(&view.named());
    Ok(Outcome::new("watch", &Seen { run: &folder, view: &view }, text))
}

/// A line whenever something has changed.
fn lines(folder: &Path, every: Duration, once: bool, context: &Context) -> Result<View, CliError> {
    let mut last = String::new();
    loop {
        let view = View::read(folder)?;
        let line = view.line();
        if line != last && !context.quiet {
            say(&line);
        }
        last = line;
        if once || view.status.status != RunState::Running || interrupt::requested() {
            return Ok(view);
        }
        std::thread::sleep(every);
    }
}

/// The folder itself, or the run begun last in it or one below, as VERB is below `runs`: names of run folders begin with
/// the time.
fn run_folder(path: &Path) -> Result<PathBuf, CliError> {
    let is_run = |path: &PathBuf| path.join("run.json").is_file();
    let below = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    if is_run(&path.to_path_buf()) {
        return Ok(path.to_path_buf());
    }
    let runs = below(path).flat_map(|one| if is_run(&one) { vec![one] } else { below(&one).filter(is_run).collect() });
    runs.max_by_key(|run| run.file_name().map(ToOwned::to_owned)).ok_or_else(|| CliError::Data {
        what: format!(
            "{}: expected a run folder or a folder of them, found no run.json; fix: name a folder below runs/VERB",
            path.display()
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_runs_the_last_begun_is_taken() {
        let runs = tempfile::tempdir().unwrap();
        for name in ["20261123-154210-a", "20261124-101500-b", "20261124-101500-c", "99999999-notes"] {
            std::fs::create_dir(runs.path().join(name)).unwrap();
        }
        assert!(run_folder(runs.path()).unwrap_err().to_string().contains("no run.json"));
        for name in ["20261123-154210-a", "20261124-101500-b"] {
            std::fs::write(runs.path().join(name).join("run.json"), "{}").unwrap();
        }
        assert!(run_folder(runs.path()).unwrap().ends_with("20261124-101500-b"));
    }

    #[test]
    fn the_folder_of_all_runs_stands_for_the_last_begun_of_any_verb() {
        let runs = tempfile::tempdir().unwrap();
        for run in ["unlearn/20261123-154210-a", "audit/20261124-101500-b", "train/20261122-090000-c"] {
            std::fs::create_dir_all(runs.path().join(run)).unwrap();
            std::fs::write(runs.path().join(run).join("run.json"), "{}").unwrap();
        }
        assert!(run_folder(runs.path()).unwrap().ends_with("audit/20261124-101500-b"));
    }
}
