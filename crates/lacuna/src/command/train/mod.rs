//! `lacuna train`: train a network, or fine-tune one.

mod config;
mod watch;

use crate::arguments::{LabelArguments, LayoutArguments, PreprocessArguments, ShortcutChoice};
use crate::context::Context;
use crate::error::CliError;
use crate::model_notes::ModelNotes;
use crate::output::Outcome;
use crate::progress::Progress;
use crate::run_folder::{RunFolder, RunRecord};
use crate::scores::{self, Scored};
use clap::Args;
use config::TrainRun;
use lacuna_cohort::{CohortError, Split, SplitLists, SubjectId};
use lacuna_nn::{Network, load_matching, write_model};
use lacuna_seed::Seed;
use lacuna_study::{Data, check_init};
use lacuna_train::{State, Supervised, TrainError, fit, read_checkpoint, score_subject};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
pub use watch::CHECKPOINT;
use watch::Watch;

/// Train a network on all labelled subjects that are not held out
///
/// Everything lies in a run folder of its own. A run that was stopped or killed goes on with
/// --resume and ends in the same bytes as one that was not.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lacuna train --data heads --labels tissue --preprocess canonical --size 48x72x64 --depth 10 \\\n    \
                  --epochs 50 --held-out phantom-005,phantom-006\n  lacuna train --resume runs/train/20261123-154210-resnet10"
)]
pub struct Arguments {
    /// The data set: a folder or a list file
    #[arg(long, value_name = "DATA")]
    data: Option<PathBuf>,
    #[command(flatten)]
    layout: LayoutArguments,
    #[command(flatten)]
    labels: LabelArguments,
    #[command(flatten)]
    preprocess: PreprocessArguments,
    /// The network's depth: 10, 18, 34, 50, 101, 152 or 200
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    /// The network's shortcut [default: that of the published weights of this depth]
    #[arg(long, value_enum, value_name = "KIND")]
    shortcut: Option<ShortcutChoice>,
    /// Weights to begin from: the whole encoder must fit, a head of other classes begins fresh
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,
    /// Passes over all training subjects [default: 200, MedicalNet's]
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Subjects that are not trained on, separated by commas
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',')]
    held_out: Vec<String>,
    /// What initial weights, orders and noise follow from [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// What the run folder is called [default: the network's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A TOML file with the tables data, preprocess, network and train, as in a study
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Any setting by its key, for example train.learning_rate=0.01; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// A run folder to go on with; its own settings hold
    #[arg(long, value_name = "RUN", conflicts_with_all = ["data", "config", "set", "init", "depth", "epochs", "seed", "name", "held_out"])]
    resume: Option<PathBuf>,
}

#[derive(Serialize)]
struct Record {
    run: PathBuf,
    model: PathBuf,
    digest: String,
    network: String,
    epochs: usize,
    loss: f64,
    training_passes: u64,
    scores: Vec<Scored>,
}

/// Train, then score everybody on both sides.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let run = match &arguments.resume {
        Some(folder) => TrainRun::from_folder(folder)?,
        None => TrainRun::from_arguments(arguments)?,
    };
    let job = Job::prepare(run, context)?;
    let folder = match &arguments.resume {
        Some(folder) => RunFolder::reopen(context, folder, "train")?,
        None => job.begin(context)?,
    };
    let outcome = job.train(context, &folder);
    folder.close(outcome)
}

/// A training run that has been checked and whose data are in memory.
struct Job {
    run: TrainRun,
    data: Data,
    split: Split,
    /// The digest of the file with initial weights.
    init: Option<String>,
    /// The digest of everything that decides how the run goes on.
    digest: String,
}

impl Job {
    fn prepare(run: TrainRun, context: &Context) -> Result<Job, CliError> {
        let study = run.as_study();
        let (cohort, _, architecture) = Data::open(&study)?;
        let split = split(&cohort.subjects(), &run.held_out)?;
        let init = check_init(&run.network, architecture, &context.device)?;
        let everybody: BTreeSet<SubjectId> = cohort.subjects().into_iter().collect();
        let mut progress = Progress::begin(context, "prepare", "scan", cohort.scans().len(), 0);
        let data = Data::prepare(&study, &everybody, &context.loading, &mut |done, _| progress.advance(done, ""))?;
        drop(progress);
        data.notices().iter().for_each(|notice| context.note(&format!("note: {notice}")));
        let digest = digest(&run, &data, &split, &init);
        Ok(Job { run, data, split, init, digest })
    }

    /// A run folder that says what is going to be done.
    fn begin(&self, context: &Context) -> Result<RunFolder, CliError> {
        let mut parents = BTreeMap::from([("data".to_string(), self.data.digest_of(self.split.train()))]);
        parents.extend(self.init.iter().map(|digest| ("init".to_string(), digest.clone())));
        let seeds = BTreeMap::from([("train".to_string(), self.run.seed)]);
        let folder = RunFolder::create(context, &self.run.name, &RunRecord::new("train", seeds, parents))?;
        let config = toml::to_string(&self.run).expect("settings are TOML");
        folder.write("config.toml", config.as_bytes())?;
        Ok(folder)
    }

