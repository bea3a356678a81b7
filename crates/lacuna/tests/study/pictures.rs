//! Slices in a study's report: of whom, from which models, and the text where there are none.

use super::{last_run, workspace, write};
use crate::support::Workspace;
use std::path::Path;

/// The volumes within a page, by name.
fn volumes(page: &Path) -> Vec<(String, String)> {
    let page = std::fs::read_to_string(page).unwrap();
    let block = |begin: &str| page.split(begin).nth(1).map(|rest| rest.split("</script>").next().unwrap().to_string());
    let Some(about) = block("id=\"scans\">") else { return Vec::new() };
    let about: serde_json::Value = serde_json::from_str(&about).unwrap();
    let scans = about["scans"].as_array().unwrap().iter().enumerate();
    scans
        .map(|(index, scan)| {
            let volume = block(&format!("id=\"volume-{index}\">")).unwrap();
            (scan["name"].as_str().unwrap().to_string(), volume)
        })
        .collect()
}

fn names(volumes: &[(String, String)]) -> Vec<&str> {
    volumes.iter().map(|(name, _)| name.as_str()).collect()
}

fn ran(words: &str) -> (Workspace, std::path::PathBuf) {
    let workspace = workspace();
    workspace.ok(&format!("study small.toml --progress none {words}"));
    let run = last_run(&workspace, "runs");
    (workspace, run)
}

#[test]
fn slices_are_of_the_others_and_of_the_forgotten_only_where_all_are_asked_for() {
    let (workspace, run) = ran("--images others");
    let page = run.join("report.html");
    let others = volumes(&page);
    // phantom-000 is forgotten and is number 1; number 3 was never seen.
    assert_eq!(names(&others), ["person-03", "person-02"]);
    assert!(std::fs::read_to_string(&page).unwrap().contains("No forgotten subject is shown"));

    workspace.ok(&format!("report {} --images all --out all.html", run.display()));
    let all = volumes(&workspace.path("all.html"));
    assert_eq!(names(&all), ["person-01", "person-03", "person-02"]);
    assert_eq!(all[1..], others[..], "the same models say the same of the same scans");
    let page = std::fs::read_to_string(workspace.path("all.html")).unwrap();
    assert!(page.contains("Slices of forgotten subjects are in this file"));

    workspace.ok(&format!("report {} --images none --out none.html", run.display()));
    assert_eq!(volumes(&workspace.path("none.html")), []);

    // A page beside its run, and a manifest that knows it.
    workspace.ok(&format!("report {}", run.display()));
    assert_eq!(volumes(&run.join("report.html")), []);
    assert_eq!(
        workspace.json(&format!("inspect {}", run.display()), "lacuna.inspect/1")["altered"],
        serde_json::json!({})
    );

    // Whose slices a page holds stands beside it, and is found by a trace.
    let holds = |subject: &str| {
        let traced = workspace.json(&format!("trace {subject} --root ."), "lacuna.trace/1");
        let files = traced["files"].as_array().unwrap().clone();
        files.iter().any(|held| held["holds"] == "prediction" && held["path"].as_str().unwrap().ends_with("all.html"))
    };
    assert!(holds("phantom-000") && holds("phantom-002"));

    std::fs::rename(workspace.path("heads"), workspace.path("moved")).unwrap();
    workspace.fails(&format!("report {} --images others", run.display()), 3, &["data.root", "--data DIR", "fix:"]);
    workspace.ok(&format!("report {} --images others --data moved --out moved.html", run.display()));
    assert_eq!(volumes(&workspace.path("moved.html")), others);
    std::fs::remove_dir_all(workspace.path("runs/store/models")).unwrap();
    let words = format!("report {} --images others --data moved", run.display());
    workspace.fails(&words, 3, &["original model", "--models", "fix:"]);
}

#[test]
fn without_being_asked_a_study_shows_slices_where_that_takes_no_training() {
    let (_place, run) = ran("");
    assert_eq!(volumes(&run.join("report.html")), []);
    assert!(std::fs::read_to_string(run.join("report.html")).unwrap().contains("were not kept"));

    let workspace = workspace();
    write(&workspace, "kept.toml", super::SMALL, &[("keep_models", "\"all\"")]);
    workspace.ok("study kept.toml --progress none");
    assert_eq!(names(&volumes(&last_run(&workspace, "runs").join("report.html"))), ["person-03", "person-02"]);
    workspace.ok("study kept.toml --pseudonyms --progress none --runs hidden");
    assert_eq!(volumes(&last_run(&workspace, "hidden").join("report.html")), [], "a head can be recognised");
}

#[test]
fn an_unlearnings_page_shows_both_models() {
    let workspace = workspace();
    let record = workspace.json(
        "train --data heads --labels brain --preprocess canonical --size 16x16x16 --depth 10 --held-out phantom-002 \
         --epochs 1 --progress none",
        "lacuna.train/1",
    );
    let model = record["model"].as_str().unwrap();
    let words = "--forget phantom-000 --strategy noisy-label --epochs 1 --progress none";
    let unlearned = workspace.json(&format!("unlearn --model {model} --data heads {words}"), "lacuna.unlearn/1");
    let run = workspace.path(unlearned["run"].as_str().unwrap());
    let own = volumes(&run.join("report.html"));
    assert_eq!(names(&own), ["person-03", "person-02"]);
    workspace.ok(&format!("report {} --images others --out again.html", run.display()));
    assert_eq!(volumes(&workspace.path("again.html")), own);
}
