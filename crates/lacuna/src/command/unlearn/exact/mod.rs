//! `lacuna unlearn --strategy exact`: erase subjects from a model that was trained with `--exact`.
//!
//! No strategy of the registry: there is no loss that pulls anywhere. The shards that a subject was in are taken
//! back to before its slice and trained on without it; what comes out is what training without it gives.

mod ancestry;
mod config;
mod record;
mod rows;

use super::Arguments;
use crate::config::Settings;
use crate::context::Context;
use crate::error::CliError;
use crate::exact::{Setup, SubjectScore, TrainingJob, VERSION};
use crate::exit::Exit;
use crate::lineage::{self, Lineage};
use crate::output::Outcome;
use crate::preparing;
use crate::run_folder::{RunFolder, RunRecord};
use crate::scores::{self, Side};
use ancestry::Purge;
use config::ExactErase;
pub use config::{STRATEGY, folder_around, is_asked};
use lacuna_cohort::SubjectId;
use lacuna_exact::{
    Ensemble, ExactError, Maker, Manifest, PROOF as PROOF_FILE, Plan, Proof, compare, differences, erase_passes,
    training_passes,
};
use lacuna_nn::{device_identity, kernels_digest};
use lacuna_report::{Cost, ORIGINAL, ScoreGrid, results, tables};
use lacuna_study::Data;
use record::{Exactness, Planned, Record};
use rows::rows;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Where a model trained from the beginning lies until it has been compared.
const PROOF: &str = "proof";

/// Erase, prove if asked to, and score all subjects that have scans.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let parent = config::run_folder_of(&arguments.model.model)?;
    let resumed = arguments.run.resumed(&arguments.cases)?;
    let run = match resumed {
        Some(folder) => ExactErase::of_folder(folder)?,
        None => ExactErase::from_arguments(arguments, &parent)?,
    };
    let job = Job::prepare(run, &parent, context)?;
    if arguments.dry_run {
        return Ok(job.planned()?.outcome());
    }
    let folder = RunFolder::open(context, resumed, &job.run.name, &job.record(context), &job.run)?;
    let outcome = job.erase(&folder, resumed.is_some());
    folder.close_with(outcome, Outcome::exit)
}

/// What the erase took; how long earlier pieces of an interrupted one took is not known.
fn cost(manifest: &Manifest, seconds: Option<f64>) -> Cost {
    let peak_mib = lacuna_study::peak_bytes().map(|bytes| bytes as f64 / f64::from(1 << 20));
    Cost { training_passes: Some(manifest.trained_passes), seconds, peak_mib, ..Cost::default() }
}

/// An erase that has been checked and whose data are in memory.
struct Job<'a> {
    context: &'a Context,
    run: ExactErase,
    parent: &'a Path,
    /// The parent's manifest.
    before: Manifest,
    leaving: BTreeSet<SubjectId>,
    /// The parent's plan with the leaving struck out.
    plan: Plan,
    data: Arc<Data>,
}

