//! What `study` and `demo` share: a study run in a run folder, its progress, its tables.

mod watch;

use crate::arguments::{ImageArguments, remarks_of};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Outcome;
use crate::progress::Progress;
use crate::reporting::{self, Report};
use crate::run_folder::{RunFolder, RunRecord};
use crate::staging;
use crate::text_table::named;
use crate::viewing;
use lacuna_artefacts::Site;
use lacuna_objects::{Address, Location};
use lacuna_report::html::{Names, without_ids};
use lacuna_report::{Gate, ScoreGrid, Table, Thresholds, curves, gates, leaderboard, probes, results, tables};
use lacuna_study::{Machine, Store, Study, StudyConfig, StudyError};
use lacuna_train::TrainError;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub use lacuna_study::duration;
pub use watch::Watch;

/// Where a study's records and models lie.
pub struct Folders {
    /// Small files, worth keeping.
    pub records: Address,
    /// Large files that can be made again.
    pub models: Address,
    /// Where models that lie in a bucket are made.
    pub work: PathBuf,
    /// The folder of a plan, whose tasks are named under the key that lies in it; unsaid, that of the folder of runs
    /// counts.
    pub plan: Option<PathBuf>,
}

impl Folders {
    /// The places given, or those below the run folders.
    pub fn or_below_runs(records: &Option<Address>, models: &Option<Address>, context: &Context) -> Folders {
        let store = context.runs.join("store");
        let or = |given: &Option<Address>, name| given.clone().unwrap_or_else(|| store.join(name).into());
        let (records, models) = (or(records, "records"), or(models, "models"));
        Folders { records, models, work: store.join("models"), plan: None }
    }

    /// The store in them for a study, whose people are named under the plan's key, wherever its tasks are done, or
    /// under that of the folder of runs.
    ///
    /// # Errors
    /// A store that cannot be opened, a key that cannot be read or made; with pseudonyms, a plan without one.
    pub fn store_for(&self, study: &StudyConfig, context: &Context) -> Result<Store, CliError> {
        let store = self.store()?;
        let site = match &self.plan {
            None => study.pseudonyms.then(|| context.site()).transpose()?,
            Some(plan) => match Site::with_key_of(&context.runs, plan) {
                Ok(Some(site)) => Some(site),
                Ok(None) if study.pseudonyms => return Err(no_key(plan)),
                Err(error) if study.pseudonyms => return Err(error.into()),
                // Names do not depend on it; what is entered into registers is known to this machine's folder of runs.
                _ => None,
            },
        };
        Ok(site.map_or(store.clone(), |site| store.of_site(site)))
    }

    /// The store in them.
    ///
    /// # Errors
    /// The address of a bucket that cannot be one, or that this program was not built for.
    pub fn store(&self) -> Result<Store, CliError> {
        let open = |address| Location::open(address).map_err(StudyError::from);
        Ok(Store::at_locations(open(&self.records)?, open(&self.models)?, self.work.clone()))
    }

    /// Those that are folders, neither buckets nor archives.
    pub fn in_folders(&self) -> impl Iterator<Item = &Path> {
        [&self.records, &self.models].into_iter().filter_map(Address::folder).filter(|path| !path.is_file())
    }

    /// The folder of the records, for what is written beside them.
    ///
    /// # Errors
    /// If they lie in a bucket or an archive.
    pub fn records_folder(&self) -> Result<&Path, CliError> {
        let found = &self.records;
        let what = || format!("--records: expected a folder, found {found}; fix: audits are declared in a folder");
        found.folder().filter(|path| !path.is_file()).ok_or_else(|| CliError::Config { what: what() })
    }
}

fn no_key(plan: &Path) -> CliError {
    let location = plan.join(lacuna_artefacts::FOLDER);
    let what = "expected site.key, from which the pseudonyms of this plan follow, found none";
    let fix = "fix: copy it from the plan's folder on the machine that planned, or plan again";
    CliError::Data { what: format!("{}: {what}; {fix}", location.display()) }
}

#[derive(Serialize)]
struct StudyRecord<'a> {
    name: &'a str,
    run: &'a Path,
    results: PathBuf,
    report: PathBuf,
    records: &'a Address,
    seconds: f64,
    tables: Vec<Table>,
    gates: Vec<Gate>,
}

/// The parts of a finished study that its report needs.
pub struct Finished<'a> {
    pub study: &'a Study,
    /// Its run folder, with rows and tables in it.
    pub folder: &'a RunFolder,
    /// Where its records lie.
    pub folders: &'a Folders,
    /// Means over subjects and seeds, per grid.
    pub tables: Vec<Table>,
    /// Each run before the gate of its goal.
    pub gates: Vec<Gate>,
    seconds: f64,
}

