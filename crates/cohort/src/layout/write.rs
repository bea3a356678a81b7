//! A cohort from memory into files of any layout.

use super::{Layout, ScanFiles, ScanName};
use crate::people::SUBJECTS_FILE;
use crate::{CohortError, ScanData, SubjectId, count_labels};
use lacuna_volume::{write_label_map, write_volume};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What holds for all scans of a cohort that is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CohortFacts {
    /// The channels, in the order of every scan's images.
    pub channels: Vec<String>,
    /// What the label values are called, if that is known.
    pub classes: Option<BTreeMap<u16, String>>,
}

/// A scan whose files have been written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenScan {
    /// Whose scan it is.
    pub subject: SubjectId,
    /// The scan's name.
    pub name: String,
    /// Its files, relative to the data set's folder.
    pub files: ScanFiles,
    /// The values that its label map holds.
    pub label_values: BTreeSet<u16>,
}

/// Write scans as files of `layout` into a new or empty `folder`, with a `subjects.tsv`.
///
/// Scans are taken one at a time, so a cohort larger than memory can be written. Scan names
/// become file names. Opened again, the folder gives the same subjects, scans, grids and values.
///
/// A call that fails takes away what it wrote, so that the same call can be made again.
///
/// # Errors
/// [`CohortError::TargetNotEmpty`], [`CohortError::Channels`] if the layout has no place for the
/// channels, [`CohortError::SamePlace`] if its names cannot tell two scans apart, [`CohortError::LabelMissing`] for a scan without labels, and whatever `scans` gives.
pub fn write_cohort(
    layout: &dyn Layout,
    folder: &Path,
    facts: &CohortFacts,
    scans: &mut dyn Iterator<Item = Result<ScanData, CohortError>>,
) -> Result<Vec<WrittenScan>, CohortError> {
    write_cohort_entered(layout, folder, facts, scans, &mut |_, _| Ok(()))
}

/// What is done before the files of a scan are written, which are named relative to the data set's folder.
pub type Entering<'a> = dyn FnMut(&ScanData, &ScanFiles) -> Result<(), CohortError> + 'a;

/// The same, and `enter` is called for each scan before its files are written.
///
/// # Errors
/// Those of [`write_cohort`], and whatever `enter` gives.
pub fn write_cohort_entered(
    layout: &dyn Layout,
    folder: &Path,
    facts: &CohortFacts,
    scans: &mut dyn Iterator<Item = Result<ScanData, CohortError>>,
    enter: &mut Entering<'_>,
) -> Result<Vec<WrittenScan>, CohortError> {
    refuse_occupied(folder)?;
    let mut begun = BTreeSet::new();
    let written = write_all(layout, folder, facts, scans, enter, &mut begun);
    if written.is_err() {
        take_away(folder, &begun);
    }
    written
}

/// `begun` gets every file of a scan before it is written.
fn write_all(
    layout: &dyn Layout,
    folder: &Path,
    facts: &CohortFacts,
    scans: &mut dyn Iterator<Item = Result<ScanData, CohortError>>,
    enter: &mut Entering<'_>,
    begun: &mut BTreeSet<PathBuf>,
) -> Result<Vec<WrittenScan>, CohortError> {
    let mut written = Vec::new();
    for scan in scans {
        let scan = scan?;
        let files = scan_files(layout, folder, facts, &scan)?;
        begun.extend(files.images.iter().chain([&files.label]).map(|file| folder.join(file)));
        enter(&scan, &files)?;
        written.push(write_scan(folder, &scan, files)?);
    }
    let before = files_below(folder);
    let indexed = layout.write_index(folder, facts, &written).and_then(|()| write_subjects(folder, &written));
    if indexed.is_err() {
        begun.extend(files_below(folder).difference(&before).cloned());
    }
    indexed.map(|()| written)
}

/// Every file that can be listed below a folder.
fn files_below(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for path in fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.insert(path);
        }
    }
    files
}

