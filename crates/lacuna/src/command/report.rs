//! `lacuna report`: one HTML page of runs, or its charts as files.

use crate::error::CliError;
use crate::output::Outcome;
use crate::reporting::{FILE, Report};
use crate::run_folder::refused;
use crate::text_table::named;
use clap::Args;
use lacuna_report::html::Names;
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
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// The page [default: report.html, here]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the charts as SVG into this folder; the page only if --out asks for it
    #[arg(long, value_name = "DIR")]
    figures: Option<PathBuf>,
    /// What the page is called [default: the names of the folders]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Call subjects as the results do, instead of by number
    #[arg(long)]
    names: bool,
}

#[derive(Serialize)]
struct Written {
    report: Option<PathBuf>,
    figures: Vec<PathBuf>,
    bytes: usize,
    rows: usize,
}

/// Read, draw, write.
pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let names = if arguments.names { Names::AsRecorded } else { Names::Numbers };
    let mut report = Report::read(&arguments.runs, names)?;
    if let Some(title) = &arguments.title {
        report.title.clone_from(title);
    }
    let mut written = Written { report: None, figures: Vec::new(), bytes: 0, rows: report.rows.len() };
    if let Some(folder) = &arguments.figures {
        written.figures = figures(&report, folder)?;
    }
    if arguments.out.is_some() || arguments.figures.is_none() {
        let page = report.page()?;
        let path = arguments.out.clone().unwrap_or_else(|| PathBuf::from(FILE));
        lacuna_disk::write_bytes(&path, page.as_bytes())?;
        (written.report, written.bytes) = (Some(path), page.len());
    }
    Ok(Outcome::new("report", &written, text(&written)))
}

fn figures(report: &Report, folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    std::fs::create_dir_all(folder).map_err(refused(folder, "create"))?;
    let mut paths = Vec::new();
    for chart in report.charts()? {
        let path = folder.join(format!("{}.svg", chart.name));
        lacuna_disk::write_bytes(&path, chart.svg.as_bytes())?;
        paths.push(path);
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
