//! Prepared scans kept in a folder of the user's choice, and as many in memory as the user allows.

use crate::support::Workspace;
use std::path::PathBuf;

const TRAIN: &str = "train --data heads --labels tissue --preprocess medicalnet --size 16x16x16 --depth 10 \
                     --held-out phantom-002 --progress none";

/// Every file of the cache.
fn entries(workspace: &Workspace) -> Vec<PathBuf> {
    let sources = std::fs::read_dir(workspace.path("kept")).unwrap().map(|source| source.unwrap().path());
    sources.flat_map(|source| std::fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path())).collect()
}

#[test]
fn a_cache_changes_no_byte_and_is_found_by_every_verb() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let digest = |more: &str| workspace.json(&format!("{TRAIN} {more}"), "lacuna.train/1")["digest"].clone();
    let without = digest("--epochs 1");
    assert_eq!(digest("--epochs 1 --cache kept"), without, "made and kept");
    assert_eq!(entries(&workspace).len(), 3);
    assert_eq!(digest("--epochs 1 --cache kept"), without, "found");

    let model = std::fs::read_dir(workspace.path("runs/train")).unwrap().next().unwrap().unwrap().path();
    let eval = format!("eval --model {} --data heads --progress none", model.join("model.safetensors").display());
    let without = workspace.json(&eval, "lacuna.eval/1")["scores"].clone();
    assert_eq!(workspace.json(&format!("{eval} --cache kept"), "lacuna.eval/1")["scores"], without);
    assert_eq!(entries(&workspace).len(), 3, "training and scoring need the same cases");
}

#[test]
fn scans_that_are_read_again_and_again_change_no_byte() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let train = |more: &str| workspace.json(&format!("{TRAIN} --set train.batch_size=2 {more}"), "lacuna.train/1");
    let all = train("--epochs 2");
    let none = train("--epochs 2 --data-memory 0");
    assert_eq!((&none["digest"], &none["scores"]), (&all["digest"], &all["scores"]));
    let model = all["model"].as_str().unwrap();
    let unlearn = |more: &str| {
        let verb = format!("unlearn --model {model} --data heads --held-out phantom-002 --forget phantom-000");
        let record = workspace.json(&format!("{verb} --strategy noisy-label --epochs 1 {more}"), "lacuna.unlearn/1");
        (record["digest"].clone(), record["tables"].clone())
    };
    let all = unlearn("--progress none");
    assert_eq!(unlearn("--progress none --data-memory 0"), all);
    assert_eq!(unlearn("--progress none --data-memory 0 --cache kept"), all);
    assert_eq!(unlearn("--progress none --recompute"), all);
    workspace.fails("doctor --data-memory=-1", 2, &["expected a number of GiB from 0"]);
}

#[test]
fn a_damaged_cache_costs_time_and_nothing_else() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let digest = || workspace.json(&format!("{TRAIN} --epochs 1 --cache kept"), "lacuna.train/1")["digest"].clone();
    let first = digest();
    for entry in entries(&workspace) {
        let mut bytes = std::fs::read(&entry).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&entry, bytes).unwrap();
    }
    assert_eq!(digest(), first);
}

#[test]
fn doctor_says_where_a_cache_lies_and_how_large_it_is() {
    let workspace = Workspace::new();
    assert!(workspace.json("doctor", "lacuna.doctor/1")["cache"].is_null());
    assert!(workspace.ok("doctor --cache kept").contains("kept: 0 prepared scans, 0.0 MiB"));
    workspace.heads("heads", "");
    workspace.ok(&format!("{TRAIN} --epochs 1 --cache kept"));
    let cache = workspace.json("doctor --cache kept", "lacuna.doctor/1")["cache"].clone();
    let bytes: u64 = entries(&workspace).iter().map(|entry| std::fs::metadata(entry).unwrap().len()).sum();
    assert_eq!((cache["scans"].as_u64(), cache["bytes"].as_u64()), (Some(3), Some(bytes)));
}
