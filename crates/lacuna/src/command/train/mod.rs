//! `lacuna train`: train a network, or fine-tune one.

mod config;
mod exact;
mod init;
mod lengthen;

use crate::arguments::{CaseArguments, ExactArguments, RunArguments, ShortcutChoice, remarks_of};
use crate::config::Settings;
use crate::context::Context;
use crate::error::CliError;
use crate::events::{self, EVENTS};
use crate::lineage::{self, Lineage};
use crate::output::Outcome;
use crate::plan::Plan;
use crate::preparing;
use crate::run_folder::{People, RunFolder, RunRecord};
use crate::scores::{self, Scored, Side};
use crate::single_run::SingleRun;
use clap::Args;
use lacuna_cohort::{CohortError, Split, SplitLists, SubjectId};
use lacuna_seed::Seed;
use lacuna_study::{Data, Executor, ExecutorConfig, InitialWeights, KeepModels, Store, Task, check_init};
use lacuna_train::{Objective, State, Supervised};
use lacuna_unlearn::EpochCost;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use init::Ancestor;

pub use config::TrainRun;
pub use exact::model as exact_model;

/// Train a network on all labelled subjects that are not held out
///
/// Everything lies in a run folder of its own. A run that was stopped or killed goes on with
/// --resume and ends in the same bytes as one that was not. A finished one that kept its checkpoint (--keep-checkpoint)
/// is lengthened with --resume RUN --epochs N, in a new run folder, and ends in the same bytes as a training of N
/// epochs in one go.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lacuna train --data heads --labels tissue --preprocess canonical --size 48x72x64 --depth 10 \\\n    \
                  --epochs 50 --held-out phantom-005,phantom-006\n  lacuna train --config heads.toml --exact --shards 2 --slices 4 --expect phantom-003=0.5 --dry-run\n  \
                  lacuna train --resume runs/train/20261123-154210-resnet10\n  \
                  lacuna train --resume runs/train/20261123-154210-resnet10 --epochs 300"
)]
pub struct Arguments {
    #[command(flatten)]
    cases: CaseArguments,
    /// The network's depth: 10, 18, 34, 50, 101, 152 or 200
    #[arg(long, value_name = "N", conflicts_with = "resume")]
    depth: Option<usize>,
    /// The network's shortcut [default: that of the published weights of this depth]
    #[arg(long, value_enum, value_name = "KIND", conflicts_with = "resume")]
    shortcut: Option<ShortcutChoice>,
    /// Instead of a depth: nnU-Net v2's plans.json, whose plain U-Net is trained
    #[arg(long, value_name = "FILE", conflicts_with_all = ["resume", "depth", "shortcut"])]
    plans: Option<PathBuf>,
    /// Which configuration of the plans [default: 3d_fullres]
    #[arg(long, value_name = "NAME", requires = "plans", conflicts_with = "resume")]
    configuration: Option<String>,
    /// Weights to begin from: the whole encoder must fit, a head of other classes begins fresh
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    init: Option<PathBuf>,
    /// Whom those weights were trained on, separated by commas, or none; only where no lineage.json beside them says it
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',', conflicts_with = "resume")]
    init_saw: Vec<String>,
    /// Passes over all training subjects [default: 200, MedicalNet's]; with --resume: lengthen that training to so
    /// many, in a run folder of its own
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,
    /// Subjects that are not trained on, separated by commas
    #[arg(long, value_name = "SUBJECTS", value_delimiter = ',', conflicts_with = "resume")]
    held_out: Vec<String>,
    /// A TOML file with the tables data, preprocess, network and train, as in a study
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    config: Option<PathBuf>,
    /// Any setting by its key, for example train.learning_rate=0.01; may be repeated
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "resume")]
    set: Vec<String>,
    #[command(flatten)]
    exact: ExactArguments,
    #[command(flatten)]
    run: RunArguments,
    /// Keep a TensorBoard event file beside metrics.jsonl
    #[arg(long, conflicts_with_all = ["dry_run", "exact"])]
    tensorboard: bool,
    /// Keep the last checkpoint of a finished training, so that it can be lengthened. It holds the optimiser's moments
    /// from all training subjects, and is one more file to remove when one of them withdraws
    #[arg(long, conflicts_with_all = ["dry_run", "exact"])]
    keep_checkpoint: bool,
    /// Check everything, say who is trained on, estimate time and memory, and stop
    #[arg(long)]
    dry_run: bool,
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

