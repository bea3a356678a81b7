//! `lacuna unlearn`: remove subjects from a trained model.

mod classes;
mod config;
mod diagnostics;
mod earlier;
mod exact;
mod job;
mod rates;
mod record;
mod rows;
mod sides;

use crate::arguments::{
    CaseArguments, ConsultArguments, ImageArguments, Model, ModelArguments, Purpose, RunArguments, suggested,
};
use crate::config::Settings;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::run_folder::RunFolder;
use clap::Args;
pub use config::UnlearnRun;
pub use exact::{STRATEGY as EXACT, folder_around as exact_folder};
use job::Job;
use lacuna_cohort::LayoutOptions;
use lacuna_report::html::Pictures;
use lacuna_unlearn::STRATEGIES;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  lacuna unlearn --model model.safetensors --data heads --forget phantom-002 \\
    --held-out phantom-005 --strategy noisy-label --epochs 20,50
  lacuna unlearn --model model.safetensors --data heads --forget phantom-002 --recipe mine.toml
  lacuna unlearn --model model.safetensors --data heads --forget phantom-002 --strategy scrub \\
    --find-learning-rate
  lacuna unlearn --model runs/unlearn/20261124-101500-atlas-matching/model.safetensors --data heads \\
    --forget phantom-003 --strategy atlas-matching
  lacuna unlearn --model runs/train/20261123-154210-resnet10 --forget phantom-002 --strategy exact --prove";

/// Remove subjects from a trained model
///
/// The model is scored at every horizon beside the original, on the subjects to keep, to forget
/// and never seen. What a retrained model would score is a study's affair: `lacuna study`.
#[derive(Args)]
#[command(
    after_help = EXAMPLES,
    after_long_help = format!("{}\n{EXAMPLES}", strategies())
)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    cases: CaseArguments,
    /// Subjects to forget, separated by commas
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',', conflicts_with = "resume")]
    forget: Vec<String>,
    /// Subjects the model was not trained on, separated by commas; all others are to be kept. The lineage.json beside a
    /// model of lacuna's knows them
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',', conflicts_with = "resume")]
    held_out: Vec<String>,
    /// Subjects the model was made to forget before, separated by commas; lineage.json knows those of lacuna's runs
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',', conflicts_with = "resume")]
    forgotten: Vec<String>,
    /// Forget subjects that the model was made to forget before once more
    #[arg(long, conflicts_with = "resume")]
    again: bool,
    /// A named strategy (see --help)
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "resume",
        value_parser = suggested::strategies(),
        hide_possible_values = true
    )]
    strategy: Option<String>,
    /// A recipe of your own, or keys that replace a named strategy's
    #[arg(long, value_name = "FILE.toml", conflicts_with = "resume")]
    recipe: Option<PathBuf>,
    /// One recipe key, for example learning_rate=0.005; may be repeated
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "resume")]
    set: Vec<String>,
    /// Numbers of epochs after which the model is scored; the run ends after the last [default: 20,50]
    #[arg(long, value_name = "N", value_delimiter = ',', conflicts_with = "resume")]
    epochs: Option<Vec<usize>>,
    /// Train without the subjects from the beginning as well and compare every byte; of --strategy exact
    #[arg(long, conflicts_with = "resume")]
    prove: bool,
    #[command(flatten)]
    consult: ConsultArguments,
    #[command(flatten)]
    run: RunArguments,
    #[command(flatten)]
    images: ImageArguments,
    /// Follow loss and Dice of all subjects per epoch, in curves.csv of the run folder
    #[arg(long, help_heading = "Looking into a run")]
    curve: bool,
    /// Follow both sides' gradient norms and their cosine per epoch, in gradients.csv of the run folder
    #[arg(long, help_heading = "Looking into a run")]
    gradients: bool,
    /// Instead of a run: short ones of so many epochs over a grid of learning rates, and which to begin with
    #[arg(
        long,
        value_name = "EPOCHS",
        num_args = 0..=1,
        default_missing_value = "2",
        value_parser = clap::value_parser!(u16).range(1..=100),
        conflicts_with_all = ["resume", "dry_run", "curve", "gradients"],
        help_heading = "Looking into a run"
    )]
    find_learning_rate: Option<u16>,
    /// Check everything, say who is on which side, estimate time and memory, and stop
    #[arg(long)]
    dry_run: bool,
}

fn strategies() -> String {
    let exact = ("exact", "Of a model trained with --exact: replay what came after them, without them");
    let known = STRATEGIES.iter().map(|strategy| (strategy.name, strategy.about));
    let lines = known.chain([exact]).map(|(name, about)| format!("  {name:<21} {about}\n"));
    format!("Strategies:\n{}", lines.collect::<String>())
}

impl Arguments {
    /// How the data set lies and is read.
    pub fn data_options(&self) -> Result<LayoutOptions, CliError> {
        self.cases.options()
    }
}

/// Forget, score at each horizon, keep the model.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    arguments.consult.check(&arguments.model.model, Purpose::Unlearn, context)?;
    if exact::is_asked(arguments)? {
        return exact::run(arguments, context);
    }
    if arguments.prove {
        let what = "--prove: only --strategy exact can be proven; fix: leave it out, or train with --exact".to_string();
        return Err(CliError::Usage { what });
    }
    if arguments.run.folder().is_none() {
        // Before the model is read, which may take long.
        config::variant(arguments)?;
    }
    let model = arguments.model.open(&context.device)?;
    model.one_network("a strategy")?;
    context.remark(&model.remarks);
    let resumed = arguments.run.resumed(&arguments.cases)?;
    let run = match resumed {
        Some(folder) => UnlearnRun::of_folder(folder)?,
        None => UnlearnRun::from_arguments(arguments, &model)?,
    };
    let job = Job::prepare(run, &model, context)?;
    let plan = job.plan(context)?;
    job.note(context);
    if arguments.dry_run {
        return Ok(plan.outcome("unlearn"));
    }
    if let Some(epochs) = arguments.find_learning_rate {
        return job.with_unlearned(context, |run| rates::find(run, usize::from(epochs), context));
    }
    let folder = RunFolder::open(context, resumed, &job.run.name, &job.record(context), &job.run)?;
    let registered = folder.register(context, &job.people());
    plan.note(context);
    let outcome = registered.and_then(|()| {
        job.with_unlearned(context, |unlearned| {
            let diagnostics = job.diagnostics(arguments, unlearned, context, &folder)?;
            job.unlearn(unlearned, &diagnostics, context, &folder)
        })
    });
    folder.close(outcome)
}

/// Scans as both models of a finished run have them, for its report.
///
/// # Errors
/// If model or data are no longer there or no longer the same.
pub fn pictures(folder: &Path, images: &ImageArguments, context: &Context) -> Result<Pictures, CliError> {
    let run = UnlearnRun::of_folder(folder)?;
    let original = Model::of_file(&run.model, &context.device)?;
    let unlearned = Model::of_file(&folder.join("model.safetensors"), &context.device)?;
    Job::prepare(run, &original, context)?.pictures(&unlearned.network, images, context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_lists_every_strategy() {
        let help = strategies();
        assert!(STRATEGIES.iter().all(|strategy| help.contains(strategy.name)));
    }
}
