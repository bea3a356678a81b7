//! A study on a Vulkan device; a software one will do.

use super::{last_run, passes_left, records, workspace};
use serde_json::Value;

#[test]
fn a_study_runs_there_says_so_and_shares_no_record_with_the_cpu() {
    let workspace = workspace();
    let on = |device: &str| format!("small.toml --records records --device {device}");
    workspace.ok(&format!("study {} --progress none", on("vulkan")));
    assert_eq!(records(&workspace.path("records")).len(), 3, "an original, a reference, an unlearning");
    assert_eq!(passes_left(&workspace, &on("vulkan")), 0);
    assert!(passes_left(&workspace, &on("cpu")) > 0);

    let run = std::fs::read(last_run(&workspace, "runs").join("run.json")).unwrap();
    let run: Value = serde_json::from_slice(&run).unwrap();
    assert!(!run["device"].as_str().unwrap().starts_with("cpu"));
    assert!(run["driver"].is_string(), "{run}");
    for record in records(&workspace.path("records")).values() {
        assert!(record["diverged"].is_null() && record["horizons"][0]["volume"].is_object(), "{record}");
    }
}
