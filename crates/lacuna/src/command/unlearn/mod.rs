//! `lacuna unlearn`: remove subjects from a trained model.

mod config;
mod exact;
mod looking;
mod rates;
mod record;

use crate::arguments::{CaseArguments, Model, ModelArguments, RunArguments};
use crate::config::Settings;
use crate::context::Context;
use crate::error::CliError;
use crate::model_notes::ModelNotes;
use crate::output::Outcome;
use crate::plan::Plan;
use crate::preparing::prepare;
use crate::progress::Progress;
use crate::run_folder::{RunFolder, RunRecord};
use crate::watch::{self, Watch};
use clap::Args;
use config::UnlearnRun;
use lacuna_cohort::{Split, SplitLists, SubjectId};
use lacuna_nn::{Network, write_model};
use lacuna_report::{
    Cost, Goal, ORIGINAL, Outcome as RunOutcome, ResultRow, Role, Run, ScoreGrid, ScoredSubject, results, scored_rows,
    tables,
};
use lacuna_seed::Seed;
use lacuna_study::{Data, network_name};
use lacuna_train::{State, TrainError};
use lacuna_unlearn::{
    Conflicts, Effect, ForgetRetain, STRATEGIES, UnlearnError, Unlearned, effect, epoch_cost, preparation_passes,
    unlearn,
};
use looking::{Curves, Looking};
use record::Record;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  lacuna unlearn --model model.safetensors --data heads --forget phantom-002 \\
    --held-out phantom-005 --strategy noisy-label --epochs 20,50
  lacuna unlearn --model model.safetensors --data heads --forget phantom-002 --recipe mine.toml
  lacuna unlearn --model model.safetensors --data heads --forget phantom-002 --strategy scrub \\
    --find-learning-rate
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
    /// Subjects the model was not trained on, separated by commas; all others are to be kept
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',', conflicts_with = "resume")]
    held_out: Vec<String>,
    /// A named strategy (see --help)
    #[arg(long, value_name = "NAME", conflicts_with = "resume")]
    strategy: Option<String>,
    /// A recipe of your own, or keys that replace a named strategy's
    #[arg(long, value_name = "FILE.toml", conflicts_with = "resume")]
    recipe: Option<PathBuf>,
    /// One recipe key, for example learning_rate=0.005; may be repeated
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "resume")]
    set: Vec<String>,
    /// Horizons: after how many epochs to score; the longest is how long it runs [default: 20,50]
    #[arg(long, value_name = "N", value_delimiter = ',', conflicts_with = "resume")]
    epochs: Option<Vec<usize>>,
    /// Train without the subjects from the beginning as well and compare every byte; of --strategy exact
    #[arg(long, conflicts_with = "resume")]
    prove: bool,
    #[command(flatten)]
    run: RunArguments,
    /// Follow loss and Dice of everybody per epoch, in curves.csv of the run folder
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

/// Forget, score at each horizon, keep the model.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    if exact::is_asked(arguments)? {
        return exact::run(arguments, context);
    }
    if arguments.prove {
        let what = "--prove: only --strategy exact can be proven; fix: leave it out, or train with --exact".to_string();
        return Err(CliError::Usage { what });
    }
    let model = arguments.model.open(&context.device)?;
    model.one_network("a strategy")?;
    let resumed = arguments.run.resumed(&arguments.cases)?;
    let run = match resumed {
        Some(folder) => UnlearnRun::of_folder(folder)?,
        None => UnlearnRun::from_arguments(arguments, &model)?,
    };
    let job = Job::prepare(run, &model, context)?;
    let plan = job.plan(context)?;
    if arguments.dry_run {
        return Ok(plan.outcome("unlearn"));
    }
    if let Some(epochs) = arguments.find_learning_rate {
        return job.with_unlearned(context, |run| rates::find(run, usize::from(epochs), context));
    }
    let folder = RunFolder::open(context, resumed, &job.run.name, &job.record(context), &job.run)?;
    plan.note(context);
    let outcome = job.with_unlearned(context, |unlearned| {
        let looking = job.looking(arguments, unlearned, context, &folder)?;
        job.unlearn(unlearned, &looking, context, &folder)
    });
    folder.close(outcome)
}

