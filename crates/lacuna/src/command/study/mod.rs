//! `lacuna study FILE.toml`: strategies x horizons x forgotten subjects x seeds, here or on other machines.

mod collect;
mod given;
mod plan;
mod run_task;
mod search;
mod simulate;
mod status;
mod submit;

use crate::arguments::{ImageArguments, StoreArguments};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::studying::{self, Folders};
use clap::{Args, Subcommand};
use lacuna_study::{Machine, StudyConfig};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Train, forget by every strategy named, retrain, and print the paper's table
#[derive(Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  lacuna study studies/paper.toml --dry-run\n  lacuna study studies/paper.toml\n  lacuna \
                  study studies/phantom-search.toml --search\n\nOn several machines:\n  lacuna study plan \
                  studies/paper.toml --out plans/paper\n  lacuna study submit plans/paper --engine slurm\n  lacuna study \
                  collect plans/paper\n\nAn interrupted study goes on where it was when the same command is given again."
)]
pub struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    study: StudyArguments,
}

/// The parts of a study that other machines carry out; the order is that of help texts.
#[derive(Subcommand)]
enum Action {
    Plan(plan::Arguments),
    RunTask(run_task::Arguments),
    Submit(submit::Arguments),
    Status(status::Arguments),
    Collect(collect::Arguments),
    Simulate(simulate::Arguments),
}

#[derive(Args)]
struct StudyArguments {
    /// The TOML file of the study
    #[arg(value_name = "FILE.toml", required = true)]
    file: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    images: ImageArguments,
    /// Instead of the study, try the settings of its [search] on the subjects named there, and rank them
    #[arg(long)]
    search: bool,
    /// Check everything, list the tasks, estimate time and memory, and stop
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Plan {
    name: String,
    tasks: Vec<String>,
    estimate: lacuna_study::Estimate,
}

/// Run it, or a part of it, or say what running it would do.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    match &arguments.action {
        Some(Action::Plan(arguments)) => plan::run(arguments, context),
        Some(Action::RunTask(arguments)) => run_task::run(arguments, context),
        Some(Action::Submit(arguments)) => submit::run(arguments, context),
        Some(Action::Status(arguments)) => status::run(arguments),
        Some(Action::Collect(arguments)) => collect::run(arguments, context),
        Some(Action::Simulate(arguments)) => simulate::run(arguments),
        None => run_here(&arguments.study, context),
    }
}

fn run_here(arguments: &StudyArguments, context: &Context) -> Result<Outcome, CliError> {
    let file = arguments.file.as_ref().expect("clap asks for a file where no other action is named");
    let mut config = arguments.store.hidden(StudyConfig::read(file))?;
    config.pseudonyms |= arguments.store.pseudonyms;
    let conclude = if arguments.search { search::conclude } else { studying::tables_and_gates };
    if arguments.search {
        config = arguments.store.hidden(config.searching())?;
    }
    let folders = arguments.store.folders(context);
    if arguments.dry_run {
        Ok(list(config, &folders, context)?.with_next(&next(arguments, file)))
    } else {
        studying::run("study", config, &folders, context, &arguments.images, conclude)
    }
}

/// The command that carries out what a dry run lists.
fn next(arguments: &StudyArguments, file: &Path) -> String {
    let search = if arguments.search { " --search" } else { "" };
    format!("lacuna study {}{search}", file.display())
}

fn list(config: StudyConfig, folders: &Folders, context: &Context) -> Result<Outcome, CliError> {
    let study = studying::open("study", config, folders, context)?;
    let estimate = study.estimate(&Machine::measure(&context.device))?;
    let tasks: Vec<String> = study.tasks().iter().map(|task| study.describe(task)).collect();
    let mut text = tasks.iter().enumerate().map(|(n, task)| format!("{:4}  {task}\n", n + 1)).collect::<String>();
    text.push_str(&format!("left to do: {}\n", estimate));
    let plan = Plan { name: study.config().name.clone(), tasks, estimate };
    Ok(Outcome::new("study", &plan, text))
}
