//! The HTML report of results, in a run folder or wherever it is asked for.

use crate::error::CliError;
use crate::run_folder::{RunFolder, RunRecord, read_record};
use lacuna_report::html::{self, ChartFile, Method, Names, Source};
use lacuna_report::{CurveRow, ProbeRow, ResultRow, Thresholds, curves, probes, results};
use lacuna_unlearn::strategy::STRATEGIES;
use std::path::{Path, PathBuf};

/// What a report is called in a run folder.
pub const FILE: &str = "report.html";

/// Everything a report is made of.
pub struct Report {
    /// What it is called.
    pub title: String,
    /// Every result.
    pub rows: Vec<ResultRow>,
    /// What probing found.
    pub probes: Vec<ProbeRow>,
    /// Dice over epochs.
    pub curves: Vec<CurveRow>,
    /// What a reader should know of the runs.
    pub facts: Vec<(String, String)>,
    /// How people are called.
    pub names: Names,
}

impl Report {
    /// Of run folders and results files, in the order given; a row that several hold in the same words is one row.
    ///
    /// # Errors
    /// A folder without results; results that contradict each other.
    pub fn read(runs: &[PathBuf], names: Names) -> Result<Report, CliError> {
        let (title, facts) = (title(runs), Vec::new());
        let mut report = Report { title, rows: Vec::new(), probes: Vec::new(), curves: Vec::new(), facts, names };
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
        if !file.is_file() {
            let what = format!(
                "{}: expected results.csv, found none; fix: name a run folder of `lacuna study`, `lacuna demo` or \
                 `lacuna unlearn` that finished, or a results.csv",
                run.display()
            );
            return Err(CliError::Data { what });
        }
        extend(&mut self.rows, results::read(&file)?);
        let beside = |name: &str| Some(folder.join(name)).filter(|path| path.is_file());
        if let Some(path) = beside("probes.csv") {
            extend(&mut self.probes, probes::read(&path)?);
        }
        if let Some(path) = beside("curves.csv") {
            extend(&mut self.curves, curves::read(&path)?);
        }
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
        Ok(html::page(&self.source(&methods()))?)
    }

    /// The charts of the page, each a file.
    ///
    /// # Errors
    /// Results that contradict each other.
    pub fn charts(&self) -> Result<Vec<ChartFile>, CliError> {
        Ok(html::charts(&self.source(&methods()))?)
    }

    /// Leave the page in a run folder.
    ///
    /// # Errors
    /// Results that contradict each other, or a file that cannot be written.
    pub fn write(mut self, folder: &RunFolder) -> Result<(), CliError> {
        self.facts = facts(&read_record(folder.path())?);
        folder.write(FILE, self.page()?.as_bytes())
    }

    fn source<'a>(&'a self, methods: &'a [Method]) -> Source<'a> {
        Source {
            title: &self.title,
            rows: &self.rows,
            probes: &self.probes,
            curves: &self.curves,
            facts: &self.facts,
            methods,
            thresholds: Thresholds::STANDARD,
            names: self.names,
        }
    }
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

/// What a run was made of. Its command line is left out, since paths may name somebody.
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
