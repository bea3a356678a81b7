use super::data_set::{DIMS, DataSet};
use super::*;
use crate::LayoutOptions;
use std::collections::BTreeSet;

#[track_caller]
fn check_one_problem(data: &DataSet, severity: Severity, file: &str, field: &str, found: &str) {
    let report = data.checked();
    let [problem] = &report.problems[..] else { panic!("one problem expected: {:#?}", report.problems) };
    assert_eq!((problem.severity, problem.file.to_str().unwrap(), problem.field.as_str()), (severity, file, field));
    assert!(problem.found.contains(found), "{problem:?}");
    assert!(!problem.expected.is_empty() && !problem.fix.is_empty());
}

#[test]
fn a_sound_cohort_has_summaries_and_no_problem() {
    let report = DataSet::new().scan("a", 0.0, 1).scan("b", 1.0, 2).checked();
    assert_eq!(report.problems, []);
    assert!(!report.has_errors());
    assert_eq!(report.subject_count(), 2);
    let image = report.scans[1].image.as_ref().unwrap();
    assert_eq!((image.shape, image.spacing_mm, image.orientation.as_str()), (DIMS, [1.0; 3], "RAS"));
    assert_eq!(image.datatype, "float32");
    assert_eq!(image.range, [1.0, 60.0]);
    assert_eq!(report.scans[1].label_counts, Some(BTreeMap::from([(0, 59), (2, 1)])));
}

#[test]
fn a_volume_that_an_index_does_not_name_is_passed_over() {
    let data = DataSet::sound().image("a_2", 2.0, 1.0).declaring(2);
    check_one_problem(
        &data,
        Severity::Warning,
        "images/a_2.nii.gz",
        "file",
        "a volume that dataset.json does not name",
    );
    // It begins with another one's name and yet is not of that one's series.
    let data = data.patch("images", "a", &[(76, &(-1f32).to_le_bytes())]);
    let problems = data.checked().problems;
    assert!(problems.iter().all(|problem| !problem.found.contains("beside it lies")), "{problems:#?}");
}

#[test]
fn a_report_is_plain_json() {
    let json = serde_json::to_value(DataSet::new().scan("a", 0.0, 11).checked()).unwrap();
    assert_eq!(json["scans"][0]["label_counts"]["11"], 1);
    assert_eq!(json["problems"][0]["severity"], "error");
}

#[test]
fn a_label_of_another_shape_is_an_error() {
    let data = DataSet::new().image("a", 0.0, 1.0).label("a", [3, 4, 6], 1);
    check_one_problem(&data, Severity::Error, "labels/a.nii.gz", "shape", "[3, 4, 6] voxels");
}

#[test]
fn a_label_of_another_spacing_is_an_error() {
    let data = DataSet::new().image("a", 0.0, 2.0).label("a", DIMS, 1);
    check_one_problem(&data, Severity::Error, "labels/a.nii.gz", "spacing", "1.0000 x 1.0000 x 1.0000 mm");
}

#[test]
fn a_value_outside_the_table_is_an_error_with_its_count() {
    let data = DataSet::new().scan("a", 0.0, 1).label("a", DIMS, 77);
    let problems = data.checked().problems;
    assert_eq!(problems[0].found, "77 (1 voxel)");
    assert_eq!(problems[0].severity, Severity::Error);
}

#[test]
fn an_empty_label_map_is_a_warning() {
    let data = DataSet::new().scan("a", 0.0, 0);
    check_one_problem(&data, Severity::Warning, "labels/a.nii.gz", "label values", "0 (60 voxels)");
}

#[test]
fn a_missing_label_map_is_a_warning() {
    let data = DataSet::new().scan("a", 0.0, 1).image("b", 1.0, 1.0);
    check_one_problem(&data, Severity::Warning, "images/b.nii.gz", "label map", "none");
}

#[test]
fn a_broken_file_is_an_error_and_the_others_are_still_checked() {
    let data = DataSet::new().scan("a", 0.0, 1).scan("b", 1.0, 1);
    lacuna_disk::write_bytes(&data.path("images", "a"), b"not gzip").unwrap();
    check_one_problem(&data, Severity::Error, "images/a.nii.gz", "file", "a.nii.gz");
    let report = data.checked();
    assert_eq!(report.scans[0].image, None);
    assert!(report.scans[1].image.is_some());
}

#[test]
fn a_file_that_a_list_names_and_nobody_has_is_an_error() {
    let data = DataSet::new().scan("a", 0.0, 1);
    let list = data.folder.path().join("train.txt");
    lacuna_disk::write_bytes(&list, b"images/a.nii.gz labels/gone.nii.gz\n").unwrap();
    let cohort = Cohort::open(&list, &LayoutOptions::default()).unwrap();
    let report = check(&cohort, None, &ReadOptions::default());
    assert_eq!(report.problems[0].file, Path::new("labels/gone.nii.gz"));
    assert!(report.has_errors());
}

#[test]
fn one_image_of_two_people_is_an_error() {
    let data = DataSet::new().scan("a", 0.0, 1).scan("b", 0.0, 1);
    check_one_problem(&data, Severity::Error, "images/b.nii.gz", "content", "images/a.nii.gz, which is of subject a");
}

