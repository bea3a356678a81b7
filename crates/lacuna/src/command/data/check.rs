//! `lacuna data check`: every subject and every problem with its fix.

use crate::arguments::{DataArguments, LabelArguments};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Outcome;
use crate::text_table::{aligned, by, named};
use clap::Args;
use lacuna_cohort::{CheckReport, Problem, ScanSummary, Severity, check};
use lacuna_volume::decimals;

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
    /// Print each warning, also where many files have the same
    #[arg(long)]
    verbose: bool,
}

/// Read every file and tell what is wrong.
pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let cohort = arguments.data.open()?;
    let table = arguments.labels.table(&cohort)?;
    let report = check(&cohort, table.as_ref(), &cohort.read);
    let exit = if report.has_errors() { Exit::Data } else { Exit::Done };
    let outcome = Outcome::new("data.check", &report, text(&report, arguments.verbose)).exiting(exit);
    Ok(if report.has_errors() { outcome } else { outcome.with_next(&next(arguments)) })
}

/// The command that people give next where nothing is wrong.
fn next(arguments: &Arguments) -> String {
    let data = arguments.data.data.display();
    match &arguments.labels.labels {
        Some(labels) => format!("lacuna train --data {data} --labels {labels} --preprocess canonical --depth 10"),
        None => format!("lacuna data check {data} --labels TABLE"),
    }
}

fn text(report: &CheckReport, verbose: bool) -> String {
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
    groups(&report.problems, verbose).iter().for_each(|group| text.push_str(&lines(group)));
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
        image.map_or_else(unread, |image| by(image.spacing_mm.map(|mm| format!("{mm:.*}", decimals(mm, 3))))),
        image.map_or_else(unread, |image| image.orientation.clone()),
        image.map_or_else(unread, |image| format!("{} to {}", image.range[0], image.range[1])),
        labels,
    ]
}

/// Problems that are reported together: every error alone, and of warnings those of one fault and one fix.
fn groups(problems: &[Problem], verbose: bool) -> Vec<Vec<&Problem>> {
    let mut groups: Vec<Vec<&Problem>> = Vec::new();
    let is_same =
        |a: &Problem, b: &Problem| (a.severity, a.fault, &a.field, &a.fix) == (b.severity, b.fault, &b.field, &b.fix);
    for problem in problems {
        let folds = !verbose && problem.severity == Severity::Warning;
        match groups.iter_mut().find(|group| folds && is_same(group[0], problem)) {
            Some(group) => group.push(problem),
            None => groups.push(vec![problem]),
        }
    }
    groups
}

/// The first of some problems that are alike, and how many there are.
fn lines(group: &[&Problem]) -> String {
    let problem = group[0];
    let severity = match problem.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let many = match group.len() {
        1 => String::new(),
        count => format!("{count} warnings, each listed by --verbose and --json, the first of "),
    };
    format!(
        "{severity}: {many}{}: {}\n  expected: {}\n  found:    {}\n  fix:      {}\n",
        problem.file.display(),
        problem.field,
        problem.expected,
        problem.found,
        problem.fix
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(severity: Severity, file: &str) -> Problem {
        let (fault, field) = ("text-fields", "text fields".to_string());
        let [scan, expected, found, fix] = ["a", "none", "descrip", "clear them"].map(str::to_string);
        Problem { fault, severity, scan, file: file.into(), field, expected, found, fix }
    }

    #[test]
    fn warnings_of_one_kind_are_told_once_with_their_number_and_errors_each() {
        let [warnings, errors] =
            [Severity::Warning, Severity::Error].map(|of| ["a", "b", "c"].map(|file| problem(of, file)));
        let told = |problems: &[Problem], verbose| {
            groups(problems, verbose).iter().map(|group| lines(group)).collect::<Vec<_>>()
        };
        let folded = told(&warnings, false);
        assert!(
            folded.len() == 1 && folded[0].starts_with("warning: 3 warnings, each listed by --verbose"),
            "{folded:?}"
        );
        assert_eq!([told(&warnings, true).len(), told(&errors, false).len()], [3, 3]);
        assert!(told(&warnings[..1], false)[0].starts_with("warning: a: text fields\n"));
    }
}
