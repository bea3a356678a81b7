//! `lacuna study`, end to end: what every test of it needs.

mod archive;
mod laws;
mod machines;
mod paper;
mod pictures;
mod probes;
mod refusals;
mod resume;
mod search;
#[cfg(feature = "vulkan")]
mod vulkan;

use crate::support::Workspace;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Table;

/// Two subjects trained on, a third never seen, one forgotten by one strategy.
const SMALL: &str = r#"
name = "small"
data = { root = "heads", labels = "brain" }
preprocess = { kind = "canonical", size = [16, 16, 16], crop = "none", foreground = "above-zero" }
network = { depth = 10 }
split = { held_out_subjects = ["phantom-002"], forget = { only = ["phantom-000"] } }

[train]
epochs = 3
learning_rate = 1e-2
head_multiplier = 1.0
checkpoint_epochs = 1

[unlearn]
epochs = [1, 3]
strategies = ["noisy-label"]
"#;

/// A synthetic cohort in a fresh folder, and `small.toml`.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.ok("phantom --out heads --subjects 3 --dims 24x24x16 --progress none");
    write(&workspace, "small.toml", SMALL, &[]);
    workspace
}

/// A study file with some keys replaced or added; values are TOML.
fn write(workspace: &Workspace, name: &str, text: &str, changes: &[(&str, &str)]) {
    let mut study: Table = text.parse().unwrap();
    for (key, value) in changes {
        let mut value: Table = format!("value = {value}").parse().unwrap();
        set(&mut study, key, value.remove("value").unwrap());
    }
    std::fs::write(workspace.path(name), toml::to_string(&study).unwrap()).unwrap();
}

/// Put a value at a dotted key; what it replaces comes back.
fn set(table: &mut Table, key: &str, value: toml::Value) -> Option<toml::Value> {
    match key.split_once('.') {
        None => table.insert(key.to_string(), value),
        Some((folder, rest)) => {
            let entry = table.entry(folder).or_insert_with(|| Table::new().into());
            set(entry.as_table_mut().unwrap(), rest, value)
        }
    }
}

/// Passes of one volume that a study would still take, from its dry run.
fn passes_left(workspace: &Workspace, words: &str) -> u64 {
    let plan = workspace.json(&format!("study {words} --dry-run --progress none"), "lacuna.study/1");
    plan["estimate"]["training_passes"].as_u64().unwrap()
}

/// The newest run folder of a verb.
fn last_run(workspace: &Workspace, runs: &str) -> PathBuf {
    let folder = workspace.path(runs).join("study");
    let began = |path: &PathBuf| {
        let record: Value = serde_json::from_slice(&std::fs::read(path.join("run.json")).unwrap()).unwrap();
        // Folders made within one second end in -2, -3, …
        (record["began"].as_str().unwrap().to_string(), path.as_os_str().len(), path.clone())
    };
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    folders.max_by_key(began).unwrap()
}

/// Every record of a store by key, without time and memory and the seal, which covers them; none before there is a store.
fn records(folder: &Path) -> BTreeMap<String, Value> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let mut record: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            assert!(record["seconds"].take().is_number() && record["seal"].take().is_string());
            for horizon in record["horizons"].as_array_mut().unwrap() {
                assert!(horizon["cost"]["seconds"].take().is_number());
                horizon["cost"]["peak_mib"].take();
            }
            (record["key"].as_str().unwrap().to_string(), record)
        })
        .collect()
}

/// Columns that no two runs have alike.
const MEASURED: [&str; 2] = ["seconds", "peak_mib"];

/// The text of a run's `results.csv` without time and memory.
fn results(run: &Path) -> String {
    let mut reader = csv::Reader::from_path(run.join("results.csv")).unwrap();
    let columns = reader.headers().unwrap().clone();
    let kept: Vec<usize> = (0..columns.len()).filter(|&at| !MEASURED.contains(&&columns[at])).collect();
    assert_eq!(kept.len() + MEASURED.len(), columns.len());
    let line = |record: &csv::StringRecord| kept.iter().map(|&at| &record[at]).collect::<Vec<_>>().join(",") + "\n";
    line(&columns) + &reader.records().map(|record| line(&record.unwrap())).collect::<String>()
}

/// The rows of a run's `results.csv`, by column.
fn rows(run: &Path) -> Vec<BTreeMap<String, String>> {
    rows_of(&run.join("results.csv"))
}

/// The rows of a file, by column.
fn rows_of(path: &Path) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(path).unwrap().deserialize().map(|row| row.unwrap()).collect()
}
