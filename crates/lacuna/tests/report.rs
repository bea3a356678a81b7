//! `lacuna report`: a page of results that lie somewhere.

use crate::support::Workspace;

const GOALS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results/ixi7-goals");

#[test]
fn a_page_is_written_where_it_is_asked_for_and_numbers_people() {
    let workspace = Workspace::new();
    let written = workspace.json(&format!("report {GOALS} --out ixi7.html"), "lacuna.report/1");
    let page = std::fs::read_to_string(workspace.path("ixi7.html")).unwrap();
    assert_eq!(written["report"], "ixi7.html");
    assert_eq!(written["bytes"], page.len());
    assert!(page.contains("16 of 81 runs pass the gate") && page.contains("person-01") && !page.contains("IXI0"));
    workspace.ok(&format!("report {GOALS}/results.csv --names"));
    assert!(std::fs::read_to_string(workspace.path("report.html")).unwrap().contains("IXI014-HH-1236"));
}

#[test]
fn the_same_results_twice_are_the_same_page() {
    let workspace = Workspace::new();
    workspace.ok(&format!("report {GOALS} --title t --out once.html"));
    workspace.ok(&format!("report {GOALS} {GOALS}/results.csv --title t --out twice.html"));
    let page = |name: &str| std::fs::read(workspace.path(name)).unwrap();
    assert_eq!(page("once.html"), page("twice.html"));
}

#[test]
fn figures_are_files_of_their_own() {
    let workspace = Workspace::new();
    let written = workspace.json(&format!("report {GOALS} --figures figures"), "lacuna.report/1");
    let figures = written["figures"].as_array().unwrap();
    assert!(figures.iter().any(|path| path.as_str().unwrap().ends_with("match-retrain-tradeoff.svg")));
    for path in figures {
        let bytes = std::fs::read(workspace.path(path.as_str().unwrap())).unwrap();
        let is_png = path.as_str().unwrap().ends_with(".png");
        let begin: &[u8] = if is_png { b"\x89PNG\r\n" } else { b"<svg xmlns=" };
        assert!(bytes.starts_with(begin), "{path}");
    }
    let of = |ending: &str| figures.iter().filter(|path| path.as_str().unwrap().ends_with(ending)).count();
    assert_eq!(of(".svg"), of(".png"));
    assert!(!workspace.path("report.html").exists(), "the page was not asked for");
}

#[test]
fn a_folder_without_results_is_told_with_what_to_name() {
    let workspace = Workspace::new();
    std::fs::create_dir(workspace.path("empty")).unwrap();
    workspace.fails("report empty", 4, &["empty", "results.csv", "fix:", "lacuna study"]);
    workspace.fails("report nowhere", 4, &["nowhere", "results.csv"]);
}

const AUDIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results/ixi7-audit");

#[test]
fn an_audit_has_a_page_of_its_own_and_beside_results() {
    let workspace = Workspace::new();
    workspace.ok(&format!("report {AUDIT} --out audit.html"));
    let page = std::fs::read_to_string(workspace.path("audit.html")).unwrap();
    assert!(page.contains("Over-forgotten") && page.contains("6 of 10 unlearned models found"));
    assert!(!page.contains("IXI0") && !page.contains("id=\"tradeoff\""));
    workspace.ok(&format!("report {AUDIT} {GOALS} --out both.html"));
    let page = std::fs::read_to_string(workspace.path("both.html")).unwrap();
    assert!(page.contains("id=\"audit\"") && page.contains("id=\"tradeoff\""));
    workspace.fails(&format!("report {AUDIT} {AUDIT}"), 4, &["one audit", "a second", "fix:"]);
}

#[test]
fn a_ledgers_events_are_shown_and_name_nobody() {
    let workspace = Workspace::new();
    workspace.ok("ledger request --subject sub-of-a-name --ledger requests.db");
    workspace.ok(&format!("report {GOALS} --ledger requests.db --out ledger.html"));
    let page = std::fs::read_to_string(workspace.path("ledger.html")).unwrap();
    assert!(page.contains("a request was received") && page.contains("events are as they were written"));
    assert!(!page.contains("sub-of-a-name"));
    let without = workspace.json(&format!("report {GOALS} --out without.html"), "lacuna.report/1");
    assert!(
        !std::fs::read_to_string(workspace.path(without["report"].as_str().unwrap()))
            .unwrap()
            .contains("id=\"ledger\"")
    );
}

#[test]
fn images_need_a_run_whose_models_can_be_asked() {
    let workspace = Workspace::new();
    workspace.fails(&format!("report {GOALS} --images others"), 3, &["--images", "run folder", "no run.json", "fix:"]);
    workspace.fails(&format!("report {GOALS} {AUDIT} --images all"), 2, &["one run folder", "2 runs"]);
}
