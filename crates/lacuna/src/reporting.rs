//! The HTML report of results, in a run folder or wherever it is asked for.

use crate::config::{self, read_table};
use crate::error::CliError;
use crate::registering;
use crate::run_folder::{RunFolder, RunRecord, read_record};
use lacuna_artefacts::{Kind, Site};
use lacuna_cohort::{Cohort, without};
use lacuna_report::html::{self, ChartFile, Method, Names, NiiVue, Pictures, Source, Timeline};
use lacuna_report::{Comparison, CurveRow, ProbeRow, ResultRow, Thresholds, curves, probes, results};
use lacuna_runs::Shown;
use lacuna_study::{DataConfig, Study};
use lacuna_unlearn::strategy::STRATEGIES;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a report is called in a run folder.
pub const FILE: &str = "report.html";

/// Everything a report is made of.
pub struct Report {
    /// What it is called.
    pub title: String,
    pub rows: Vec<ResultRow>,
    /// What probing found.
    pub probes: Vec<ProbeRow>,
    /// Dice over epochs.
    pub curves: Vec<CurveRow>,
    /// What a reader should know of the runs.
    pub facts: Vec<(String, String)>,
    /// How people are called.
    pub names: Names,
    /// All subjects in the data, where they are known: no id of theirs is shown, whether or not they have a result.
    pub cohort: BTreeSet<String>,
    /// Scans to look at.
    pub pictures: Option<Pictures>,
    /// What shows them in three dimensions too.
    pub niivue: Option<NiiVue>,
    pub audit: Option<lacuna_audit::Report>,
    pub ledger: Option<Timeline>,
    /// Runs side by side.
    pub compared: Vec<Comparison>,
    /// How far a run under way has come.
    pub running: Option<String>,
}

impl Default for Report {
    /// Of nothing, people called by number.
    fn default() -> Report {
        Report {
            title: String::new(),
            rows: Vec::new(),
            probes: Vec::new(),
            curves: Vec::new(),
            facts: Vec::new(),
            names: Names::Numbers,
            cohort: BTreeSet::new(),
            pictures: None,
            niivue: None,
            audit: None,
            ledger: None,
            compared: Vec::new(),
            running: None,
        }
    }
}

impl Report {
    /// Of a study, with nothing in it yet. What leaves the operator's zone numbers people; the pseudonyms of a study
    /// that has some are kept, so that the page and the tables beside it call people alike.
    pub fn of_study(study: &Study) -> Report {
        let names = if study.config().pseudonyms { Names::AsRecorded } else { Names::Numbers };
        let cohort = study.splits().iter().flat_map(|(_, split)| split.train().iter().chain(split.held_out()));
        Report { names, cohort: cohort.map(ToString::to_string).collect(), ..Report::default() }
    }

    /// Of run folders and results files, in the order given; a row that several hold in the same words is one row.
    ///
    /// # Errors
    /// A folder without results; results that contradict each other.
    pub fn read(runs: &[PathBuf], names: Names) -> Result<Report, CliError> {
        let mut report = Report { title: title(runs), names, ..Report::default() };
        for run in runs {
            report.add(run)?;
        }
        Ok(report)
    }

    fn add(&mut self, run: &Path) -> Result<(), CliError> {
        let (folder, file) = if run.is_dir() {
            (run.to_path_buf(), run.join("results.csv"))
        } else {
            (run.parent().unwrap_or(Path::new("")).to_path_buf(), run.to_path_buf())
        };
        let beside = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
        let audit = if run.is_dir() { beside("audit.json") } else { None };
        if let Some(path) = &audit {
            if self.audit.is_some() {
                let what = format!("{}: expected one audit, found a second; fix: one page for each", path.display());
                return Err(CliError::Data { what });
            }
            self.audit = Some(html::read_audit(path)?);
        }
        if !file.is_file() && audit.is_none() {
            let what = format!(
                "{}: expected results.csv, found none; fix: name a run folder of `lacuna study`, `lacuna demo`, \
                 `lacuna unlearn` or `lacuna audit` that finished, or a results.csv",
                run.display()
            );
            return Err(CliError::Data { what });
        }
        let own = if file.is_file() { results::read(&file)? } else { Vec::new() };
        extend(&mut self.rows, own);
        if let Some(path) = beside("probes.csv") {
            extend(&mut self.probes, probes::read(&path)?);
        }
        if let Some(path) = beside("curves.csv") {
            extend(&mut self.curves, curves::read(&path)?);
        }
        self.cohort.extend(cohort_of(&folder));
        if beside("run.json").is_some() {
            self.facts.extend(facts(&read_record(&folder)?));
        }
        Ok(())
    }

    /// The page.
    ///
    /// # Errors
    /// Results that contradict each other.
    pub fn page(&self) -> Result<String, CliError> {
        Ok(html::page(&self.source(&self.title_shown(), &methods()))?)
    }

    /// The charts of the page, each a file.
    ///
    /// # Errors
    /// Results that contradict each other.
    pub fn charts(&self) -> Result<Vec<ChartFile>, CliError> {
        Ok(html::charts(&self.source(&self.title_shown(), &methods()))?)
    }

    /// Leave the page in a run folder.
    ///
    /// # Errors
    /// Results that contradict each other, or a file that cannot be written.
    pub fn write(mut self, folder: &RunFolder) -> Result<(), CliError> {
        self.facts = facts(&read_record(folder.path())?);
        self.put(&folder.file(FILE), &folder.site()?).map(|_| ())
    }

