//! One delivered model: beside a bank where there is one, beside held-out subjects where there is none.

use super::AuditConfig;
use super::arms::{Asking, Models, Silent, add_probe, arm};
use super::controls;
use super::report::{GateReport, Report, Row};
use super::run::finish;
use super::tasks::Tasks;
use crate::arguments::ModelArguments;
use crate::command::UnlearnRun;
use crate::config::{FILE, Settings, read_table};
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::run_folder::{RunFolder, RunRecord};
use crate::studying::{self, Folders, carry_out, in_run_folder};
use lacuna_audit::control::{Control, is_void};
use lacuna_audit::epsilon::ceiling;
use lacuna_audit::{
    Arm, Assessment, Lineage, Measured, Object, Pool, Protocol, beside, delivered_model, power, procedure,
};
use lacuna_cohort::{Split, SubjectId};
use lacuna_exact::{Manifest, Proof};
use lacuna_nn::Network;
use lacuna_seed::{Seed, Stream};
use lacuna_study::{Machine, Study, Task, Variant};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Whether retrained models may be trained for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Bank {
    /// Use what is recorded; say what more would cost.
    AsFound,
    /// Train what is missing.
    Build,
}

/// Audit a model file, or the model of a run folder.
pub fn run(
    config: &AuditConfig,
    model: &Path,
    bank: Bank,
    folders: &Folders,
    context: &Context,
) -> Result<Outcome, CliError> {
    let study = studying::open("audit", config.study.clone(), folders, context)?;
    let opened = Opened::new(model, &study)?;
    let parents = BTreeMap::from([("model".to_string(), opened.network.digest())]);
    let record = RunRecord::new(context, "audit", BTreeMap::new(), parents);
    in_run_folder(&study, &record, context, |folder| run_in(config, &study, &opened, bank, folder, folders, context))
}

fn run_in(
    config: &AuditConfig,
    study: &Study,
    opened: &Opened,
    bank: Bank,
    folder: &RunFolder,
    folders: &Folders,
    context: &Context,
) -> Result<Outcome, CliError> {
    folder.write("config.toml", config.shown(study).as_bytes())?;
    let tasks = Tasks::of_delivered(study, config, opened.recipe.as_ref());
    let needed = [tasks.bank()?, tasks.controls()?].concat();
    let estimate = study.estimate_of(&needed, &Machine::measure(&context.device))?;
    if bank == Bank::Build {
        context.note(&format!("estimate {}", studying::describe(&estimate)));
        carry_out("audit", study, &needed, folder, folders, context)??;
    }
    let missing = unrecorded(study, needed.iter().filter(|task| matches!(task, Task::Train(_))))?;
    let recipe_controls = match &opened.recipe {
        None => Err(FORGOTTEN_BY_WHAT.to_string()),
        Some(_) => match unrecorded(study, &tasks.controls()?)? {
            0 => Ok(()),
            runs => Err(format!("{runs} of their runs are not trained; --build-bank trains them")),
        },
    };
    let asking = Asking { study, tasks: &tasks, all: &needed, context };
    let mut banks: BTreeMap<&SubjectId, Models> = BTreeMap::new();
    if missing == 0 {
        let (controlled, _) = tasks.control_subject()?;
        for who in tasks.audited().chain(tasks.planted()?) {
            let with_controls = who.0 == *controlled && recipe_controls.is_ok();
            banks.insert(&who.0, asking.bank_models(who, with_controls)?);
        }
    }
    let stream = Seed(config.study.split.seed).stream("audit");
    let controls = controls(study, &tasks, &banks, recipe_controls, &config.protocol, &stream)?;
    let void = is_void(&controls);
    let mut results = Vec::new();
    for who in tasks.audited() {
        let (subject, _) = who;
        let statistics = if let Some(lineage) = opened.lineage_without(subject) {
            let none = Arm::new("none", Vec::new());
            let arms = lacuna_audit::Arms { original: &none, unlearned: &none, retrained: &none };
            Assessment { object: Object::DeliveredModel, ..procedure(arms, lineage, &config.protocol, &stream)? }
        } else if let Some(models) = banks.get(subject) {
            let (original, retrained) = (arm("original", &models.original), arm("retrained", &models.retrained));
            let measured = measured(study, &tasks, &opened.network, who, &retrained)?;
            delivered_model(&measured, &original, &retrained, &config.protocol)?
        } else {
            let cost = studying::describe(&estimate);
            from_held_out(study, &opened.network, who, &config.protocol, missing, &cost)?
        };
        results.push(Row {
            strategy: "delivered".to_string(),
            variant: String::new(),
            epochs: None,
            subject: study.shown(subject),
            object: Object::DeliveredModel,
            verdict: (!void).then_some(statistics.verdict),
            statistics,
            attacks: None,
            retained: Vec::new(),
            distances: Vec::new(),
        });
    }
    let seeds = if missing == 0 { tasks.seeds().len() } else { 0 };
    let report = Report {
        name: study.config().name.clone(),
        run: folder.path().to_path_buf(),
        void,
        protocol: None,
        power: (seeds >= 2).then(|| power(seeds, config.protocol.margin.deviations_for_power(), config.protocol.alpha)),
        epsilon_ceiling: ceiling(seeds),
        gate: GateReport::of(&config.gate, &results, void),
        results,
        controls,
        identification: Vec::new(),
        models: folders.models.clone(),
    };
    finish(&report, study, folder)
}

