//! Everything that can be reported about a cohort's files before any work is done with them.
//!
//! A check goes on after a problem, so that a user sees all of them at once; each names the
//! file, the field, what was expected, what was found, and the fix. Of text fields that may
//! hold a person's name only the fields' names are reported, never their content.
//!
//! Each thing that can be wrong is one file of [`fault`] and one entry of its list; `seen` is what
//! all of them look at.

#[cfg(test)]
mod data_set;
mod fault;
mod seen;

pub use fault::{FaultInfo, faults};

use crate::scan_data::TOLERANCE_MM;
use crate::{Cohort, LabelTable, ReadOptions, SubjectId};
use fault::FAULTS;
use seen::{Contents, Seen};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckReport {
    /// The name of the cohort's layout.
    pub layout: &'static str,
    /// The input channels.
    pub channels: Vec<String>,
    /// The label table that the values were held against, if any.
    pub table: Option<String>,
    /// How far grids might lie apart and count as one, in millimetres.
    pub tolerance_mm: f64,
    /// Every scan, ordered by subject and then by name.
    pub scans: Vec<ScanSummary>,
    /// Every problem, in the order of the scans.
    pub problems: Vec<Problem>,
}

/// One scan in a few words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScanSummary {
    /// Whose scan it is.
    pub subject: SubjectId,
    /// The scan's name.
    pub scan: String,
    /// The first channel's image; `None` if it could not be read.
    pub image: Option<ImageSummary>,
    /// Voxels per label value; `None` without a label map or if it could not be read.
    pub label_counts: Option<BTreeMap<u16, u64>>,
}

/// An image in a few words.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageSummary {
    /// Voxels along i, j and k.
    pub shape: [usize; 3],
    /// Distance between neighbouring voxels along i, j and k, in millimetres.
    pub spacing_mm: [f64; 3],
    /// Where i, j and k lead, for example `RAS`.
    pub orientation: String,
    /// How the file stores a voxel, for example `uint16`.
    pub datatype: String,
    /// The smallest and the largest intensity.
    pub range: [f32; 2],
}

/// Something wrong or odd about a file, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The name of the fault that it is.
    pub fault: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The scan's name; empty for what is of the data set as a whole.
    pub scan: String,
    /// The file, relative to the cohort's folder where it lies below it.
    #[serde(serialize_with = "lacuna_artefacts::portable::path")]
    pub file: PathBuf,
    /// The header field, or the aspect of the file.
    pub field: String,
    /// What should have been found.
    pub expected: String,
    /// The observation, in words.
    pub found: String,
    /// The action that removes the problem.
    pub fix: String,
}

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The scan can be used; someone should know.
    Warning,
    /// The scan cannot be used, or results with it would be wrong.
    Error,
}

impl CheckReport {
    /// Whether any problem is an error.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// The number of different people.
    pub fn subject_count(&self) -> usize {
        self.scans.chunk_by(|a, b| a.subject == b.subject).count()
    }
}

/// Read every file of the cohort and tell what is wrong.
///
/// Label values are held against `table`, else against the data set's own list if it has one.
/// One scan at a time is in memory.
pub fn check(cohort: &Cohort, table: Option<&LabelTable>, read: &ReadOptions) -> CheckReport {
    let mut report = CheckReport {
        layout: cohort.layout,
        channels: cohort.channels.clone(),
        table: table.map(|table| table.name().to_string()),
        tolerance_mm: read.tolerance_mm.unwrap_or(TOLERANCE_MM),
        scans: Vec::new(),
        problems: Vec::new(),
    };
    let mut earlier = Contents::default();
    for number in 0..cohort.scans().len() {
        let seen = Seen::read(cohort, table, read, &earlier, number);
        for fault in FAULTS {
            let problems = &mut report.problems;
            (fault.look)(
                &seen,
                &mut Findings { fault: fault.name, root: &cohort.root, scan: &seen.scan.name, problems },
            );
        }
        report.scans.push(seen.summary());
        let contents = seen.contents();
        drop(seen);
        earlier.extend(contents);
    }
    report
}

/// Where the problems of one scan that are one fault are collected.
struct Findings<'a> {
    fault: &'static str,
    root: &'a Path,
    scan: &'a str,
    problems: &'a mut Vec<Problem>,
}

/// What was found about a field, and what to do about it.
struct Finding {
    severity: Severity,
    field: &'static str,
    expected: String,
    found: String,
    fix: String,
}

impl Findings<'_> {
    /// Of a file of the scan.
    fn add(&mut self, file: &Path, finding: Finding) {
        self.add_of(self.scan.to_string(), file, finding);
    }

    /// Of the data set as a whole.
    fn add_of_data_set(&mut self, file: &Path, finding: Finding) {
        self.add_of(String::new(), file, finding);
    }

    fn add_of(&mut self, scan: String, file: &Path, finding: Finding) {
        let Finding { severity, field, expected, found, fix } = finding;
        self.problems.push(Problem {
            fault: self.fault,
            severity,
            scan,
            file: relative(self.root, file),
            field: field.to_string(),
            expected,
            found,
            fix,
        });
    }
}

fn relative(root: &Path, file: &Path) -> PathBuf {
    file.strip_prefix(root).unwrap_or(file).to_path_buf()
}

#[cfg(test)]
mod tests;