/// Remove the files of a call that failed, what was entered of them, and the folders that are empty then. The call's own
/// error matters more than what cannot be removed.
fn take_away(folder: &Path, files: &BTreeSet<PathBuf>) {
    for file in files {
        let _ = fs::remove_file(file);
    }
    remove_empty(folder);
}

/// Remove a folder and those below it that hold nothing but lacuna's own entries.
fn remove_empty(folder: &Path) {
    for path in fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
        if path.file_name().is_some_and(|name| name != lacuna_disk::OWN_FOLDER) && path.is_dir() && !path.is_symlink() {
            remove_empty(&path);
        }
    }
    if refuse_occupied(folder).is_ok() {
        let _ = fs::remove_dir_all(folder.join(lacuna_disk::OWN_FOLDER));
        let _ = fs::remove_dir(folder);
    }
}

fn refuse_occupied(folder: &Path) -> Result<(), CohortError> {
    let occupies =
        |entry: std::io::Result<fs::DirEntry>| entry.is_ok_and(|entry| entry.file_name() != lacuna_disk::OWN_FOLDER);
    match fs::read_dir(folder).map(|mut entries| entries.any(occupies)) {
        Ok(true) => Err(CohortError::TargetNotEmpty { path: folder.to_path_buf() }),
        _ => Ok(()), // what cannot be listed is created, or fails when it is written to
    }
}

/// Where a scan's files go; nothing lies there yet.
fn scan_files(
    layout: &dyn Layout,
    folder: &Path,
    facts: &CohortFacts,
    scan: &ScanData,
) -> Result<ScanFiles, CohortError> {
    assert_eq!(scan.images.len(), facts.channels.len(), "a scan has one image per channel");
    let files = layout.scan_files(&ScanName { subject: &scan.subject, name: &scan.name }, &facts.channels)?;
    // The folder was empty, so whatever lies there was written for another scan.
    if let Some(taken) = files.images.iter().chain([&files.label]).find(|path| folder.join(path).exists()) {
        return Err(CohortError::SamePlace { path: folder.join(taken), scan: scan.name.clone() });
    }
    Ok(files)
}

fn write_scan(folder: &Path, scan: &ScanData, files: ScanFiles) -> Result<WrittenScan, CohortError> {
    let labels = scan
        .labels
        .as_ref()
        .ok_or_else(|| CohortError::LabelMissing { scan: scan.name.clone(), subject: scan.subject.clone() })?;
    for (image, path) in scan.images.iter().zip(&files.images) {
        write_volume(&folder.join(path), image, scan.header.as_ref())?;
    }
    write_label_map(&folder.join(&files.label), labels, scan.header.as_ref())?;
    let label_values = count_labels(labels).into_keys().collect();
    Ok(WrittenScan { subject: scan.subject.clone(), name: scan.name.clone(), files, label_values })
}

/// What value 0 is called in an index, whatever the data set calls it.
const BACKGROUND: &str = "background";

/// Every label value that occurs or is known by name, with its name or one made of its number, for an index that must
/// list them all.
pub(super) fn every_value(facts: &CohortFacts, scans: &[WrittenScan]) -> BTreeMap<u16, String> {
    let mut names = facts.classes.clone().unwrap_or_default();
    for value in scans.iter().flat_map(|scan| &scan.label_values) {
        names.entry(*value).or_insert_with(|| format!("label_{value}"));
    }
    names.insert(0, BACKGROUND.to_string());
    names
}

fn write_subjects(folder: &Path, scans: &[WrittenScan]) -> Result<(), CohortError> {
    let folders = scans.iter().any(|scan| scan.files.folder.is_some());
    let mut text = String::from(if folders { "scan\tsubject\tfolder\n" } else { "scan\tsubject\n" });
    for scan in scans {
        text.push_str(&format!("{}\t{}", scan.name, scan.subject));
        if let Some(folder) = &scan.files.folder {
            text.push_str(&format!("\t{}", folder.display()));
        }
        text.push('\n');
    }
    Ok(lacuna_disk::write_bytes(&folder.join(SUBJECTS_FILE), text.as_bytes())?)
}

#[cfg(test)]
mod tests;