    fn train(&self, context: &Context, folder: &RunFolder) -> Result<Outcome, CliError> {
        let state = self.fit(context, folder)?;
        let model = folder.file("model.safetensors");
        let notes = ModelNotes::new(&self.data.labels, &self.run.preprocess, self.init.clone());
        let notes = ModelNotes { loss: Some(self.run.train.loss), ..notes };
        write_model(&model, &state.network, &notes.to_metadata())?;
        let scores = self.score(&state.network, context)?;
        folder.write("subjects.csv", &scores::csv(&scores))?;
        remove_checkpoint(folder)?;
        let record = Record {
            run: folder.path().to_path_buf(),
            model,
            digest: state.network.digest(),
            network: state.network.architecture().to_string(),
            epochs: state.epochs_done,
            loss: state.history.last().map_or(f64::NAN, |epoch| epoch.loss),
            training_passes: state.passes.training,
            scores,
        };
        Ok(Outcome::new("train", &record, text(&record)))
    }

    /// From the beginning or the checkpoint to the last epoch.
    fn fit(&self, context: &Context, folder: &RunFolder) -> Result<State, CliError> {
        let (seed, settings) = (Seed(self.run.seed), &self.run.train);
        let mut network = Network::new(self.data.architecture, seed, &context.device);
        if let Some(init) = &self.run.network.init {
            context.note(&format!("init     {}", load_matching(init, &mut network)?));
        }
        let mut state = State::new(network, settings);
        let checkpoint = folder.file(CHECKPOINT);
        if checkpoint.exists() {
            read_checkpoint(&checkpoint, &mut state, &self.digest)?;
            context.note(&format!("resume   after epoch {} of {}", state.epochs_done, settings.epochs));
        }
        let cases = self.data.of(self.split.train());
        let objective = Supervised::new(cases, settings, seed, context.device.clone())?;
        let progress = Progress::begin(context, "train", "epoch", settings.epochs, state.epochs_done);
        let (run, checkpoint_epochs) = (self.digest.as_str(), settings.checkpoint_epochs);
        let mut watch = Watch { folder, progress, run, checkpoint_epochs };
        match fit(&mut state, &objective, settings, &mut watch) {
            Ok(()) => Ok(state),
            Err(TrainError::Interrupted { epochs_done }) => {
                watch.checkpoint(&state)?;
                Err(interrupted(folder.path(), epochs_done, settings.epochs))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn score(&self, network: &Network, context: &Context) -> Result<Vec<Scored>, CliError> {
        let sides = [("train", self.split.train()), ("held_out", self.split.held_out())];
        let subjects = sides.into_iter().flat_map(|(role, side)| side.iter().map(move |subject| (role, subject)));
        subjects
            .map(|(role, subject)| {
                let cases = self.data.of(&BTreeSet::from([subject.clone()]));
                let scores = score_subject(network, &cases, self.data.labels.classes(), &context.device)?;
                Ok(Scored::new(subject.to_string(), role, scores))
            })
            .collect()
    }
}

/// Everybody but the held-out subjects is trained on.
fn split(subjects: &[SubjectId], held_out: &[SubjectId]) -> Result<Split, CliError> {
    let held_out: BTreeSet<SubjectId> = held_out.iter().cloned().collect();
    let train: BTreeSet<SubjectId> = subjects.iter().filter(|subject| !held_out.contains(subject)).cloned().collect();
    if train.is_empty() {
        let (wanted, needed) = (format!("holding out {}", held_out.len()), held_out.len() + 1);
        return Err(CohortError::TooFewSubjects { wanted, needed, found: subjects.len() }.into());
    }
    Ok(Split::of_lists(subjects, SplitLists { train, held_out, forget: BTreeSet::new() })?)
}

/// Two runs of one digest end in the same bytes. How often a checkpoint is written, what the run is
/// called and where its data lie decide nothing.
fn digest(run: &TrainRun, data: &Data, split: &Split, init: &Option<String>) -> String {
    let mut train = run.train.clone();
    train.checkpoint_epochs = 1;
    let decides = (
        env!("CARGO_PKG_VERSION"),
        run.seed,
        data.architecture.to_string(),
        data.labels.classes(),
        data.digest_of(split.train()),
        train,
        init,
    );
    lacuna_disk::digest(&serde_json::to_vec(&decides).expect("plain data is JSON"))
}

fn interrupted(folder: &Path, epochs_done: usize, epochs: usize) -> CliError {
    let folder = folder.display();
    let kept = format!("{epochs_done} of {epochs} epochs are kept in {folder}; fix: lacuna train --resume {folder}");
    CliError::Interrupted { kept }
}

/// A finished run needs no checkpoint: its moments are traces of the data that nobody looks after.
pub fn remove_checkpoint(folder: &RunFolder) -> Result<(), CliError> {
    let path = folder.file(CHECKPOINT);
    match std::fs::remove_file(&path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(lacuna_disk::DiskError::Io { path, action: "remove", source }.into())
        }
        _ => Ok(()),
    }
}

fn text(record: &Record) -> String {
    let model = record.model.display();
    format!(
        "{}\nmodel    {model}\ndigest   {}\nnext:    lacuna predict IMAGE --model {model} --out segmented\n",
        scores::text(&record.scores),
        record.digest
    )
}
