//! How a data set lies on the disk decides nothing: the same scans in every layout train to the same bytes.

use crate::support::Workspace;
use crate::train::read;
use std::path::PathBuf;

const LAYOUTS: [&str; 6] = ["plain", "list", "msd", "nnunet", "bids", "mrbrains"];

/// What a training leaves that depends on its data: the weights' digest, the scores, the epochs' losses.
fn trained(workspace: &Workspace, layout: &str, held_out: &str) -> [String; 3] {
    let words = "--labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 2 --held-out";
    let record = workspace.json(&format!("train --data as-{layout} {words} {held_out} --quiet"), "lacuna.train/1");
    let run: PathBuf = workspace.path(record["run"].as_str().unwrap());
    [record["digest"].as_str().unwrap().to_string(), read(&run.join("subjects.csv")), read(&run.join("metrics.jsonl"))]
}

/// Export `data` in every layout, train on each, compare.
fn check(workspace: &Workspace, data: &str, held_out: &str, channel: impl Fn(&str) -> &'static str) {
    let mut expected: Option<[String; 3]> = None;
    for layout in LAYOUTS {
        let channel = channel(layout);
        workspace.ok(&format!("data export {data} --channels {channel} --to {layout} --out as-{layout} --quiet"));
        let found = trained(workspace, layout, held_out);
        assert!(found.iter().all(|text| !text.is_empty()) && found[2].lines().count() == 2, "{found:?}");
        assert_eq!(expected.get_or_insert(found.clone()), &found, "{layout}");
    }
}

#[test]
fn every_layout_trains_to_the_same_bytes() {
    let workspace = Workspace::new();
    workspace.heads("first", "--channels t1");
    check(&workspace, "first", "phantom-002", |_| "T1");
}

#[test]
fn real_brains_train_to_the_same_bytes_in_every_layout() {
    let Some(data) = real_data() else { return };
    let workspace = Workspace::new();
    // Two layouts have words of their own for a T1 image.
    check(&workspace, &data.display().to_string(), "IXI015-HH-1258", |layout| match layout {
        "bids" => "T1w",
        "mrbrains" => "reg_T1",
        _ => "T1",
    });
}

/// Seven masked brains in the plain layout, where they are at hand.
pub fn real_data() -> Option<PathBuf> {
    let data = std::env::var_os("LACUNA_TEST_DATA").map(|folder| PathBuf::from(folder).join("ixi7"));
    let data = data.filter(|data| data.is_dir());
    if data.is_none() {
        let is_required = std::env::var_os("LACUNA_REQUIRE_DATA").is_some_and(|value| value == "1");
        assert!(!is_required, "LACUNA_TEST_DATA holds no ixi7");
        eprintln!("skipped: LACUNA_TEST_DATA is not set");
    }
    data
}