const FORGOTTEN_BY_WHAT: &str = "by what the model was made to forget is not known here; hand over its run folder";

/// How many of some runs were never done.
fn unrecorded<'a>(study: &Study, tasks: impl IntoIterator<Item = &'a Task>) -> Result<usize, CliError> {
    let mut count = 0;
    for task in tasks {
        count += usize::from(study.store().record(task.key())?.is_none());
    }
    Ok(count)
}

/// Those that a bank allows: the retrained models against each other, a destroyed decoder and the planted subject; and
/// those that hang on the recipe, or the reason why they could not be tried.
fn controls(
    study: &Study,
    tasks: &Tasks,
    banks: &BTreeMap<&SubjectId, Models>,
    of_recipe: Result<(), String>,
    protocol: &Protocol,
    stream: &Stream,
) -> Result<Vec<Control>, CliError> {
    if banks.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = vec![controls::left_out(&banks.values().collect::<Vec<_>>(), protocol)];
    let (subject, _) = tasks.control_subject()?;
    let shown = study.shown(subject);
    match of_recipe {
        Ok(()) => found.extend(controls::of_subject(tasks, &shown, &banks[subject], protocol, stream)),
        Err(why) => {
            found.extend(controls::without_recipes(&shown, &why));
            found.push(controls::destroyed(&shown, &banks[subject], protocol, stream));
        }
    }
    found.extend(
        tasks.planted()?.map(|(subject, _)| controls::planted(&study.shown(subject), &banks[subject], protocol)),
    );
    Ok(found)
}

/// The model that was handed over.
struct Opened {
    network: Network,
    /// How it was trained, if that was exact training and is at its end.
    exact: Option<Manifest>,
    /// Whether its files are shown to be those of training from the beginning.
    proved: bool,
    /// What it was unlearned by last, if it came as the run folder of `lacuna unlearn`.
    recipe: Option<Variant>,
}

impl Opened {
    fn new(path: &Path, study: &Study) -> Result<Opened, CliError> {
        let is_exact = path.is_dir() && path.join(lacuna_exact::MANIFEST).is_file();
        let file: PathBuf =
            if path.is_dir() && !is_exact { path.join("model.safetensors") } else { path.to_path_buf() };
        let model = ModelArguments::lacunas(file).open(study.device())?;
        let network = model.one_network("an audit")?.clone();
        let expected = &study.data().architecture;
        if network.architecture() != expected {
            let what = format!(
                "{}: expected {expected}, as the audit file states, found {}; fix: an audit file for this network",
                path.display(),
                network.architecture()
            );
            return Err(CliError::Config { what });
        }
        let exact = if is_exact { Some(Manifest::read(path)?).filter(Manifest::is_finished) } else { None };
        let proof = if is_exact { Proof::read(path)? } else { None };
        let proved = exact.as_ref().is_some_and(|manifest| is_proved(manifest, proof.as_ref()));
        let recipe = if path.is_dir() && !is_exact { recipe_of(path)? } else { None };
        Ok(Opened { network, exact, proved, recipe })
    }

