//! Data sets: made, checked, divided, shown, exported.

use crate::support::Workspace;
use serde_json::Value;

const LAYOUTS: [&str; 6] = ["plain", "list", "msd", "nnunet", "bids", "mrbrains"];

/// What must not change when a data set is written in another layout.
fn content(workspace: &Workspace, folder: &str) -> Value {
    content_with(workspace, folder, "tissue")
}

fn content_with(workspace: &Workspace, folder: &str, labels: &str) -> Value {
    let mut report = workspace.json(&format!("data check {folder} --labels {labels}"), "lacuna.data.check/1");
    assert_eq!(report["problems"], Value::Array(vec![]), "{folder}");
    report["scans"].take()
}

#[test]
fn a_cohort_goes_through_every_layout_unchanged() {
    let workspace = Workspace::new();
    workspace.heads("first", "--channels t1 --memorable phantom-001=0.8");
    let expected = content(&workspace, "first");
    let mut from = "first".to_string();
    for layout in LAYOUTS {
        // The layout without names for its channels takes them from here.
        let out = format!("as-{layout}");
        let exported = workspace.json(
            &format!("data export {from} --channels T1 --to {layout} --out {out} --quiet"),
            "lacuna.data.export/1",
        );
        assert_eq!(exported["to"], layout);
        assert_eq!(content(&workspace, &out), expected, "{layout}");
        from = out;
    }
}

#[test]
fn phantoms_are_written_in_every_layout_with_the_same_voxels() {
    let workspace = Workspace::new();
    workspace.heads("first", "");
    let expected = content(&workspace, "first");
    for layout in LAYOUTS {
        workspace.heads(layout, &format!("--layout {layout}"));
        assert_eq!(content(&workspace, layout), expected, "{layout}");
    }
}

#[test]
fn labels_are_exported_as_classes_without_gaps() {
    let workspace = Workspace::new();
    workspace.heads("heads", "--channels t1");
    let content = |folder: &str, labels: &str| content_with(&workspace, folder, labels);
    workspace.ok("data export heads --to nnunet --labels tissue --out Dataset001_Heads --quiet");
    let classes = |report: &Value| report[0]["label_counts"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    // Background, CSF, grey and white matter, and what the table ignores.
    assert_eq!(classes(&content("Dataset001_Heads", "as-is")), ["0", "1", "2", "3", "4"]);
    let index = std::fs::read_to_string(workspace.path("Dataset001_Heads/dataset.json")).unwrap();
    let index: Value = serde_json::from_str(&index).unwrap();
    assert_eq!((&index["labels"]["ignore"], &index["numTraining"]), (&Value::from(4), &Value::from(3)));
}

#[test]
fn the_folds_of_nnunet_are_taken_by_person() {
    let workspace = Workspace::new();
    workspace.heads("heads", "--layout nnunet");
    let splits = r#"[{"train": ["phantom-000", "phantom-001"], "val": ["phantom-002"]}]"#;
    std::fs::write(workspace.path("splits_final.json"), splits).unwrap();
    let words = "data split heads --folds splits_final.json --forget phantom-001 --fold";
    let split = workspace.json(&format!("{words} 0"), "lacuna.data.split/1");
    assert_eq!(split["held_out"], serde_json::json!(["phantom-002"]));
    assert_eq!(split["forget"], serde_json::json!(["phantom-001"]));
    workspace.fails(&format!("{words} 1"), 3, &["0 to 0"]);
    workspace.fails("data split heads --folds splits_final.json --seed 1 --fold 0", 2, &["--seed"]);
}

#[test]
fn several_channels_are_kept_in_order() {
    let workspace = Workspace::new();
    workspace.heads("heads", "--channels t1,flair --layout mrbrains");
    let report = workspace.json("data check heads --channels reg_T1,FLAIR --labels brain", "lacuna.data.check/1");
    assert_eq!(report["channels"], serde_json::json!(["reg_T1", "FLAIR"]));
    assert_eq!(report["problems"], serde_json::json!([]));
}

#[test]
fn a_missing_label_is_a_problem_with_its_fix() {
    let workspace = Workspace::new();
    workspace.heads("heads", "--layout msd");
    std::fs::write(workspace.path("heads/labelsTr/phantom-001.nii.gz"), b"").unwrap();
    let ran = workspace.run("data check heads --labels tissue");
    assert_eq!(ran.code, 4);
    for word in ["error:", "phantom-001.nii.gz", "expected:", "found:", "fix:", "3 subjects, 3 scans, 1 errors"] {
        assert!(ran.stdout.contains(word), "`{word}` is not in: {}", ran.stdout);
    }
}

#[test]
fn a_split_repeats_itself_and_is_toml() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let words = "data split heads --held-out 1 --forget phantom-002 --seed 5";
    let text = workspace.ok(words);
    assert_eq!(workspace.ok(words), text);
    let split: toml::Table = text.parse().unwrap();
    assert_eq!(split["forget"], toml::Value::from(vec!["phantom-002"]));
    assert_eq!(split["train"].as_array().unwrap().len(), 2);
    let json = workspace.json(words, "lacuna.data.split/1");
    assert_eq!(json["held_out"][0], split["held_out"][0].as_str().unwrap());
}

