//! What still holds a person, its removal, and its return from a backup.

use crate::support::Place;
use serde_json::Value;
use std::path::{Path, PathBuf};

const TRAIN: &str = "--data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 1 \
                     --progress none --cache cache";

/// Three generations: a model, one that began from it, and one of that which was made to forget a subject.
fn family() -> (Place, [String; 3]) {
    let place = Place::new();
    place.heads("heads", "");
    let model = |record: Value| record["model"].as_str().unwrap().to_string();
    let first = model(place.json(&format!("train {TRAIN}"), "lacuna.train/1"));
    let second = model(place.json(&format!("train {TRAIN} --init {first}"), "lacuna.train/1"));
    let unlearn = "--data heads --forget phantom-001 --strategy noisy-label --epochs 1 --progress none --cache cache";
    let third = model(place.json(&format!("unlearn --model {second} {unlearn}"), "lacuna.unlearn/1"));
    (place, [first, second, third])
}

fn held<'a>(traced: &'a Value, what: &str) -> Vec<&'a str> {
    let files = traced["files"].as_array().unwrap().iter().filter(|held| held["holds"] == what);
    files.map(|held| held["path"].as_str().unwrap()).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
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
    let (place, [first, second, third]) = family();
    let trace = "trace phantom-001 --data heads --cache cache --ledger l.db";
    place.fails(trace, 4, &["l.db"]);
    place.ok("ledger request --subject phantom-001 --ledger l.db");
    let traced = place.json(trace, "lacuna.trace/1");
    let mut weights = held(&traced, "weights");
    weights.sort_unstable();
    let mut expected = [first.as_str(), second.as_str()];
    expected.sort_unstable();
    assert_eq!(weights, expected);
    assert_eq!(held(&traced, "forgotten"), [third.as_str()]);
    assert_eq!(held(&traced, "volume").len(), 2, "an image and its label map");
    assert!(!held(&traced, "prepared-volume").is_empty());
    assert_eq!(traced["unattributed"], serde_json::json!([]));

    place.fails(&format!("{trace} --purge"), 3, &["a request that was accepted"]);
    assert!(place.path(&first).exists(), "nothing is deleted before it is written down");
    let request = place.json("ledger list --ledger l.db", "lacuna.ledger.list/1")["requests"][0].clone();
    place.ok(&format!("ledger accept {} --ledger l.db", request["request"].as_str().unwrap()));
    let (backup, image) = (std::fs::read(place.path(&first)).unwrap(), held(&traced, "volume")[0].to_string());
    let purged = place.json(&format!("{trace} --purge"), "lacuna.trace/1");
    assert!(!place.path(&first).exists() && !place.path(&second).exists() && place.path(&third).exists());
    assert!(place.path(&image).exists(), "sources stay unless they are asked for");
    assert_eq!(purged["receipt"]["pseudonym"], request["subject"]);
    assert!(
        purged["receipt"]["steps"]
            .as_array()
            .unwrap()
            .iter()
            .all(|step| step["how"]["kind"] == "rename" || step["before"].as_str().unwrap().len() == 64)
    );
    let outside = |file: &PathBuf| !file.to_string_lossy().contains(".lacuna/quarantine");
    let left = files_below(&place.path("runs")).into_iter().chain(files_below(&place.path("l.db.keys")));
    for file in left.filter(outside) {
        let (bytes, name) = (std::fs::read(&file).unwrap(), file.to_string_lossy().into_owned());
        assert!(!bytes.windows(11).any(|window| window == b"phantom-001") && !name.contains("phantom-001"), "{name}");
    }
    // The model that stays is whole, and still known to have forgotten somebody.
    let run = Path::new(&third).parent().unwrap().display().to_string();
    assert_eq!(place.json(&format!("inspect {run}"), "lacuna.inspect/1")["altered"], serde_json::json!({}));
    let lineage = std::fs::read_to_string(place.path(&run).join("lineage.json")).unwrap();
    assert!(lineage.contains(request["subject"].as_str().unwrap()), "{lineage}");

    let again = place.json(trace, "lacuna.trace/1");
    assert_eq!((&again["returned"], held(&again, "weights").len()), (&0.into(), 0));
    // From a backup, under another name and without its lineage.
    std::fs::write(place.path("runs/restored.bin"), backup).unwrap();
    let ran = place.run(&format!("{trace} --json"));
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    let back: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&back["returned"], held(&back, "weights")), (&1.into(), vec!["runs/restored.bin"]));
    place.ok(&format!("{trace} --purge --include-sources"));
    assert_eq!(place.json("quarantine list", "lacuna.quarantine.list/1")["quarantines"].as_array().unwrap().len(), 2);
    assert!(!place.path("runs/restored.bin").exists() && !place.path(&image).exists());
    for file in files_below(&place.path("heads")) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(11).any(|window| window == b"phantom-001"), "{}", file.display());
        assert!(!file.to_string_lossy().contains("phantom-001"), "{}", file.display());
    }
    assert_eq!(place.json("ledger verify --ledger l.db", "lacuna.ledger.verify/1")["findings"], serde_json::json!([]));
    let shown = place.ok(&format!("ledger show {} --ledger l.db", request["request"].as_str().unwrap()));
    assert!(shown.contains("quarantine") && !shown.contains("phantom-001"), "{shown}");
}

