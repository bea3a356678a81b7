//! Requests carried out: the outcome, what is removed after it, what is left, and the evidence of all that.

use crate::support::{Ran, Workspace};
use crate::trace::{family, files_below, held};
use serde_json::Value;
use std::path::PathBuf;

/// A request of a person, accepted.
pub fn accepted(workspace: &Workspace, subject: &str) -> String {
    let asked = workspace.json(&format!("ledger request --subject {subject} --ledger l.db"), "lacuna.ledger.request/1");
    let request = asked["request"].as_str().unwrap().to_string();
    workspace.ok(&format!("ledger accept {request} --ledger l.db"));
    request
}

/// `lacuna erase` of a request by a strategy, and what follows behind.
fn erase(request: &str, strategy: &str, more: &str) -> String {
    format!(
        "erase --request {request} --ledger l.db --data heads --strategy {strategy} --epochs 1 --progress none --cache \
         cache {more}"
    )
}

/// Run it with `--json`, whatever code it ends with.
pub fn erased(workspace: &Workspace, words: &str) -> (Value, i32) {
    // Behind ` -- ` stand words of `unlearn`.
    let (own, more) = words.split_once(" -- ").unwrap_or((words, ""));
    let more = if more.is_empty() { String::new() } else { format!(" -- {more}") };
    let Ran { code, stdout, stderr } = workspace.run(&format!("{own} --json{more}"));
    let value: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{words}: {code}: {stderr}"));
    (value, code)
}

pub fn statement(workspace: &Workspace, erased: &Value) -> Value {
    let bundle = erased["evidence_folder"].as_str().unwrap();
    let checked = workspace.json(&format!("verify {bundle} --key l.db.keys/public.key"), "lacuna.verify/1");
    assert_eq!(checked["findings"], serde_json::json!([]));
    checked["statement"].clone()
}

fn document(workspace: &Workspace, erased: &Value, name: &str) -> String {
    let path = workspace.path(erased["evidence_folder"].as_str().unwrap()).join(name);
    std::fs::read_to_string(path).unwrap()
}

const DOCUMENTS: [&str; 4] = ["page.md", "model-card.md", "limits.md", "metrics.json"];
/// Settings with which a run changes next to nothing.
const STILL: &str = "-- --set learning_rate=1e-12 --set batch_norm=running";

/// One model that was trained on all subjects.
fn one_model() -> (Workspace, String) {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let trained = workspace.json(&format!("train {}", crate::trace::TRAIN), "lacuna.train/1");
    (workspace, trained["model"].as_str().unwrap().to_string())
}

#[test]
fn a_run_without_effect_erases_nothing_removes_nothing_and_says_so_in_every_document() {
    let (workspace, model) = one_model();
    let request = accepted(&workspace, "phantom-001");
    let before = std::fs::read(workspace.path(&model)).unwrap();
    let (found, code) = erased(&workspace, &erase(&request, "max-loss", &format!("--purge {STILL}")));
    assert_eq!((code, &found["outcome"], &found["status"]), (6, &"no_effect".into(), &"accepted".into()), "{found}");
    assert_eq!((&found["purged"], &found["removed"]), (&false.into(), &serde_json::json!([])));
    assert_eq!(
        std::fs::read(workspace.path(&model)).unwrap(),
        before,
        "nothing irreversible happens without an outcome"
    );
    let account = statement(&workspace, &found)["predicate"]["account"].clone();
    assert_eq!((&account["outcome"], &account["course"]["executed"]), (&"no_effect".into(), &Value::Null));
    for name in DOCUMENTS {
        let text = document(&workspace, &found, name);
        assert!(text.contains("no effect: the model answers"), "{name}: {text}");
    }
    let shown = workspace.ok(&format!("ledger show {request} --ledger l.db"));
    assert!(shown.contains("no effect: the model answers") && !shown.contains("executed"), "{shown}");
    let unlearned = workspace.path(found["model"].as_str().unwrap());
    let lineage = std::fs::read_to_string(unlearned.with_file_name("lineage.json")).unwrap();
    assert!(lineage.contains("\"no_effect\": true"), "{lineage}");
    let text = workspace.run(&erase(&request, "max-loss", &format!("--again --out again {STILL}"))).stdout;
    assert!(text.contains("next") && text.contains("more epochs"), "{text}");
}

