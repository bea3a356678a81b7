//! `lacuna data split`: who is trained on, who is held out, who is to be forgotten.

use crate::arguments::DataArguments;
use crate::error::CliError;
use crate::output::Outcome;
use clap::Args;
use lacuna_cohort::{Folds, Split, SubjectId};
use lacuna_seed::Seed;
use serde::Serialize;
use std::collections::BTreeSet;

/// Divide the subjects; all scans of a person stay on one side
///
/// With one --forget and no --fold, the fold after the subject's own is taken, so that the
/// held-out subjects rotate as each subject is forgotten once.
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna data split heads --held-out 2 --forget phantom-003 --seed 1 > split.toml")]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    /// Number of subjects that are never trained on
    #[arg(long, value_name = "N")]
    held_out: usize,
    /// Subjects to be forgotten, separated by commas
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',')]
    forget: Vec<String>,
    /// Which fold of the rotation, counted from 0
    #[arg(long, value_name = "N")]
    fold: Option<usize>,
    /// What the draw follows from
    #[arg(long, value_name = "N")]
    seed: u64,
}

#[derive(Serialize)]
struct Record<'a> {
    seed: u64,
    folds: usize,
    train: &'a BTreeSet<SubjectId>,
    held_out: &'a BTreeSet<SubjectId>,
    forget: &'a BTreeSet<SubjectId>,
}

/// Draw the split; the text is the TOML that a study takes.
pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let subjects = arguments.data.open()?.subjects();
    let folds = Folds::new(&subjects, arguments.held_out, Seed(arguments.seed))?;
    let split = choose(arguments, &folds)?;
    let record = Record {
        seed: arguments.seed,
        folds: folds.count(),
        train: split.train(),
        held_out: split.held_out(),
        forget: split.forget(),
    };
    let toml = toml::to_string(&split).expect("lists of names are TOML");
    Ok(Outcome::new("data.split", &record, toml))
}

fn choose(arguments: &Arguments, folds: &Folds) -> Result<Split, CliError> {
    let forget: Vec<SubjectId> =
        arguments.forget.iter().map(|name| SubjectId::new(name).map_err(not_an_id)).collect::<Result<_, _>>()?;
    match (arguments.fold, &forget[..]) {
        (None, [subject]) => Ok(folds.forgetting(subject)?),
        (fold, _) => {
            let fold = fold.unwrap_or(0);
            if fold >= folds.count() {
                let what = format!("--fold: expected 0 to {}, found {fold}", folds.count() - 1);
                return Err(CliError::Config { what });
            }
            Ok(folds.fold(fold).with_forget(forget)?)
        }
    }
}

fn not_an_id(error: lacuna_cohort::SubjectIdError) -> CliError {
    CliError::Config { what: format!("--forget: {error}") }
}
