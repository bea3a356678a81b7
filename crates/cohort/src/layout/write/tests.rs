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
    let classes: Vec<String> = cohort.classes_in_file.unwrap().into_values().collect();
    assert_eq!((&classes[..3], classes.len()), (&["background", "grey matter", "label_2"].map(String::from)[..], 9));
    assert_eq!(cohort.channels, ["T1"]);
}

#[test]
fn a_decathlon_data_set_is_what_nnunets_converter_takes() {
    // nnunetv2 2.8.1 asserts the folder of test images and reads `labels` whether or not classes have names.
    let folder = tempfile::tempdir().unwrap();
    let unnamed = CohortFacts { classes: None, ..facts(&["T1"]) };
    write(&crate::layout::Msd, folder.path(), &unnamed, &[scan("anna", "x", 0, 1)]).unwrap();
    assert!(folder.path().join("imagesTs").is_dir());
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("dataset.json")).unwrap()).unwrap();
    assert_eq!((&index["labels"]["0"], &index["labels"]["8"]), (&"background".into(), &"label_8".into()));
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
fn a_bids_data_set_and_its_derivative_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let scans = [scan("anna", "anna", 0, 1), scan("ben", "ben", 1, 1)];
    write(&crate::layout::Bids, folder.path(), &facts(&["T1"]), &scans).unwrap();
    let files: Vec<String> = files_below(folder.path())
        .iter()
        .map(|file| file.strip_prefix(folder.path()).unwrap().display().to_string())
        .collect();
    let expected = [
        ".bidsignore",
        "README",
        "dataset_description.json",
        "derivatives/labels/dataset_description.json",
        "derivatives/labels/dseg.tsv",
        "derivatives/labels/sub-anna/anat/sub-anna_dseg.nii.gz",
        "derivatives/labels/sub-ben/anat/sub-ben_dseg.nii.gz",
        "participants.tsv",
        "sub-anna/anat/sub-anna_T1w.nii.gz",
        "sub-ben/anat/sub-ben_T1w.nii.gz",
        "subjects.tsv",
    ];
    assert_eq!(files, expected);
    // bids-validator 3.0.2 passes a derivative's folder over without a word where it lacks its description.
    for (file, kind) in [(expected[2], "raw"), (expected[3], "derivative")] {
        let text = fs::read(folder.path().join(file)).unwrap();
        let description: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(description["DatasetType"], kind);
    }
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
    let error = write(&crate::layout::Plain, &folder.path().join("new"), &facts(&["T1"]), &[unlabelled]).unwrap_err();
    assert!(matches!(error, CohortError::LabelMissing { .. }));
}
