//! `lacuna compare`: runs side by side.

use crate::support::Workspace;

const GOALS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results/ixi7-goals");
/// Two studies that have settings in common.
const FIRST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results/ixi7");
const SECOND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results/ixi7-noise");

#[test]
fn a_run_beside_itself_differs_by_nothing() {
    let workspace = Workspace::new();
    let text = workspace.ok(&format!("compare {GOALS} {GOALS}/results.csv --grid output"));
    assert!(text.contains("ixi7-goals (1)") && text.contains("(+0.0000)"), "{text}");
    assert!(!text.contains("(-0.") && !text.contains("(+0.1"), "{text}");
}

#[test]
fn differences_are_those_of_the_runs_own_tables() {
    let workspace = Workspace::new();
    let json =
        workspace.json(&format!("compare {FIRST} {SECOND} --grid output --out compared.html"), "lacuna.compare/1");
    let comparison = &json["comparisons"][0];
    assert_eq!(comparison["runs"], serde_json::json!(["ixi7", "ixi7-noise"]));
    let settings = comparison["settings"].as_array().unwrap();
    let original = settings.iter().find(|setting| setting["strategy"] == "original").unwrap();
    let means: Vec<f64> = (0..2).map(|run| original["cells"][run]["forget"].as_f64().unwrap()).collect();
    let expected = format!("{:.4} ({:+.4})", means[1], means[1] - means[0]);
    let page = std::fs::read_to_string(workspace.path("compared.html")).unwrap();
    assert!(page.contains("id=\"compare\"") && page.contains(&expected), "{expected}");
    assert!(!page.contains("IXI0"), "settings have no subjects");
}

#[test]
fn one_run_or_none_is_refused() {
    let workspace = Workspace::new();
    workspace.fails(&format!("compare {GOALS}"), 2, &["RUN"]);
    workspace.fails(&format!("compare {GOALS} nowhere"), 4, &["nowhere", "results.csv", "fix:"]);
}
