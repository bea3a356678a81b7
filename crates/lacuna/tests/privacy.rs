//! What leaves the operator's zone names no person, and what stays in it is gone after a purge.
//!
//! Markers are planted in ids, names of files and folders, every text field of every NIfTI header, and names that the
//! operator gives to a study and a run. What is made to be passed on is searched byte by byte, unpacked where it is
//! packed.

use crate::support::Workspace;
use serde_json::Value;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

const ID: &str = "markerid";
const FOLDER: &str = "markerfolder";
/// Whom everything here is about.
const WHO: &str = "markerid-000";
/// Text fields of a NIfTI-1 header: offset, bytes, marker.
const FIELDS: [(usize, usize, &str); 4] =
    [(14, 18, "markername"), (148, 80, "markerdescrip"), (228, 24, "markeraux"), (328, 16, "markerintent")];

const STUDY: &str = r#"
name = "all-but-markerid-000"
data = { root = "markerfolder", labels = "tissue" }
preprocess = { kind = "canonical", size = [16, 16, 16], crop = "none", foreground = "above-zero" }
network = { depth = 10 }
split = { held_out_subjects = ["markerid-002"], forget = { only = ["markerid-000"] } }
train = { epochs = 1, learning_rate = 1e-2, head_multiplier = 1.0 }
unlearn = { epochs = [1], strategies = ["noisy-label"] }
keep_models = "all"
probe = { rebound = { epochs = 1, learning_rate = 5e-3 } }
"#;

/// A cohort whose folder, files, ids and headers are markers.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.heads(FOLDER, "");
    for path in files_below(&workspace.path(FOLDER)) {
        let name = path.file_name().unwrap().to_str().unwrap().replace("phantom", ID);
        if name.ends_with(".nii.gz") {
            let mut bytes = unpacked(&path);
            for (at, length, marker) in FIELDS {
                bytes[at..at + length].fill(0);
                bytes[at..at + marker.len()].copy_from_slice(marker.as_bytes());
            }
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(&bytes).unwrap();
            std::fs::write(&path, packed.finish().unwrap()).unwrap();
        } else {
            let text = std::fs::read_to_string(&path).unwrap().replace("phantom", ID);
            std::fs::write(&path, text).unwrap();
        }
        std::fs::rename(&path, path.with_file_name(name)).unwrap();
    }
    std::fs::write(workspace.path("markers.toml"), STUDY).unwrap();
    workspace
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// What a file holds, out of gzip where it is packed.
fn unpacked(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return bytes;
    }
    let mut whole = Vec::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut whole).unwrap();
    whole
}

/// Where of some words one stands, in a name or in the bytes of a file.
fn found(files: &[PathBuf], workspace: &Workspace, words: &[&str]) -> Vec<String> {
    let holds = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(workspace.path("")).unwrap().display().to_string();
        let bytes = unpacked(file);
        let here = words.iter().filter(|word| holds(name.as_bytes(), word) || holds(&bytes, word));
        found.extend(here.map(|word| format!("{word}: {name}")));
    }
    found
}

fn only_run(workspace: &Workspace, verb: &str) -> String {
    let names = std::fs::read_dir(workspace.path("runs").join(verb)).unwrap();
    let [name] = &names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()[..] else {
        panic!("one run of {verb}");
    };
    format!("runs/{verb}/{name}")
}

#[test]
fn of_a_study_with_pseudonyms_nothing_but_where_its_data_lie_names_anybody() {
    let workspace = workspace();
    let ran = workspace.run("study markers.toml --pseudonyms --progress plain --cache cache");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let run = only_run(&workspace, "study");
    workspace.ok(&format!("report {run} --out page.html --figures figures --names"));
    workspace.ok(&format!("compare {run} {run} --out compared.html"));
    let seen = workspace.ok(&format!("watch {run} --once"));
    let mut written = files_below(&workspace.path("runs"));
    written.extend(["page.html", "compared.html"].map(|name| workspace.path(name)));
    written.extend(files_below(&workspace.path("figures")));
    assert!(written.len() > 30, "{written:?}");
    assert!(written.iter().any(|path| path.ends_with("leaderboard.svg")), "{written:?}");
    assert_eq!(found(&written, &workspace, &[ID, "markername", "markerdescrip", "markeraux", "markerintent"]), [""; 0]);
    // The operator's zone: where the data lie, and the command as it was given.
    let mut zone = found(&written, &workspace, &[FOLDER, "markers.toml"]);
    zone.sort();
    assert_eq!(zone, [format!("{FOLDER}: {run}/config.toml"), format!("markers.toml: {run}/run.json")]);
    for said in [&ran.stdout, &ran.stderr, &seen] {
        assert!(!said.contains(ID), "{said}");
    }
    assert!(run.contains("all-but-person-"), "{run}");
}