#[test]
fn nobody_is_found_where_nobody_is_and_foreign_files_are_left_alone() {
    let place = Place::new();
    place.heads("heads", "");
    std::fs::create_dir_all(place.path("runs")).unwrap();
    std::fs::write(place.path("runs/notes.txt"), "phantom-001 was here").unwrap();
    assert!(place.ok("trace phantom-009 --data heads").contains("nothing that was looked at holds phantom-009"));
    let traced = place.json("trace phantom-001 --purge --data heads", "lacuna.trace/1");
    assert_eq!(held(&traced, "name"), ["heads/subjects.tsv"]);
    let mention = serde_json::json!([{"path": "runs/notes.txt", "in_name": false, "line": 1, "lines": 1}]);
    assert_eq!(traced["mentions"], mention);
    assert_eq!(traced["receipt"]["steps"], serde_json::json!([]));
    assert_eq!(std::fs::read_to_string(place.path("runs/notes.txt")).unwrap(), "phantom-001 was here");
    place.fails("trace phantom-001 --include-sources", 2, &["--purge"]);
    place.fails("trace a/b", 3, &["a/b"]);
}

#[test]
fn a_request_is_carried_out_from_receipt_to_evidence_that_names_nobody() {
    let (place, [_, second, _]) = family();
    let asked = place.json("ledger request --subject phantom-000 --ledger l.db", "lacuna.ledger.request/1");
    let request = asked["request"].as_str().unwrap();
    let erase = format!(
        "erase --request {request} --ledger l.db --model {second} --data heads --strategy noisy-label --epochs 1 \
         --purge --progress none --cache cache"
    );
    place.fails(&erase, 3, &["one that is accepted", "it received"]);
    place.ok(&format!("ledger accept {request} --ledger l.db"));
    place.fails(&erase.replace("noisy-label", "noisy-lable"), 3, &["noisy-label"]);
    // A folder that cannot be: the run is done and written down by then, and is not done again.
    place.fails(&format!("{erase} --out heads/subjects.tsv/x"), 4, &["subjects.tsv"]);
    let runs = || std::fs::read_dir(place.path("runs/unlearn")).unwrap().count();
    let before = runs();
    let erased = place.json(&erase, "lacuna.erase/1");
    assert_eq!(runs(), before);
    assert_eq!((&erased["status"], &erased["verdict"]), (&"executed".into(), &"not_assessable".into()));
    assert!(!place.path(&second).exists() && place.path(erased["model"].as_str().unwrap()).exists());
    let bundle = erased["evidence_folder"].as_str().unwrap();
    let verify = format!("verify {bundle} --key l.db.keys/public.key");
    let checked = place.json(&verify, "lacuna.verify/1");
    assert_eq!(checked["findings"], serde_json::json!([]));
    assert_eq!(checked["statement"]["predicate"]["request"], request);
    for folder in [bundle, "runs", "l.db.keys"] {
        let outside = |file: &PathBuf| !file.to_string_lossy().contains(".lacuna/quarantine");
        for file in files_below(&place.path(folder)).into_iter().filter(outside) {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!bytes.windows(11).any(|window| window == b"phantom-000"), "{}", file.display());
        }
    }
    let metrics = place.path(bundle).join("metrics.json");
    let audit =
        format!("ledger audit {request} --protocol l.db.keys/public.key --metrics {} --ledger l.db", metrics.display());
    place.ok(&format!("{audit} --verdict residual_influence"));
    place.fails(&format!("ledger close {request} --ledger l.db"), 3, &["it executed"]);
    place.ok(&format!("{audit} --verdict consistent_with_retrain"));
    place.ok(&format!("ledger close {request} --destroy-link --ledger l.db"));
    assert_eq!(place.json("ledger verify --ledger l.db", "lacuna.ledger.verify/1")["findings"], serde_json::json!([]));
    let mut bytes = std::fs::read(&metrics).unwrap();
    bytes[9] ^= 1;
    std::fs::write(&metrics, bytes).unwrap();
    let ran = place.run(&verify);
    assert!(ran.code == 7 && ran.stdout.contains("metrics.json"), "{}: {}", ran.code, ran.stdout);
}