/// Train, then score all subjects on both sides.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let resumed = arguments.run.resumed(&arguments.cases)?;
    let (run, resumed, begun) = match (resumed, arguments.epochs) {
        (Some(folder), Some(epochs)) => (lengthen::run(folder, epochs)?, None, Some(folder)),
        (Some(folder), None) => (TrainRun::of_folder(folder)?, Some(folder), None),
        (None, _) => (TrainRun::from_arguments(arguments)?, None, None),
    };
    let job = Job::prepare(run, context)?;
    if let Some(exact) = job.run.exact.clone() {
        if arguments.tensorboard {
            let what = "--tensorboard: expected a training of one network, found one in shards; fix: leave it out";
            return Err(CliError::Usage { what: what.to_string() });
        }
        return exact::run(&job, &exact, arguments.dry_run, resumed, context);
    }
    let mut plan = job.plan(context)?;
    if arguments.dry_run {
        if resumed.or(begun).is_none() {
            plan.settings = job.run.settings(arguments)?;
        }
        return Ok(plan.outcome("train"));
    }
    let record = job.record(context);
    begun.map_or(Ok(()), |begun| lengthen::check_identity(begun, &record))?;
    let folder = RunFolder::open(context, resumed, &job.run.name, &record, &job.run)?;
    let registered = folder.register(context, &job.people());
    let ready = registered.and_then(|()| begun.map_or(Ok(()), |begun| lengthen::begin_at_checkpoint(begun, &folder)));
    plan.note(context);
    let outcome = ready.and_then(|()| job.train(context, &folder, &Keeps::of(arguments)));
    folder.close(outcome)
}

/// The files that a finished training leaves on request.
struct Keeps {
    tensorboard: bool,
    checkpoint: bool,
}

impl Keeps {
    fn of(arguments: &Arguments) -> Keeps {
        Keeps { tensorboard: arguments.tensorboard, checkpoint: arguments.keep_checkpoint }
    }
}

/// A training run that has been checked and whose data are in memory.
struct Job {
    run: TrainRun,
    data: Arc<Data>,
    split: Split,
    /// The file with initial weights.
    init: Option<InitialWeights>,
    /// What is known of those weights.
    ancestor: Option<Ancestor>,
}

impl Job {
    fn prepare(mut run: TrainRun, context: &Context) -> Result<Job, CliError> {
        run.train.activations = context.activations;
        let opened = preparing::open(&run.data, &run.preprocess, &run.network, run.seed, context)?;
        crate::redact::hide(run.init_saw.iter().flatten().map(SubjectId::as_str));
        let subjects = opened.cohort.subjects();
        let split = split(&subjects, &run.held_out)?;
        let init = check_init(&run.network, &opened.architecture, &context.device)?;
        context.remark(&remarks_of(&run.network)?);
        let ancestor = Ancestor::of(&run, init.as_ref(), &context.device)?;
        let data = preparing::prepare(opened, &subjects.into_iter().collect(), context)?;
        Ok(Job { run, data, split, init, ancestor })
    }

    /// The digest of the file with initial weights.
    fn init_digest(&self) -> Option<String> {
        self.init.as_ref().map(|init| init.digest.clone())
    }

    /// The executor of this training, which keeps its files in a run folder.
    fn executor(&self, folder: &RunFolder, keeps_checkpoint: bool, context: &Context) -> Executor {
        let config = ExecutorConfig {
            train: self.run.train.clone(),
            preprocess: self.run.preprocess.clone(),
            init: self.init.as_ref().map(|init| (init.path.clone(), init.digest.clone())),
            pseudonyms: None,
            score_every: None,
            keep_models: KeepModels::All,
        };
        let store = Store::run_folder(folder.path(), keeps_checkpoint);
        Executor::new(config, self.data.clone(), store, context.device.clone())
    }

    fn plan(&self, context: &Context) -> Result<Plan, CliError> {
        let (settings, cases) = (&self.run.train, self.data.of(self.split.train()));
        let passes = cases.len() as u64;
        let steps = Supervised::new(cases, settings, Seed(self.run.seed), context.device.clone())?.steps(0);
        let volumes_at_once = settings.batch_size.min(passes as usize);
        let epoch = EpochCost { steps, passes, volumes_at_once };
        let plan = Plan::new(context, &self.run.name, &self.data, settings.epochs, epoch)?;
        Ok(Plan { subjects: self.sides().map(|(side, subjects)| (side.name(), subjects.clone())).into(), ..plan })
    }

    fn record(&self, context: &Context) -> RunRecord {
        let mut parents = BTreeMap::from([("data".to_string(), self.data.digest_of(self.split.train()))]);
        parents.extend(self.init_digest().map(|digest| ("init".to_string(), digest)));
        RunRecord::new(context, "train", BTreeMap::from([("train".to_string(), self.run.seed)]), parents)
    }

