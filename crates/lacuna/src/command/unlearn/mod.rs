//! `lacuna unlearn`: remove subjects from a trained model.

mod config;
mod watch;

use crate::arguments::{LabelArguments, LayoutArguments, Model, ModelArguments, PreprocessArguments};
use crate::command::train::{CHECKPOINT, remove_checkpoint};
use crate::context::Context;
use crate::error::CliError;
use crate::model_notes::ModelNotes;
use crate::output::Outcome;
use crate::progress::Progress;
use crate::run_folder::{RunFolder, RunRecord};
use clap::Args;
use config::UnlearnRun;
use lacuna_cohort::{Split, SplitLists, SubjectId};
use lacuna_nn::{Network, write_model};
use lacuna_report::{Goal, ORIGINAL, ResultRow, Role, Run, ScoreGrid, Table, results, scored_rows, tables};
use lacuna_seed::Seed;
use lacuna_study::Data;
use lacuna_train::{State, TrainError, read_checkpoint, score_subject};
use lacuna_unlearn::{ForgetRetain, STRATEGIES, UnlearnError, Unlearned, preparation_passes, unlearn};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use watch::{Horizons, rows_file};

const EXAMPLES: &str = "Examples:
  lacuna unlearn --model model.safetensors --data heads --forget phantom-002 \\
    --held-out phantom-005 --strategy noisy-label --epochs 20,50
  lacuna unlearn --model model.safetensors --data heads --forget phantom-002 --recipe mine.toml";

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
    /// The data set the model was trained on: a folder or a list file
    #[arg(long, value_name = "DATA")]
    data: Option<PathBuf>,
    #[command(flatten)]
    layout: LayoutArguments,
    #[command(flatten)]
    labels: LabelArguments,
    #[command(flatten)]
    preprocess: PreprocessArguments,
    /// Subjects to forget, separated by commas
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',')]
    forget: Vec<String>,
    /// Subjects the model was not trained on, separated by commas; all others are to be kept
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',')]
    held_out: Vec<String>,
    /// A named strategy (see --help)
    #[arg(long, value_name = "NAME")]
    strategy: Option<String>,
    /// A recipe of your own, or keys that replace a named strategy's
    #[arg(long, value_name = "FILE.toml")]
    recipe: Option<PathBuf>,
    /// One recipe key, for example learning_rate=0.005; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Horizons: after how many epochs to score; the longest is how long it runs
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [20, 50])]
    epochs: Vec<usize>,
    /// What orders and noise follow from
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// What the run folder is called [default: the strategy's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A run folder to go on with; its own settings hold
    #[arg(long, value_name = "RUN", conflicts_with_all = ["data", "forget", "held_out", "strategy", "recipe", "set", "name"])]
    resume: Option<PathBuf>,
}

#[derive(Serialize)]
struct Record {
    run: PathBuf,
    model: PathBuf,
    digest: String,
    parent: String,
    strategy: String,
    variant: String,
    training_passes: u64,
    teacher_passes: u64,
    preparation_passes: u64,
    tables: Vec<Table>,
}

fn strategies() -> String {
    let lines = STRATEGIES.iter().map(|strategy| format!("  {:<16} {}\n", strategy.name, strategy.about));
    format!("Strategies:\n{}", lines.collect::<String>())
}

/// Forget, score at each horizon, keep the model.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let model = arguments.model.open(&context.device)?;
    let run = match &arguments.resume {
        Some(folder) => UnlearnRun::from_folder(folder)?,
        None => UnlearnRun::from_arguments(arguments, &model)?,
    };
    let job = Job::prepare(run, &model, context)?;
    let folder = match &arguments.resume {
        Some(folder) => RunFolder::reopen(context, folder, "unlearn")?,
        None => job.begin(context)?,
    };
    let outcome = job.unlearn(context, &folder);
    folder.close(outcome)
}

/// An unlearning run that has been checked and whose data are in memory.
pub(crate) struct Job<'a> {
    run: UnlearnRun,
    model: &'a Model,
    data: Data,
    split: Split,
    /// The digest of everything that decides how the run goes on.
    digest: String,
}