#[test]
fn what_is_passed_on_of_runs_with_ids_names_nobody_and_what_is_printed_neither_where_that_is_asked() {
    let (workspace, model) = trained();
    let unlearned = workspace.json(
        &format!(
            "unlearn --model {model} --data {FOLDER} --forget {WHO} --strategy noisy-label --epochs 1 --images all"
        ),
        "lacuna.unlearn/1",
    );
    let (run, forgot) = (only_run(&workspace, "unlearn"), unlearned["model"].as_str().unwrap().to_string());
    // A folder that its keeper named after the person.
    std::fs::create_dir(workspace.path("kept")).unwrap();
    std::fs::copy(workspace.path(&run).join("results.csv"), workspace.path("kept/results.csv")).unwrap();
    std::fs::rename(workspace.path("kept"), workspace.path(&format!("without-{WHO}"))).unwrap();
    workspace.ok(&format!("report {run} --out page.html --figures figures"));
    workspace.ok(&format!("report without-{WHO} --out kept.html"));
    workspace.ok(&format!("compare {run} without-{WHO} --out compared.html"));
    // The header of what is predicted, under the name that the image has.
    workspace.ok(&format!("predict {FOLDER}/images --model {model} --out out --probabilities --quiet"));
    workspace.ok(&format!("convert {forgot} --out forgot.safetensors"));
    workspace.ok(&format!("ledger request --subject {WHO} --ledger l.db"));
    workspace.ok("ledger export --ledger l.db --out export");
    let mut passed_on = ["page.html", "kept.html", "compared.html", "forgot.safetensors", &model, &forgot, "l.db"]
        .map(|name| workspace.path(name))
        .to_vec();
    passed_on.extend(["figures", "export"].iter().flat_map(|folder| files_below(&workspace.path(folder))));
    passed_on.extend(files_below(&workspace.path(&run)).into_iter().filter(|path| path.ends_with("report.html")));
    let named: Vec<String> = found(&passed_on, &workspace, &["marker"]);
    let by_folder = format!("marker: {model}");
    assert_eq!(named.into_iter().filter(|found| *found != by_folder).collect::<Vec<_>>(), [""; 0]);
    assert!(!unpacked(&workspace.path(&model)).windows(6).any(|window| window == b"marker"), "{model}");
    let headers = ["markername", "markerdescrip", "markeraux", "markerintent"];
    assert_eq!(found(&files_below(&workspace.path("out")), &workspace, &headers), [""; 0]);
    for verb in ["watch", "inspect", "report"] {
        for json in ["", " --json"] {
            let once = if verb == "watch" { " --once" } else { "" };
            let ran = workspace.run(&format!("{verb} {run}{once} --redact{json}"));
            assert_eq!(ran.code, 0, "{verb}: {}", ran.stderr);
            assert!(!ran.stdout.contains("marker") && !ran.stderr.contains("marker"), "{verb}{json}: {}", ran.stdout);
        }
    }
    let ran = workspace.run(&format!("compare {run} without-{WHO} --redact"));
    assert!(ran.code == 0 && !ran.stdout.contains("marker"), "{}{}", ran.stdout, ran.stderr);
}

/// Copies under the names that a killed process leaves: of the model, and of the person's prepared scans.
fn left_by_killed_writes(workspace: &Workspace, model: &str) -> Vec<PathBuf> {
    let image = lacuna_disk::digest_file(&workspace.path(FOLDER).join(format!("images/{WHO}.nii.gz"))).unwrap();
    let mut whole = files_below(&workspace.path("cache").join(image));
    assert!(!whole.is_empty());
    whole.push(workspace.path(model));
    let left = |path: &PathBuf| {
        let left = PathBuf::from(format!("{}.4711-0-0123456789abcdef.tmp", path.display()));
        std::fs::copy(path, &left).unwrap();
        left
    };
    whole.iter().map(left).collect()
}

