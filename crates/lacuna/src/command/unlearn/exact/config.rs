//! The settings of an exact erase: the parent's training, and who leaves.

use super::super::Arguments;
use crate::command::TrainRun;
use crate::config::{self, Settings, absolute, read_table, subjects, typed};
use crate::error::CliError;
use lacuna_cohort::SubjectId;
use lacuna_exact::MANIFEST;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use toml::Value;

/// What `--strategy` says for it.
pub const STRATEGY: &str = "exact";

/// Everything that decides an exact erase, beside the parent's states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactErase {
    /// What the run folder is called.
    pub name: String,
    /// [`STRATEGY`]: distinguishes a resumed run from the others.
    pub strategy: String,
    /// The run folder that is erased from.
    pub model: PathBuf,
    pub forget: Vec<SubjectId>,
    /// Whether the result is compared with training from the beginning.
    pub prove: bool,
    /// How the model was trained.
    pub train: TrainRun,
}

/// Whether an exact erase is asked for, by flag or by the run to go on with.
pub fn is_asked(arguments: &Arguments) -> Result<bool, CliError> {
    if let Some(folder) = arguments.run.resumed(&arguments.cases)? {
        return Ok(strategy_of(folder)?.as_deref() == Some(STRATEGY));
    }
    Ok(arguments.strategy.as_deref() == Some(STRATEGY))
}

/// The run folder of an exact model: itself, or the one that a shard's file lies in.
pub fn run_folder_of(model: &Path) -> Result<PathBuf, CliError> {
    let folders = [Some(model), model.parent().and_then(Path::parent)];
    let has_manifest = |folder: &&Path| folder.join(MANIFEST).is_file();
    match folders.into_iter().flatten().find(has_manifest) {
        Some(folder) if folder.as_os_str().is_empty() => Ok(PathBuf::from(".")),
        Some(folder) => Ok(folder.to_path_buf()),
        None => Err(CliError::Config {
            what: format!(
                "{}: expected the run folder of a training with --exact, found no {MANIFEST}; \
                 fix: name one, or choose another strategy",
                model.display()
            ),
        }),
    }
}

/// The run folder of an exact training that a path is, or lies in.
pub fn folder_around(path: &Path) -> Option<PathBuf> {
    let folders = [Some(path), path.parent(), path.parent().and_then(Path::parent)];
    let found = folders.into_iter().flatten().find(|folder| folder.join(MANIFEST).is_file())?;
    Some(if found.as_os_str().is_empty() { PathBuf::from(".") } else { found.to_path_buf() })
}

impl ExactErase {
    /// The settings that the command line and the parent come to.
    pub fn from_arguments(arguments: &Arguments, parent: &Path) -> Result<ExactErase, CliError> {
        refuse_what_does_not_count(arguments)?;
        if arguments.forget.is_empty() {
            let what = "--forget: expected a subject, found nothing; fix: say it with --forget SUBJECT".to_string();
            return Err(CliError::Config { what });
        }
        let forget = subjects(&arguments.forget)?;
        let mut train = training_of(parent)?;
        if let Some(data) = &arguments.cases.data {
            train.data.root = absolute(data);
        }
        // Their expected probability has no use any more, and is data of a person who left.
        if let Some(exact) = &mut train.exact {
            exact.expect.retain(|name, _| !forget.iter().any(|subject| subject.as_str() == name));
        }
        ExactErase {
            name: arguments.run.name.clone().unwrap_or_else(|| STRATEGY.to_string()),
            strategy: STRATEGY.to_string(),
            model: absolute(parent),
            forget,
            prove: arguments.prove,
            train,
        }
        .checked()
    }
}

impl Settings for ExactErase {
    fn checked(self) -> Result<ExactErase, CliError> {
        let train = self.train.checked()?;
        Ok(ExactErase { train, ..self })
    }
}

/// How a run folder's model was trained, be it by `train` or by an erase.
fn training_of(folder: &Path) -> Result<TrainRun, CliError> {
    match strategy_of(folder)?.as_deref() {
        Some(STRATEGY) => Ok(ExactErase::of_folder(folder)?.train),
        _ => TrainRun::of_folder(folder),
    }
}

fn strategy_of(folder: &Path) -> Result<Option<String>, CliError> {
    let table = read_table(&folder.join(config::FILE))?;
    Ok(table.get("strategy").and_then(Value::as_str).map(str::to_string))
}

/// The folder that an erased run was erased from.
pub fn parent_of(folder: &Path) -> Result<Option<PathBuf>, CliError> {
    if strategy_of(folder)?.as_deref() != Some(STRATEGY) {
        return Ok(None);
    }
    let file = folder.join(config::FILE);
    let settings: ExactErase = typed(read_table(&file)?, &file.display().to_string())?;
    Ok(Some(settings.model))
}

fn refuse_what_does_not_count(arguments: &Arguments) -> Result<(), CliError> {
    let cases = &arguments.cases;
    let stated = [
        ("--recipe", arguments.recipe.is_some()),
        ("--set", !arguments.set.is_empty()),
        ("--epochs", arguments.epochs.is_some()),
        ("--curve", arguments.curve),
        ("--gradients", arguments.gradients),
        ("--find-learning-rate", arguments.find_learning_rate.is_some()),
        ("--held-out", !arguments.held_out.is_empty()),
        ("--seed", arguments.run.seed.is_some()),
        ("--depth", arguments.model.depth.is_some()),
        ("--plans", arguments.model.plans.plans.is_some()),
        ("--labels", cases.labels.labels.is_some()),
        ("--preprocess", cases.preprocess.is_stated()),
        ("--layout and its like", cases.layout.is_stated()),
    ];
    match stated.into_iter().find(|(_, stated)| *stated) {
        Some((flag, _)) => Err(CliError::Usage {
            what: format!("{flag} with --strategy {STRATEGY}: the training's own settings hold; fix: leave it out"),
        }),
        None => Ok(()),
    }
}
