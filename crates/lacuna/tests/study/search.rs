//! A search for settings: on its own subjects, ranked, and fit to be put into the study.

use super::{SMALL, last_run, rows, workspace, write};

/// Long enough to segment something that can be forgotten.
const TRAINED: (&str, &str) = ("train.epochs", "30");
const SEARCH: (&str, &str) = (
    "search",
    "{ subjects = ['phantom-001'], spaces = [ \
       { strategy = 'noisy-label', epochs = [1], grid = { learning_rate = [1e-6, 3e-2] } } ] }",
);

#[test]
fn settings_are_ranked_on_subjects_that_the_study_does_not_report() {
    let workspace = workspace();
    write(&workspace, "searched.toml", SMALL, &[SEARCH, TRAINED]);
    let record = workspace.json("study searched.toml --search --progress none", "lacuna.study/1");
    let ranking = record["ranking"][0].as_array().unwrap();
    let strain = |index: usize| ranking[index]["strain"].as_f64().unwrap();
    assert_eq!((ranking.len(), strain(0) <= strain(1)), (2, true), "{ranking:?}");
    // A rate at which nothing moves forgets nothing, and misses the bound on forgetting a hundred times over.
    let still = ranking.iter().find(|ranked| ranked["variant"] == "learning_rate=0.000001").unwrap();
    assert!((still["strain"].as_f64().unwrap() - 100.0).abs() < 1.0, "{still}");
    let scored = rows(&last_run(&workspace, "runs"));
    assert!(scored.iter().all(|row| row["forgotten"] == "phantom-001"), "nobody who is reported was looked at");

    let chosen = std::fs::read_to_string(workspace.path(record["chosen"].as_str().unwrap())).unwrap();
    let chosen: toml::Table = chosen.parse().unwrap();
    let variants = chosen["unlearn"]["variants"].clone();
    write(
        &workspace,
        "chosen.toml",
        SMALL,
        &[SEARCH, TRAINED, ("unlearn.strategies", "[]"), ("unlearn.variants", &variants.to_string())],
    );
    workspace.ok("study chosen.toml --progress none");
    let reported = rows(&last_run(&workspace, "runs"));
    assert!(reported.iter().all(|row| row["forgotten"] == "phantom-000"));
    let first = ranking[0]["variant"].as_str().unwrap();
    assert!(reported.iter().any(|row| row["variant"] == first), "{first}");
    assert!(workspace.ok("study chosen.toml --search --progress none").contains("nearest to its gate first"));
}

#[test]
fn a_study_cannot_report_whom_it_searched_on() {
    let workspace = workspace();
    let same = SEARCH.1.replace("phantom-001", "phantom-000");
    write(&workspace, "same.toml", SMALL, &[("search", &same)]);
    workspace.fails("study same.toml", 3, &["search.subjects", "phantom-000"]);
    workspace.fails("study small.toml --search", 3, &["[search]"]);
}
