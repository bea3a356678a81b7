//! The check of one scan: its files, their grids, its labels.

use super::content::Contents;
use super::notices::of_notice;
use super::{Finding, Findings, ImageSummary, ScanSummary, Severity};
use crate::labels::values_in_words;
use crate::scan_data::{GRID_FIX, grid_difference};
use crate::{Cohort, LabelTable, ReadOptions, Scan, Target, count_labels};
use lacuna_volume::{Grid, NiftiFile, Notice, Volume, VolumeError, axis_codes, read_label_map, read_volume};
use std::collections::BTreeMap;
use std::path::Path;

/// What a scan is held against.
pub(super) struct Context<'a> {
    pub cohort: &'a Cohort,
    pub table: Option<&'a LabelTable>,
    pub read: &'a ReadOptions,
}

pub(super) fn check(
    context: &Context<'_>,
    scan: &Scan,
    contents: &mut Contents,
    findings: &mut Findings<'_>,
) -> ScanSummary {
    let mut summary =
        ScanSummary { subject: scan.subject.clone(), scan: scan.name.clone(), image: None, label_counts: None };
    let mut scan_grid: Option<(&Path, Grid)> = None;
    for path in &scan.images {
        let Some(file) = opened(read_volume(path, &context.read.limits), path, findings) else { continue };
        check_intensities(&file.image, path, findings);
        contents.check(&file.image, scan, path, findings);
        match &scan_grid {
            None => scan_grid = Some((path, *file.image.grid())),
            Some((first, grid)) => check_grid(context, (first, grid), (path, file.image.grid()), findings),
        }
        summary.image.get_or_insert_with(|| image_summary(&file));
    }
    if let Some(path) = &scan.label
        && let Some(file) = opened(read_label_map(path, &context.read.limits), path, findings)
    {
        if let Some((first, grid)) = &scan_grid {
            check_grid(context, (first, grid), (path, file.image.grid()), findings);
        }
        let counts = count_labels(&file.image);
        check_labels(context, &counts, path, findings);
        summary.label_counts = Some(counts);
    }
    if scan.label.is_none() {
        findings.add(&scan.images[0], no_label());
    }
    summary
}

/// The file, its notices reported; or nothing, its error reported.
fn opened<T>(
    file: Result<NiftiFile<T>, VolumeError>,
    path: &Path,
    findings: &mut Findings<'_>,
) -> Option<NiftiFile<T>> {
    match file {
        Ok(file) => {
            report_notices(&file.notices, path, findings);
            Some(file)
        }
        Err(error) => {
            findings.add(path, unreadable(error));
            None
        }
    }
}

fn report_notices(notices: &[Notice], path: &Path, findings: &mut Findings<'_>) {
    for notice in notices {
        findings.add(path, of_notice(notice));
    }
}

fn unreadable(error: VolumeError) -> Finding {
    let (field, expected, found, fix) = match error {
        VolumeError::Field { field, expected, found, fix, .. } => (field.into(), expected, found, fix.into()),
        other => (
            "file".into(),
            "a readable 3-D NIfTI volume".into(),
            other.to_string(),
            "repair or replace the file, or leave the scan out".into(),
        ),
    };
    Finding { severity: Severity::Error, field, expected, found, fix }
}

fn image_summary(file: &NiftiFile<f32>) -> ImageSummary {
    let affine = &file.image.grid().affine;
    ImageSummary {
        shape: file.image.grid().dims,
        spacing_mm: affine.spacing().0,
        orientation: axis_codes(affine),
        datatype: file.datatype.to_string(),
        range: range(&file.image),
    }
}

fn range(image: &Volume) -> [f32; 2] {
    let widen = |[low, high]: [f32; 2], value: &f32| [low.min(*value), high.max(*value)];
    image.voxels().iter().fold([f32::INFINITY, f32::NEG_INFINITY], widen)
}

fn check_intensities(image: &Volume, path: &Path, findings: &mut Findings<'_>) {
    let [low, high] = range(image);
    if low == high {
        let (field, expected, fix) = ("voxels", "different intensities", "replace the file, or leave the scan out");
        findings.add(path, finding(Severity::Error, field, expected, format!("{low} in every voxel"), fix));
    }
}

fn check_grid(context: &Context<'_>, like: (&Path, &Grid), own: (&Path, &Grid), findings: &mut Findings<'_>) {
    if let Some(difference) = grid_difference(like.1, own.1, context.read.tolerance_mm) {
        let like = super::relative(&context.cohort.root, like.0);
        let expected = format!("{} as in {}", difference.expected, like.display());
        findings.add(own.0, finding(Severity::Error, difference.field, &expected, difference.found, GRID_FIX));
    }
}

fn check_labels(context: &Context<'_>, counts: &BTreeMap<u16, u64>, path: &Path, findings: &mut Findings<'_>) {
    let (known, foreground): (&dyn Fn(u16) -> bool, &dyn Fn(u16) -> bool) =
        match (context.table, &context.cohort.classes_in_file) {
            (Some(table), _) => (
                &|value| table.target(value).is_some(),
                &|value| matches!(table.target(value), Some(Target::Class(class)) if class > 0),
            ),
            (None, Some(listed)) => (&|value| listed.contains_key(&value), &|value| value > 0),
            (None, None) => (&|_| true, &|value| value > 0),
        };
    let outside: BTreeMap<u16, u64> =
        counts.iter().filter(|(value, _)| !known(**value)).map(|(value, count)| (*value, *count)).collect();
    if !outside.is_empty() {
        findings.add(path, outside_table(context, values_in_words(&outside)));
    }
    if !counts.keys().any(|value| foreground(*value)) {
        findings.add(path, no_foreground(values_in_words(counts)));
    }
}

fn outside_table(context: &Context<'_>, found: String) -> Finding {
    let expected = match context.table {
        Some(table) => format!("values of table `{}`", table.name()),
        None => "values that the data set lists".to_string(),
    };
    let fix = "choose another label table, or add the values to your own as a class or as ignored";
    finding(Severity::Error, "label values", &expected, found, fix)
}

fn no_foreground(found: String) -> Finding {
    let fix = "check that the label map belongs to this scan; scores of absent classes are empty, not 0";
    finding(Severity::Warning, "label values", "at least one voxel of a class beside the background", found, fix)
}

fn no_label() -> Finding {
    let fix = "add a label map of the same name, or use the scan for prediction only";
    finding(Severity::Warning, "label map", "one for every scan", "none".into(), fix)
}

fn finding(severity: Severity, field: &str, expected: &str, found: String, fix: &str) -> Finding {
    Finding { severity, field: field.into(), expected: expected.into(), found, fix: fix.into() }
}
