//! What still holds a person, its removal, and its return from a backup.

use crate::support::Workspace;
use serde_json::Value;
use std::path::{Path, PathBuf};

pub const TRAIN: &str = "--data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 1 \
                     --progress none --cache cache";

/// Three generations: a model, one that began from it, and one of that which was made to forget a subject.
pub fn family() -> (Workspace, [String; 3]) {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let model = |record: Value| record["model"].as_str().unwrap().to_string();
    let first = model(workspace.json(&format!("train {TRAIN}"), "lacuna.train/1"));
    let second = model(workspace.json(&format!("train {TRAIN} --init {first}"), "lacuna.train/1"));
    let unlearn = "--data heads --forget phantom-001 --strategy noisy-label --epochs 1 --progress none --cache cache";
    let third = model(workspace.json(&format!("unlearn --model {second} {unlearn}"), "lacuna.unlearn/1"));
    (workspace, [first, second, third])
}

pub fn held<'a>(traced: &'a Value, what: &str) -> Vec<&'a str> {
    let files = traced["files"].as_array().unwrap().iter().filter(|held| held["holds"] == what);
    files.map(|held| held["path"].as_str().unwrap()).collect()
}

pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(here) = folders.pop() {
        for path in std::fs::read_dir(here).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

#[test]
fn a_family_of_models_is_traced_and_purged_and_what_comes_back_is_known() {
    let (workspace, [first, second, third]) = family();
    let trace = "trace phantom-001 --data heads --cache cache --ledger l.db";
    workspace.fails(trace, 4, &["l.db"]);
    workspace.ok("ledger request --subject phantom-001 --ledger l.db");
    let traced = workspace.json(trace, "lacuna.trace/1");
    let mut weights = held(&traced, "weights");
    weights.sort_unstable();
    let mut expected = [first.as_str(), second.as_str()];
    expected.sort_unstable();
    assert_eq!(weights, expected);
    assert_eq!(held(&traced, "forgotten"), [third.as_str()]);
    assert_eq!(held(&traced, "volume").len(), 2, "an image and its label map");
    assert!(!held(&traced, "prepared-volume").is_empty());
    assert_eq!(traced["unattributed"], serde_json::json!([]));

    workspace.fails(&format!("{trace} --purge"), 3, &["a request that was accepted"]);
    assert!(workspace.path(&first).exists(), "nothing is deleted before it is written down");
    let request = workspace.json("ledger list --ledger l.db", "lacuna.ledger.list/1")["requests"][0].clone();
    workspace.ok(&format!("ledger accept {} --ledger l.db", request["request"].as_str().unwrap()));
    let (backup, image) = (std::fs::read(workspace.path(&first)).unwrap(), held(&traced, "volume")[0].to_string());
    let purged = workspace.json(&format!("{trace} --purge"), "lacuna.trace/1");
    assert!(!workspace.path(&first).exists() && !workspace.path(&second).exists() && workspace.path(&third).exists());
    assert!(workspace.path(&image).exists(), "sources stay unless they are asked for");
    assert_eq!(purged["receipt"]["pseudonym"], request["subject"]);
    assert!(
        purged["receipt"]["steps"]
            .as_array()
            .unwrap()
            .iter()
            .all(|step| step["how"]["kind"] == "rename" || step["before"].as_str().unwrap().len() == 64)
    );
    let outside = |file: &PathBuf| !file.to_string_lossy().contains(".lacuna/quarantine");
    let left = files_below(&workspace.path("runs")).into_iter().chain(files_below(&workspace.path("l.db.keys")));
    for file in left.filter(outside) {
        let (bytes, name) = (std::fs::read(&file).unwrap(), file.to_string_lossy().into_owned());
        assert!(!bytes.windows(11).any(|window| window == b"phantom-001") && !name.contains("phantom-001"), "{name}");
    }
    // The model that stays is whole, and still known to have forgotten a subject.
    let run = Path::new(&third).parent().unwrap().display().to_string();
    assert_eq!(workspace.json(&format!("inspect {run}"), "lacuna.inspect/1")["altered"], serde_json::json!({}));
    let lineage = std::fs::read_to_string(workspace.path(&run).join("lineage.json")).unwrap();
    assert!(lineage.contains(request["subject"].as_str().unwrap()), "{lineage}");

    let again = workspace.json(trace, "lacuna.trace/1");
    assert_eq!((&again["returned"], held(&again, "weights").len()), (&0.into(), 0));
    // From a backup, under another name and without its lineage.
    std::fs::write(workspace.path("runs/restored.bin"), backup).unwrap();
    let ran = workspace.run(&format!("{trace} --json"));
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    let back: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&back["returned"], held(&back, "weights")), (&1.into(), vec!["runs/restored.bin"]));
    workspace.ok(&format!("{trace} --purge --include-sources"));
    assert_eq!(
        workspace.json("quarantine list", "lacuna.quarantine.list/1")["quarantines"].as_array().unwrap().len(),
        2
    );
    assert!(!workspace.path("runs/restored.bin").exists() && !workspace.path(&image).exists());
    for file in files_below(&workspace.path("heads")) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(11).any(|window| window == b"phantom-001"), "{}", file.display());
        assert!(!file.to_string_lossy().contains("phantom-001"), "{}", file.display());
    }
    assert_eq!(
        workspace.json("ledger verify --ledger l.db", "lacuna.ledger.verify/1")["findings"],
        serde_json::json!([])
    );
    let shown = workspace.ok(&format!("ledger show {} --ledger l.db", request["request"].as_str().unwrap()));
    assert!(shown.contains("quarantine") && !shown.contains("phantom-001"), "{shown}");
}