#[test]
fn one_image_twice_of_one_person_is_a_warning() {
    let data = DataSet::new().scan("a", 0.0, 1).scan("b", 0.0, 1);
    let table = data.folder.path().join(crate::SUBJECTS_FILE);
    lacuna_disk::write_bytes(&table, b"scan\tsubject\na\tanna\nb\tanna\n").unwrap();
    check_one_problem(&data, Severity::Warning, "images/b.nii.gz", "content", "the voxels of images/a.nii.gz");
}

#[test]
fn a_sound_cohort_has_no_fault_and_each_planted_one_is_found_alone() {
    assert_eq!(DataSet::sound().checked().problems, []);
    for fault in FAULTS {
        let report = (fault.plant)(DataSet::sound()).checked();
        let found: BTreeSet<&str> = report.problems.iter().map(|problem| problem.fault).collect();
        assert_eq!(found, BTreeSet::from([fault.name]), "{:#?}", report.problems);
        for problem in &report.problems {
            let told = [&problem.field, &problem.expected, &problem.found, &problem.fix];
            assert!(told.iter().all(|text| !text.is_empty()), "{problem:?}");
            assert!(!problem.fix.ends_with('.') && problem.found != problem.expected, "{problem:?}");
        }
    }
}

#[test]
fn faults_have_names_of_their_own() {
    let names: BTreeSet<&str> = faults().map(|fault| fault.name).collect();
    assert_eq!(names.len(), FAULTS.len());
}

#[test]
fn text_that_may_name_a_person_is_told_by_field_and_never_by_content() {
    let data = DataSet::sound().patch("images", "a", &[(148, b"Erika Mustermann")]);
    check_one_problem(&data, Severity::Warning, "images/a.nii", "text fields", "descrip");
    assert!(!format!("{:?}", data.checked()).contains("Erika"));
}

#[test]
fn a_qform_elsewhere_is_told_with_both_places() {
    let patches: [(usize, &[u8]); 3] = [(252, &1i16.to_le_bytes()), (256, &[0; 12]), (268, &9f32.to_le_bytes())];
    let data = DataSet::sound().patch("images", "a", &patches);
    check_one_problem(&data, Severity::Warning, "images/a.nii", "qform", "RAS from (9.000, 0.000, 0.000), 9.000 mm");
    assert_eq!(data.checked().problems[0].expected, "the sform's RAS from (0.000, 0.000, 0.000)");
}

#[test]
fn programs_that_see_the_files_of_a_scan_at_other_places_are_named() {
    // A qform 9 mm away beside an sform of code 2, which ITK passes over for it.
    let qform: [(usize, &[u8]); 3] = [(252, &1i16.to_le_bytes()), (256, &[0; 12]), (268, &9f32.to_le_bytes())];
    let image_alone = DataSet::sound().patch("images", "a", &qform).checked();
    assert!(image_alone.problems[0].found.ends_with("sees them 9.000 mm apart"), "{:?}", image_alone.problems);
    let both = DataSet::sound().patch_both("a", &qform).checked();
    assert!(!both.problems[0].found.contains("ITK"), "{:?}", both.problems);
    // The label map written by ITK at the place of the image's qform.
    let by_itk = DataSet::sound().shifted_label("a", 9.0).patch("images", "a", &qform).checked();
    let error = by_itk.problems.iter().find(|problem| problem.severity == Severity::Error).unwrap();
    assert!(error.found.contains("9.0000 mm apart; so nibabel") && error.found.ends_with("at one place"), "{error:?}");
}

#[test]
fn a_tilted_series_is_told_with_its_files_and_the_truth() {
    // As dcm2niix writes an uncorrected tilt: the sform sheared, the qform not, `_Tilt_1` beside it.
    let sheared: [(usize, &[u8]); 3] = [(252, &1i16.to_le_bytes()), (256, &[0; 24]), (288, &0.3f32.to_le_bytes())];
    let data = DataSet::sound().patch("images", "a", &sheared).scan("a_Tilt_1", 5.0, 1);
    std::fs::remove_file(data.path("labels", "a_Tilt_1")).unwrap();
    let problems = data.checked().problems;
    let told = problems.iter().find(|problem| problem.fault == "sheared-sform").unwrap();
    assert!(told.found.contains("the qform puts voxels up to 1.200 mm away"), "{told:?}");
    assert!(told.found.contains("beside it lies a_Tilt_1") && told.fix.contains("in the DICOM files"), "{told:?}");
    assert!(problems.iter().any(|problem| problem.fault == "passed-over" && problem.scan.is_empty()));
}

#[test]
fn one_image_in_two_channels_is_told_too() {
    let data = DataSet::new();
    let image = |channel: &str| data.folder.path().join("images").join(channel).join("a.nii");
    let grid = lacuna_volume::Grid::axis_aligned(DIMS, lacuna_volume::SpacingMm([1.0; 3]));
    let volume = lacuna_volume::Volume::new(grid, (0..grid.len()).map(|n| n as f32).collect());
    for channel in ["T1", "T2"] {
        lacuna_volume::write_volume(&image(channel), &volume, None).unwrap();
    }
    let data = data.label("a", DIMS, 1);
    check_one_problem(&data, Severity::Warning, "images/T2/a.nii", "content", "the voxels of images/T1/a.nii");
}
