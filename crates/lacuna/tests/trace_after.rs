//! What a trace says that it did not look at, and what is done with files after evidence was signed or a request
//! closed.

use crate::erase::{accepted, erased};
use crate::support::Workspace;
use crate::trace_places::{SETTINGS, WHO, found, traced, trained, unknown, workspace};
use serde_json::Value;
use std::fs;

/// The ways to have looked at what was not.
fn fixes(traced: &Value) -> Vec<&str> {
    traced["not_looked"].as_array().unwrap().iter().map(|one| one["fix"].as_str().unwrap()).collect()
}

fn shown(workspace: &Workspace, request: &str) -> (Value, String) {
    let words = format!("ledger show {request} --ledger l.db");
    (workspace.json(&words, "lacuna.ledger.show/1"), workspace.ok(&words))
}

/// Settings with which a run of so small a network moves something.
const STRONG: &str = "--set learning_rate=0.5";

fn erase_words(request: &str, strategy: &str, more: &str, settings: &str) -> String {
    format!(
        "erase --request {request} --ledger l.db --data heads --strategy {strategy} --epochs 3 --quiet {more} -- {settings}"
    )
}

fn erase(workspace: &Workspace, words: &str) -> Value {
    let (found, code) = erased(workspace, words);
    assert_eq!(code, 0, "{found}");
    found
}

#[test]
fn without_a_data_set_that_lists_the_subject_that_is_reported_and_no_sources_are_promised() {
    let workspace = workspace();
    trained(&workspace, "");
    fs::create_dir_all(workspace.path("other/images")).unwrap();
    fs::create_dir_all(workspace.path("other/labels")).unwrap();
    for kind in ["images", "labels"] {
        fs::copy(
            workspace.path(&format!("heads/{kind}/phantom-000.nii.gz")),
            workspace.path(&format!("other/{kind}/x.nii.gz")),
        )
        .unwrap();
    }
    for (data, listed) in [("", false), ("--data other", false), ("--data other --data heads", true)] {
        let (trace, _) = traced(&workspace, &format!("{WHO} {data}"));
        assert_eq!((&trace["listed"], fixes(&trace).contains(&"--data DIR")), (&listed.into(), !listed), "{data}");
        let text = workspace.ok(&format!("trace {WHO} {data}"));
        assert_eq!(text.contains("no data set that was named lists the subject; fix: --data DIR"), !listed, "{text}");
        if !listed {
            let words = format!("trace {WHO} {data} --purge --include-sources");
            workspace.fails(&words, 3, &["--include-sources", WHO, "a data set that lists", "--data DIR names"]);
        }
    }
    assert!(workspace.path("heads/images/phantom-001.nii.gz").exists());
    let words = format!("{WHO} --data heads --purge --include-sources");
    // The same command again, though the data set lists the subject no more.
    for _ in 0..2 {
        let (purged, code) = traced(&workspace, &words);
        assert_eq!(code, 0, "{purged}");
    }
    assert!(!workspace.path("heads/images/phantom-001.nii.gz").exists());
}

#[test]
fn caches_stores_and_plans_that_a_verb_used_are_looked_into_and_otherwise_that_is_reported() {
    let workspace = workspace();
    trained(&workspace, "");
    assert!(fixes(&traced(&workspace, &format!("{WHO} --data heads")).0).contains(&"--cache DIR"));
    trained(&workspace, "--cache elsewhere/cache");
    workspace.ok("study plan s.toml --out plans/s --records ext/records --models ext/models --quiet");
    let (trace, code) = traced(&workspace, &format!("{WHO} --data heads"));
    assert!(code == 0 && !fixes(&trace).contains(&"--cache DIR"), "{trace}");
    for folder in ["elsewhere/cache", "plans/s"] {
        assert!(found(&trace).iter().any(|path| path.starts_with(folder)), "{folder}: {trace}");
    }
    let looked = trace["looked"].to_string();
    assert!(looked.contains("elsewhere/cache") && looked.contains("plans/s"), "{looked}");
    let (purged, code) = traced(&workspace, &format!("{WHO} --data heads --purge"));
    assert_eq!(code, 0, "{purged}");
    let (again, _) = traced(&workspace, &format!("{WHO} --data heads"));
    assert_eq!(found(&again), Vec::<String>::new());
}

#[test]
fn a_scan_that_is_called_like_another_person_is_its_own_persons() {
    let workspace = workspace();
    let table = "scan\tsubject\nphantom-000\tphantom-000\nphantom-001\tanna\nphantom-002\tphantom-001\n\
                 phantom-003\tphantom-003\n";
    fs::write(workspace.path("heads/subjects.tsv"), table).unwrap();
    let model = trained(&workspace, "--held-out anna,phantom-001,phantom-003");
    workspace.ok(&format!("predict heads/images --model {} --out out --quiet", model.display()));
    // The data set around the images decided when they were predicted, and decides again where it is named.
    for data in ["", "--data heads"] {
        for (who, scan) in [("phantom-001", "phantom-002"), ("anna", "phantom-001")] {
            let (trace, code) = traced(&workspace, &format!("{who} {data}"));
            let predictions: Vec<String> = found(&trace).into_iter().filter(|path| path.starts_with("out/")).collect();
            assert_eq!((predictions, code), (vec![format!("out/{scan}_labels.nii.gz")], 0), "{who} {data}: {trace}");
        }
    }
}

