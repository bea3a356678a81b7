//! `lacuna unlearn` on one model after the other.

use super::Arguments;
use super::made::made;
use crate::command::unlearn;
use crate::context::Context;
use crate::error::CliError;
use crate::run_folder::{RunState, read_status};
use clap::Parser;
use lacuna_cohort::{LayoutOptions, SubjectId};
use lacuna_erase::{Progress, Run};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// `lacuna unlearn` as a parser of its own.
#[derive(Parser)]
struct Unlearn {
    #[command(flatten)]
    arguments: unlearn::Arguments,
}

/// The digest of all settings that decide what a run does, except the forgotten subjects and the paths.
pub fn recipe(arguments: &Arguments, subject: &SubjectId) -> Result<String, CliError> {
    // A digest of the subject's id could be tried out.
    let words = settings(arguments).into_iter().filter(|word| word != subject.as_str());
    let settings = lacuna_disk::digest(words.collect::<Vec<_>>().join(" ").as_bytes());
    Ok(match &arguments.recipe {
        Some(path) => lacuna_disk::digest(format!("{settings} {}", lacuna_disk::digest_file(path)?).as_bytes()),
        None => settings,
    })
}

/// Let `unlearn` check everything, so that nothing is registered that cannot run.
pub fn check(arguments: &Arguments, model: &Path, subject: &SubjectId, context: &Context) -> Result<(), CliError> {
    let mut words = anew(arguments, model, subject);
    words.push("--dry-run".into());
    unlearn::run(&parsed(&words)?, context).map(|_| ())
}

/// The layout and reading options of the data set, as `unlearn` takes them.
pub fn options(arguments: &Arguments) -> Result<LayoutOptions, CliError> {
    let mut words: Vec<OsString> = vec!["lacuna unlearn".into(), "--model".into(), "model".into()];
    words.extend(reading(arguments).into_iter().chain(arguments.more.clone()).map(OsString::from));
    parsed(&words)?.data_options()
}

/// Make each model forget that did not yet, and keep what came of it after each.
pub fn forget(
    arguments: &Arguments,
    context: &Context,
    subject: &SubjectId,
    (progress, kept): (&mut Progress, &Path),
) -> Result<(), CliError> {
    for at in 0..progress.runs.len() {
        if progress.runs[at].made.is_some() {
            continue;
        }
        let words = words(arguments, &progress.runs[at], subject, context)?;
        let outcome = unlearn::run(&parsed(&words)?, context)?;
        progress.runs[at].made = Some(made(outcome.json())?);
        progress.write(kept)?;
    }
    Ok(())
}

fn parsed(words: &[OsString]) -> Result<unlearn::Arguments, CliError> {
    let parsed = Unlearn::try_parse_from(words);
    let parsed = parsed.map_err(|error| CliError::Usage { what: error.to_string().trim_end().to_string() })?;
    Ok(parsed.arguments)
}

/// The words of `lacuna unlearn`: those that go on with a run that was stopped, or those that begin it.
fn words(arguments: &Arguments, run: &Run, subject: &SubjectId, context: &Context) -> Result<Vec<OsString>, CliError> {
    let stated = ["--name", "--resume"].iter().any(|flag| arguments.more.iter().any(|word| word.starts_with(flag)));
    if stated {
        return Ok(anew(arguments, &run.from, subject));
    }
    let name = format!("erase-{}", &run.run[..12]);
    let mut words = anew(arguments, &run.from, subject);
    words.extend(["--name".into(), OsString::from(&name)]);
    let Some(stopped) = stopped(&context.runs.join("unlearn"), &name)? else { return Ok(words) };
    let program = words.swap_remove(0);
    Ok(vec![program, "--model".into(), run.from.clone().into(), "--resume".into(), stopped.into()])
}

fn anew(arguments: &Arguments, model: &Path, subject: &SubjectId) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["lacuna unlearn".into()];
    words.extend(["--model".into(), model.into(), "--data".into(), arguments.data.clone().into()]);
    words.extend(["--forget".into(), subject.as_str().into()]);
    if let Some(recipe) = &arguments.recipe {
        words.extend(["--recipe".into(), recipe.into()]);
    }
    words.extend(settings(arguments).into_iter().map(OsString::from));
    words
}

/// The words that decide what a run does.
fn settings(arguments: &Arguments) -> Vec<String> {
    let mut words = Vec::new();
    let mut add = |flag: &str, value: &Option<String>| {
        words.extend(value.iter().flat_map(|value| [flag.to_string(), value.clone()]));
    };
    add("--strategy", &arguments.strategy);
    add("--epochs", &arguments.epochs);
    words.extend(reading(arguments));
    words.extend(arguments.more.iter().cloned());
    words
}

/// The words that say how the data set is read.
fn reading(arguments: &Arguments) -> Vec<String> {
    let tolerance = arguments.tolerance_mm.map(|mm| mm.to_string());
    let stated = [
        ("--tolerance-mm", &tolerance),
        ("--exclude", &arguments.exclude),
        ("--exclude-reason", &arguments.exclude_reason),
    ];
    let words = stated.into_iter().flat_map(|(flag, value)| value.iter().map(move |value| [flag, value]));
    words.flatten().map(str::to_string).collect()
}

/// The run folder of this name that is not done and has its settings.
fn stopped(runs: &Path, name: &str) -> Result<Option<PathBuf>, CliError> {
    let Ok(entries) = std::fs::read_dir(runs) else { return Ok(None) };
    for folder in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let is_named = folder.file_name().is_some_and(|found| found.to_string_lossy().ends_with(name));
        let can_go_on = ["run.json", "status.json", "config.toml"].iter().all(|file| folder.join(file).is_file());
        if is_named && can_go_on && read_status(&folder)?.status != RunState::Done {
            return Ok(Some(folder));
        }
    }
    Ok(None)
}
