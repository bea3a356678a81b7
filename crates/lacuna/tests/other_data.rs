//! Data sets of others: who is left out, how far files may lie apart, which messages come before training.

use crate::support::Workspace;
use crate::train::{SETTINGS, cohort, read, run_folder};
use lacuna_volume::{Image, LabelMap, ReadLimits, read_label_map, write_label_map};
use std::path::Path;

const SUBJECTS: [&str; 3] = ["phantom-000", "phantom-001", "phantom-002"];

/// Write the label map of a subject anew.
fn change(workspace: &Workspace, subject: &str, change: impl Fn(LabelMap) -> LabelMap) {
    let path = workspace.path(&format!("heads/labels/{subject}.nii.gz"));
    let labels = read_label_map(&path, &ReadLimits::default()).unwrap().image;
    write_label_map(&path, &change(labels), None).unwrap();
}

fn moved(labels: LabelMap, by_mm: f64) -> LabelMap {
    let mut grid = *labels.grid();
    grid.affine.0[0][3] += by_mm;
    Image::new(grid, labels.into_voxels())
}

fn settings_of(run: &Path) -> toml::Table {
    read(&run.join("config.toml")).parse().unwrap()
}

#[test]
fn grids_that_another_program_rounded_are_read_where_a_tolerance_is_stated() {
    let workspace = cohort();
    SUBJECTS.iter().for_each(|subject| change(&workspace, subject, |labels| moved(labels, 0.04)));
    let train = format!("{SETTINGS} --epochs 1");
    workspace.fails(
        &train,
        4,
        &["labels/phantom-000.nii.gz: affine", "0.0400 mm apart", "--tolerance-mm", "tolerance_mm"],
    );
    let _ = std::fs::remove_dir_all(workspace.path("runs"));
    workspace.ok(&format!("{train} --tolerance-mm 0.05"));
    let run = run_folder(&workspace, "train");
    assert_eq!(settings_of(&run)["data"]["options"]["tolerance_mm"].as_float(), Some(0.05));
    let unlearn = format!(
        "unlearn --model {} --data heads --forget phantom-000 --strategy noisy-label --epochs 1 --progress none",
        run.join("model.safetensors").display()
    );
    workspace.fails(&unlearn, 4, &["--tolerance-mm"]);
    workspace.ok(&format!("{unlearn} --tolerance-mm 0.05"));
    workspace.ok(&format!(
        "eval --model {}/model.safetensors --data heads --tolerance-mm 0.05 --progress none",
        run.display()
    ));
    for verb in ["data check", "data export", "train", "unlearn", "eval", "erase"] {
        let help = workspace.ok(&format!("{verb} --help"));
        assert!(help.contains("--tolerance-mm") && help.contains("--exclude"), "{verb}");
    }
}

/// A study, which is an audit too, of subjects of which one has no label map and the others lie 0.04 mm from theirs.
fn study(workspace: &Workspace, options: &str) {
    let text = format!(
        "name = \"s\"\nseeds = [0, 1]\n[data]\nroot = \"heads\"\nlabels = \"tissue\"\noptions = {{ {options} }}\n\
         [preprocess]\nkind = \"canonical\"\nsize = [16, 16, 16]\ncrop = \"above-zero\"\nforeground = \"above-zero\"\n\
         [network]\ndepth = 10\n[train]\nepochs = 1\n\
         [split]\nheld_out_subjects = [\"phantom-002\"]\nforget = {{ only = [\"phantom-000\"] }}\n\
         [unlearn]\nepochs = [1]\nstrategies = [\"noisy-label\"]\n"
    );
    std::fs::write(workspace.path("s.toml"), text).unwrap();
}

