//! `lacuna compare`: runs side by side.

use crate::confine::folder_of;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::reporting::{self, Report, nameless};
use clap::Args;
use lacuna_artefacts::Kind;
use lacuna_report::html::Names;
use lacuna_report::{Comparison, NamedRows, ScoreGrid, compare};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Set the same settings of several runs side by side, with their differences from the first
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lacuna compare runs/study/20261123-154210-ixi7 runs/study/20261124-090000-ixi7\n  lacuna \
                        compare before/results.csv after/results.csv --out compared.html\n\nRuns stay apart: their \
                        results may contradict each other, which `lacuna report` refuses."
)]
pub struct Arguments {
    /// Run folders, or results.csv files; the first is what the others are set against
    // Its own name: --runs is a global option, and clap would take one for the other.
    #[arg(id = "compared", value_name = "RUN", required = true, num_args = 2..)]
    runs: Vec<PathBuf>,
    /// On which grid scores were taken [default: both]
    #[arg(long, value_enum, value_name = "GRID")]
    grid: Option<Grid>,
    /// Write the tables as one HTML page too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Grid {
    /// The image's own grid
    Volume,
    /// The network's output grid
    Output,
}

#[derive(Serialize)]
struct Compared {
    #[serde(serialize_with = "lacuna_artefacts::portable::option")]
    report: Option<PathBuf>,
    comparisons: Vec<Comparison>,
}

impl Arguments {
    /// Beneath which folders something is written.
    pub fn may_write(&self) -> Vec<PathBuf> {
        self.out.iter().map(|file| folder_of(file)).collect()
    }
}

/// Read, set side by side, write.
pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    let reports: Vec<Report> = arguments
        .runs
        .iter()
        .map(|run| Report::read(std::slice::from_ref(run), Names::AsRecorded))
        .collect::<Result<_, _>>()?;
    let people: BTreeSet<String> = reports.iter().flat_map(Report::people).collect();
    let cohort = || reports.iter().flat_map(|report| &report.cohort).chain(&people).cloned().collect::<BTreeSet<_>>();
    let names: Vec<String> = distinct(&arguments.runs).iter().map(|name| nameless(name, &cohort())).collect();
    let runs: Vec<NamedRows<'_>> =
        names.iter().zip(&reports).map(|(name, report)| (name.as_str(), report.rows.as_slice())).collect();
    let grids = match arguments.grid {
        Some(Grid::Volume) => vec![ScoreGrid::Volume],
        Some(Grid::Output) => vec![ScoreGrid::Output],
        None => vec![ScoreGrid::Volume, ScoreGrid::Output],
    };
    let comparisons: Vec<Comparison> = grids.into_iter().map(|grid| compare(&runs, grid)).collect::<Result<_, _>>()?;
    let mut text: String = comparisons.iter().map(|comparison| comparison.text() + "\n").collect();
    if let Some(path) = &arguments.out {
        let title = names.join(", ");
        let compared = comparisons.clone();
        let page = Report { title, compared, cohort: cohort(), ..Report::default() }.page()?;
        let site = context.site()?;
        reporting::enter(path, &site, Kind::Scores, &people)?;
        lacuna_disk::write_bytes(path, page.as_bytes())?;
        text.push_str(&format!("report   {}\n", path.display()));
    }
    Ok(Outcome::new("compare", &Compared { report: arguments.out.clone(), comparisons }, text.trim_end().to_string()))
}

/// The last part of each path that tells it from the others; folders above it may name a person.
fn distinct(runs: &[PathBuf]) -> Vec<String> {
    let folder = |run: &Path| if run.is_dir() { run.to_path_buf() } else { run.parent().unwrap_or(run).to_path_buf() };
    let last = |run: &PathBuf| {
        folder(run).file_name().map_or_else(|| run.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    let names: Vec<String> = runs.iter().map(last).collect();
    let numbered = |(index, name): (usize, &String)| {
        let is_alone = names.iter().filter(|other| *other == name).count() == 1;
        if is_alone { name.clone() } else { format!("{name} ({})", index + 1) }
    };
    names.iter().enumerate().map(numbered).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_name_are_numbered() {
        let runs = ["a/x/results.csv", "b/x/results.csv", "b/y/results.csv"].map(PathBuf::from);
        assert_eq!(distinct(&runs), ["x (1)", "x (2)", "y"]);
    }
}
