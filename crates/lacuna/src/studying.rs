//! What `study` and `demo` share: a study run in a run folder, its progress, its tables.

use crate::arguments::ImageArguments;
use crate::context::Context;
use crate::error::CliError;
use crate::interrupt;
use crate::live::{Keeper, LiveSubject};
use crate::output::Outcome;
use crate::progress::Progress;
use crate::reporting::{self, Report};
use crate::run_folder::{RunFolder, RunRecord};
use crate::staging;
use crate::text_table::named;
use crate::viewing;
use lacuna_objects::{Address, Place};
use lacuna_report::html::Names;
use lacuna_report::{Gate, ScoreGrid, Table, Thresholds, curves, gates, leaderboard, probes, results, tables};
use lacuna_study::{Estimate, Machine, Record, Store, Study, StudyConfig, StudyError, Task};
use lacuna_train::{Control, EpochRecord, TrainError};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where a study's records and models lie.
pub struct Folders {
    /// Small files, worth keeping.
    pub records: Address,
    /// Large files that can be made again.
    pub models: Address,
    /// Where models that lie in a bucket are made.
    pub work: PathBuf,
}

impl Folders {
    /// The places given, or those below the run folders.
    pub fn or_below_runs(records: &Option<Address>, models: &Option<Address>, context: &Context) -> Folders {
        let store = context.runs.join("store");
        let or = |given: &Option<Address>, name| given.clone().unwrap_or_else(|| store.join(name).into());
        Folders { records: or(records, "records"), models: or(models, "models"), work: store.join("models") }
    }

    /// The store in them.
    ///
    /// # Errors
    /// The address of a bucket that cannot be one, or that this program was not built for.
    pub fn store(&self) -> Result<Store, CliError> {
        let open = |address| Place::open(address).map_err(StudyError::from);
        Ok(Store::in_places(open(&self.records)?, open(&self.models)?, self.work.clone()))
    }

    /// The folder of the records, for what is written beside them.
    ///
    /// # Errors
    /// If they lie in a bucket.
    pub fn records_folder(&self) -> Result<&Path, CliError> {
        let found = &self.records;
        let what = || format!("--records: expected a folder, found {found}; fix: audits are declared in a folder");
        found.folder().ok_or_else(|| CliError::Config { what: what() })
    }
}

#[derive(Serialize)]
struct StudyRecord<'a> {
    name: &'a str,
    run: &'a Path,
    results: PathBuf,
    report: PathBuf,
    records: &'a Address,
    /// How many of the records used were written before records were sealed.
    unsealed_records: usize,
    seconds: f64,
    tables: Vec<Table>,
    gates: Vec<Gate>,
}

/// What a finished study is told by.
pub struct Finished<'a> {
    /// The study.
    pub study: &'a Study,
    /// Its run folder, with rows and tables in it.
    pub folder: &'a RunFolder,
    /// Where its records lie.
    pub folders: &'a Folders,
    /// Means over subjects and seeds, per grid.
    pub tables: Vec<Table>,
    /// Each run before the gate of its goal.
    pub gates: Vec<Gate>,
    unsealed_records: usize,
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
    study.config().seeds.iter().enumerate().map(|(place, &seed)| (format!("seed {}", place + 1), seed)).collect()
}

/// Act in a new run folder and say there how it ended; an error is told as the study's pseudonyms allow.
pub fn in_run_folder(
    study: &Study,
    record: &RunRecord,
    context: &Context,
    act: impl FnOnce(&RunFolder) -> Result<Outcome, CliError>,
) -> Result<Outcome, CliError> {
    let config = study.config();
    let folder = RunFolder::create(context, &config.name, record)?;
    let outcome = act(&folder).map_err(|error| if config.pseudonyms { without_names(error) } else { error });
    folder.close_with(outcome, Outcome::exit)
}

/// An error as pseudonyms allow it: one that may name a subject or a file of somebody's says no more than where
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
    open_in(verb, config, folders.store()?, context)
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
    let study = Study::open(config, store, context.device.clone(), &context.loading, &mut |done, total| {
        progress.get_or_insert_with(|| Progress::begin(context, verb, "scan", total, 0)).advance(done, "");
    });
    drop(progress);
    let study = study.map_err(|error| if pseudonyms { without_names(error.into()) } else { error.into() })?;
    for (subject, split) in study.splits() {
        let retain = split.retain();
        crate::redact::hide(retain.iter().chain(split.held_out()).chain([subject]).map(|subject| subject.as_str()));
    }
    for notice in study.notices() {
        context.note(&format!("note     {notice}"));
    }
    Ok(study)
}

