use super::*;
use crate::{Cohort, SubjectId};
use std::path::PathBuf;

/// A BIDS data set of empty files: nothing here opens an image.
fn data(files: &[&str]) -> tempfile::TempDir {
    let folder = crate::layout::folder_of(files);
    lacuna_disk::write_bytes(&folder.path().join(DESCRIPTION), b"{}").unwrap();
    folder
}

fn open(folder: &tempfile::TempDir, channels: &[&str], derivative: Option<&str>) -> Result<Cohort, CohortError> {
    let channels = (!channels.is_empty()).then(|| channels.iter().map(|name| name.to_string()).collect());
    let derivative = derivative.map(str::to_string);
    Cohort::open(folder.path(), &LayoutOptions { channels, derivative, ..LayoutOptions::default() })
}

const TWO_SESSIONS: [&str; 5] = [
    "sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz",
    "sub-01/ses-b/anat/sub-01_ses-b_T1w.nii.gz",
    "sub-01/ses-b/anat/sub-01_ses-b_acq-long_FLAIR.nii.gz",
    "sub-02/anat/sub-02_T1w.nii",
    "sub-02/func/sub-02_task-rest_bold.nii.gz",
];

#[test]
fn subjects_are_people_and_sessions_are_their_scans() {
    let cohort = open(&data(&TWO_SESSIONS), &[], None).unwrap();
    let found: Vec<_> = cohort.scans().iter().map(|scan| (scan.subject.as_str(), scan.name.as_str())).collect();
    assert_eq!(found, [("01", "sub-01_ses-a"), ("01", "sub-01_ses-b"), ("02", "sub-02")]);
    assert_eq!((cohort.layout, &cohort.channels[..]), ("bids", &["T1w".to_string()][..]));
    assert!(cohort.scans().iter().all(|scan| scan.label.is_none()));
}

#[test]
fn a_channel_is_all_that_follows_the_session_and_a_missing_one_is_listed_to_be_reported() {
    let folder = data(&TWO_SESSIONS);
    let cohort = open(&folder, &["acq-long_FLAIR", "T1"], None).unwrap();
    assert_eq!(cohort.channels, ["acq-long_FLAIR", "T1w"]);
    assert!(cohort.scans()[0].images[0].ends_with("sub-01/ses-a/anat/sub-01_ses-a_acq-long_FLAIR.nii.gz"));
    assert!(cohort.scans()[1].images[0].is_file());
    let message = open(&folder, &["T2w"], None).unwrap_err().to_string();
    assert!(message.contains("some of T1w, acq-long_FLAIR, found T2w"), "{message}");
    let without_t1 = data(&["sub-1/anat/sub-1_T2w.nii", "sub-1/anat/sub-1_FLAIR.nii"]);
    let message = open(&without_t1, &[], None).unwrap_err().to_string();
    assert!(message.contains("found FLAIR, T2w; fix: choose with --channels"), "{message}");
}

#[test]
fn the_only_segmentation_is_taken_and_of_several_the_one_asked_for() {
    let manual = "derivatives/manual/sub-01/ses-b/anat/sub-01_ses-b_dseg.nii.gz";
    let automatic = [
        "derivatives/fast/sub-01/ses-b/anat/sub-01_ses-b_desc-tissue_dseg.nii.gz",
        "derivatives/fast/sub-02/anat/sub-02_desc-tissue_dseg.nii.gz",
        "derivatives/fast/sub-02/anat/sub-02_desc-brain_mask.nii.gz",
    ];
    let only = open(&data(&[&TWO_SESSIONS[..], &[manual]].concat()), &[], None).unwrap();
    let labelled: Vec<bool> = only.scans().iter().map(|scan| scan.label.is_some()).collect();
    assert_eq!(labelled, [false, true, false]);

    let both = data(&[&TWO_SESSIONS[..], &[manual], &automatic[..]].concat());
    let message = open(&both, &[], None).unwrap_err().to_string();
    assert!(
        message.contains("one of fast/desc-tissue, manual, found several; fix: choose with --derivative"),
        "{message}"
    );
    let asked = |derivative| open(&both, &[], Some(derivative)).unwrap().scans()[2].label.is_some();
    assert!(asked("fast") && asked("fast/desc-tissue") && !asked("manual"));
    assert!(open(&both, &[], Some("slow")).unwrap_err().is_config());
}

const TWO_RUNS: [&str; 4] = [
    "sub-01/anat/sub-01_run-1_T1w.nii.gz",
    "sub-01/anat/sub-01_run-2_T1w.nii.gz",
    "sub-02/anat/sub-02_run-1_T1w.nii.gz",
    "sub-02/anat/sub-02_run-2_T1w.nii.gz",
];

