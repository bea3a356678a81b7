//! Probes and curves of the small study: asked once, of every model, found again, and of no model that does not exist.

use super::{SMALL, last_run, passes_left, records, rows_of, workspace, write};
use crate::support::Workspace;
use std::collections::{BTreeMap, BTreeSet};

const PROBE: (&str, &str) = (
    "probe",
    "{ horizons = 'each', rebound = { epochs = 2, learning_rate = 1e-2 }, \
     relearn = { epochs_max = 3, learning_rate = 1e-2, cross_entropy_max = 1e-6 } }",
);

/// Models of the small study: two references, one strategy at two horizons.
const MODELS: usize = 4;

fn probed(more: &[(&str, &str)]) -> Workspace {
    let workspace = workspace();
    write(&workspace, "probed.toml", SMALL, &[&[PROBE, ("unlearn.score_every", "1")], more].concat());
    workspace
}

fn rows(workspace: &Workspace, file: &str) -> Vec<BTreeMap<String, String>> {
    rows_of(&last_run(workspace, "runs").join(file))
}

fn model_files(workspace: &Workspace) -> Vec<String> {
    let files = std::fs::read_dir(workspace.path("runs/store/models")).unwrap();
    let files = files.map(|entry| entry.unwrap()).filter(|entry| entry.path().is_file());
    files.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[test]
fn every_model_is_probed_once_and_found_again() {
    let workspace = probed(&[]);
    // The study itself takes 15 passes; of each model a rebound over the one subject that stays, and at most 3 passes of
    // the forgotten one.
    assert_eq!(passes_left(&workspace, "probed.toml"), 15 + MODELS as u64 * (2 + 3));
    workspace.ok("study probed.toml --progress none");
    assert_eq!(passes_left(&workspace, "probed.toml"), 0);
    assert_eq!(model_files(&workspace).len(), 2, "the references; what was kept for probes is gone");

    let probes = rows(&workspace, "probes.csv");
    assert_eq!(probes.len(), MODELS);
    for row in &probes {
        assert_eq!((&*row["rebound_status"], &*row["rebound_passes"]), ("ok", "2"), "{row:?}");
        assert_eq!((&*row["relearn_status"], &*row["relearn_passes"]), ("not_within", ""), "{row:?}");
        assert_eq!(&*row["relearn_passes_max"], "3");
        assert!(row["rebound_forget_cross_entropy"].parse::<f64>().unwrap() > 0.0, "{row:?}");
    }
    let models: BTreeSet<_> = probes.iter().map(|row| (&*row["strategy"], &*row["epochs"])).collect();
    assert_eq!(models, [("original", "3"), ("retrain", "3"), ("noisy-label", "1"), ("noisy-label", "3")].into());
    let losses: BTreeSet<_> = probes.iter().map(|row| &row["rebound_forget_cross_entropy"]).collect();
    assert_eq!(losses.len(), MODELS, "each is probed from a model of its own");

    // A curve has a point for each epoch; at a horizon it says what the rows say.
    let curve = rows(&workspace, "curves.csv");
    assert_eq!(curve.iter().map(|row| &*row["epochs"]).collect::<Vec<_>>(), ["1", "2", "3"]);
    let last = super::rows(&last_run(&workspace, "runs")).into_iter().find(|row| {
        row["strategy"] == "noisy-label"
            && row["epochs"] == "3"
            && row["role"] == "forget"
            && row["grid"] == "output"
            && row["class"] == "mean"
    });
    let last = last.unwrap();
    assert_eq!((&curve[2]["forget_dice"], &curve[2]["forget_cross_entropy"]), (&last["dice"], &last["cross_entropy"]));

    // Each is a task of its own: a lost record is made again, from a model that is made again.
    let store = workspace.path("runs/store/records");
    let before = records(&store);
    assert_eq!(before.len(), 3 + 2 * MODELS);
    let parent_of = |record: &serde_json::Value| record["parent"].as_str().map(str::to_string);
    let unlearned = before.values().find(|record| record["curve"].is_array()).unwrap();
    for horizon in unlearned["horizons"].as_array().unwrap() {
        let digest = horizon["model"].as_str().map(str::to_string);
        let probes: Vec<_> = before.values().filter(|record| parent_of(record) == digest).collect();
        assert_eq!(probes.len(), 2, "both probes began from the model that was scored");
        std::fs::remove_file(store.join(format!("{}.json", probes[0]["key"].as_str().unwrap()))).unwrap();
    }
    workspace.ok("study probed.toml --progress none");
    assert_eq!(records(&store), before);
    assert_eq!(rows(&workspace, "probes.csv"), probes);
    assert_eq!(model_files(&workspace).len(), 2);
}

#[test]
fn a_subject_that_is_known_is_relearned_in_no_pass_and_a_diverged_run_is_not_probed() {
    let workspace = workspace();
    let probe = "{ relearn = { epochs_max = 3, learning_rate = 1e-2, cross_entropy_max = 100.0 } }";
    let diverging = "[{ strategy = 'max-loss', recipe = { learning_rate = 1e9 } }]";
    let short = [("train.epochs", "1"), ("unlearn.epochs", "[1, 2]"), ("unlearn.strategies", "[]")];
    write(
        &workspace,
        "study.toml",
        SMALL,
        &[&short[..], &[("probe", probe), ("unlearn.variants", diverging)]].concat(),
    );
    let ran = workspace.run("study study.toml");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("left out: its run diverged"), "{}", ran.stderr);
    assert_eq!(passes_left(&workspace, "study.toml"), 0);
    let probes = rows(&workspace, "probes.csv");
    assert_eq!(probes.iter().map(|row| &*row["strategy"]).collect::<Vec<_>>(), ["original", "retrain"]);
    for row in &probes {
        assert_eq!((&*row["relearn_status"], &*row["relearn_passes"], &*row["rebound_status"]), ("within", "0", ""));
    }
}
