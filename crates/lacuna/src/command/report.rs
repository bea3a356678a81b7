//! `lacuna report`: one HTML page of runs, or its charts as files.

use crate::arguments::ImageArguments;
use crate::confine::folder_of;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::raster;
use crate::reporting::{FILE, Report};
use crate::run_folder::refused;
use crate::studying::Folders;
use crate::text_table::named;
use crate::timeline::timeline;
use crate::viewing;
use clap::Args;
use lacuna_artefacts::Site;
use lacuna_disk::manifest;
use lacuna_objects::Address;
use lacuna_report::html::{Names, NiiVue, Pictures};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Write one self-contained HTML page of runs: verdicts, trade-off, subjects, epochs, leaderboard, data
///
/// The page opens from disk, without a network. Studies, demos and unlearnings leave one in their run folder by
/// themselves.
#[derive(Args)]
#[command(after_help = "Examples:\n  lacuna report runs/study/20261123-154210-ixi7 --out ixi7.html\n  \
                        lacuna report docs/results/ixi7-goals/results.csv --figures figures\n\nSubjects are \
                        numbered on the page, in the order of their ids.")]
pub struct Arguments {
    /// Run folders, or results.csv files; probes.csv, curves.csv and run.json beside them are used
    // Its own name: --runs is a global option, and clap would take one for the other.
    #[arg(id = "reported", value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// The page [default: report.html, in the run folder if one is named, else here]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the charts as SVG and PNG into this folder; the page only if --out asks for it
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
    /// What the page is called [default: the names of the folders]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Call subjects as the results do, instead of by number
    #[arg(long)]
    names: bool,
    /// Show the events of this ledger as well; LACUNA_LEDGER does not count here, since a page is passed around
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    #[command(flatten)]
    images: ImageArguments,
    /// With --images: show scans in three dimensions too, by niivue.umd.js of the npm package @niivue/niivue, which
    /// becomes part of the page (2.3 MB)
    #[arg(long, value_name = "FILE", help_heading = "The report")]
    niivue: Option<PathBuf>,
    /// With --images: where the study's records lie [default: those below --runs]
    #[arg(long, env = "LACUNA_RECORDS", value_name = "DIR", help_heading = "The report")]
    records: Option<Address>,
    /// With --images: where the study's models lie [default: those below --runs]
    #[arg(long, env = "LACUNA_MODELS", value_name = "DIR", help_heading = "The report")]
    models: Option<Address>,
    /// With --images: where the study's data lie now, if no longer where they were
    #[arg(long, value_name = "DIR", help_heading = "The report")]
    data: Option<PathBuf>,
}

#[derive(Serialize)]
struct Written {
    #[serde(serialize_with = "lacuna_artefacts::portable::option")]
    report: Option<PathBuf>,
    #[serde(serialize_with = "lacuna_artefacts::portable::list")]
    figures: Vec<PathBuf>,
    bytes: usize,
    rows: usize,
}

impl Arguments {
    /// Whether models are asked for slices.
    pub fn asks_models(&self) -> bool {
        self.images.is_stated()
    }

    /// Beneath which folders something is written; any, where models are asked for slices and made again.
    pub fn may_write(&self) -> Option<Vec<PathBuf>> {
        if self.images.is_stated() {
            return None;
        }
        let mut folders: Vec<PathBuf> = self.figures.iter().cloned().collect();
        match &self.out {
            Some(file) => folders.push(folder_of(file)),
            None if self.figures.is_some() => {}
            None => folders.push(folder_of(&where_it_belongs(&self.runs))),
        }
        // SQLite keeps a log beside the ledger even where it only reads.
        folders.extend(self.ledger.iter().map(|file| folder_of(file)));
        Some(folders)
    }
}

/// Read, draw, write.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let names = if arguments.names { Names::AsRecorded } else { Names::Numbers };
    let mut report = Report::read(&arguments.runs, names)?;
    if let Some(title) = &arguments.title {
        report.title.clone_from(title);
    }
    if arguments.images.is_stated() {
        report.pictures = Some(pictures(arguments, &report, context)?);
    }
    if let Some(file) = &arguments.niivue {
        if report.pictures.is_none() {
            let what = "--niivue: expected scans to show, found no --images; fix: add --images others".to_string();
            return Err(CliError::Usage { what });
        }
        report.niivue = Some(NiiVue::read(file)?);
    }
    if let Some(ledger) = &arguments.ledger {
        report.ledger = Some(timeline(ledger)?);
    }
    let site = context.site()?;
    let mut written = Written { report: None, figures: Vec::new(), bytes: 0, rows: report.rows.len() };
    if let Some(folder) = &arguments.figures {
        written.figures = figures(&report, folder, &site)?;
    }
    if arguments.out.is_some() || arguments.figures.is_none() {
        let (path, bytes) = match &arguments.out {
            Some(path) => (path.clone(), report.put(path, &site)?),
            None => write_where_it_belongs(&arguments.runs, &report, &site)?,
        };
        (written.report, written.bytes) = (Some(path), bytes);
    }
    Ok(Outcome::new("report", &written, text(&written)))
}

/// The models of the run are asked; nothing is trained but what unlearned and was not kept.
fn pictures(arguments: &Arguments, report: &Report, context: &Context) -> Result<Pictures, CliError> {
    let [run] = arguments.runs.as_slice() else {
        let what =
            format!("--images: expected one run folder, found {} runs; fix: one page for each", arguments.runs.len());
        return Err(CliError::Usage { what });
    };
    let folders = Folders::or_below_runs(&arguments.records, &arguments.models, context);
    viewing::of_run(run, arguments.data.as_deref(), report, &folders, &arguments.images, context)
}

/// The path of the page if no path was given.
fn where_it_belongs(runs: &[PathBuf]) -> PathBuf {
    match runs {
        [run] if run.join("run.json").is_file() => run.join(FILE),
        _ => PathBuf::from(FILE),
    }
}

/// In the run folder, if one run folder is named; its manifest, if all is as it says, then says so of the page too.
fn write_where_it_belongs(runs: &[PathBuf], report: &Report, site: &Site) -> Result<(PathBuf, usize), CliError> {
    let path = where_it_belongs(runs);
    let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) else {
        let bytes = report.put(&path, site)?;
        return Ok((path, bytes));
    };
    let altered = manifest::altered_files(folder)?;
    let bytes = report.put(&path, site)?;
    if altered.is_some_and(|altered| altered.keys().all(|name| name == FILE)) {
        manifest::write(folder)?;
    }
    Ok((path, bytes))
}

fn figures(report: &Report, folder: &Path, site: &Site) -> Result<Vec<PathBuf>, CliError> {
    std::fs::create_dir_all(folder).map_err(refused(folder, "create"))?;
    let mut paths = Vec::new();
    for chart in report.charts()? {
        let path = |ending: &str| folder.join(format!("{}.{ending}", chart.name));
        let png = raster::png(&chart.svg, &path("png"))?;
        for ending in ["svg", "png"] {
            report.enter(&path(ending), site)?;
        }
        lacuna_disk::write_bytes(&path("svg"), chart.svg.as_bytes())?;
        lacuna_disk::write_bytes(&path("png"), &png)?;
        paths.extend(["svg", "png"].map(path));
    }
    Ok(paths)
}

fn text(written: &Written) -> String {
    let mut lines = Vec::new();
    if let Some(report) = &written.report {
        lines.push(("report", format!("{} ({} kB)", report.display(), written.bytes.div_ceil(1000))));
    }
    lines.extend(written.figures.iter().map(|path| ("figure", path.display().to_string())));
    lines.push(("rows", written.rows.to_string()));
    named(&lines)
}
