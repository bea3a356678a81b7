//! `lacuna data check`: every subject and every problem with its fix.

use crate::arguments::{DataArguments, LabelArguments};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Outcome;
use crate::text_table::{aligned, by, named};
use clap::Args;
use lacuna_cohort::{CheckReport, Problem, ScanSummary, Severity, check};

/// List subjects, shapes, spacings, label counts, and every problem with its fix
///
/// Ends with exit code 4 if any problem is an error.
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna data check heads --labels tissue")]
pub struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    labels: LabelArguments,
}

/// Read every file and tell what is wrong.
pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let cohort = arguments.data.open()?;
    let table = arguments.labels.table(&cohort)?;
    let report = check(&cohort, table.as_ref(), &arguments.data.read.options()?);
    let exit = if report.has_errors() { Exit::Data } else { Exit::Done };
    Ok(Outcome::new("data.check", &report, text(&report)).exiting(exit))
}

fn text(report: &CheckReport) -> String {
    let mut text = named(&[
        ("layout", report.layout.to_string()),
        ("channels", report.channels.join(", ")),
        ("labels", report.table.clone().unwrap_or_else(|| "not held against a table; see --labels".to_string())),
    ]);
    text.push('\n');
    let head = ["subject", "scan", "voxels", "spacing mm", "axes", "intensities", "labels (value:voxels)"];
    let mut rows = vec![head.map(str::to_string).to_vec()];
    rows.extend(report.scans.iter().map(row));
    text.push_str(&aligned(&rows));
    text.push('\n');
    report.problems.iter().for_each(|problem| text.push_str(&lines(problem)));
    let count = |severity| report.problems.iter().filter(|problem| problem.severity == severity).count();
    text.push_str(&format!(
        "{} subjects, {} scans, {} errors, {} warnings\n",
        report.subject_count(),
        report.scans.len(),
        count(Severity::Error),
        count(Severity::Warning)
    ));
    text
}

fn row(scan: &ScanSummary) -> Vec<String> {
    let unread = || "unread".to_string();
    let image = scan.image.as_ref();
    let labels = scan.label_counts.as_ref().map_or_else(
        || "none".to_string(),
        |counts| counts.iter().map(|(value, voxels)| format!("{value}:{voxels}")).collect::<Vec<_>>().join(" "),
    );
    vec![
        scan.subject.to_string(),
        scan.scan.clone(),
        image.map_or_else(unread, |image| by(image.shape)),
        image.map_or_else(unread, |image| by(image.spacing_mm.map(|mm| format!("{mm:.3}")))),
        image.map_or_else(unread, |image| image.orientation.clone()),
        image.map_or_else(unread, |image| format!("{} to {}", image.range[0], image.range[1])),
        labels,
    ]
}

fn lines(problem: &Problem) -> String {
    let severity = match problem.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    format!(
        "{severity}: {}: {}\n  expected: {}\n  found:    {}\n  fix:      {}\n",
        problem.file.display(),
        problem.field,
        problem.expected,
        problem.found,
        problem.fix
    )
}
