//! `lacuna study plan FILE.toml --out PLAN`: the tasks of a study in a file that never changes.

use crate::arguments::{StoreArguments, isa};
use crate::config::absolute;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::studying;
use crate::text_table::aligned;
use clap::Args;
use lacuna_launcher::{About, Draft, Plan, TaskKind};
use lacuna_objects::Location;
use lacuna_study::{Machine, Study, StudyConfig, StudyError, Task, task_device};
use serde::Serialize;
use std::path::PathBuf;

/// Write the tasks of a study down, once, for other machines
#[derive(Args)]
#[command(
    after_help = "Example:\n  lacuna study plan studies/ixi7.toml --out plans/ixi7\n\nThe plan names the study file, the \
                  records and the models by their paths from the root: they must be found there by every machine."
)]
pub struct Arguments {
    /// The TOML file of the study
    #[arg(value_name = "FILE.toml")]
    file: PathBuf,
    /// The folder to make
    #[arg(long, value_name = "PLAN")]
    out: PathBuf,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Serialize)]
struct Record {
    plan: PathBuf,
    digest: String,
    tasks: usize,
    layers: Vec<Layer>,
    core_seconds: f64,
}

#[derive(Serialize)]
struct Layer {
    first: usize,
    tasks: usize,
    train: usize,
    unlearn: usize,
    probe: usize,
    core_seconds: f64,
    gib_max: f64,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let mut config = arguments.store.hidden(StudyConfig::read(&arguments.file))?;
    config.pseudonyms |= arguments.store.pseudonyms;
    let file = absolute(&arguments.file);
    let file_digest = lacuna_disk::digest_file(&file)?;
    let folders = arguments.store.folders(context);
    // Before any work: results could not be committed to a store that replaces them.
    Location::open(&folders.records).and_then(|records| records.prove_creating()).map_err(StudyError::from)?;
    let study = studying::open("study", config, &folders, context)?;
    let about = About {
        study: study.config().name.clone(),
        file,
        file_digest,
        records: folders.records.clone().map_folder(absolute),
        models: folders.models.clone().map_folder(absolute),
        pseudonyms: study.config().pseudonyms,
        device: context.device_kind.name().to_string(),
        isa: context.isa.map(|set| isa::name(set).to_string()),
        named_device: task_device(&context.device),
        version: env!("CARGO_PKG_VERSION").to_string(),
    };
    let machine = Machine::measure(&context.device);
    let drafts = study.tasks().iter().map(|task| draft(&study, task, &machine)).collect::<Result<_, CliError>>()?;
    let plan = Plan::new(about, drafts);
    let digest = plan.write(&arguments.out)?;
    // Every machine that does a task must use the same pseudonyms.
    context.site()?.share_with(&arguments.out)?;
    context.remember([arguments.out.as_path()].into_iter().chain(folders.in_folders()))?;
    let record = Record {
        plan: arguments.out.clone(),
        digest,
        tasks: plan.tasks.len(),
        layers: layers(&plan),
        core_seconds: plan.tasks.iter().map(|task| task.core_seconds).sum(),
    };
    Ok(Outcome::new("study-plan", &record, text(&record)))
}

fn draft(study: &Study, task: &Task, machine: &Machine) -> Result<Draft, CliError> {
    let estimate = study.estimate_task(task, machine)?;
    Ok(Draft {
        key: task.key().to_string(),
        kind: match task {
            Task::Train(_) => TaskKind::Train,
            Task::Unlearn(_) => TaskKind::Unlearn,
            Task::Probe(_) => TaskKind::Probe,
        },
        what: study.describe(task),
        seed: task.seed(),
        needs: task.needs().map(str::to_string).into_iter().collect(),
        passes: estimate.training_passes,
        // Threads share a pass evenly, or nearly so.
        core_seconds: estimate.seconds * rayon::current_num_threads() as f64,
        gib: estimate.gib,
    })
}

fn layers(plan: &Plan) -> Vec<Layer> {
    let of = |range: std::ops::Range<usize>| {
        let tasks = &plan.tasks[range.clone()];
        let of_kind = |kind| tasks.iter().filter(|task| task.kind == kind).count();
        Layer {
            first: range.start,
            tasks: tasks.len(),
            train: of_kind(TaskKind::Train),
            unlearn: of_kind(TaskKind::Unlearn),
            probe: of_kind(TaskKind::Probe),
            core_seconds: tasks.iter().map(|task| task.core_seconds).sum(),
            gib_max: tasks.iter().map(|task| task.gib).fold(0.0, f64::max),
        }
    };
    plan.layers().into_iter().map(of).collect()
}

fn text(record: &Record) -> String {
    let head = ["layer", "tasks", "train", "unlearn", "probe", "on one core", "memory"].map(str::to_string).to_vec();
    let row = |(index, layer): (usize, &Layer)| {
        let Layer { tasks, train, unlearn, probe, core_seconds, gib_max, .. } = layer;
        let counts = [index, *tasks, *train, *unlearn, *probe].map(|count| count.to_string());
        counts.into_iter().chain([studying::duration(*core_seconds), format!("{gib_max:.1} GiB")]).collect()
    };
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(record.layers.iter().enumerate().map(row)).collect();
    format!("{}plan     {}\ndigest   {}\n", aligned(&rows), record.plan.display(), record.digest)
}