/// A model of all subjects but the last, in a run that is named after the first.
fn trained() -> (Workspace, String) {
    let workspace = workspace();
    let train = format!(
        "train --data {FOLDER} --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 2 --held-out \
         {ID}-002 --name without-{WHO} --cache cache --set train.checkpoint_epochs=1 --progress none"
    );
    let model = workspace.json(&train, "lacuna.train/1")["model"].as_str().unwrap().to_string();
    assert!(model.contains(WHO), "{model}");
    (workspace, model)
}

#[test]
fn after_an_erasure_and_a_purge_nothing_anywhere_names_the_person() {
    let (mut workspace, model) = trained();
    // What the system is given to keep for a while lies here too.
    std::fs::create_dir(workspace.path("temporary")).unwrap();
    workspace.settings.push(("TMPDIR", workspace.path("temporary").display().to_string()));
    workspace.ok(&format!("eval --model {model} --data {FOLDER} --progress none --name of-{WHO}"));
    workspace.ok(&format!("predict {FOLDER}/images --model {model} --out out --quiet"));
    workspace.ok("study markers.toml --progress none --quiet --cache cache");
    let left = left_by_killed_writes(&workspace, &model);
    let asked = workspace.json(&format!("ledger request --subject {WHO} --ledger l.db"), "lacuna.ledger.request/1");
    let request = asked["request"].as_str().unwrap();
    workspace.ok(&format!("ledger accept {request} --ledger l.db"));
    let erase = format!(
        "erase --request {request} --ledger l.db --model {model} --data {FOLDER} --strategy noisy-label --epochs 1 \
         --progress none --cache cache --purge"
    );
    let erased = workspace.json(&erase, "lacuna.erase/1");
    let evidence = files_below(&workspace.path(erased["evidence_folder"].as_str().unwrap()));
    assert_eq!(found(&evidence, &workspace, &["marker"]), [""; 0]);
    // What was predicted elsewhere went with the models, since the site remembers where; the images and the set's own
    // table are still there, and are reported.
    let trace = format!("trace {WHO} --data {FOLDER} --root out --cache cache --ledger l.db");
    let traced: Value = workspace.json(&trace, "lacuna.trace/1");
    let holds = |what: &str| {
        let files = traced["files"].as_array().unwrap().iter().filter(|held| held["holds"] == what);
        files.map(|held| held["path"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    let label = format!("out/{WHO}_labels.nii.gz");
    assert!(!workspace.path(&label).exists() && workspace.path("out").exists(), "{label}");
    assert!(
        holds("volume").iter().any(|path| path.ends_with("images/markerid-000.nii.gz"))
            && holds("name").contains(&format!("{FOLDER}/subjects.tsv")),
        "{traced}"
    );
    let purged = workspace.json(&format!("{trace} --purge --include-sources"), "lacuna.trace/1");
    assert_eq!(purged["remaining"].as_array().unwrap().iter().filter(|held| held["purge"] != "keep").count(), 0);
    let metrics = evidence.iter().find(|path| path.ends_with("metrics.json")).unwrap().display();
    workspace.ok(&format!(
        "ledger audit {request} --ledger l.db --protocol l.db.keys/public.key --metrics {metrics} --verdict \
         consistent_with_retrain"
    ));
    workspace.ok(&format!("ledger close {request} --ledger l.db --destroy-link"));

    // The study file is the operator's own, and lies in a folder that was not searched.
    std::fs::remove_file(workspace.path("markers.toml")).unwrap();
    let everything = files_below(&workspace.path(""));
    assert!(everything.iter().any(|path| path.ends_with("l.db")) && everything.len() > 30);
    assert_eq!(found(&everything, &workspace, &[WHO]), [""; 0]);
    assert!(left.iter().all(|path| !path.exists()), "{left:?}");
    // Others are where they were, and the set can be read.
    assert!(workspace.path(FOLDER).join(format!("images/{ID}-001.nii.gz")).exists());
    workspace.ok(&format!("data check {FOLDER} --labels tissue"));
    assert_eq!(
        workspace.json("ledger verify --ledger l.db", "lacuna.ledger.verify/1")["findings"],
        serde_json::json!([])
    );
}