    /// Write the page, and beside it whose slices it holds if it holds any; its size.
    ///
    /// # Errors
    /// Results that contradict each other, or a file that cannot be written.
    pub fn put(&self, path: &Path, site: &Site) -> Result<usize, CliError> {
        let page = self.page()?;
        let shown = Shown::of(self.shown());
        self.enter(path, site)?;
        // Entered before a page is there and removed after: at no time is there a page without a record of whom it
        // shows.
        if !shown.subjects.is_empty() {
            shown.write(path)?;
        }
        lacuna_disk::write_bytes(path, page.as_bytes())?;
        if shown.subjects.is_empty() {
            shown.write(path)?;
        }
        Ok(page.len())
    }

    /// Enter a file that is made of this report into the register of its folder.
    ///
    /// # Errors
    /// A register that cannot be written.
    pub fn enter(&self, file: &Path, site: &Site) -> Result<(), CliError> {
        enter(file, site, if self.shown().is_empty() { Kind::Scores } else { Kind::Prediction }, &self.people())
    }

    /// All subjects that results, probes, curves, the audit or slices name.
    pub fn people(&self) -> BTreeSet<String> {
        let probed = self.probes.iter().map(|row| &row.run).chain(self.curves.iter().map(|row| &row.run));
        let mut people: BTreeSet<String> = self.rows.iter().flat_map(ids_of).map(str::to_string).collect();
        people.extend(probed.map(|run| run.forgotten.clone()));
        people.extend(self.audit.iter().flat_map(lacuna_audit::Report::subjects).cloned());
        people.extend(self.pictures.iter().flat_map(|pictures| &pictures.scans).map(|seen| seen.subject.clone()));
        people
    }

    /// Whose slices it holds.
    fn shown(&self) -> BTreeSet<String> {
        self.pictures.as_ref().map_or_else(BTreeSet::new, |pictures| pictures.subjects(&self.rows))
    }

    /// A title is the name of a study or a folder, and may hold an id where people are numbered.
    fn title_shown(&self) -> String {
        match self.names {
            Names::AsRecorded => self.title.clone(),
            Names::Numbers => nameless(&self.title, self.people().iter().chain(&self.cohort)),
        }
    }

    fn source<'a>(&'a self, title: &'a str, methods: &'a [Method]) -> Source<'a> {
        Source {
            title,
            rows: &self.rows,
            probes: &self.probes,
            curves: &self.curves,
            facts: &self.facts,
            methods,
            thresholds: Thresholds::STANDARD,
            names: self.names,
            cohort: &self.cohort,
            pictures: self.pictures.as_ref(),
            niivue: self.niivue.as_ref(),
            audit: self.audit.as_ref(),
            ledger: self.ledger.as_ref(),
            compared: &self.compared,
            running: self.running.as_deref(),
        }
    }
}

/// Enter a file about people into the register of its folder.
///
/// # Errors
/// A register that cannot be written.
pub fn enter(file: &Path, site: &Site, kind: Kind, people: &BTreeSet<String>) -> Result<(), CliError> {
    let entry = registering::holding(registering::of_file(file, kind), site, people.iter().map(String::as_str));
    registering::enter(site, file, &entry)
}

fn extend<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    // Nothing can be there twice before the second file.
    if all.is_empty() {
        *all = more;
        return;
    }
    let new: Vec<T> = more.into_iter().filter(|row| !all.contains(row)).collect();
    all.extend(new);
}

/// Whom the settings and the data of a run know, as far as both are still here: a subject without a result may be named
/// in the name of a folder or a recipe all the same.
fn cohort_of(folder: &Path) -> BTreeSet<String> {
    let Ok(settings) = read_table(&folder.join(config::FILE)) else { return BTreeSet::new() };
    let mut people = BTreeSet::new();
    if let Some(data) = settings.get("data").and_then(|data| data.clone().try_into::<DataConfig>().ok())
        && let Ok(cohort) = Cohort::open(&data.root, &data.options)
    {
        people.extend(cohort.scans().iter().flat_map(|scan| [scan.subject.to_string(), scan.name.clone()]));
    }
    people
}

/// A text without these ids.
pub fn nameless<'a>(text: &str, ids: impl IntoIterator<Item = &'a String>) -> String {
    let ids: BTreeSet<&String> = ids.into_iter().collect();
    without(text, ids.into_iter().map(|id| (id.as_str(), "person")))
}

fn ids_of(row: &ResultRow) -> impl Iterator<Item = &str> {
    let scored = row.scored().map(|scored| scored.subject.as_str());
    std::iter::once(row.run.forgotten.as_str()).chain(scored)
}

/// The last part of each path: folders above it may name a person.
fn title(runs: &[PathBuf]) -> String {
    let name = |run: &PathBuf| {
        let folder = if run.is_dir() { Some(run.as_path()) } else { run.parent() };
        folder.and_then(Path::file_name).map_or("results".to_string(), |name| name.to_string_lossy().into_owned())
    };
    let mut names: Vec<String> = runs.iter().map(name).collect();
    names.dedup();
    names.join(", ")
}

/// The inputs of a run. Its command line is left out, since paths may name a person.
fn facts(record: &RunRecord) -> Vec<(String, String)> {
    let RunRecord { verb, lacuna, burn, began, device, threads, seeds, .. } = record;
    let seeds: Vec<String> = seeds.iter().map(|(what, seed)| format!("{what}: {seed}")).collect();
    let facts = [
        ("made by", format!("lacuna {verb} {lacuna}, burn {burn}")),
        ("began", began.clone()),
        ("device", format!("{device}, {threads} threads")),
        ("seeds", seeds.join(", ")),
    ];
    facts.into_iter().map(|(name, fact)| (name.to_string(), fact)).collect()
}

fn methods() -> Vec<Method> {
    let method = |strategy: &lacuna_unlearn::strategy::Strategy| Method {
        name: strategy.name.to_string(),
        about: strategy.about.to_string(),
        source: strategy.source.to_string(),
    };
    STRATEGIES.iter().map(method).collect()
}
