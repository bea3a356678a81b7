//! `--redact`: markers are planted in ids, file names and folders, and no verb prints one of them.

use crate::support::Workspace;

const ID: &str = "markerid";
const FOLDER: &str = "markerfolder";

/// A cohort whose folder, files and ids are markers.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.heads(FOLDER, "");
    let mut folders = vec![workspace.path(FOLDER)];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>() {
            let name = path.file_name().unwrap().to_str().unwrap().replace("phantom", ID);
            let to = path.with_file_name(name);
            std::fs::rename(&path, &to).unwrap();
            if to.is_dir() {
                folders.push(to);
            } else if to.extension().is_some_and(|ending| ending == "tsv") {
                let text = std::fs::read_to_string(&to).unwrap().replace("phantom", ID);
                std::fs::write(&to, text).unwrap();
            }
        }
    }
    workspace
}

#[track_caller]
fn check(workspace: &Workspace, words: &str, code: i32) {
    for json in ["", " --json"] {
        let ran = workspace.run(&format!("{words} --redact{json}"));
        assert_eq!(ran.code, code, "{words}: {}", ran.stderr);
        for marker in [ID, FOLDER] {
            assert!(!ran.stdout.contains(marker), "{words}{json}: {}", ran.stdout);
            assert!(!ran.stderr.contains(marker), "{words}{json}: {}", ran.stderr);
        }
    }
}

#[test]
fn no_verb_prints_an_id_or_a_path() {
    let workspace = workspace();
    let train = format!(
        "train --data {FOLDER} --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 1 --progress \
         plain --held-out {ID}-002"
    );
    let plain = workspace.run(&train);
    assert_eq!(plain.code, 0, "{}", plain.stderr);
    let said = format!("{}{}", plain.stdout, plain.stderr);
    assert!(said.contains("model.safetensors"), "without the flag paths are told: {said}");
    check(&workspace, &train, 0);
    let runs = std::fs::read_dir(workspace.path("runs/train")).unwrap();
    let run = runs.map(|entry| entry.unwrap().file_name().into_string().unwrap()).min().unwrap();
    std::fs::rename(workspace.path("runs/train").join(&run), workspace.path(&format!("{FOLDER}run"))).unwrap();
    let model = format!("{FOLDER}run/model.safetensors");
    let cohort = format!("--data {FOLDER}");
    check(&workspace, &format!("data check {FOLDER}"), 0);
    check(&workspace, &format!("data show {FOLDER}"), 0);
    check(&workspace, &format!("inspect {FOLDER}run"), 0);
    check(&workspace, &format!("eval --model {model} {cohort}"), 0);
    let unlearn = format!("unlearn --model {model} {cohort} --strategy noisy-label --epochs 1 --progress plain");
    check(&workspace, &format!("{unlearn} --forget {ID}-000"), 0);
    check(&workspace, &format!("{unlearn} --forget {ID}-007"), 3);
    check(&workspace, &format!("trace {ID}-000 {cohort} --root {FOLDER}run"), 0);
    check(&workspace, &format!("ledger list --subject {ID}-000 --ledger {FOLDER}.db"), 4);
    workspace.ok(&format!("ledger request --subject {ID}-000 --ledger l.db"));
    check(&workspace, &format!("ledger request --subject {ID}-000 --ledger l.db"), 3);
    check(&workspace, "ledger list --ledger l.db", 0);
    check(&workspace, &format!("predict {FOLDER}/images --model {model} --out {FOLDER}out --continue"), 0);
    // What clap complains of quotes the command line; a file that is none may quote itself.
    check(&workspace, &format!("predict --{ID} {FOLDER}"), 2);
    std::fs::write(workspace.path(&format!("{FOLDER}.toml")), format!("{ID} = ")).unwrap();
    check(&workspace, &format!("study {FOLDER}.toml"), 3);
}

/// Folders that a verb makes are not there when it begins; each line leaves a new one. `@` is a bare word.
const MADE: [&str; 7] = [
    "data export heads --to bids --channels T1w --labels tissue --out @1",
    "phantom --subjects 1 --dims 16x18x12 --out @2",
    "study plan small.toml --out @3",
    "ledger export --ledger l.db --out @4",
    "man --out @5",
    "schema --out @6",
    "predict heads/images --model none --out @7",
];

#[test]
fn a_folder_that_is_not_there_yet_is_hidden_as_one_that_is() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    workspace.ok("ledger request --subject someone --ledger l.db");
    let study = "name = 's'\ndata = { root = 'heads', labels = 'tissue' }\nnetwork = { depth = 10 }\npreprocess = { kind = \
                 'canonical', size = [16, 16, 16], crop = 'none', foreground = 'above-zero' }\nsplit = { held_out_subjects = \
                 ['phantom-002'], forget = { only = ['phantom-000'] } }\ntrain = { epochs = 1, learning_rate = 1e-2, \
                 head_multiplier = 1.0 }\nunlearn = { epochs = [1], strategies = ['noisy-label'] }\n";
    std::fs::write(workspace.path("small.toml"), study).unwrap();
    for (number, line) in MADE.iter().enumerate() {
        for (json, word) in [("", "markeranna"), (" --json", "markerberta")] {
            let ran = workspace.run(&format!("{}{json} --redact --progress none", line.replace('@', word)));
            let is_expected = if line.contains("none") { ran.code == 4 } else { ran.code == 0 };
            assert!(is_expected, "{number}: {line}: {}", ran.stderr);
            assert!(!ran.stdout.contains(word) && !ran.stderr.contains(word), "{line}: {}{}", ran.stdout, ran.stderr);
        }
    }
}