#[test]
fn studies_and_audits_take_the_same_keys() {
    let workspace = Workspace::new();
    workspace.ok("phantom --out heads --subjects 4 --dims 16x18x12 --progress none");
    SUBJECTS.iter().for_each(|subject| change(&workspace, subject, |labels| moved(labels, 0.04)));
    std::fs::remove_file(workspace.path("heads/labels/phantom-003.nii.gz")).unwrap();
    let exclude = "exclude = [{ subject = \"phantom-003\", reason = \"no labels\" }]";
    let sound = format!("tolerance_mm = 0.05, voxels_max = 3456, gib_max = 1, {exclude}");
    for verb in ["study s.toml --images none", "audit s.toml"] {
        let refuses = |options: &str, code: i32, said: &[&str]| {
            study(&workspace, options);
            workspace.fails(&format!("{verb} --progress none"), code, said);
        };
        refuses(exclude, 4, &["0.0400 mm apart"]);
        refuses("tolerance_mm = 0.05", 4, &["phantom-003", "no label map"]);
        refuses("tolerance_mm = -1", 3, &["tolerance_mm", "0 or more"]);
        refuses("tolerance_mm = 0.05, exclude = [{ subject = \"nobody\" }]", 3, &["no subject nobody"]);
        // 16 x 18 x 12 voxels are one more than this.
        refuses(&sound.replace("3456", "3455"), 4, &["3455", "voxels"]);
        refuses(&sound.replace("gib_max = 1", "gib_max = 0"), 4, &["phantom-000", "bytes"]);
        study(&workspace, &sound);
        let ran = workspace.run(&format!("{verb} --progress none"));
        // An audit of two hardly trained models may be void, which ends with 6: that is an answer too.
        assert!([0, 6].contains(&ran.code), "{verb}: {} {}", ran.code, ran.stderr);
        let runs = workspace.path("runs").join(&verb[..5]);
        let kept = std::fs::read_dir(runs).unwrap().map(|run| settings_of(&run.unwrap().path()));
        let options: Vec<toml::Value> = kept.map(|settings| settings["data"]["options"].clone()).collect();
        assert!(options.iter().any(|options| options["exclude"][0]["reason"].as_str() == Some("no labels")), "{verb}");
        assert!(options.iter().any(|options| options["voxels_max"].as_integer() == Some(3456)), "{verb}");
    }
}

#[test]
fn a_scan_can_be_left_out_and_the_run_says_why() {
    let workspace = cohort();
    std::fs::remove_file(workspace.path("heads/labels/phantom-001.nii.gz")).unwrap();
    let train = format!("{SETTINGS} --epochs 1");
    workspace.fails(&train, 4, &["phantom-001", "--exclude phantom-001"]);
    let _ = std::fs::remove_dir_all(workspace.path("runs"));
    workspace.ok(&format!("{train} --exclude phantom-001 --exclude-reason unlabelled"));
    let run = run_folder(&workspace, "train");
    let excluded = settings_of(&run)["data"]["options"]["exclude"][0].clone();
    assert_eq!((excluded["subject"].as_str(), excluded["reason"].as_str()), (Some("phantom-001"), Some("unlabelled")));
    assert!(!read(&run.join("lineage.json")).contains("phantom-001"));
    workspace.fails(&format!("{train} --exclude nobody"), 3, &["no subject nobody", "choose from phantom-000"]);
    workspace.fails_with_output("data check heads --exclude phantom-001 --labels tissue", 0);
}

#[test]
fn a_scan_in_which_nothing_counts_is_refused_by_name() {
    let workspace = cohort();
    // `tissue` ignores 7.
    change(&workspace, "phantom-001", |labels| labels.map(|_| 7));
    workspace.fails(
        &format!("{SETTINGS} --epochs 1"),
        4,
        &["phantom-001.nii.gz: every voxel of the label map is ignored"],
    );
}

#[test]
fn images_alone_are_checked_and_warnings_of_one_kind_are_printed_once() {
    let workspace = cohort();
    std::fs::remove_dir_all(workspace.path("heads/labels")).unwrap();
    let folded = workspace.ok("data check heads");
    assert!(folded.contains("warning: 3 warnings, each listed by --verbose"), "{folded}");
    assert!(folded.contains("3 subjects, 3 scans, 0 errors, 3 warnings"), "{folded}");
    assert_eq!(workspace.ok("data check heads --verbose").matches("warning: images/").count(), 3);
    let all = workspace.json("data check heads", "lacuna.data.check/1");
    assert_eq!(all["problems"].as_array().unwrap().len(), 3);
}

#[test]
fn a_missing_folder_and_names_without_commas_are_told() {
    let workspace = cohort();
    workspace.fails("data check headz", 4, &["headz: no such file or folder"]);
    let words = "unlearn --model m.safetensors --data heads --strategy scrub --forget phantom-000 phantom-001";
    workspace.fails(words, 2, &["--forget phantom-000,phantom-001: several names are separated by commas"]);
}

#[test]
fn what_an_export_rounds_or_leaves_is_said_and_a_decathlon_has_its_folders() {
    let workspace = cohort();
    std::fs::write(workspace.path("heads/images/more.mgz"), b"").unwrap();
    let ran = workspace.run("data export heads --to msd --out task --progress none");
    assert!(
        ran.code == 0 && ran.stderr.contains("1 file not read") && ran.stderr.contains("more.mgz"),
        "{}",
        ran.stderr
    );
    assert!(workspace.path("task/imagesTs").is_dir());
    assert!(read(&workspace.path("task/dataset.json")).contains("\"labels\""));
}
