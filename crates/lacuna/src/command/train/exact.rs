//! `lacuna train --exact`: train in shards and slices.

use super::Job;
use crate::context::Context;
use crate::error::CliError;
use crate::exact::{Costs, ExactConfig, Setup, SubjectScore, TrainingJob, table};
use crate::lineage;
use crate::output::Outcome;
use crate::run_folder::RunFolder;
use crate::scores::{self, Scored};
use crate::text_table::named;
use lacuna_cohort::SubjectId;
use lacuna_exact::{Ensemble, Plan};
use lacuna_study::{Estimate, Machine};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What `--dry-run` says.
#[derive(Serialize)]
struct Planned {
    name: String,
    network: String,
    input: [usize; 3],
    subjects: BTreeMap<&'static str, BTreeSet<SubjectId>>,
    epochs: usize,
    estimate: Estimate,
    exact: Costs,
}

#[derive(Serialize)]
struct Record {
    run: PathBuf,
    /// What `--model` takes: the one network, or the folder of several.
    model: PathBuf,
    digest: String,
    network: String,
    epochs: usize,
    /// The mean over shards of the last epoch's loss.
    loss: Option<f64>,
    training_passes: u64,
    exact: Costs,
    scores: Vec<Scored>,
}

/// Plan, train, score.
pub fn run(
    job: &Job,
    exact: &ExactConfig,
    dry_run: bool,
    resumed: Option<&Path>,
    context: &Context,
) -> Result<Outcome, CliError> {
    let init_saw = job.ancestor.as_ref().and_then(|ancestor| ancestor.init.saw.clone());
    let setup = Setup { context, run: &job.run, data: &job.data, init: job.init_digest(), init_saw };
    let (expected, plan) = exact.plan(job.split.train(), job.run.train.epochs, job.run.seed)?;
    let costs = Costs::of(&plan, job.run.train.epochs, &expected, &setup.scans(&plan.subjects()));
    let planned = planned(job, context, costs.clone())?;
    if let (Some(file), None) = (&job.run.network.init, &setup.init_saw) {
        context.note(&format!(
            "warning  nothing says whom the weights of {} were trained on, so no subject can be erased exactly; state it with \
             --init-saw (none, if they saw nobody of this cohort)",
            file.display()
        ));
    }
    if dry_run {
        return Ok(Outcome::new("train", &planned, text_of_plan(&planned)));
    }
    let folder = RunFolder::open(context, resumed, &job.run.name, &job.record(context), &job.run)?;
    context.note(&format!("estimate {} from beginning to end", planned.estimate));
    let registered = folder.register(context, &job.people());
    let outcome = registered.and_then(|()| train(job, &setup, &plan, costs, &folder));
    folder.close(outcome)
}

fn train(job: &Job, setup: &Setup, plan: &Plan, costs: Costs, folder: &RunFolder) -> Result<Outcome, CliError> {
    let at = folder.path();
    let training_job = TrainingJob { folder: at, run: at, parent: None, verb: "train", again: "lacuna train --resume" };
    let finished = setup.train(plan, &setup.fresh_network()?, &training_job)?;
    let scores = SubjectScore::listed(&setup.score(at, &job.sides().map(|(side, subjects)| (side, subjects.clone())))?);
    folder.write("subjects.csv", &scores::csv(&scores))?;
    let ensemble = Ensemble::open(at)?;
    folder.write_json(lineage::FILE, &job.lineage(ensemble.digest()))?;
    let losses = &finished.losses;
    let record = Record {
        run: at.to_path_buf(),
        model: model(&ensemble, at),
        digest: ensemble.digest(),
        network: job.data.architecture.to_string(),
        epochs: job.run.train.epochs,
        loss: (!losses.is_empty()).then(|| losses.values().sum::<f64>() / losses.len() as f64),
        training_passes: finished.manifest.trained_passes,
        exact: costs,
        scores,
    };
    Ok(Outcome::new("train", &record, text(&record)))
}

/// What `--model` takes.
pub fn model(ensemble: &Ensemble, folder: &Path) -> PathBuf {
    let files: Vec<&Path> = ensemble.files().collect();
    if let [only] = files[..] { only.to_path_buf() } else { folder.to_path_buf() }
}

fn planned(job: &Job, context: &Context, exact: Costs) -> Result<Planned, CliError> {
    let scans = job.data.of(job.split.train()).len();
    let workload = job.data.workload(job.run.train.batch_size.min(scans), context.activations);
    let machine = Machine::measure(&context.device);
    let estimate = Estimate::new(&workload, exact.training_passes, &machine);
    workload.check_memory(machine.available_gib)?;
    Ok(Planned {
        name: job.run.name.clone(),
        network: workload.architecture.to_string(),
        input: workload.size,
        subjects: job.sides().map(|(side, subjects)| (side.name(), subjects.clone())).into(),
        epochs: job.run.train.epochs,
        estimate,
        exact,
    })
}

fn text_of_plan(planned: &Planned) -> String {
    let [d, h, w] = planned.input;
    let lines = [
        ("name", planned.name.clone()),
        ("network", planned.network.clone()),
        ("input", format!("{d} x {h} x {w} voxels (D x H x W), the largest")),
        ("takes", planned.estimate.to_string()),
    ];
    format!("{}\n{}nothing was done: --dry-run\n", named(&lines), table(&planned.exact))
}

fn text(record: &Record) -> String {
    let (run, model) = (record.run.display(), record.model.display());
    format!(
        "{}\n{}\nmodel    {model}\ndigest   {}\nnext:    lacuna unlearn --model {run} --forget SUBJECT --strategy exact\n",
        scores::text(&record.scores),
        table(&record.exact),
        record.digest
    )
}