    fn train(&self, context: &Context, folder: &RunFolder, keeps: &Keeps) -> Result<Outcome, CliError> {
        let mut ended = Vec::new();
        let mut keep_events = |state: &State| {
            if keeps.tensorboard {
                // The end of an epoch before a resume is not recorded anywhere.
                ended.resize(state.history.len(), jiff::Timestamp::now().as_millisecond() as f64 / 1000.0);
                folder.write(EVENTS, &events::bytes(&state.history, &ended))?;
            }
            Ok(())
        };
        if let Some(init) = &self.init {
            context.note(&format!("init     {}", init.matched));
        }
        let keeps_checkpoint = keeps.checkpoint && !self.run.train.schedule.depends_on_length();
        let executor = self.executor(folder, keeps_checkpoint, context);
        let everybody = self.split.train().union(self.split.held_out()).cloned().collect();
        let task = executor.train_task(self.split.train().clone(), everybody, self.run.seed);
        // Subjects are scored after the last epoch alone: the file for those who watch need not name them.
        let watch = SingleRun::new("train", folder, &[], context, &mut keep_events);
        let record = watch.run(&executor, Task::Train(task), "lacuna train --resume")?;
        let digest = record.model.clone().expect("a training that did not fail has a model");
        folder.write_json(lineage::FILE, &self.lineage(digest.clone()))?;
        let scores = scored(&record, &self.sides());
        folder.write("subjects.csv", &scores::csv(&scores))?;
        let record = Record {
            run: folder.path().to_path_buf(),
            model: folder.file("model.safetensors"),
            digest,
            network: self.data.architecture.to_string(),
            epochs: self.run.train.epochs,
            loss: record.history.last().map_or(f64::NAN, |epoch| epoch.loss),
            training_passes: record.passes.training,
            scores,
        };
        Ok(Outcome::new("train", &record, text(&record)))
    }

    /// Whom the model has seen, by itself and through the weights that it began from.
    fn lineage(&self, model: String) -> Lineage {
        let own = Lineage::of_training(model, self.split.train().clone());
        match &self.ancestor {
            Some(ancestor) => ancestor.hand_on(own),
            None => own,
        }
    }

    /// Whose data the run's files will hold: also of those whom the initial weights saw.
    fn people(&self) -> People {
        let lineage = self.lineage(String::new());
        let scored = self.split.train().union(self.split.held_out()).cloned().collect();
        let trained = lineage.trained.difference(&lineage.forgotten()).cloned().collect();
        People { trained, forgotten: lineage.forgotten(), scored }
    }

    fn sides(&self) -> [(Side, &BTreeSet<SubjectId>); 2] {
        [(Side::Train, self.split.train()), (Side::HeldOut, self.split.held_out())]
    }
}

/// All subjects except the held-out ones are trained on.
fn split(subjects: &[SubjectId], held_out: &[SubjectId]) -> Result<Split, CliError> {
    let held_out: BTreeSet<SubjectId> = held_out.iter().cloned().collect();
    let train: BTreeSet<SubjectId> = subjects.iter().filter(|subject| !held_out.contains(subject)).cloned().collect();
    if train.is_empty() {
        let (wanted, needed) = (format!("holding out {}", held_out.len()), held_out.len() + 1);
        return Err(CohortError::TooFewSubjects { wanted, needed, found: subjects.len() }.into());
    }
    Ok(Split::of_lists(subjects, SplitLists { train, held_out, forget: BTreeSet::new() })?)
}

/// The scores of each subject after the last epoch, by role.
fn scored(record: &lacuna_study::Record, sides: &[(Side, &BTreeSet<SubjectId>)]) -> Vec<Scored> {
    let Some(scores) = record.horizons.last() else { return Vec::new() };
    let each =
        sides.iter().flat_map(|(side, subjects)| subjects.iter().map(move |subject| (*side, subject.to_string())));
    each.filter_map(|(role, subject)| {
        let (volume, output) = (scores.volume.get(&subject)?.clone(), scores.output.get(&subject)?.clone());
        Some(Scored { subject, role, volume, output })
    })
    .collect()
}

fn text(record: &Record) -> String {
    let model = record.model.display();
    format!(
        "{}\nmodel    {model}\ndigest   {}\nnext:    lacuna predict IMAGE --model {model} --out segmented\n",
        scores::text(&record.scores),
        record.digest
    )
}
