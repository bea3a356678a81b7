//! `lacuna data split`: who is trained on, who is held out, who is to be forgotten.

use crate::arguments::DataArguments;
use crate::error::CliError;
use crate::output::Outcome;
use clap::Args;
use lacuna_cohort::{Cohort, Folds, Split, SubjectId, nnunet_folds};
use lacuna_seed::Seed;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Divide the subjects; all scans of a person stay on one side
///
/// With one --forget and no --fold, the fold after the subject's own is taken, so that the
/// held-out subjects rotate as each subject is forgotten once.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lacuna data split heads --held-out 2 --forget phantom-003 --seed 1 > split.toml\n  \
                  lacuna data split Dataset001_Heads --folds splits_final.json --fold 0 > split.toml"
)]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    /// Number of subjects that are never trained on
    #[arg(long, value_name = "N", required_unless_present = "folds", conflicts_with = "folds")]
    held_out: Option<usize>,
    /// Take the folds of nnU-Net's splits_final.json instead of drawing them
    #[arg(long, value_name = "FILE", requires = "fold")]
    folds: Option<PathBuf>,
    /// Subjects to be forgotten, separated by commas
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',')]
    forget: Vec<String>,
    /// Which fold of the rotation, counted from 0
    #[arg(long, value_name = "N")]
    fold: Option<usize>,
    /// What the draw follows from
    #[arg(long, value_name = "N", required_unless_present = "folds", conflicts_with = "folds")]
    seed: Option<u64>,
}

#[derive(Serialize)]
struct Record<'a> {
    /// Absent where the folds were not drawn.
    seed: Option<u64>,
    folds: usize,
    train: &'a BTreeSet<SubjectId>,
    held_out: &'a BTreeSet<SubjectId>,
    forget: &'a BTreeSet<SubjectId>,
}

/// Draw the split; the text is the TOML that a study takes.
pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let cohort = arguments.data.open()?;
    let (folds, split) = match &arguments.folds {
        Some(file) => listed(arguments, file, &cohort)?,
        None => drawn(arguments, &cohort)?,
    };
    let record = Record {
        seed: arguments.seed,
        folds,
        train: split.train(),
        held_out: split.held_out(),
        forget: split.forget(),
    };
    let toml = toml::to_string(&split).expect("lists of names are TOML");
    Ok(Outcome::new("data.split", &record, toml))
}

/// How many folds nnU-Net's file has, and the one asked for.
fn listed(arguments: &Arguments, file: &Path, cohort: &Cohort) -> Result<(usize, Split), CliError> {
    let folds = nnunet_folds(file, cohort)?;
    let fold = checked_fold(arguments.fold.unwrap_or(0), folds.len())?;
    let split = Split::of_lists(&cohort.subjects(), folds[fold].clone())?;
    Ok((folds.len(), split.with_forget(forgotten(arguments)?)?))
}

/// How many folds there are, and the one asked for or the one in which the only forgotten subject is trained on.
fn drawn(arguments: &Arguments, cohort: &Cohort) -> Result<(usize, Split), CliError> {
    let (Some(held_out), Some(seed)) = (arguments.held_out, arguments.seed) else {
        unreachable!("clap demands both where no file is given")
    };
    let folds = Folds::new(&cohort.subjects(), held_out, Seed(seed))?;
    let forget = forgotten(arguments)?;
    let split = match (arguments.fold, &forget[..]) {
        (None, [subject]) => folds.forgetting(subject)?,
        (fold, _) => folds.fold(checked_fold(fold.unwrap_or(0), folds.count())?).with_forget(forget)?,
    };
    Ok((folds.count(), split))
}

fn forgotten(arguments: &Arguments) -> Result<Vec<SubjectId>, CliError> {
    arguments.forget.iter().map(|name| SubjectId::new(name.trim()).map_err(not_an_id)).collect()
}

fn checked_fold(fold: usize, count: usize) -> Result<usize, CliError> {
    let refused = || CliError::Config { what: format!("--fold: expected 0 to {}, found {fold}", count - 1) };
    (fold < count).then_some(fold).ok_or_else(refused)
}

fn not_an_id(error: lacuna_cohort::SubjectIdError) -> CliError {
    CliError::Config { what: format!("--forget: {error}") }
}