#[test]
fn no_person_is_found_where_none_is_and_foreign_files_are_left_alone() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    std::fs::create_dir_all(workspace.path("runs")).unwrap();
    std::fs::write(workspace.path("runs/notes.txt"), "phantom-001 was here").unwrap();
    assert!(workspace.ok("trace phantom-009 --data heads").contains("nothing that was looked at holds phantom-009"));
    let traced = workspace.json("trace phantom-001 --purge --data heads", "lacuna.trace/1");
    assert_eq!(held(&traced, "name"), ["heads/subjects.tsv"]);
    let mention = serde_json::json!([{"path": "runs/notes.txt", "in_name": false, "line": 1, "lines": 1}]);
    assert_eq!(traced["mentions"], mention);
    assert_eq!(traced["receipt"]["steps"], serde_json::json!([]));
    assert_eq!(std::fs::read_to_string(workspace.path("runs/notes.txt")).unwrap(), "phantom-001 was here");
    workspace.fails("trace phantom-001 --include-sources", 2, &["--purge"]);
    workspace.fails("trace a/b", 3, &["a/b"]);
}

#[test]
#[cfg(not(feature = "object-store"))]
fn a_bucket_that_a_run_names_is_told_where_nobody_can_look_into_it() {
    let workspace = Workspace::new();
    std::fs::create_dir_all(workspace.path("runs/study/a")).unwrap();
    let run = serde_json::json!({ "command": ["study", "s.toml", "--records", "s3://bucket/ixi7"] });
    std::fs::write(workspace.path("runs/study/a/run.json"), run.to_string()).unwrap();
    let ran = workspace.run("trace phantom-001 --root gs://other/models --json");
    assert_eq!(ran.code, 6, "a bucket that was not looked into may hold the person: {}", ran.stderr);
    let traced: Value = serde_json::from_str(&ran.stdout).unwrap();
    let addresses: Vec<&str> =
        traced["buckets"].as_array().unwrap().iter().map(|bucket| bucket["address"].as_str().unwrap()).collect();
    assert_eq!(addresses, ["gs://other/models", "s3://bucket/ixi7"]);
    let text = workspace.run("trace phantom-001").stdout;
    assert!(text.contains("s3://bucket/ixi7: NOT LOOKED INTO") && text.contains("object-store"), "{text}");
}

#[test]
fn a_copy_of_a_data_set_in_the_cache_is_found_and_purged() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    workspace.ok("data send heads shared --progress none --quiet");
    // As a study does that names a bucket; the folder's name decides nothing here.
    workspace.ok("data fetch shared cache/data-sets/ab --progress none --quiet");
    let traced = workspace.json("trace phantom-001 --cache cache --purge", "lacuna.trace/1");
    assert_eq!(
        traced["receipt"]["steps"].as_array().unwrap().len(),
        3,
        "an image, its label map, the list of subjects"
    );
    assert!(!workspace.path("cache/data-sets/ab/images/phantom-001.nii.gz").exists());
    assert!(workspace.path("cache/data-sets/ab/images/phantom-000.nii.gz").exists());
    assert!(workspace.path("heads/images/phantom-001.nii.gz").exists(), "nobody asked to look there");
}