/// What a verb makes of a finished study.
pub type Conclude = fn(&'static str, Finished) -> Result<Outcome, CliError>;

/// Run a study, or go on with it, and leave results and tables in a new run folder.
pub fn run(
    verb: &'static str,
    config: StudyConfig,
    folders: &Folders,
    context: &Context,
    images: &ImageArguments,
    conclude: Conclude,
) -> Result<Outcome, CliError> {
    let study = open(verb, config, folders, context)?;
    let record = RunRecord::new(context, verb, seeds(&study), BTreeMap::new());
    in_run_folder(&study, &record, context, |folder| {
        conclude(verb, run_in(verb, &study, folder, folders, context, images)?)
    })
}

/// The seeds of a study, as run folders have them.
pub fn seeds(study: &Study) -> BTreeMap<String, u64> {
    study.config().seeds.iter().enumerate().map(|(index, &seed)| (format!("seed {}", index + 1), seed)).collect()
}

/// What an act in a run folder gives back, with the code that its process ends with.
pub trait Ends {
    fn exit(&self) -> Exit;
}

impl Ends for Outcome {
    fn exit(&self) -> Exit {
        Outcome::exit(self)
    }
}

/// Act in a new run folder and record there how it ended; an error is reported as the study's pseudonyms allow.
pub fn in_run_folder<T: Ends>(
    study: &Study,
    record: &RunRecord,
    context: &Context,
    act: impl FnOnce(&RunFolder) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let config = study.config();
    let folder = RunFolder::create(context, &config.name, record)?;
    let result = act(&folder).map_err(|error| if config.pseudonyms { without_names(error) } else { error });
    folder.close_with(result, T::exit)
}

/// An error as pseudonyms allow it: one that may name a subject or a file of a person says no more than where
/// its words can be read.
pub fn without_names(error: CliError) -> CliError {
    let names_nobody = match &error {
        CliError::Study(error) => !error.may_name_a_subject(),
        CliError::Interrupted { .. } | CliError::Device { .. } | CliError::Disk(_) => true,
        _ => false,
    };
    if names_nobody { error } else { CliError::Hidden { exit: error.exit() } }
}

/// Read the cohort and check everything; nothing is written yet.
pub fn open(verb: &'static str, config: StudyConfig, folders: &Folders, context: &Context) -> Result<Study, CliError> {
    let store = folders.store_for(&config, context)?;
    open_in(verb, config, store, context)
}

/// The same with a store that may work elsewhere.
pub fn open_in(
    verb: &'static str,
    mut config: StudyConfig,
    store: Store,
    context: &Context,
) -> Result<Study, CliError> {
    let mut progress: Option<Progress> = None;
    let pseudonyms = config.pseudonyms;
    config.train.activations = context.activations;
    let staged = staging::stage(verb, &mut config, context);
    staged.map_err(|error| if pseudonyms { without_names(error) } else { error })?;
    let store = store.registering(context.runs.clone());
    context.remember_cache()?;
    let study = Study::open(config, store, context.device.clone(), &context.loading, &mut |done, total| {
        progress.get_or_insert_with(|| Progress::begin(context, verb, "scan", total, 0)).advance(done, "");
    });
    drop(progress);
    let study = study.map_err(|error| if pseudonyms { without_names(error.into()) } else { error.into() })?;
    context.remark(&remarks_of(&study.config().network)?);
    for (subject, split) in study.splits() {
        let retain = split.retain();
        crate::redact::hide(retain.iter().chain(split.held_out()).chain([subject]).map(|subject| subject.as_str()));
    }
    for notice in study.notices() {
        context.note(&format!("note     {notice}"));
    }
    Ok(study)
}

fn run_in<'a>(
    verb: &'static str,
    study: &'a Study,
    folder: &'a RunFolder,
    folders: &'a Folders,
    context: &Context,
    images: &ImageArguments,
) -> Result<Finished<'a>, CliError> {
    let began = Instant::now();
    context.remember(folders.in_folders())?;
    folder.write("config.toml", toml::to_string(&study.config_shown()).expect("a study is TOML").as_bytes())?;
    let estimate = study.estimate(&Machine::measure(&context.device))?;
    context.note(&format!("estimate {estimate}"));
    let running = Running { verb, study, folder, folders, context };
    let done = running.watched(|watch| study.run_tasks(&study.tasks(), watch))?;
    // What was recorded before an interruption is a result too.
    let rows = study.rows()?;
    results::write(&folder.file("results.csv"), &rows)?;
    let probes = study.probe_rows()?;
    if study.config().probe.is_some() {
        probes::write(&folder.file("probes.csv"), &probes)?;
    }
    let curves = study.curve_rows()?;
    if study.config().unlearn.score_every.is_some() {
        curves::write(&folder.file("curves.csv"), &curves)?;
    }
    done?;
    let tables = [ScoreGrid::Volume, ScoreGrid::Output].map(|grid| tables(&rows, grid));
    let tables: Vec<Table> = tables.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    let gates = gates(&rows, &probes, &Thresholds::STANDARD)?;
    folder.write("gates.md", Gate::markdowns(&gates).as_bytes())?;
    folder.write_json("gates.json", &gates)?;
    let report = Report::of_study(study);
    // A figure is made to be shown around, as the page is.
    let (drawn, probed) = match report.names {
        Names::Numbers => without_ids(&rows, &probes, &report.cohort),
        Names::AsRecorded => (rows.clone(), probes.clone()),
    };
    if let Some(svg) = leaderboard(&drawn, &probed, &Thresholds::STANDARD)? {
        folder.write("leaderboard.svg", svg.as_bytes())?;
    }
    folder.write("table.md", Table::markdowns(&tables).as_bytes())?;
    folder.write_json("table.json", &tables)?;
    let title = study.config().name.clone();
    let pictures = Some(viewing::of_study(study, &gates, images, context)?);
    Report { title, rows, probes, curves, pictures, ..report }.write(folder)?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(Finished { study, folder, folders, tables, gates, seconds })
}

