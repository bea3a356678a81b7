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
        let files = place(layout, folder, facts, &scan)?;
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
    let mut folders = BTreeSet::from([folder.to_path_buf()]);
    for file in files {
        let _ = fs::remove_file(file);
        folders.extend(file.ancestors().skip(1).take_while(|above| above.starts_with(folder)).map(Path::to_path_buf));
    }
    // The deepest first.
    for below in folders.iter().rev() {
        let _ = fs::remove_dir_all(below.join(lacuna_disk::OWN_FOLDER));
        let _ = fs::remove_dir(below);
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
fn place(layout: &dyn Layout, folder: &Path, facts: &CohortFacts, scan: &ScanData) -> Result<ScanFiles, CohortError> {
    assert_eq!(scan.images.len(), facts.channels.len(), "a scan has one image per channel");
    let files = layout.place(&ScanName { subject: &scan.subject, name: &scan.name }, &facts.channels)?;
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
mod tests {
    use super::*;
    use crate::layout::LAYOUTS;
    use crate::{Cohort, LayoutOptions, ReadOptions, load};
    use lacuna_volume::{Grid, LabelMap, SpacingMm, Volume};

    /// A person's scan on a small anisotropic grid; `number` makes it differ from the others.
    fn scan(subject: &str, name: &str, number: usize, channels: usize) -> ScanData {
        let grid = Grid::axis_aligned([4, 3, 2], SpacingMm([0.958, 0.958, 3.0]));
        let voxels = |channel: usize| (0..grid.len()).map(|n| (n + 100 * number + 1000 * channel) as f32).collect();
        ScanData {
            subject: SubjectId::new(subject).unwrap(),
            name: name.to_string(),
            images: (0..channels).map(|channel| Volume::new(grid, voxels(channel))).collect(),
            labels: Some(LabelMap::new(grid, (0..grid.len()).map(|n| (n % 9) as u16).collect())),
            header: None,
            notices: Vec::new(),
        }
    }

    fn facts(channels: &[&str]) -> CohortFacts {
        let classes = BTreeMap::from([(0, "background".to_string()), (1, "grey matter".to_string())]);
        CohortFacts { channels: channels.iter().map(|name| name.to_string()).collect(), classes: Some(classes) }
    }

    fn write(layout: &dyn Layout, folder: &Path, facts: &CohortFacts, scans: &[ScanData]) -> Result<(), CohortError> {
        write_cohort(layout, folder, facts, &mut scans.iter().cloned().map(Ok)).map(|_| ())
    }

    /// Everything but the header, which memory lacks.
    fn check_same(read: ScanData, written: &ScanData) {
        assert_eq!((&read.subject, &read.name), (&written.subject, &written.name));
        assert_eq!(read.notices, []);
        let spacing_error_mm = read.images[0].grid().distance_mm(written.images[0].grid());
        assert!(spacing_error_mm < 1e-5, "affines are kept in 32 bits: {spacing_error_mm} mm");
        for (read, written) in read.images.iter().zip(&written.images) {
            assert_eq!(read.voxels(), written.voxels());
        }
        assert_eq!(read.labels.unwrap().voxels(), written.labels.as_ref().unwrap().voxels());
    }

    #[track_caller]
    fn check_round_trip(layout: &dyn Layout, channels: &[&str], options: &LayoutOptions) -> Cohort {
        let folder = tempfile::tempdir().unwrap();
        let scans: Vec<ScanData> = [("anna", "x1"), ("anna", "x2"), ("ben", "x0")]
            .into_iter()
            .enumerate()
            .map(|(number, (subject, name))| scan(subject, name, number, channels.len()))
            .collect();
        write(layout, folder.path(), &facts(channels), &scans).unwrap();
        let cohort = Cohort::open(folder.path(), options).unwrap();
        assert_eq!(cohort.layout, layout.name(), "a written cohort is recognised, and by no other layout");
        for (listed, written) in cohort.scans().iter().zip(&scans) {
            check_same(load(listed, &ReadOptions::default()).unwrap(), written);
        }
        assert_eq!(cohort.scans().len(), scans.len());
        cohort
    }

    #[test]
    fn every_layout_reads_back_what_it_wrote() {
        for layout in LAYOUTS {
            check_round_trip(*layout, &["T1"], &LayoutOptions::default());
        }
    }

    #[test]
    fn a_decathlon_index_keeps_the_names_of_classes_and_channel() {
        let cohort = check_round_trip(&crate::layout::Msd, &["T1"], &LayoutOptions::default());
        assert_eq!(cohort.classes_in_file, facts(&[]).classes);
        assert_eq!(cohort.channels, ["T1"]);
    }

    #[test]
    fn layouts_with_several_channels_keep_them_and_the_others_say_so() {
        let channels = ["T1", "IR", "FLAIR"];
        let asked = |names: [&str; 3]| LayoutOptions {
            channels: Some(names.map(String::from).to_vec()),
            ..LayoutOptions::default()
        };
        check_round_trip(&crate::layout::Plain, &channels, &asked(channels));
        check_round_trip(&crate::layout::Mrbrains, &channels, &asked(["reg_T1", "reg_IR", "FLAIR"]));
        check_round_trip(&crate::layout::Nnunet, &channels, &LayoutOptions::default());
        check_round_trip(&crate::layout::Bids, &channels, &asked(["T1w", "acq-IR_T1w", "FLAIR"]));
        for layout in [&crate::layout::MedicalnetList as &dyn Layout, &crate::layout::Msd] {
            let folder = tempfile::tempdir().unwrap();
            let error = write(layout, folder.path(), &facts(&channels), &[scan("a", "a", 0, 3)]).unwrap_err();
            assert!(
                error.is_config() && error.to_string().contains("expected one channel, found T1, IR, FLAIR"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_cohort_read_in_one_layout_and_written_in_another_keeps_its_headers() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(&crate::layout::Plain, first.path(), &facts(&["T1"]), &[scan("anna", "x", 0, 1)]).unwrap();
        let loaded = |folder: &Path| {
            let cohort = Cohort::open(folder, &LayoutOptions::default()).unwrap();
            load(&cohort.scans()[0], &ReadOptions::default()).unwrap()
        };
        let original = loaded(first.path());
        write(&crate::layout::Mrbrains, second.path(), &facts(&["T1"]), std::slice::from_ref(&original)).unwrap();
        assert_eq!(loaded(second.path()), original);
    }

    #[test]
    fn every_label_value_has_a_name_in_an_nnunet_index() {
        let cohort = check_round_trip(&crate::layout::Nnunet, &["T1"], &LayoutOptions::default());
        let classes: Vec<String> = cohort.classes_in_file.unwrap().into_values().collect();
        assert_eq!(classes[..3], ["background", "grey matter", "label_2"]);
        assert_eq!(classes.len(), 9);
        assert_eq!(cohort.scans_declared, Some(3));
    }

    #[test]
    fn a_bids_data_set_keeps_the_names_of_values() {
        let cohort = check_round_trip(&crate::layout::Bids, &["T1"], &LayoutOptions::default());
        assert_eq!(cohort.classes_in_file, facts(&[]).classes);
    }

    #[test]
    fn two_scans_that_a_layout_cannot_tell_apart_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let scans = [scan("a-b", "a-b", 0, 1), scan("ab", "ab", 1, 1)];
        let error = write(&crate::layout::Bids, folder.path(), &facts(&["T1"]), &scans).unwrap_err();
        assert!(error.is_config() && error.to_string().contains("when scan `ab` comes"), "{error}");
    }

    #[test]
    fn an_occupied_folder_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        lacuna_disk::write_bytes(&folder.path().join("thesis.tex"), b"").unwrap();
        let error = write(&crate::layout::Plain, folder.path(), &facts(&["T1"]), &[scan("a", "a", 0, 1)]).unwrap_err();
        assert!(matches!(error, CohortError::TargetNotEmpty { .. }));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_call_that_fails_leaves_nothing_and_can_be_made_again_in_every_layout() {
        for layout in LAYOUTS {
            let parent = tempfile::tempdir().unwrap();
            let folder = parent.path().join("new");
            let good = [scan("anna", "x1", 0, 1), scan("ben", "x2", 1, 1)];
            let broken = ScanData { labels: None, ..scan("carl", "x3", 2, 1) };
            let mut scans = good.iter().cloned().chain([broken]).map(Ok);
            let mut entered = 0;
            let enter = &mut |_: &ScanData, files: &ScanFiles| {
                entered += 1;
                let beside = folder.join(&files.images[0]).with_file_name(lacuna_disk::OWN_FOLDER);
                Ok(lacuna_disk::write_bytes(&beside.join("entry"), b"")?)
            };
            write_cohort_entered(*layout, &folder, &facts(&["T1"]), &mut scans, enter).unwrap_err();
            assert_eq!(entered, 3);
            let left: Vec<_> = fs::read_dir(parent.path()).unwrap().collect();
            assert!(left.is_empty(), "{}: {left:?}", layout.name());
            write(*layout, &folder, &facts(&["T1"]), &good).unwrap();
        }
    }

    #[test]
    fn a_scan_without_labels_is_not_written_as_if_it_had_some() {
        let folder = tempfile::tempdir().unwrap();
        let unlabelled = ScanData { labels: None, ..scan("a", "a", 0, 1) };
        let error =
            write(&crate::layout::Plain, &folder.path().join("new"), &facts(&["T1"]), &[unlabelled]).unwrap_err();
        assert!(matches!(error, CohortError::LabelMissing { .. }));
    }
}
