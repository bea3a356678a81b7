use super::*;
use crate::LayoutOptions;
use lacuna_volume::{Grid, LabelMap, SpacingMm, Volume, write_label_map, write_volume};

const DIMS: [usize; 3] = [3, 4, 5];

/// A plain data set in a folder of its own.
struct DataSet {
    folder: tempfile::TempDir,
}

impl DataSet {
    fn new() -> DataSet {
        DataSet { folder: tempfile::tempdir().unwrap() }
    }

    fn scan(self, name: &str, first_intensity: f32, labels: u16) -> DataSet {
        self.image(name, first_intensity, 1.0).label(name, DIMS, labels)
    }

    fn image(self, name: &str, first_intensity: f32, spacing_mm: f64) -> DataSet {
        let grid = Grid::axis_aligned(DIMS, SpacingMm([spacing_mm; 3]));
        let voxels = (0..grid.len()).map(|n| first_intensity + n as f32).collect();
        write_volume(&self.path("images", name), &Volume::new(grid, voxels), None).unwrap();
        self
    }

    fn label(self, name: &str, dims: [usize; 3], value: u16) -> DataSet {
        let grid = Grid::axis_aligned(dims, SpacingMm([1.0; 3]));
        let mut voxels = vec![0; grid.len()];
        voxels[0] = value;
        write_label_map(&self.path("labels", name), &LabelMap::new(grid, voxels), None).unwrap();
        self
    }

    fn path(&self, kind: &str, name: &str) -> PathBuf {
        self.folder.path().join(kind).join(format!("{name}.nii.gz"))
    }

    fn checked(&self) -> CheckReport {
        let cohort = Cohort::open(self.folder.path(), &LayoutOptions::default()).unwrap();
        let table = LabelTable::built_in("brain", None).unwrap();
        check(&cohort, Some(&table), &ReadOptions::default())
    }
}

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
fn a_constant_image_is_an_error() {
    let data = DataSet::new().scan("a", 0.0, 1);
    let grid = Grid::axis_aligned(DIMS, SpacingMm([1.0; 3]));
    write_volume(&data.path("images", "a"), &Volume::new(grid, vec![5.0; grid.len()]), None).unwrap();
    check_one_problem(&data, Severity::Error, "images/a.nii.gz", "voxels", "5 in every voxel");
}

/// Set bytes of an uncompressed NIfTI-1 header.
fn patched(name: &str, patches: &[(usize, &[u8])]) -> DataSet {
    let data = DataSet::new().scan(name, 0.0, 1);
    let grid = Grid::axis_aligned(DIMS, SpacingMm([1.0; 3]));
    let voxels = (0..grid.len()).map(|n| n as f32).collect();
    std::fs::remove_file(data.path("images", name)).unwrap();
    let path = data.folder.path().join("images").join(format!("{name}.nii"));
    write_volume(&path, &Volume::new(grid, voxels), None).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    for (at, patch) in patches {
        bytes[*at..*at + patch.len()].copy_from_slice(patch);
    }
    std::fs::write(&path, bytes).unwrap();
    data
}

#[test]
fn a_nan_slope_is_a_warning() {
    // scl_slope is the float at byte 112.
    let data = patched("a", &[(112, &f32::NAN.to_le_bytes())]);
    check_one_problem(&data, Severity::Warning, "images/a.nii", "scl_slope", "NaN");
}

#[test]
fn text_that_may_name_a_person_is_told_by_field_and_never_by_content() {
    // descrip is the 80 bytes from 148 on.
    let data = patched("a", &[(148, b"Erika Mustermann")]);
    check_one_problem(&data, Severity::Warning, "images/a.nii", "text fields", "descrip");
    assert!(!format!("{:?}", data.checked()).contains("Erika"));
}

#[test]
fn a_qform_elsewhere_than_the_sform_is_a_warning() {
    // qform_code is the 16-bit number at byte 252, quatern_b at 256, qoffset_x at 268.
    let data = patched("a", &[(252, &1i16.to_le_bytes()), (256, &[0; 12]), (268, &9f32.to_le_bytes())]);
    check_one_problem(&data, Severity::Warning, "images/a.nii", "qform", "differ by 9.000 mm");
}

#[test]
fn a_sheared_sform_is_a_warning() {
    // srow_x is the four floats from byte 280 on; its second is the shear of j into x. The label
    // map would lie elsewhere too, so it is the only image here.
    let data = patched("a", &[(284, &0.5f32.to_le_bytes())]);
    std::fs::remove_file(data.path("labels", "a")).unwrap();
    let problems = data.checked().problems;
    assert!(
        problems.iter().any(|problem| problem.field == "sform" && problem.severity == Severity::Warning),
        "{problems:#?}"
    );
}