#[test]
fn what_is_done_with_files_after_evidence_was_signed_is_reported_and_needs_a_word() {
    let workspace = workspace();
    trained(&workspace, "");
    let request = accepted(&workspace, WHO);
    let found = erase(&workspace, &erase_words(&request, "noisy-label", "--purge", STRONG));
    let evidence = found["evidence"].as_str().unwrap().to_string();
    let bundle = found["evidence_folder"].as_str().unwrap().to_string();
    let page = workspace.ok(&format!("verify {bundle} --key l.db.keys/public.key"));
    assert!(
        page.contains("as it was signed: 10 files") && page.contains(&format!("lacuna ledger show {request}")),
        "{page}"
    );
    assert!(page.contains("Until then it can be put back"), "{page}");
    assert!(!shown(&workspace, &request).1.contains("after the evidence"));

    // A purge after it is not in it.
    let words = format!("{WHO} --data heads --ledger l.db --purge --include-sources");
    let text = workspace.ok(&format!("trace {words} --yes"));
    assert!(text.contains(&format!("not in the evidence: the statement {evidence}")), "{text}");
    let (state, text) = shown(&workspace, &request);
    assert!(state["removed_after_evidence"].as_u64().unwrap() >= 2, "{state}");
    assert!(text.contains("removed after the evidence was signed, which does not list them"), "{text}");
    assert!(text.contains("without the person's rows or entries"), "rows of subjects.tsv were taken out: {text}");
    workspace.ok(&format!("quarantine restore {request}-2 --ledger l.db"));
    assert_eq!(shown(&workspace, &request).0["removed_after_evidence"], 0);

    // What the evidence says was removed is put back only against it.
    let listed = workspace.ok("quarantine list");
    assert!(listed.contains("state") && listed.contains("whole"), "{listed}");
    let restore = format!("quarantine restore {request} --ledger l.db");
    workspace.fails(&restore, 3, &["signed evidence", &request, "--against-evidence"]);
    let restored = workspace.json(&format!("{restore} --against-evidence"), "lacuna.quarantine.restore/1");
    assert!(restored["against_evidence"].as_u64().unwrap() > 0, "{restored}");
    let (state, text) = shown(&workspace, &request);
    assert_eq!(state["restored_after_evidence"], restored["against_evidence"]);
    assert!(text.contains("put back after the evidence was signed"), "{text}");
    assert_eq!(
        workspace.json("ledger verify --ledger l.db", "lacuna.ledger.verify/1")["findings"],
        serde_json::json!([])
    );
    // Removed again, it is as the evidence says.
    traced(&workspace, &format!("{WHO} --data heads --ledger l.db --purge"));
    assert_eq!(shown(&workspace, &request).0["restored_after_evidence"], 0);
}

#[test]
fn another_attempt_gets_a_folder_of_its_own() {
    let workspace = workspace();
    trained(&workspace, "");
    let request = accepted(&workspace, WHO);
    let first = erase(&workspace, &erase_words(&request, "noisy-label", "", STRONG));
    let plain = erase_words(&request, "max-loss", "", STRONG);
    workspace.fails(&plain, 3, &["--again"]);
    for (number, strategy) in [(2, "max-loss"), (3, "noisy-label")] {
        let (again, code) = erased(&workspace, &erase_words(&request, strategy, "--again", STRONG));
        let folder = format!("{}-{number}", first["evidence_folder"].as_str().unwrap());
        assert_eq!((code, again["evidence_folder"].as_str()), (0, Some(folder.as_str())), "{again}");
        workspace.ok(&format!("verify {folder} --key l.db.keys/public.key"));
    }
    let (_, text) = shown(&workspace, &request);
    let evidence: Vec<&str> = text.lines().filter(|line| line.trim_start().starts_with("evidence ")).take(3).collect();
    assert!(evidence[0].ends_with("an earlier one") && !evidence[2].ends_with("an earlier one"), "{evidence:?}");
    let card =
        fs::read_to_string(workspace.path(first["evidence_folder"].as_str().unwrap()).join("model-card.md")).unwrap();
    assert!(!card.contains("listed below"), "{card}");
}

