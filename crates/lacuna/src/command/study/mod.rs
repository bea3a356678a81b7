//! `lacuna study FILE.toml`: strategies x horizons x forgotten subjects x seeds.

mod search;

use crate::arguments::{ImageArguments, StoreArguments};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::studying::{self, Folders};
use clap::Args;
use lacuna_study::{Machine, StudyConfig};
use serde::Serialize;
use std::path::PathBuf;

/// Train, forget by every strategy named, retrain, and print the paper's table
#[derive(Args)]
#[command(after_help = "Examples:\n  lacuna study studies/paper.toml --dry-run\n  lacuna study studies/paper.toml\n  \
                        lacuna study studies/phantom-search.toml --search\n\nAn \
                        interrupted study goes on where it was when the same command is given again.")]
pub struct Arguments {
    /// The study file
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
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

/// Run it, or say what running it would do.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let mut config = arguments.store.hidden(StudyConfig::read(&arguments.file))?;
    config.pseudonyms |= arguments.store.pseudonyms;
    let conclude = if arguments.search { search::conclude } else { studying::tables_and_gates };
    if arguments.search {
        config = arguments.store.hidden(config.searching())?;
    }
    let folders = arguments.store.folders(context);
    if arguments.dry_run {
        plan(config, &folders, context)
    } else {
        studying::run("study", config, &folders, context, &arguments.images, conclude)
    }
}

fn plan(config: StudyConfig, folders: &Folders, context: &Context) -> Result<Outcome, CliError> {
    let study = studying::open("study", config, folders, context)?;
    let estimate = study.estimate(&Machine::measure(&context.device))?;
    let tasks: Vec<String> = study.tasks().iter().map(|task| study.describe(task)).collect();
    let mut text = tasks.iter().enumerate().map(|(n, task)| format!("{:4}  {task}\n", n + 1)).collect::<String>();
    text.push_str(&format!("left to do: {}\n", studying::describe(&estimate)));
    let plan = Plan { name: study.config().name.clone(), tasks, estimate };
    Ok(Outcome::new("study", &plan, text))
}