#[test]
fn a_scan_is_shown_as_text_and_as_a_picture() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let text = workspace.ok("data show heads --plane coronal");
    assert!(text.lines().count() > 10 && !text.contains('\x1b'), "{text}");
    let shown = workspace.json("data show heads --png slices.png", "lacuna.data.show/1");
    assert_eq!(shown["slices"].as_array().unwrap().len(), 8);
    assert!(std::fs::read(workspace.path("slices.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn progress_stays_off_standard_output_and_quiet_is_quiet() {
    let workspace = Workspace::new();
    let ran = workspace.run("phantom --out a --subjects 2 --dims 8x8x8 --progress plain");
    assert!(ran.stderr.contains("Z phantom subject=2/2"), "{}", ran.stderr);
    assert!(!ran.stdout.contains("subject=2/2"));
    assert_eq!(workspace.run("phantom --out b --subjects 2 --dims 8x8x8 --quiet").stderr, "");
}

#[test]
fn a_data_set_is_sent_once_fetched_elsewhere_and_put_right_where_it_was_changed() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let sent = workspace.json("data send heads shared --progress none", "lacuna.data.send/1");
    assert_eq!(sent["files"].as_u64(), Some(7), "an image and a label map each, and the list of subjects");
    let fetched = workspace.json("data fetch shared there --progress none", "lacuna.data.fetch/1");
    assert_eq!((fetched["fetched"].as_u64(), &fetched["digest"]), (Some(7), &sent["digest"]));
    let check = |data: &str| workspace.json(&format!("data check {data} --labels tissue"), "lacuna.data.check/1");
    assert_eq!(check("heads")["problems"], check("there")["problems"]);
    let image = std::fs::read_dir(workspace.path("there/images")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(image, b"cut").unwrap();
    let again = workspace.json("data fetch shared there --progress none", "lacuna.data.fetch/1");
    assert_eq!(again["fetched"].as_u64(), Some(1));
    std::fs::write(workspace.path("heads/images/more.nii"), b"").unwrap();
    workspace.fails("data send heads shared --quiet", 3, &["shared/MANIFEST", "another prefix"]);
    workspace.fails("data fetch nowhere there --quiet", 4, &["nowhere/MANIFEST", "lacuna data send"]);
    std::fs::write(workspace.path("shared/images/phantom-000.nii.gz"), b"cut").unwrap();
    workspace.fails(
        "data fetch shared elsewhere --quiet",
        4,
        &["phantom-000.nii.gz", sent_digest(&workspace).as_str()],
    );
}

/// The digest of an image as it was sent.
fn sent_digest(workspace: &Workspace) -> String {
    let list = std::fs::read_to_string(workspace.path("shared/MANIFEST")).unwrap();
    let line = list.lines().find(|line| line.ends_with("images/phantom-000.nii.gz")).unwrap();
    line.split_once("  ").unwrap().0.to_string()
}