/// The tables and gates, for the verbs whose result they are.
pub fn tables_and_gates(verb: &'static str, finished: Finished) -> Result<Outcome, CliError> {
    let files = finished.files();
    let Finished { study, folder, folders, tables, gates, seconds } = finished;
    let record = StudyRecord {
        name: &study.config().name,
        run: folder.path(),
        results: folder.file("results.csv"),
        report: folder.file(reporting::FILE),
        records: &folders.records,
        seconds,
        tables,
        gates,
    };
    let text = format!("{}\n{}\n{files}", Table::texts(&record.tables), Gate::texts(&record.gates));
    let figures = format!("lacuna report {} --figures figures", folder.path().display());
    Ok(Outcome::new(verb, &record, text).with_next(&figures))
}

impl Finished<'_> {
    /// Where everything lies, for people.
    pub fn files(&self) -> String {
        named(&[
            ("tables", self.folder.file("table.md").display().to_string()),
            ("gates", self.folder.file("gates.md").display().to_string()),
            ("report", self.folder.file(reporting::FILE).display().to_string()),
            ("rows", self.folder.file("results.csv").display().to_string()),
            ("records", self.folders.records.to_string()),
            ("time", duration(self.seconds)),
        ])
    }
}

/// A study that is run, and where.
pub struct Running<'a> {
    pub verb: &'static str,
    pub study: &'a Study,
    pub folder: &'a RunFolder,
    /// Where records and models lie.
    pub folders: &'a Folders,
    pub context: &'a Context,
}

impl Running<'_> {
    /// Act under a watch, and write how the epochs of its tasks went, however it ended; the inner result
    /// is how it ended.
    pub fn watched<T>(
        &self,
        act: impl FnOnce(&mut Watch) -> Result<T, StudyError>,
    ) -> Result<Result<T, CliError>, CliError> {
        self.study.store().remove_abandoned()?;
        let mut watch = Watch::in_folder(self.verb, self.study, self.folder, self.context);
        let done = act(&mut watch).map_err(|error| in_task(error, &watch.tasks, self.folders));
        if watch.has_begun() {
            self.folder.write("metrics.jsonl", watch.epochs.concat().as_bytes())?;
        }
        Ok(done)
    }
}

/// An interruption is reported with what is kept and how to go on.
fn in_task(error: StudyError, task: &str, folders: &Folders) -> CliError {
    match error {
        StudyError::Train(TrainError::Interrupted { epochs_done }) => {
            let records = &folders.records;
            let kept = format!("in task {task} after epoch {epochs_done}; finished tasks are recorded in {records}");
            CliError::Interrupted { kept: format!("{kept}; fix: the same command goes on from here") }
        }
        StudyError::Stopped => {
            let kept = "every trained model is kept; fix: the same command goes on from here".to_string();
            CliError::Interrupted { kept }
        }
        error => error.into(),
    }
}