    /// What its training says of a subject that it never saw, neither by its plan nor through the weights that it began
    /// from; none where it saw the subject, or nothing says whom those weights saw.
    fn lineage_without(&self, subject: &SubjectId) -> Option<Lineage> {
        let never = self.exact.as_ref()?.saw(subject) == Some(false);
        never.then_some(if self.proved { Lineage::Exact } else { Lineage::ExactUnproved })
    }
}

/// A model that nobody was erased from was trained from the beginning; of every other a proof has to show it.
fn is_proved(manifest: &Manifest, proof: Option<&Proof>) -> bool {
    match (&manifest.parent, proof) {
        (_, Some(proof)) => proof.shows(manifest),
        (None, None) => true,
        (Some(_), None) => false,
    }
}

/// The recipe in a run folder's settings; `None` of a run that unlearned nothing.
fn recipe_of(folder: &Path) -> Result<Option<Variant>, CliError> {
    let file = folder.join(FILE);
    if !file.is_file() || !read_table(&file)?.contains_key("recipe") {
        return Ok(None);
    }
    Ok(Some(UnlearnRun::of_folder(folder)?.variant()))
}

/// Everything that the audit asks of the delivered model. Probes train copies of it, so they are made only where the
/// retrained models were asked the same.
fn measured(
    study: &Study,
    tasks: &Tasks,
    network: &Network,
    (subject, split): &(SubjectId, Split),
    bank: &Arm,
) -> Result<Measured, CliError> {
    let dice = |subject: &SubjectId| -> Result<Option<f64>, CliError> {
        Ok(study.data().score(network, subject, study.device())?.output.mean.dice)
    };
    let mean = |subjects: &mut dyn Iterator<Item = &SubjectId>| -> Result<Option<f64>, CliError> {
        let of_each: Vec<Option<f64>> = subjects.map(dice).collect::<Result<_, CliError>>()?;
        let known: Vec<f64> = of_each.into_iter().flatten().collect();
        Ok((!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64))
    };
    let mut measured = Measured {
        features: study.data().see(network, subject, study.device())?.features,
        retain_dice: mean(&mut split.retain().iter())?,
        held_out_dice: mean(&mut split.held_out().iter())?,
        ..Measured::default()
    };
    if bank.models().iter().all(|model| model.rebound.is_none() && model.relearn_passes.is_none()) {
        return Ok(measured);
    }
    // Whose seed drives the probe's order of scans; any of the bank's would do.
    let retrained = tasks.retrained(split, tasks.seeds()[0]);
    let before = dice(subject)?;
    for (probe, record) in study.probe_delivered(network, &retrained, subject, &mut Silent)? {
        add_probe(&mut measured, &probe, &record, before, &study.shown(subject));
    }
    Ok(measured)
}

/// Without retrained models there is only one thing to compare with: people that the model never saw. They differ from
/// the subject as people do, so this is a hint and never a verdict.
fn from_held_out(
    study: &Study,
    network: &Network,
    (subject, split): &(SubjectId, Split),
    protocol: &Protocol,
    missing: usize,
    cost: &str,
) -> Result<Assessment, CliError> {
    let score = |subject: &SubjectId| -> Result<Option<f64>, CliError> {
        Ok(study.data().see(network, subject, study.device())?.features.get(protocol.primary))
    };
    let own = score(subject)?;
    let mut strangers = Vec::new();
    for stranger in split.held_out() {
        strangers.extend(score(stranger)?);
    }
    let told = match (own, Pool::new("held-out subjects", strangers)) {
        (Some(own), Ok(pool)) if pool.deviation() > 0.0 => {
            let place = beside(own, &pool, protocol.level)?;
            let interval = place.interval;
            let side = if interval.holds(own) { "within" } else { "outside" };
            format!(
                "{} is {own:.4}, {side} what {} held-out subjects predict, {:.4} to {:.4} (rank p = {:.3}): a hint \
                 only, since people differ from each other",
                protocol.primary.name(),
                pool.len(),
                interval.low,
                interval.high,
                place.rank_p
            )
        }
        (Some(own), _) => format!(
            "{} is {own:.4}; fewer than two held-out subjects, so there is nothing to set it beside",
            protocol.primary.name()
        ),
        _ => "the primary statistic cannot be measured of this subject".to_string(),
    };
    let mut found = Assessment::without_bank(format!("no bank: {missing} of its models are not trained"));
    found.reasons.push(told);
    found.reasons.push(format!("a verdict takes the bank: {cost}; --build-bank trains it"));
    Ok(found)
}