/// The files of label maps by scan, `-` for none.
fn labels_of(folder: &tempfile::TempDir, channel: &str, derivative: Option<&str>) -> Result<Vec<String>, CohortError> {
    let cohort = open(folder, &[channel], derivative)?;
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    Ok(cohort.scans().iter().map(|scan| scan.label.as_ref().map_or("-".into(), name)).collect())
}

#[test]
fn a_label_map_of_another_run_is_not_taken_and_said() {
    let maps = [
        "derivatives/m/sub-01/anat/sub-01_run-01_dseg.nii.gz",
        "derivatives/m/sub-02/anat/sub-02_run-1_dseg.nii.gz",
        "derivatives/m/sub-02/anat/sub-02_run-2_dseg.nii.gz",
    ];
    let folder = data(&[&TWO_RUNS[..], &maps].concat());
    let first = ["sub-01_run-01_dseg.nii.gz", "sub-02_run-1_dseg.nii.gz"];
    assert_eq!(labels_of(&folder, "run-1_T1w", None).unwrap(), first);
    assert_eq!(labels_of(&folder, "run-2_T1w", None).unwrap(), ["-", "sub-02_run-2_dseg.nii.gz"]);
    let said = open(&folder, &["run-2_T1w"], None).unwrap().passed_over;
    assert!(said.len() == 1 && said[0].fix.ends_with("--derivative m/run-01"), "{said:?}");
    // Who names the map is believed.
    assert_eq!(labels_of(&folder, "run-2_T1w", Some("m/run-01")).unwrap(), [first[0], "-"]);
}

#[test]
fn a_label_map_that_leaves_the_run_open_is_a_question_with_its_flag() {
    let maps = ["derivatives/m/sub-01/anat/sub-01_dseg.nii.gz", "derivatives/m/sub-02/anat/sub-02_dseg.nii.gz"];
    let folder = data(&[&TWO_RUNS[..], &maps].concat());
    let message = labels_of(&folder, "run-2_T1w", None).unwrap_err().to_string();
    assert!(message.contains("found sub-01_dseg.nii.gz") && message.contains("--derivative m/"), "{message}");
    for said in ["m/", "m"] {
        assert_eq!(labels_of(&folder, "run-2_T1w", Some(said)).unwrap()[1], "sub-02_dseg.nii.gz");
    }
    let one_run = data(&["sub-01/anat/sub-01_run-1_T1w.nii.gz", maps[0]]);
    assert_eq!(labels_of(&one_run, "run-1_T1w", None).unwrap(), ["sub-01_dseg.nii.gz"]);
}

#[test]
fn of_two_maps_that_fit_equally_each_can_be_chosen() {
    let image = "sub-01/anat/sub-01_acq-a_run-1_T1w.nii.gz";
    let maps = ["acq-a", "run-1"].map(|own| format!("derivatives/m/sub-01/anat/sub-01_{own}_dseg.nii.gz"));
    let folder = data(&[image, &maps[0], &maps[1]]);
    let message = labels_of(&folder, "acq-a_run-1_T1w", None).unwrap_err().to_string();
    assert!(message.contains("--derivative m/acq-a or --derivative m/run-1"), "{message}");
    for own in ["acq-a", "run-1"] {
        let chosen = labels_of(&folder, "acq-a_run-1_T1w", Some(&format!("m/{own}"))).unwrap();
        assert_eq!(chosen, [format!("sub-01_{own}_dseg.nii.gz")]);
    }
}

#[test]
fn the_plain_segmentation_beside_others_can_be_chosen() {
    // As fMRIPrep writes them.
    let map = |own: &str| format!("derivatives/fmriprep/sub-02/anat/sub-02_{own}dseg.nii.gz");
    let maps = ["", "desc-aseg_", "desc-aparcaseg_", "space-MNI152NLin2009cAsym_"].map(map);
    let folder = data(&["sub-02/anat/sub-02_T1w.nii", &maps[0], &maps[1], &maps[2], &maps[3]]);
    let message = labels_of(&folder, "T1w", None).unwrap_err().to_string();
    assert!(
        message.contains("one of fmriprep, fmriprep/desc-aparcaseg, fmriprep/desc-aseg, fmriprep/space-"),
        "{message}"
    );
    for (said, file) in
        [("fmriprep", "sub-02_dseg"), ("fmriprep/", "sub-02_dseg"), ("fmriprep/desc-aseg", "sub-02_desc-aseg_dseg")]
    {
        assert_eq!(labels_of(&folder, "T1w", Some(said)).unwrap(), [format!("{file}.nii.gz")]);
    }
}