#[test]
fn every_model_that_saw_the_person_is_made_to_forget_and_the_ledger_warns_of_what_is_left() {
    let (place, [first, second, third]) = family();
    let asked = place.json("ledger request --subject phantom-000 --ledger l.db", "lacuna.ledger.request/1");
    let request = asked["request"].as_str().unwrap();
    place.ok(&format!("ledger accept {request} --ledger l.db"));
    let traced = place.json("trace phantom-002 --data heads", "lacuna.trace/1");
    let image = held(&traced, "volume").into_iter().find(|path| !path.contains("label")).unwrap().to_string();
    let predict = |model: &str, out: &str| format!("predict {image} --model {model} --out {out} --progress none");
    let warned = place.run(&format!("{} --ledger l.db", predict(&first, "a")));
    assert_eq!(warned.code, 0, "{}", warned.stderr);
    assert!(warned.stderr.contains("is accepted and due on"), "{}", warned.stderr);
    let backup = std::fs::read(place.path(&first)).unwrap();

    // No model is named: all three saw phantom-000, the one that forgot phantom-001 too.
    let erase = format!(
        "erase --request {request} --ledger l.db --data heads --strategy noisy-label --epochs 1 --progress none \
         --cache cache"
    );
    place.fails(&erase.replace("noisy-label", "noisy-lable"), 3, &["noisy-label"]);
    let registered = || {
        let shown = place.json(&format!("ledger show {request} --ledger l.db"), "lacuna.ledger.show/1");
        let kinds = shown["events"].as_array().unwrap().clone();
        kinds.iter().map(|event| event["record"]["kind"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert!(!registered().contains(&"run".to_string()), "what cannot run is not registered");
    // A folder that cannot be: the runs are done by then, and are not done again.
    place.fails(&format!("{erase} --out heads/subjects.tsv/x"), 4, &["subjects.tsv"]);
    let runs = || std::fs::read_dir(place.path("runs/unlearn")).unwrap().count();
    let before = runs();
    assert_eq!(before, 1 + 3);
    place.fails(&erase.replace("--epochs 1", "--epochs 2"), 3, &["registered before"]);
    let erased = place.json(&format!("{erase} --purge"), "lacuna.erase/1");
    assert_eq!((runs(), erased["models"].as_array().unwrap().len()), (before, 3));
    assert_eq!(erased["verdict"], "not_assessable");
    let kinds = registered();
    let place_of = |kind: &str| kinds.iter().position(|found| found == kind).unwrap();
    assert!(place_of("protocol") < place_of("run") && place_of("run") < place_of("audit"), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| *kind == "protocol").count(), 3);
    let bundle = erased["evidence_folder"].as_str().unwrap();
    let checked = place.json(&format!("verify {bundle} --key l.db.keys/public.key"), "lacuna.verify/1");
    assert_eq!(checked["findings"], serde_json::json!([]));
    assert_eq!(checked["statement"]["subject"].as_array().unwrap().len(), 6, "before and after of each");
    for model in [&first, &second, &third] {
        assert!(!place.path(model).exists(), "{model}");
    }

    // What came of it may be used; what comes back may not, under whatever name.
    let kept = erased["models"][0]["model"].as_str().unwrap();
    let used = place.run(&format!("{} --ledger l.db", predict(kept, "b")));
    assert!(used.code == 0 && !used.stderr.contains("warning"), "{}: {}", used.code, used.stderr);
    std::fs::write(place.path("again.safetensors"), &backup).unwrap();
    let deleted = ["that request", "quarantine", request];
    place.fails(&format!("{} --ledger l.db", predict("again.safetensors", "c")), 4, &deleted);
    let unlearn = "unlearn --model again.safetensors --data heads --forget phantom-002 --strategy noisy-label";
    place.fails(&format!("{unlearn} --ledger l.db"), 4, &deleted);
    place.ok(&predict("again.safetensors", "d"));
}

#[test]
#[cfg(not(feature = "object-store"))]
fn a_bucket_that_a_run_names_is_told_where_nobody_can_look_into_it() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("runs/study/a")).unwrap();
    let run = serde_json::json!({ "command": ["study", "s.toml", "--records", "s3://bucket/ixi7"] });
    std::fs::write(place.path("runs/study/a/run.json"), run.to_string()).unwrap();
    let ran = place.run("trace phantom-001 --root gs://other/models --json");
    assert_eq!(ran.code, 6, "a bucket that was not looked into may hold the person: {}", ran.stderr);
    let traced: Value = serde_json::from_str(&ran.stdout).unwrap();
    let addresses: Vec<&str> =
        traced["buckets"].as_array().unwrap().iter().map(|bucket| bucket["address"].as_str().unwrap()).collect();
    assert_eq!(addresses, ["gs://other/models", "s3://bucket/ixi7"]);
    let text = place.run("trace phantom-001").stdout;
    assert!(text.contains("s3://bucket/ixi7: NOT LOOKED INTO") && text.contains("object-store"), "{text}");
}

#[test]
fn a_copy_of_a_data_set_in_the_cache_is_found_and_purged() {
    let place = Place::new();
    place.heads("heads", "");
    place.ok("data send heads shared --progress none --quiet");
    // As a study does that names a bucket; the folder's name decides nothing here.
    place.ok("data fetch shared cache/data-sets/ab --progress none --quiet");
    let traced = place.json("trace phantom-001 --cache cache --purge", "lacuna.trace/1");
    assert_eq!(
        traced["receipt"]["steps"].as_array().unwrap().len(),
        3,
        "an image, its label map, the list of subjects"
    );
    assert!(!place.path("cache/data-sets/ab/images/phantom-001.nii.gz").exists());
    assert!(place.path("cache/data-sets/ab/images/phantom-000.nii.gz").exists());
    assert!(place.path("heads/images/phantom-001.nii.gz").exists(), "nobody asked to look there");
}