#[test]
fn a_file_that_comes_back_after_the_request_was_closed_is_removed_for_another_request() {
    let workspace = workspace();
    let model = workspace.path(&trained(&workspace, "").display().to_string());
    let backup = fs::read(&model).unwrap();
    let trace = format!("trace {WHO} --data heads --ledger l.db");
    for round in 0..2 {
        if round == 1 {
            fs::write(workspace.path("runs/backup.bin"), &backup).unwrap();
            workspace.fails_with_output(&trace, 6);
            let way = ["open request", "ledger request --subject", "ledger accept", "--removed"];
            workspace.fails(&format!("{trace} --purge"), 3, &way);
        }
        let request = accepted(&workspace, WHO);
        workspace.fails(&format!("ledger close {request} --removed --ledger l.db"), 3, &["trace PERSON --purge"]);
        workspace.ok(&format!("{trace} --purge"));
        let closed = workspace.ok(&format!("ledger close {request} --removed --ledger l.db"));
        assert!(closed.contains("closed, by removing files alone"), "{closed}");
        assert!(workspace.ok("quarantine list").contains("nothing is in quarantine"));
        assert!(!model.exists() && !workspace.path("runs/backup.bin").exists());
    }
    assert_eq!(
        workspace.json("ledger verify --ledger l.db", "lacuna.ledger.verify/1")["findings"],
        serde_json::json!([])
    );
    assert_eq!(workspace.run(&trace).code, 0);
}

#[test]
fn quarantines_of_others_requests_are_unknown_and_without_a_ledger_that_is_said() {
    let workspace = workspace();
    trained(&workspace, "");
    let request = accepted(&workspace, WHO);
    workspace.ok(&format!("trace {WHO} --data heads --ledger l.db --purge"));
    let (trace, code) = traced(&workspace, "phantom-000 --data heads --ledger l.db");
    assert!(code == 6 && unknown(&trace)[0].contains(&request), "{trace}");
    let (trace, _) = traced(&workspace, "phantom-000 --data heads");
    assert!(
        fixes(&trace).contains(&"--ledger FILE") && trace["quarantines"][0]["request"] == request.as_str(),
        "{trace}"
    );
}

#[test]
fn a_lineage_of_another_model_is_named_as_the_reason_and_nothing_is_removed() {
    let workspace = workspace();
    let model = trained(&workspace, "");
    let file = workspace.path(&model.with_file_name("lineage.json").display().to_string());
    let mut lineage: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    lineage["model"] = "00".into();
    lineage["trained"] = serde_json::json!(["anna"]);
    fs::write(&file, lineage.to_string()).unwrap();
    for who in ["01", "bob"] {
        let (trace, code) = traced(&workspace, &format!("{who} --purge"));
        assert_eq!((unknown(&trace), code), (vec![model.display().to_string()], 6), "{trace}");
        let why = trace["unattributed"][0]["why"].as_str().unwrap();
        assert!(why.contains("lineage.json") && why.contains("expected 00, found") && why.contains("fix:"), "{why}");
        assert_eq!(trace["receipt"]["steps"], serde_json::json!([]));
    }
    assert!(workspace.path(&model.display().to_string()).exists());
}

#[test]
fn a_request_of_a_person_whom_the_models_never_remembered_is_verified_by_an_audit_and_closed() {
    let workspace = Workspace::new();
    workspace.ok("phantom --out heads --subjects 5 --dims 16x18x12 --progress none");
    // Two epochs leave no trace of any subject; twenty models of each kind show it.
    let settings = SETTINGS.replace("checkpoint_epochs = 1\n", "");
    fs::write(workspace.path("t.toml"), &settings).unwrap();
    let seeds: Vec<String> = (0..20).map(|seed| seed.to_string()).collect();
    let audit = format!(
        "name = \"a\"\nseeds = [{}]\n{settings}[split]\nheld_out_subjects = [\"phantom-003\"]\nforget = {{ only = \
         [\"phantom-001\"] }}\n[unlearn]\nepochs = [1]\nstrategies = [\"noisy-label\"]\n",
        seeds.join(", ")
    );
    fs::write(workspace.path("audit.toml"), audit).unwrap();
    let model = trained(&workspace, "").display().to_string();
    let request = accepted(&workspace, WHO);
    let words = format!(
        "erase --request {request} --ledger l.db --data heads --model {model} --strategy noisy-label --epochs 1 --audit \
         audit.toml --build-bank --purge --quiet -- --held-out phantom-003"
    );
    let found = erase(&workspace, &words);
    assert_eq!((&found["outcome"], &found["status"]), (&"not_remembered".into(), &"verified".into()), "{found}");
    assert_eq!(found["left"], serde_json::json!([]));
    let page = fs::read_to_string(workspace.path(found["evidence_folder"].as_str().unwrap()).join("page.md")).unwrap();
    assert!(page.contains("The model did not detectably remember the person"), "{page}");
    let closed = workspace.json(&format!("ledger close {request} --ledger l.db"), "lacuna.ledger.close/1");
    assert_eq!((&closed["status"], &closed["verdict"]), (&"closed".into(), &"not_remembered".into()));
    assert!(workspace.ok("quarantine list").contains("nothing is in quarantine"));
}