#[test]
fn a_second_attempt_is_refused_unless_asked_for_and_its_evidence_lists_the_first() {
    let (workspace, model) = one_model();
    let request = accepted(&workspace, "phantom-001");
    let (first, code) = erased(&workspace, &erase(&request, "noisy-label", &format!("--model {model} --out first")));
    assert_eq!((code, &first["outcome"]), (0, &"not_assessable".into()));
    let digest = |erased: &Value| {
        let shown = workspace.json(&format!("ledger show {request} --ledger l.db"), "lacuna.ledger.show/1");
        assert_eq!(shown["request"], erased["request"]);
        shown["evidence"].as_str().unwrap().to_string()
    };
    let earlier = digest(&first);
    for strategy in ["max-loss", "noisy-label"] {
        let again = erase(&request, strategy, &format!("--model {model} --out second"));
        workspace.fails(&again, 3, &["--again", "finished run"]);
        assert!(!workspace.path("second").exists());
    }
    let (second, code) =
        erased(&workspace, &erase(&request, "max-loss", &format!("--model {model} --out second --again")));
    assert_eq!(code, 0, "{second}");
    let account = statement(&workspace, &second)["predicate"]["account"].clone();
    let listed = &account["earlier"][0];
    assert_eq!((listed["statement"].as_str(), &listed["verdict"]), (Some(earlier.as_str()), &"not_assessable".into()));
    assert_eq!(account["other_runs"][0]["strategy"], "noisy-label");
    for (name, word) in
        [("page.md", earlier.as_str()), ("page.md", "noisy-label"), ("limits.md", "not the first attempt")]
    {
        assert!(document(&workspace, &second, name).contains(word), "{name}: {word}");
    }
    assert_ne!(digest(&second), earlier);
}