impl<'a> Job<'a> {
    fn prepare(run: ExactErase, parent: &'a Path, context: &'a Context) -> Result<Job<'a>, CliError> {
        let before = Manifest::read(parent)?;
        if !before.is_finished() {
            let what = format!("{}: expected a finished training; fix: go on with --resume first", parent.display());
            return Err(CliError::Config { what });
        }
        let leaving: BTreeSet<SubjectId> = run.forget.iter().cloned().collect();
        let plan = before.plan.without(&leaving)?;
        let device = device_identity(&context.device);
        let maker = Maker { lacuna: VERSION, device: &device, kernels: kernels_digest() };
        before.check_erase(parent, &maker, &leaving).map_err(|error| naming_init(error, &run))?;
        let known = run.train.held_out.iter().cloned().collect();
        let everybody = before.plan.subjects().union(&known).cloned().collect();
        let crate::command::TrainRun { data, preprocess, network, seed, .. } = &run.train;
        let opened = preparing::open(data, preprocess, network, *seed, context)?;
        let data = preparing::prepare(opened, &everybody, context)?;
        Ok(Job { context, run, parent, before, leaving, plan, data })
    }

    fn setup(&self) -> Setup<'_> {
        let (init, init_saw) = (self.before.init.clone(), self.before.init_saw.clone());
        Setup { context: self.context, run: &self.run.train, data: &self.data, init, init_saw }
    }

    fn record(&self, context: &Context) -> RunRecord {
        let parents = BTreeMap::from([("model".to_string(), self.before.digest())]);
        RunRecord::new(context, "unlearn", BTreeMap::from([("train".to_string(), self.run.train.seed)]), parents)
    }

    fn planned(&self) -> Result<Planned, CliError> {
        let everybody = self.setup().scans(&self.before.plan.subjects());
        let replay_passes = erase_passes(&self.before.plan, &self.leaving, &everybody)?;
        let scratch_passes = training_passes(&self.plan, &everybody);
        Ok(Planned { name: self.run.name.clone(), forget: self.leaving.clone(), replay_passes, scratch_passes })
    }

    fn erase(&self, folder: &RunFolder, is_resumed: bool) -> Result<Outcome, CliError> {
        let (at, setup, began) = (folder.path(), self.setup(), Instant::now());
        let again = format!("lacuna unlearn --model {} --resume", self.parent.display());
        let training_job =
            TrainingJob { folder: at, run: at, parent: Some(self.parent), verb: "unlearn", again: &again };
        let finished = setup.train(&self.plan, &setup.any_network(), &training_job)?;
        let seconds = began.elapsed().as_secs_f64();
        let cost = cost(&finished.manifest, (!is_resumed).then_some(seconds));
        let purge = Purge::list(self.parent, &self.before, &self.leaving)?;
        folder.write_json("purge.json", &purge)?;
        let proof = if self.run.prove { Some(self.prove(&finished.manifest, folder, &again)?) } else { None };
        folder.write_json(lineage::FILE, &self.lineage(at)?)?;
        let scored = setup.score(at, &self.sides())?;
        let scores = SubjectScore::listed(&scored);
        folder.write("subjects.csv", &scores::csv(&scores))?;
        let of_parent = setup.score(self.parent, &self.sides())?;
        let rows =
            [rows(self, ORIGINAL, &Cost::default(), &of_parent), rows(self, config::STRATEGY, &cost, &scored)].concat();
        results::write(&folder.file("results.csv"), &rows)?;
        let tables = [ScoreGrid::Volume, ScoreGrid::Output].map(|grid| tables(&rows, grid));
        let (before, after) = (Ensemble::open(self.parent)?, Ensemble::open(at)?);
        let record = Record {
            run: at.to_path_buf(),
            model: crate::command::train::exact_model(&after, at),
            digest: after.digest(),
            parent: before.digest(),
            strategy: config::STRATEGY.to_string(),
            variant: String::new(),
            forget: self.leaving.clone(),
            training_passes: finished.manifest.trained_passes,
            scratch_passes: self.planned()?.scratch_passes,
            seconds,
            shards_left: self.plan.living_shards().count(),
            exactness: Exactness::of(proof.as_ref()),
            proof,
            purge,
            scores,
            tables: tables.into_iter().collect::<Result<Vec<_>, _>>()?.concat(),
        };
        let exit = if record.exactness == Exactness::Refuted { Exit::Gate } else { Exit::Done };
        Ok(Outcome::new("unlearn", &record, record.text()).with_next(&record.next()).exiting(exit))
    }

    /// Train the plan without the subjects from the beginning, and compare every file.
    fn prove(&self, erased: &Manifest, folder: &RunFolder, again: &str) -> Result<Proof, CliError> {
        let (at, setup, began) = (folder.file(PROOF), self.setup(), Instant::now());
        self.context.note("prove    training without the subjects from the beginning");
        let training_job = TrainingJob { folder: &at, run: folder.path(), parent: None, verb: "prove", again };
        let finished = setup.train(&self.plan, &setup.fresh_network()?, &training_job)?;
        let compared = compare(erased, &finished.manifest);
        let proof = Proof {
            equal: differences(&compared).is_empty(),
            files: compared,
            scratch_passes: finished.manifest.trained_passes,
            seconds: began.elapsed().as_secs_f64(),
        };
        folder.write_json(PROOF_FILE, &proof)?;
        remove_folder(&at)?;
        Ok(proof)
    }

    /// That of training the plan without the subjects: who left was never trained on.
    fn lineage(&self, at: &Path) -> Result<Lineage, CliError> {
        let own = Lineage::of_training(Ensemble::open(at)?.digest(), self.plan.subjects());
        let before = Lineage::read(&self.parent.join(lineage::FILE))?;
        Ok(match before.and_then(|before| before.init) {
            Some(init) => own.begun_from(init),
            None => own,
        })
    }

    /// All subjects that have scans: those who left may have taken theirs with them.
    fn sides(&self) -> [(Side, BTreeSet<SubjectId>); 3] {
        let there = |subjects: &mut dyn Iterator<Item = SubjectId>| {
            subjects.filter(|subject| !self.data.of(&BTreeSet::from([subject.clone()])).is_empty()).collect()
        };
        [
            (Side::Train, self.plan.subjects()),
            (Side::Forget, there(&mut self.leaving.iter().cloned())),
            (Side::HeldOut, there(&mut self.run.train.held_out.iter().cloned())),
        ]
    }
}

/// The refusal names the file of the weights too, which is to be deleted with the model.
fn naming_init(error: ExactError, run: &ExactErase) -> CliError {
    match (&error, &run.train.network.init) {
        (ExactError::InitSaw { .. }, Some(init)) => {
            CliError::Config { what: format!("{} began from {}: {error}", run.model.display(), init.display()) }
        }
        _ => error.into(),
    }
}

fn remove_folder(path: &PathBuf) -> Result<(), CliError> {
    std::fs::remove_dir_all(path).map_err(crate::run_folder::refused(path, "remove"))
}