/// An unlearning run that has been checked and whose data are in memory.
struct Job<'a> {
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
        let data = prepare(&study, &everybody, context)?;
        let digest = digest(&run, &data, &split, &model.network);
        Ok(Job { run, model, data, split, digest })
    }

    fn plan(&self, context: &Context) -> Result<Plan, CliError> {
        let cases = self.data.of(self.split.train());
        let sets = ForgetRetain::of(&cases, self.split.forget())?;
        let epoch = epoch_cost(&self.run.recipe, &sets);
        let plan = Plan::new(context, &self.run.name, &self.data, self.longest_horizon(), epoch)?;
        let subjects = self.sides().map(|(role, subjects)| (role.name(), subjects)).into();
        let before = preparation_passes(&self.run.recipe, &sets)?;
        Ok(Plan { subjects, preparation_passes: before.teacher, preparation_training_passes: before.training, ..plan })
    }

    fn record(&self, context: &Context) -> RunRecord {
        let parents = BTreeMap::from([
            ("model".to_string(), self.model.network.digest()),
            ("data".to_string(), self.data.digest_of(self.split.train())),
        ]);
        RunRecord::new(context, "unlearn", BTreeMap::from([("unlearn".to_string(), self.run.seed)]), parents)
    }

    /// Do something with the run as the unlearning crate knows it.
    fn with_unlearned<T>(
        &self,
        context: &Context,
        act: impl FnOnce(&Unlearned) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let cases = self.data.of(self.split.train());
        let sets = ForgetRetain::of(&cases, self.split.forget())?;
        act(&Unlearned {
            original: &self.model.network,
            recipe: &self.run.recipe,
            sets: &sets,
            epochs: self.longest_horizon(),
            loss: self.run.loss,
            seed: Seed(self.run.seed),
            device: context.device.clone(),
            activations: context.activations,
        })
    }

    fn looking<'l>(
        &'l self,
        arguments: &Arguments,
        run: &'l Unlearned<'l>,
        context: &Context,
        folder: &'l RunFolder,
    ) -> Result<Looking<'l>, CliError> {
        let curves = || Curves { data: &self.data, sides: self.sides(), device: context.device.clone() };
        let gradients = if arguments.gradients { Some(Conflicts::of(run)?) } else { None };
        Ok(Looking { folder, curves: arguments.curve.then(curves), gradients })
    }

    fn unlearn(
        &self,
        run: &Unlearned,
        looking: &Looking,
        context: &Context,
        folder: &RunFolder,
    ) -> Result<Outcome, CliError> {
        let mut state = run.fresh_state()?;
        if !watch::resume(context, folder, &mut state, &self.digest, run.epochs)? {
            self.score(&self.model.network, ORIGINAL, 0, context, folder)?;
            looking.look(run.original, &state.network, &[])?;
        }
        let outcome = self.go_on(run, &mut state, looking, context, folder);
        if let Err(CliError::Train(TrainError::Diverged { .. })) = &outcome {
            self.record_divergence(folder)?;
        }
        outcome?;
        self.finish(run, &state, looking, context, folder)
    }

    fn go_on(
        &self,
        run: &Unlearned,
        state: &mut State,
        looking: &Looking,
        context: &Context,
        folder: &RunFolder,
    ) -> Result<(), CliError> {
        let progress = Progress::begin(context, "unlearn", "epoch", run.epochs, state.epochs_done);
        let after_epoch = |state: &State| {
            let result = state.result();
            if self.run.epochs.contains(&state.epochs_done) {
                self.score(&result, &self.run.strategy, state.epochs_done, context, folder)?;
            }
            looking.look(&result, &state.network, &state.history)
        };
        let (digest, checkpoint_epochs) = (self.digest.as_str(), self.run.checkpoint_epochs);
        let mut watch = Watch { folder, progress, run: digest, checkpoint_epochs, after_epoch: &after_epoch };
        let outcome = unlearn(run, state, &mut watch).map_err(|error| match error {
            UnlearnError::Train(error) => CliError::Train(error),
            error => error.into(),
        });
        let again = format!("lacuna unlearn --model {} --resume", self.model.path.display());
        watch.ended(outcome, state, run.epochs, &again)
    }

    /// Whether the forget subjects noticed anything; nothing is worth a warning.
    fn effect(
        &self,
        run: &Unlearned,
        network: &Network,
        context: &Context,
        folder: &RunFolder,
    ) -> Result<Effect, CliError> {
        let effect = effect(run.original, network, run.sets, &run.device)?;
        if effect.is_nothing {
            context.note(&format!(
                "warning  no effect: {:.2} % of the probability and {:.2} % of the labels moved on the subjects to forget; \
                 try --find-learning-rate",
                100.0 * effect.moved,
                100.0 * effect.relabelled
            ));
        }
        folder.write_json("effect.json", &effect)?;
        Ok(effect)
    }

    fn finish(
        &self,
        run: &Unlearned,
        state: &State,
        looking: &Looking,
        context: &Context,
        folder: &RunFolder,
    ) -> Result<Outcome, CliError> {
        let model = folder.file("model.safetensors");
        let parent = self.model.network.digest();
        let before = preparation_passes(run.recipe, run.sets)?;
        let notes = ModelNotes::new(&self.data.labels, &self.run.preprocess, Some(parent.clone()));
        let notes = ModelNotes { loss: Some(self.run.loss), ..notes };
        write_model(&model, &state.network, &notes.to_metadata())?;
        let effect = self.effect(run, &state.network, context, folder)?;
        let mut looking_passes = looking.passes()?;
        looking_passes += effect.passes;
        let rows = self.all_rows(folder)?;
        results::write(&folder.file("results.csv"), &rows)?;
        watch::remove_checkpoint(folder)?;
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
            preparation_passes: before.teacher,
            preparation_training_passes: before.training,
            looking_passes,
            returned_epoch: state.best.as_ref().map(|best| best.epoch),
            effect,
            tables,
        };
        Ok(Outcome::new("unlearn", &record, record.text()))
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
        let sides = self.sides();
        let mut scored = Vec::new();
        for (role, subject) in sides.iter().flat_map(|(role, side)| side.iter().map(move |subject| (*role, subject))) {
            scored.push((role, subject, self.data.score(network, subject, &context.device)?));
        }
        let collapsed = scored.iter().all(|(_, _, scores)| scores.collapsed);
        if collapsed {
            context.note(&format!("collapsed: after {epochs} epochs {strategy} says one class everywhere"));
        }
        let mut rows = Vec::new();
        for (role, subject, scores) in &scored {
            let cross_entropy = Some(scores.cross_entropy);
            for (grid, scores) in [(ScoreGrid::Volume, &scores.volume), (ScoreGrid::Output, &scores.output)] {
                let (role, subject) = (*role, subject.as_str());
                let scored = ScoredSubject { grid, role, subject, collapsed, scores, cross_entropy };
                rows.extend(scored_rows(&run, &Cost::default(), &scored));
            }
        }
        Ok(results::write(&folder.file(&rows_file(epochs)), &rows)?)
    }

    fn sides(&self) -> [(Role, BTreeSet<SubjectId>); 3] {
        let (forget, held_out) = (self.split.forget().clone(), self.split.held_out().clone());
        [(Role::Retain, self.split.retain()), (Role::Forget, forget), (Role::HeldOut, held_out)]
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
            network: network_name(&self.data.architecture),
            labels: self.data.labels.name().to_string(),
            goal,
            strategy: strategy.to_string(),
            variant: if is_original { String::new() } else { self.run.differences.clone() },
            epochs,
            forgotten: names.join("_"),
            seed: self.run.seed,
        }
    }

    /// Divergence is a result of the strategy: one row without numbers beside those of the horizons reached.
    fn record_divergence(&self, folder: &RunFolder) -> Result<(), CliError> {
        let mut rows = self.all_rows(folder)?;
        let missed = self.horizons().find(|&epochs| !folder.file(&rows_file(epochs)).exists());
        let run = |epochs| self.row_of(&self.run.strategy, epochs);
        let row = |epochs| ResultRow { run: run(epochs), cost: Cost::default(), outcome: RunOutcome::Diverged };
        rows.extend(missed.map(row));
        Ok(results::write(&folder.file("results.csv"), &rows)?)
    }

    /// The rows of the original and of every horizon reached.
    fn all_rows(&self, folder: &RunFolder) -> Result<Vec<ResultRow>, CliError> {
        let mut rows = Vec::new();
        let files = [0].into_iter().chain(self.horizons()).map(|epochs| folder.file(&rows_file(epochs)));
        for file in files.filter(|file| file.exists()) {
            rows.extend(results::read(&file)?);
        }
        Ok(rows)
    }

    /// Each horizon once, the nearest first.
    fn horizons(&self) -> impl Iterator<Item = usize> {
        self.run.epochs.iter().copied().collect::<BTreeSet<_>>().into_iter()
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

/// The file in which the rows of one horizon lie, whatever becomes of the run.
fn rows_file(epochs: usize) -> String {
    format!("horizons/{epochs}.csv")
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