impl<'a> Job<'a> {
    fn prepare(run: UnlearnRun, model: &'a Model, context: &Context) -> Result<Job<'a>, CliError> {
        let study = run.as_study(model);
        let (cohort, labels, _) = Data::open(&study)?;
        model.check_fit(&labels, &cohort)?;
        let split = split(&cohort.subjects(), &run)?;
        let everybody = split.train().union(split.held_out()).cloned().collect();
        let mut progress = Progress::begin(context, "prepare", "scan", cohort.scans().len(), 0);
        let data = Data::prepare(&study, &everybody, &context.loading, &mut |done, _| progress.advance(done, ""))?;
        drop(progress);
        data.notices().iter().for_each(|notice| context.note(&format!("note: {notice}")));
        let digest = digest(&run, &data, &split, &model.network);
        Ok(Job { run, model, data, split, digest })
    }

    fn begin(&self, context: &Context) -> Result<RunFolder, CliError> {
        let parents = BTreeMap::from([
            ("model".to_string(), self.model.network.digest()),
            ("data".to_string(), self.data.digest_of(self.split.train())),
        ]);
        let seeds = BTreeMap::from([("unlearn".to_string(), self.run.seed)]);
        let folder = RunFolder::create(context, &self.run.name, &RunRecord::new("unlearn", seeds, parents))?;
        folder.write("config.toml", toml::to_string(&self.run).expect("settings are TOML").as_bytes())?;
        Ok(folder)
    }

    fn unlearn(&self, context: &Context, folder: &RunFolder) -> Result<Outcome, CliError> {
        let cases = self.data.of(self.split.train());
        let sets = ForgetRetain::of(&cases, self.split.forget())?;
        let run = Unlearned {
            original: &self.model.network,
            recipe: &self.run.recipe,
            sets: &sets,
            epochs: self.longest_horizon(),
            loss: self.run.loss,
            seed: Seed(self.run.seed),
            device: context.device.clone(),
        };
        let mut state = run.fresh_state();
        let checkpoint = folder.file(CHECKPOINT);
        if checkpoint.exists() {
            read_checkpoint(&checkpoint, &mut state, &self.digest)?;
            context.note(&format!("resume   after epoch {} of {}", state.epochs_done, run.epochs));
        } else {
            self.score(&self.model.network, ORIGINAL, 0, context, folder)?;
        }
        self.go_on(&run, &mut state, context, folder)?;
        self.finish(&run, &state, folder)
    }

    fn go_on(&self, run: &Unlearned, state: &mut State, context: &Context, folder: &RunFolder) -> Result<(), CliError> {
        let progress = Progress::begin(context, "unlearn", "epoch", run.epochs, state.epochs_done);
        let mut watch = Horizons::new(self, context, folder, progress);
        match unlearn(run, state, &mut watch) {
            Err(UnlearnError::Train(TrainError::Interrupted { epochs_done })) => {
                watch.checkpoint(state)?;
                let path = folder.path().display();
                let kept = format!(
                    "{epochs_done} of {} epochs are kept in {path}; fix: lacuna unlearn --model {} --resume {path}",
                    run.epochs,
                    self.model.path.display()
                );
                Err(CliError::Interrupted { kept })
            }
            other => Ok(other?),
        }
    }

    fn finish(&self, run: &Unlearned, state: &State, folder: &RunFolder) -> Result<Outcome, CliError> {
        let model = folder.file("model.safetensors");
        let parent = self.model.network.digest();
        let notes = ModelNotes::new(&self.data.labels, &self.run.preprocess, Some(parent.clone()));
        let notes = ModelNotes { loss: Some(self.run.loss), ..notes };
        write_model(&model, &state.network, &notes.to_metadata())?;
        let rows = self.all_rows(folder)?;
        results::write(&folder.file("results.csv"), &rows)?;
        remove_checkpoint(folder)?;
        let tables = [ScoreGrid::Volume, ScoreGrid::Output].map(|grid| tables(&rows, grid));
        let tables = tables.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        let record = Record {
            run: folder.path().to_path_buf(),
            model,
            digest: state.network.digest(),
            parent,
            strategy: self.run.strategy.clone(),
            variant: self.run.differences.clone(),
            training_passes: state.passes.training,
            teacher_passes: state.passes.teacher,
            preparation_passes: preparation_passes(run.recipe, run.sets)?,
            tables,
        };
        let text = Table::texts(&record.tables);
        let text = format!(
            "{text}\nmodel    {}\ndigest   {}\ncost     {} passes of one volume, {} of the frozen original\n",
            record.model.display(),
            record.digest,
            record.training_passes,
            record.teacher_passes + record.preparation_passes
        );
        Ok(Outcome::new("unlearn", &record, text))
    }

    /// Score everybody after so many epochs and keep the rows.
    fn score(
        &self,
        network: &Network,
        strategy: &str,
        epochs: usize,
        context: &Context,
        folder: &RunFolder,
    ) -> Result<(), CliError> {
        let run = self.row_of(strategy, epochs);
        let retain = self.split.retain();
        let sides =
            [(&retain, Role::Retain), (self.split.forget(), Role::Forget), (self.split.held_out(), Role::HeldOut)];
        let mut rows = Vec::new();
        for (subject, role) in sides.into_iter().flat_map(|(side, role)| side.iter().map(move |one| (one, role))) {
            let cases = self.data.of(&BTreeSet::from([subject.clone()]));
            let scores = score_subject(network, &cases, self.data.labels.classes(), &context.device)?;
            for (grid, scores) in [(ScoreGrid::Volume, &scores.volume), (ScoreGrid::Output, &scores.output)] {
                rows.extend(scored_rows(&run, role, subject.as_str(), grid, scores));
            }
        }
        Ok(results::write(&folder.file(&rows_file(epochs)), &rows)?)
    }

    fn row_of(&self, strategy: &str, epochs: usize) -> Run {
        let is_original = strategy == ORIGINAL;
        let goal = match self.run.recipe.goal {
            _ if is_original => Goal::Reference,
            lacuna_unlearn::Goal::Suppress => Goal::Suppress,
            lacuna_unlearn::Goal::MatchRetrain => Goal::MatchRetrain,
        };
        let names: Vec<&str> = self.split.forget().iter().map(SubjectId::as_str).collect();
        Run {
            network: format!("resnet{}", self.data.architecture.depth),
            labels: self.data.labels.name().to_string(),
            goal,
            strategy: strategy.to_string(),
            variant: if is_original { String::new() } else { self.run.differences.clone() },
            epochs,
            forgotten: names.join("_"),
            seed: self.run.seed,
        }
    }

    fn all_rows(&self, folder: &RunFolder) -> Result<Vec<ResultRow>, CliError> {
        let mut rows = results::read(&folder.file(&rows_file(0)))?;
        for &epochs in &self.run.epochs {
            rows.extend(results::read(&folder.file(&rows_file(epochs)))?);
        }
        Ok(rows)
    }

    fn longest_horizon(&self) -> usize {
        self.run.epochs.iter().copied().max().expect("checked: a run has a horizon")
    }
}

fn split(subjects: &[SubjectId], run: &UnlearnRun) -> Result<Split, CliError> {
    let held_out: BTreeSet<SubjectId> = run.held_out.iter().cloned().collect();
    let train = subjects.iter().filter(|subject| !held_out.contains(subject)).cloned().collect();
    let forget = run.forget.iter().cloned().collect();
    Ok(Split::of_lists(subjects, SplitLists { train, held_out, forget })?)
}

/// Two runs of one digest end in the same bytes.
fn digest(run: &UnlearnRun, data: &Data, split: &Split, original: &Network) -> String {
    let decides = (
        env!("CARGO_PKG_VERSION"),
        original.digest(),
        run.seed,
        data.digest_of(split.train()),
        split.forget(),
        &run.recipe,
        run.loss,
        run.epochs.iter().max(),
    );
    lacuna_disk::digest(&serde_json::to_vec(&decides).expect("plain data is JSON"))
}

/// Where the run's horizons are kept, whatever becomes of the run.
pub(crate) fn is_horizon(run: &UnlearnRun, epochs: usize) -> bool {
    run.epochs.contains(&epochs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_lists_every_strategy() {
        let help = strategies();
        assert!(STRATEGIES.iter().all(|strategy| help.contains(strategy.name)));
    }

    #[test]
    fn rows_lie_apart_by_horizon() {
        assert_ne!(rows_file(20), rows_file(50));
    }
}
