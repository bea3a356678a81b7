//! The verbs: one file each, one entry here.

mod audit;
mod bench;
mod compare;
mod completions;
mod convert;
mod data;
mod demo;
mod doctor;
mod erase;
mod eval;
mod exit_codes;
mod inspect;
pub mod ledger;
mod man;
mod phantom;
mod predict;
mod quarantine;
mod report;
mod schema;
mod study;
mod trace;
mod train;
mod unlearn;
mod verify;
mod watch;

pub use doctor::{BURN_VERSION, memory_in_all};
pub use train::TrainRun;
pub use unlearn::UnlearnRun;
pub use unlearn::pictures as unlearn_pictures;

use crate::cli::Global;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::words;
use clap::Subcommand;
use lacuna_nn::DeviceKind;
use std::path::PathBuf;

/// What to do; the order is the order of help texts.
#[derive(Subcommand)]
pub enum Command {
    Demo(demo::Arguments),
    Doctor(doctor::Arguments),
    Phantom(phantom::Arguments),
    Data(data::Arguments),
    Inspect(inspect::Arguments),
    Convert(convert::Arguments),
    Predict(predict::Arguments),
    Study(study::Arguments),
    Train(train::Arguments),
    Unlearn(unlearn::Arguments),
    Eval(eval::Arguments),
    Audit(audit::Arguments),
    Ledger(ledger::Arguments),
    Verify(verify::Arguments),
    Trace(trace::Arguments),
    Quarantine(quarantine::Arguments),
    Erase(erase::Arguments),
    Report(report::Arguments),
    Compare(compare::Arguments),
    Watch(watch::Arguments),
    Bench(bench::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
    Schema(schema::Arguments),
    ExitCodes(exit_codes::Arguments),
}

impl Command {
    /// Beneath which folders it may write, of the verbs that read files of others and can be held to that; THREATS.md
    /// has why the others cannot.
    pub fn may_write(&self, global: &Global) -> Option<Vec<PathBuf>> {
        // What drives a graphics processor compiles, and keeps caches where it likes.
        let computes_here = global.device == DeviceKind::Cpu;
        let mut folders = match self {
            Command::Inspect(_) | Command::Verify(_) => Vec::new(),
            Command::Data(arguments) => arguments.may_write()?,
            Command::Compare(arguments) => arguments.may_write(),
            Command::Report(arguments) => arguments.may_write()?,
            Command::Convert(arguments) if computes_here => arguments.may_write(),
            Command::Predict(arguments) if computes_here => arguments.may_write(),
            Command::Eval(arguments) if computes_here => arguments.may_write(global),
            _ => return None,
        };
        if !folders.is_empty() {
            // What is written is entered under the site's key, and its place remembered.
            folders.push(global.runs.join(lacuna_artefacts::FOLDER));
        }
        Some(folders)
    }

    /// Whether it keeps the settings of a run, paths among them, as text.
    fn keeps_settings(&self) -> bool {
        match self {
            Command::Demo(_)
            | Command::Study(_)
            | Command::Train(_)
            | Command::Unlearn(_)
            | Command::Eval(_)
            | Command::Audit(_)
            | Command::Erase(_) => true,
            Command::Report(arguments) => arguments.asks_models(),
            _ => false,
        }
    }

    /// Refuse words and folders that a run's settings could not name.
    ///
    /// # Errors
    /// One that is not UTF-8.
    fn check_words(&self, global: &Global) -> Result<(), CliError> {
        // A plan names its files from the root.
        let here = std::env::current_dir().ok().filter(|_| matches!(self, Command::Study(_)));
        let folders = [Some(&global.runs), global.cache.as_ref(), here.as_ref()];
        let found = words::first_that_is_no_text(folders.into_iter().flatten().map(PathBuf::as_path));
        match found.filter(|_| self.keeps_settings()) {
            None => Ok(()),
            Some(word) => {
                let word = PathBuf::from(word);
                let what =
                    "expected words and folders in UTF-8, since a run keeps its settings as text, found other bytes";
                Err(CliError::Usage { what: format!("{}: {what}; fix: rename it, or link to it", word.display()) })
            }
        }
    }

    pub fn run(&self, global: &Global, context: &Context) -> Result<Outcome, CliError> {
        self.check_words(global)?;
        match self {
            Command::Demo(arguments) => demo::run(arguments, context),
            Command::Doctor(arguments) => doctor::run(arguments, context),
            Command::Phantom(arguments) => phantom::run(arguments, context),
            Command::Data(arguments) => data::run(arguments, context),
            Command::Inspect(arguments) => inspect::run(arguments),
            Command::Convert(arguments) => convert::run(arguments, context),
            Command::Predict(arguments) => predict::run(arguments, context),
            Command::Study(arguments) => study::run(arguments, context),
            Command::Train(arguments) => train::run(arguments, context),
            Command::Unlearn(arguments) => unlearn::run(arguments, context),
            Command::Eval(arguments) => eval::run(arguments, context),
            Command::Audit(arguments) => audit::run(arguments, context),
            Command::Ledger(arguments) => ledger::run(arguments, context),
            Command::Verify(arguments) => verify::run(arguments),
            Command::Trace(arguments) => trace::run(arguments, context),
            Command::Quarantine(arguments) => quarantine::run(arguments, context),
            Command::Erase(arguments) => erase::run(arguments, context),
            Command::Report(arguments) => report::run(arguments, context),
            Command::Compare(arguments) => compare::run(arguments, context),
            Command::Watch(arguments) => watch::run(arguments, context),
            Command::Bench(arguments) => bench::run(arguments, context),
            Command::Completions(arguments) => completions::run(arguments),
            Command::Man(arguments) => man::run(arguments),
            Command::Schema(arguments) => schema::run(arguments),
            Command::ExitCodes(arguments) => exit_codes::run(arguments),
        }
    }
}