/// The estimate as people read it.
pub fn describe(estimate: &Estimate) -> String {
    format!(
        "about {} passes of one volume, {}, {:.1} GiB of memory",
        estimate.training_passes,
        duration(estimate.seconds),
        estimate.gib
    )
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
    folder.write("config.toml", toml::to_string(&study.config_shown()).expect("a study is TOML").as_bytes())?;
    let estimate = study.estimate(&Machine::measure(&context.device))?;
    context.note(&format!("estimate {}", describe(&estimate)));
    let (done, unsealed_records) = carry_out(verb, study, &study.tasks(), folder, folders, context)?;
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
    if let Some(svg) = leaderboard(&rows, &probes, &Thresholds::STANDARD)? {
        folder.write("leaderboard.svg", svg.as_bytes())?;
    }
    folder.write("table.md", Table::markdowns(&tables).as_bytes())?;
    folder.write_json("table.json", &tables)?;
    // Pseudonyms are kept, so that the page and the tables beside it call people alike.
    let names = if study.config().pseudonyms { Names::AsRecorded } else { Names::Numbers };
    let title = study.config().name.clone();
    let pictures = Some(viewing::of_study(study, &gates, images, context)?);
    Report { title, rows, probes, curves, names, pictures, ..Report::default() }.write(folder)?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(Finished { study, folder, folders, tables, gates, unsealed_records, seconds })
}

/// The tables and gates, for the verbs whose result they are.
pub fn tables_and_gates(verb: &'static str, finished: Finished) -> Result<Outcome, CliError> {
    let files = finished.files();
    let Finished { study, folder, folders, tables, gates, unsealed_records, seconds } = finished;
    let record = StudyRecord {
        name: &study.config().name,
        run: folder.path(),
        results: folder.file("results.csv"),
        report: folder.file(reporting::FILE),
        records: &folders.records,
        unsealed_records,
        seconds,
        tables,
        gates,
    };
    let text = format!("{}\n{}\n{files}", Table::texts(&record.tables), Gate::texts(&record.gates));
    Ok(Outcome::new(verb, &record, text))
}

impl Finished<'_> {
    /// Where everything lies, for people.
    pub fn files(&self) -> String {
        let unsealed = match self.unsealed_records {
            0 => String::new(),
            found => format!(" ({found} unsealed, of an older lacuna: nothing shows whether they were edited)"),
        };
        named(&[
            ("tables", self.folder.file("table.md").display().to_string()),
            ("gates", self.folder.file("gates.md").display().to_string()),
            ("report", self.folder.file(reporting::FILE).display().to_string()),
            ("rows", self.folder.file("results.csv").display().to_string()),
            ("records", format!("{}{unsealed}", self.folders.records)),
            ("time", duration(self.seconds)),
        ])
    }
}

/// Do every task that has no record yet, and write how the epochs went; how it ended, and how many records have no seal.
pub fn carry_out(
    verb: &'static str,
    study: &Study,
    tasks: &[Task],
    folder: &RunFolder,
    folders: &Folders,
    context: &Context,
) -> Result<(Result<(), CliError>, usize), CliError> {
    let mut watch = Watch::in_folder(verb, study, folder, context);
    let done = study.run_tasks(tasks, &mut watch).map_err(|error| in_task(error, &watch.tasks, folders));
    folder.write("metrics.jsonl", watch.epochs.concat().as_bytes())?;
    Ok((done, watch.unsealed))
}

/// An interruption is told with what is kept and how to go on.
fn in_task(error: StudyError, task: &str, folders: &Folders) -> CliError {
    match error {
        StudyError::Train(TrainError::Interrupted { epochs_done }) => {
            let records = &folders.records;
            let kept = format!("in task {task} after epoch {epochs_done}; finished tasks are recorded in {records}");
            CliError::Interrupted { kept: format!("{kept}; fix: the same command goes on from here") }
        }
        error => error.into(),
    }
}

/// Seconds as a person says them.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Shows how a study goes, and stops it where the user wants that.
pub struct Watch<'a> {
    context: &'a Context,
    verb: &'static str,
    /// What others see from elsewhere, where there is a run folder.
    elsewhere: Option<Elsewhere<'a>>,
    /// `3/35`, as the running task counts.
    tasks: String,
    progress: Option<Progress>,
    /// Lines of `metrics.jsonl`.
    epochs: Vec<String>,
    /// Records without a seal.
    unsealed: usize,
}

/// The files of a run folder that say how a study goes. Watching from elsewhere is a convenience: that one of them cannot
/// be written ends no study.
struct Elsewhere<'a> {
    study: &'a Study,
    folder: &'a RunFolder,
    live: Keeper<'a>,
    /// When the page of what is there so far was written last.
    page_written: Option<Instant>,
}

/// A page of what is there so far is written so often at most.
const PAGE_EVERY: Duration = Duration::from_secs(60);