#[test]
fn nothing_is_signed_while_a_model_is_there_of_which_nothing_says_whom_it_saw_unless_that_is_accepted() {
    let (workspace, model) = one_model();
    let request = accepted(&workspace, "phantom-001");
    let mut bytes = std::fs::read(workspace.path(&model)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::create_dir_all(workspace.path("runs/old")).unwrap();
    std::fs::write(workspace.path("runs/old/of-nobody-knows.safetensors"), bytes).unwrap();
    let words = erase(&request, "noisy-label", "--purge");
    let (found, code) = erased(&workspace, &words);
    assert_eq!((code, &found["evidence_folder"]), (6, &Value::Null), "{found}");
    assert_eq!(found["status"], "executed", "the outcome is recorded before anything is removed");
    let left = found["left"].as_array().unwrap();
    assert!(left.iter().any(|left| left["path"].as_str().unwrap().contains("of-nobody-knows")), "{found}");
    let text = workspace.run(&words).stdout;
    assert!(text.contains("NOT SIGNED") && text.contains("--accept-unknown"), "{text}");
    assert!(!workspace.path("runs/evidence").exists());
    let (found, code) = erased(&workspace, &words.replace("--purge", "--purge --accept-unknown"));
    assert_eq!(code, 0, "{found}");
    let account = statement(&workspace, &found)["predicate"]["account"].clone();
    assert_eq!((&account["left"]["accepted"], account["left"]["unknown"].as_array().unwrap().len()), (&true.into(), 1));
    for name in DOCUMENTS {
        let text = document(&workspace, &found, name);
        assert!(!text.contains("of-nobody-knows"), "{name} has no path: {text}");
        assert!(name == "metrics.json" || text.contains("1 file is of which nothing says"), "{name}: {text}");
    }
    assert_eq!(
        std::fs::read_dir(workspace.path("runs/unlearn")).unwrap().count(),
        1,
        "one run, however often it was asked"
    );
}

#[test]
fn a_model_that_saw_the_person_and_is_not_made_to_forget_is_left_until_it_is_removed() {
    let (workspace, [first, second, _]) = family();
    let request = accepted(&workspace, "phantom-000");
    let words = erase(&request, "noisy-label", &format!("--model {first}"));
    let (found, code) = erased(&workspace, &words);
    assert_eq!((code, &found["replaced_models"]), (6, &1.into()), "{found}");
    let left: Vec<&str> = found["left"].as_array().unwrap().iter().map(|left| left["path"].as_str().unwrap()).collect();
    assert!(left.contains(&second.as_str()) && !left.contains(&first.as_str()), "{left:?}");
    let (found, code) = erased(&workspace, &words.replace("--model", "--purge --model"));
    assert_eq!((code, &found["left"]), (0, &serde_json::json!([])), "{found}");
    assert!(!workspace.path(&first).exists() && !workspace.path(&second).exists());
    // The fate of files is reported apart, in the evidence and in the output.
    let account = statement(&workspace, &found)["predicate"]["account"].clone();
    let count = |how: &str| -> u64 {
        let removed = account["removed"].as_array().unwrap().iter();
        removed.filter(|files| files["how"] == how).map(|files| files["files"].as_u64().unwrap()).sum()
    };
    assert!(count("quarantined") >= 3 && count("rewritten") > 0 && count("deleted") == 0, "{account}");
    let page = document(&workspace, &found, "page.md");
    assert!(page.contains("moved to quarantine") && page.contains("until the request is closed"), "{page}");
    assert!(page.contains("Controller: ___") && page.contains("Answer due"), "{page}");
    workspace.ok(&format!("ledger close {request} --unassessed --ledger l.db"));
}

#[test]
fn a_request_is_carried_out_from_receipt_to_evidence_that_names_nobody() {
    let (workspace, [_, second, _]) = family();
    let asked = workspace.json("ledger request --subject phantom-000 --ledger l.db", "lacuna.ledger.request/1");
    let request = asked["request"].as_str().unwrap();
    let erase = format!(
        "erase --request {request} --ledger l.db --model {second} --data heads --strategy noisy-label --epochs 1 \
         --purge --progress none --cache cache"
    );
    workspace.fails(&erase, 3, &["one that is accepted", "it received", "lacuna ledger accept"]);
    workspace.ok(&format!("ledger accept {request} --ledger l.db"));
    workspace.fails(&erase.replace("noisy-label", "noisy-lable"), 3, &["noisy-label"]);
    // A folder that cannot be: the run is done and written down by then, and is not done again.
    workspace.fails(&format!("{erase} --out heads/subjects.tsv/x"), 4, &["subjects.tsv"]);
    let runs = || std::fs::read_dir(workspace.path("runs/unlearn")).unwrap().count();
    let before = runs();
    let erased = workspace.json(&erase, "lacuna.erase/1");
    assert_eq!(runs(), before);
    assert_eq!(
        (&erased["status"], &erased["verdict"], &erased["outcome"]),
        (&"executed".into(), &"not_assessable".into(), &"not_assessable".into())
    );
    assert!(!workspace.path(&second).exists() && workspace.path(erased["model"].as_str().unwrap()).exists());
    let bundle = erased["evidence_folder"].as_str().unwrap();
    let verify = format!("verify {bundle} --key l.db.keys/public.key");
    let checked = workspace.json(&verify, "lacuna.verify/1");
    assert_eq!(checked["findings"], serde_json::json!([]));
    assert_eq!(checked["statement"]["predicate"]["request"], request);
    for folder in [bundle, "runs", "l.db.keys"] {
        let outside = |file: &PathBuf| !file.to_string_lossy().contains(".lacuna/quarantine");
        for file in files_below(&workspace.path(folder)).into_iter().filter(outside) {
            let bytes = std::fs::read(&file).unwrap();
            assert!(!bytes.windows(11).any(|window| window == b"phantom-000"), "{}", file.display());
        }
    }
    let metrics = workspace.path(bundle).join("metrics.json");
    let audit =
        format!("ledger audit {request} --protocol l.db.keys/public.key --metrics {} --ledger l.db", metrics.display());
    workspace.ok(&format!("{audit} --verdict residual_influence"));
    workspace.fails(&format!("ledger close {request} --ledger l.db"), 3, &["it executed"]);
    workspace.ok(&format!("{audit} --verdict consistent_with_retrain"));
    workspace.ok(&format!("ledger close {request} --destroy-link --ledger l.db"));
    assert_eq!(
        workspace.json("ledger verify --ledger l.db", "lacuna.ledger.verify/1")["findings"],
        serde_json::json!([])
    );
    let mut bytes = std::fs::read(&metrics).unwrap();
    bytes[9] ^= 1;
    std::fs::write(&metrics, bytes).unwrap();
    let ran = workspace.run(&verify);
    assert!(ran.code == 7 && ran.stdout.contains("metrics.json"), "{}: {}", ran.code, ran.stdout);
}

#[test]
fn every_model_that_saw_the_person_is_made_to_forget_and_the_ledger_warns_of_what_is_left() {
    let (workspace, [first, second, third]) = family();
    let asked = workspace.json("ledger request --subject phantom-000 --ledger l.db", "lacuna.ledger.request/1");
    let request = asked["request"].as_str().unwrap();
    workspace.ok(&format!("ledger accept {request} --ledger l.db"));
    let traced = workspace.json("trace phantom-002 --data heads", "lacuna.trace/1");
    let image = held(&traced, "volume").into_iter().find(|path| !path.contains("label")).unwrap().to_string();
    let predict = |model: &str, out: &str| format!("predict {image} --model {model} --out {out} --progress none");
    let warned = workspace.run(&format!("{} --ledger l.db", predict(&first, "a")));
    assert_eq!(warned.code, 0, "{}", warned.stderr);
    assert!(warned.stderr.contains("is accepted and due on"), "{}", warned.stderr);
    let backup = std::fs::read(workspace.path(&first)).unwrap();

    // No model is named: all three saw phantom-000, the one that forgot phantom-001 too.
    let erase = format!(
        "erase --request {request} --ledger l.db --data heads --strategy noisy-label --epochs 1 --progress none \
         --cache cache"
    );
    workspace.fails(&erase.replace("noisy-label", "noisy-lable"), 3, &["noisy-label"]);
    let registered = || {
        let shown = workspace.json(&format!("ledger show {request} --ledger l.db"), "lacuna.ledger.show/1");
        let kinds = shown["events"].as_array().unwrap().clone();
        kinds.iter().map(|event| event["record"]["kind"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert!(!registered().contains(&"run".to_string()), "what cannot run is not registered");
    // A folder that cannot be: the runs are done by then, and are not done again.
    workspace.fails(&format!("{erase} --out heads/subjects.tsv/x"), 4, &["subjects.tsv"]);
    let runs = || std::fs::read_dir(workspace.path("runs/unlearn")).unwrap().count();
    let before = runs();
    assert_eq!(before, 1 + 3);
    workspace.fails(&erase.replace("--epochs 1", "--epochs 2"), 3, &["registered before"]);
    let erased = workspace.json(&format!("{erase} --purge"), "lacuna.erase/1");
    assert_eq!((runs(), erased["models"].as_array().unwrap().len()), (before, 3));
    assert_eq!(erased["verdict"], "not_assessable");
    let kinds = registered();
    let place_of = |kind: &str| kinds.iter().position(|found| found == kind).unwrap();
    assert!(place_of("protocol") < place_of("run") && place_of("run") < place_of("audit"), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| *kind == "protocol").count(), 3);
    let bundle = erased["evidence_folder"].as_str().unwrap();
    let checked = workspace.json(&format!("verify {bundle} --key l.db.keys/public.key"), "lacuna.verify/1");
    assert_eq!(checked["findings"], serde_json::json!([]));
    assert_eq!(checked["statement"]["subject"].as_array().unwrap().len(), 6, "before and after of each");
    for model in [&first, &second, &third] {
        assert!(!workspace.path(model).exists(), "{model}");
    }

    // What came of it may be used; what comes back may not, under whatever name.
    let kept = erased["models"][0]["model"].as_str().unwrap();
    let used = workspace.run(&format!("{} --ledger l.db", predict(kept, "b")));
    assert!(used.code == 0 && !used.stderr.contains("warning"), "{}: {}", used.code, used.stderr);
    std::fs::write(workspace.path("again.safetensors"), &backup).unwrap();
    let deleted = ["that request", "quarantine", request];
    workspace.fails(&format!("{} --ledger l.db", predict("again.safetensors", "c")), 4, &deleted);
    let unlearn = "unlearn --model again.safetensors --data heads --forget phantom-002 --strategy noisy-label";
    workspace.fails(&format!("{unlearn} --ledger l.db"), 4, &deleted);
    workspace.ok(&predict("again.safetensors", "d"));
}