#[test]
fn a_derivative_can_be_the_data_set() {
    let files = ["desc-preproc_T1w", "dseg", "label-GM_probseg"].map(|rest| format!("sub-1/anat/sub-1_{rest}.nii.gz"));
    let folder = data(&[&files[0], &files[1], &files[2]]);
    let cohort = open(&folder, &[], None).unwrap();
    assert_eq!(cohort.channels, ["desc-preproc_T1w"]);
    assert!(cohort.scans()[0].label.as_ref().unwrap().ends_with("sub-1_dseg.nii.gz"));
}

#[test]
fn whatever_is_not_read_is_said() {
    let files = [
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/anat/sub-02_T1w.nii.gz",
        "sub-01/anat/sub-01_T2w.mgz",
        "sub-03/func/sub-03_task-rest_bold.nii.gz",
        "derivatives/labels/sub-01/anat/sub-01_T1w_label-lesion_seg.nii.gz",
    ];
    let said: Vec<String> =
        open(&data(&files), &[], None).unwrap().passed_over.into_iter().map(|one| one.found).collect();
    let expected = [
        "a FreeSurfer volume",
        "a volume whose name does not begin with sub-01_",
        "a subject without images in anat/",
        "a volume of a derivative whose name does not end in _dseg",
    ];
    assert_eq!(said, expected);
}

#[test]
fn one_name_with_two_endings_is_refused_among_images_and_label_maps() {
    let (image, map) = ("sub-02/anat/sub-02_T1w.nii", "derivatives/m/sub-02/anat/sub-02_dseg.nii.gz");
    for second in ["sub-02/anat/sub-02_T1w.nii.gz", "derivatives/m/sub-02/anat/sub-02_dseg.nii"] {
        let message = open(&data(&[image, map, second]), &[], None).unwrap_err().to_string();
        assert!(message.contains("occurs twice"), "{message}");
    }
}

#[test]
fn a_table_names_the_values() {
    let folder = data(&[&TWO_SESSIONS[..], &["derivatives/m/sub-02/anat/sub-02_dseg.nii.gz"]].concat());
    let table = folder.path().join("derivatives/m/dseg.tsv");
    let classes = |text: &str| {
        lacuna_disk::write_bytes(&table, text.as_bytes()).unwrap();
        Ok::<_, CohortError>(open(&folder, &[], None)?.classes_in_file.unwrap())
    };
    let read = classes("index\tname\tabbreviation\n1\tGray Matter\tGM\n2\tWhite Matter\tWM\n").unwrap();
    assert_eq!(read.into_values().collect::<Vec<_>>(), ["background", "Gray Matter", "White Matter"]);
    assert!(classes("index\tname\n1\tA\n1\tB\n").unwrap_err().to_string().contains("1 twice"));
    assert!(classes("index\tname\n-1\tA\n").unwrap_err().to_string().contains("dseg.tsv"));
}

fn placed(subject: &str, name: &str) -> PathBuf {
    let subject = SubjectId::new(subject).unwrap();
    let files = Bids.scan_files(&ScanName { subject: &subject, name }, &["T1".to_string()]).unwrap();
    files.images.into_iter().next().unwrap()
}

#[test]
fn names_become_such_as_bids_allows() {
    for (subject, name, expected) in [
        ("phantom-001", "phantom-001", "sub-phantom001/anat/sub-phantom001_T1w.nii.gz"),
        ("anna", "anna-2021", "sub-anna/ses-2021/anat/sub-anna_ses-2021_T1w.nii.gz"),
        ("anna", "x_1", "sub-anna/ses-x1/anat/sub-anna_ses-x1_T1w.nii.gz"),
        ("01", "sub-01_ses-b", "sub-01/ses-b/anat/sub-01_ses-b_T1w.nii.gz"),
        ("01", "sub-01", "sub-01/anat/sub-01_T1w.nii.gz"),
    ] {
        assert_eq!(placed(subject, name), PathBuf::from(expected));
    }
}

#[test]
fn a_channel_that_bids_does_not_know_is_refused_with_the_way_out() {
    let subject = SubjectId::new("a").unwrap();
    let scan_files =
        |channel: &str| Bids.scan_files(&ScanName { subject: &subject, name: "a" }, &[channel.to_string()]);
    for known in ["T1w", "acq-highres_T1w", "FLAIR", "reg_IR", "run-1_ce-gd_T2w"] {
        assert!(scan_files(known).is_ok(), "{known}");
    }
    for unknown in ["image", "MRI", "acq_T1w", "T1w_x", ""] {
        let message = scan_files(unknown).unwrap_err().to_string();
        assert!(message.contains("--channels T1w"), "{message}");
    }
}