impl<'a> Watch<'a> {
    /// A watch that has seen nothing yet.
    pub fn new(verb: &'static str, context: &'a Context) -> Watch<'a> {
        Watch { context, verb, elsewhere: None, tasks: String::new(), progress: None, epochs: Vec::new(), unsealed: 0 }
    }

    /// One that keeps what others see in a run folder.
    fn in_folder(verb: &'static str, study: &'a Study, folder: &'a RunFolder, context: &'a Context) -> Watch<'a> {
        let elsewhere = Elsewhere { study, folder, live: Keeper::new(folder), page_written: None };
        Watch { elsewhere: Some(elsewhere), ..Watch::new(verb, context) }
    }

    /// Tell those who watch from elsewhere, if there is where to.
    fn tell(&mut self, what: impl FnOnce(&mut Keeper<'a>) -> Result<(), CliError>) {
        let told = self.elsewhere.as_mut().map_or(Ok(()), |elsewhere| what(&mut elsewhere.live));
        self.unless_told(told);
    }

    fn unless_told(&self, told: Result<(), CliError>) {
        if let Err(error) = told {
            self.context.note(&format!("note     {error}"));
        }
    }

    /// The page of a study or demo as far as it has come; the finished one takes its place.
    fn write_page(&mut self) {
        if !matches!(self.verb, "study" | "demo") {
            return;
        }
        let told = self.elsewhere.as_mut().map_or(Ok(()), |elsewhere| elsewhere.write_page(&self.tasks));
        self.unless_told(told);
    }
}

impl Elsewhere<'_> {
    fn write_page(&mut self, tasks: &str) -> Result<(), CliError> {
        if self.page_written.is_some_and(|written| written.elapsed() < PAGE_EVERY) {
            return Ok(());
        }
        self.page_written = Some(Instant::now());
        self.page_so_far(tasks)?.write(self.folder)
    }

    fn page_so_far(&self, tasks: &str) -> Result<Report, CliError> {
        let (rows, probes, curves) = (self.study.rows()?, self.study.probe_rows()?, self.study.curve_rows()?);
        let names = if self.study.config().pseudonyms { Names::AsRecorded } else { Names::Numbers };
        let running = Some(format!("{tasks} tasks are done; this page is written again as more are."));
        let title = self.study.config().name.clone();
        Ok(Report { title, rows, probes, curves, names, running, ..Report::default() })
    }
}

impl lacuna_study::Progress for Watch<'_> {
    fn task(&mut self, number: usize, total: usize, what: &str, epochs: usize) {
        self.progress = None;
        self.tasks = format!("{number}/{total}");
        self.context.note(&format!("task     {number}/{total}  {what}"));
        self.tell(|live| live.task([number, total], what, [0, epochs]));
        self.progress = Some(Progress::begin(self.context, self.verb, "epoch", epochs, 0));
    }

    fn task_done(&mut self, record: &Record, found: bool) {
        self.progress = None;
        self.unsealed += usize::from(record.is_unsealed());
        if let (Some(elsewhere), true) = (&mut self.elsewhere, found) {
            elsewhere.live.passed_over();
        }
        if let Some(scores) = record.horizons.last() {
            let subjects = scores.output.iter().map(|(name, scores)| LiveSubject {
                name: name.clone(),
                role: String::new(),
                dice: scores.mean.dice,
            });
            self.tell(|live| live.scored(format!("after {} epochs", scores.epochs), subjects.collect()));
        }
        if !found {
            self.write_page();
        }
        if found {
            let seal = if record.is_unsealed() { ", unsealed" } else { "" };
            self.context.note(&format!("         found its record{seal}"));
        }
        if let Some(scores) = record.horizons.iter().find(|scores| scores.collapsed) {
            let epochs = scores.epochs;
            self.context.note(&format!("         collapsed after {epochs} epochs: it says one class everywhere"));
        }
        if let Some(what) = &record.diverged {
            self.context.note(&format!("         {what}"));
        }
    }

    fn task_left_out(&mut self, why: &str) {
        self.progress = None;
        self.context.note(&format!("         left out: {why}"));
    }

    fn step(&mut self, _epoch: usize, _step: usize, _steps: usize, _loss: f64) -> Control {
        if interrupt::requested() { Control::Stop } else { Control::Continue }
    }

    fn epoch(&mut self, record: &EpochRecord) {
        if let Some(progress) = &mut self.progress {
            progress.advance(record.epoch, &format!("task={} loss={:.4}", self.tasks, record.loss));
        }
        self.tell(|live| live.epoch(record));
        let line = serde_json::json!({ "task": self.tasks, "epoch": record });
        self.epochs.push(format!("{line}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_in_the_unit_a_person_would_choose() {
        assert_eq!([duration(12.4), duration(200.0), duration(9000.0)], ["12 s", "3 min", "2.5 h"]);
    }
}
