//! Unlearning: one strategy on one model.

use crate::support::Workspace;

/// A cohort and a model trained on two of its three subjects.
fn trained() -> (Workspace, String) {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    let record = workspace.json(
        "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 \
         --held-out phantom-002 --epochs 1 --progress none",
        "lacuna.train/1",
    );
    let model = record["model"].as_str().unwrap().to_string();
    (workspace, model)
}

#[test]
fn a_subject_is_forgotten_by_a_strategy_and_the_model_knows_its_parent() {
    let (workspace, model) = trained();
    let words = format!("unlearn --model {model} --data heads --held-out phantom-002 --epochs 1 --progress none");
    let record = workspace.json(
        &format!("{words} --forget phantom-001 --strategy noisy-label --set retain_weight=0.5"),
        "lacuna.unlearn/1",
    );
    assert_eq!(record["variant"], "retain_weight=0.5");
    assert_ne!(record["digest"], record["parent"]);
    let inspected = workspace.json(&format!("inspect {}", record["model"].as_str().unwrap()), "lacuna.inspect/1");
    // The lineage knows it; the model itself leads to none that knew the person.
    assert!(inspected["metadata"]["parent"].is_null() && record["parent"].is_string());
    let run = record["run"].as_str().unwrap();
    assert!(!workspace.path(run).join("checkpoint.safetensors").exists());
    assert_eq!(workspace.json(&format!("inspect {run}"), "lacuna.inspect/1")["altered"], serde_json::json!({}));
    let rows = std::fs::read_to_string(workspace.path(run).join("results.csv")).unwrap();
    // A head, then original and unlearned on 3 subjects, 2 grids, 4 classes and their mean.
    assert_eq!(rows.lines().count(), 1 + 2 * 3 * 2 * 5);

    let plan = workspace.json(
        &format!("{words} --forget phantom-001 --strategy retain-label --runs planned --dry-run"),
        "lacuna.unlearn/1",
    );
    assert_eq!(plan["subjects"]["forget"], serde_json::json!(["phantom-001"]));
    assert_eq!((&plan["estimate"]["training_passes"], &plan["preparation_passes"]), (&2.into(), &1.into()));
    assert!(!workspace.path("planned").exists());

    workspace.fails(&format!("{words} --forget phantom-002 --strategy max-loss"), 3, &["phantom-002"]);
    workspace.fails(&format!("{words} --forget phantom-001 --strategy max-lose"), 3, &["max-loss"]);
    workspace.fails(
        &format!("{words} --forget phantom-001 --strategy max-loss --set retain_wait=1"),
        3,
        &["retain_wait", "did you mean `retain_weight`?"],
    );
    workspace.fails(&format!("{words} --forget phantom-001 --strategy max-loss --labels brain"), 3, &["4 classes"]);
}

#[test]
fn a_divergence_is_kept_as_the_strategys_result() {
    let (workspace, model) = trained();
    workspace.fails(
        &format!(
            "unlearn --model {model} --data heads --held-out phantom-002 --forget phantom-001 --strategy max-loss \
             --set learning_rate=1e12 --epochs 2 --progress none"
        ),
        3,
        &["diverged in epoch 1"],
    );
    let runs = std::fs::read_dir(workspace.path("runs/unlearn")).unwrap().map(|entry| entry.unwrap().path());
    let [run] = &runs.collect::<Vec<_>>()[..] else { panic!("one run") };
    let rows = std::fs::read_to_string(run.join("results.csv")).unwrap();
    assert_eq!(rows.lines().count(), 1 + 3 * 2 * 5 + 1, "those of the original, and one");
    assert!(rows.contains("max-loss,suppress,2,phantom-001,0,,,,,,,learning_rate=1000000000000.0,"), "{rows}");
    assert!(rows.trim_end().ends_with("diverged,,,,,,,,,"), "{rows}");
}

#[test]
fn a_run_goes_on_only_with_its_own_model() {
    let (workspace, model) = trained();
    let other = workspace.json(
        "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 1 --seed 5 \
         --held-out phantom-002",
        "lacuna.train/1",
    );
    let words = "--data heads --held-out phantom-002 --forget phantom-001 --strategy max-loss --epochs 1";
    workspace.fails(&format!("unlearn --model {model} {words} --set learning_rate=1e30"), 3, &["diverged"]);
    let run = std::fs::read_dir(workspace.path("runs/unlearn")).unwrap().next().unwrap().unwrap().path();
    let other = other["model"].as_str().unwrap();
    let resume = format!("unlearn --model {other} --resume {}", run.display());
    workspace.fails(&resume, 3, &["expected: the model it began from", "fix:      give that model"]);
    workspace.fails(&format!("{resume} --strategy max-loss"), 2, &["--strategy", "--resume"]);
}

#[test]
fn a_run_is_looked_into_epoch_by_epoch_and_rewound() {
    let (workspace, model) = trained();
    let words = format!(
        "unlearn --model {model} --data heads --held-out phantom-002 --forget phantom-001 --strategy scrub --epochs 2 \
         --progress none --curve --gradients"
    );
    let record = workspace.json(&words, "lacuna.unlearn/1");
    let file =
        |name: &str| std::fs::read_to_string(workspace.path(record["run"].as_str().unwrap()).join(name)).unwrap();
    let curves = file("curves.csv");
    // A head, then the original and two epochs; the columns are those of a study's curves.
    assert_eq!(curves.lines().count(), 1 + 3, "{curves}");
    let epochs: Vec<usize> =
        lacuna_report::curves::read(&workspace.path(record["run"].as_str().unwrap()).join("curves.csv"))
            .unwrap()
            .iter()
            .map(|row| row.run.epochs)
            .collect();
    assert_eq!(epochs, [0, 1, 2]);
    let gradients = file("gradients.csv");
    assert_eq!(gradients.lines().count(), 1 + 3, "{gradients}");
    let (returned, run) = (record["returned_epoch"].as_u64().unwrap(), record["run"].as_str().unwrap());
    assert!((1..=2).contains(&returned));
    // The gradients pass both subjects who are not held out, the curves all; the effect asks two networks.
    assert_eq!(record["looking_passes"]["training"], 3 * 2);
    assert_eq!(record["looking_passes"]["teacher"], 3 * 3 + 2);
    assert_eq!(record["training_passes"], 4);
    // The rows have what was counted; the original cost nothing of this run.
    let rows = file("results.csv");
    let columns: Vec<&str> = rows.lines().next().unwrap().split(',').collect();
    let at = |name: &str| columns.iter().position(|column| *column == name).unwrap();
    for row in rows.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>()) {
        let expected = if row[at("strategy")] == "original" { ["", ""] } else { ["4", "2"] };
        assert_eq!([row[at("training_passes")], row[at("teacher_passes")]], expected, "{row:?}");
        for column in ["steps", "seconds", "peak_mib"] {
            let value = row[at(column)];
            let is_told = column != "peak_mib" || cfg!(target_os = "linux");
            let is_measured = value.parse::<f64>().is_ok_and(|value| value > 0.0);
            assert_eq!(is_measured, is_told && row[at("strategy")] != "original", "{column}: {row:?}");
        }
    }
    // A rewind passes the forgotten subject after each epoch.
    assert_eq!(record["teacher_passes"], 2);
    assert!(record["effect"]["moved"].as_f64().unwrap() >= 0.0 && file("effect.json").contains("relabelled"));
    assert_eq!(workspace.json(&format!("inspect {run}"), "lacuna.inspect/1")["altered"], serde_json::json!({}));

    let still = workspace.run(&format!(
        "unlearn --model {model} --data heads --held-out phantom-002 --forget phantom-001 --strategy max-loss --epochs 1 \
         --progress none --set learning_rate=1e-12 --set batch_norm=running"
    ));
    assert!(still.code == 0 && still.stderr.contains("no effect"), "{}", still.stderr);
}

#[test]
fn a_learning_rate_is_found_without_leaving_a_run() {
    let (workspace, model) = trained();
    let words = format!(
        "unlearn --model {model} --data heads --held-out phantom-002 --forget phantom-001 --strategy max-loss \
         --runs searched --progress none --set batch_norm=running --find-learning-rate 1"
    );
    let record = workspace.json(&words, "lacuna.unlearn/1");
    let trials = record["trials"].as_array().unwrap();
    assert_eq!((trials.len(), &record["epochs"]), (9, &1.into()));
    // Two passes per rate that did not diverge.
    assert!(record["passes"]["training"].as_u64().unwrap() <= 18);
    assert!(!workspace.path("searched").exists());
    let text = workspace.ok(&words);
    assert!(text.contains("learning rate") && text.contains("the rule:"), "{text}");
    workspace.fails(&format!("{words} --dry-run"), 2, &["--dry-run"]);
}

/// The sides of a planned request.
fn planned(workspace: &Workspace, words: &str) -> serde_json::Value {
    workspace.json(&format!("{words} --dry-run"), "lacuna.unlearn/1")["subjects"].clone()
}

#[test]
fn requests_come_one_after_another_and_earlier_ones_are_measured_again() {
    let workspace = Workspace::new();
    workspace.ok("phantom --out heads --subjects 5 --dims 16x18x12 --progress none");
    let model_of = |record: &serde_json::Value| record["model"].as_str().unwrap().to_string();
    let trained = workspace.json(
        "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 \
         --held-out phantom-004 --epochs 1 --progress none",
        "lacuna.train/1",
    );
    let request = |model: &str, subject: &str, more: &str| {
        format!(
            "unlearn --model {model} --data heads --forget {subject} --strategy retain-label --epochs 1 \
             --progress none {more}"
        )
    };
    let names = |list: &[&str]| serde_json::json!(list);

    // The lineage knows who was never seen, so no option is needed.
    let first = request(&model_of(&trained), "phantom-001", "");
    let sides = planned(&workspace, &first);
    assert_eq!(sides["held_out"], names(&["phantom-004"]));
    assert_eq!(sides["retain"], names(&["phantom-000", "phantom-002", "phantom-003"]));
    let first = workspace.json(&first, "lacuna.unlearn/1");
    assert_eq!(first["earlier"], serde_json::json!([]));

    let second = request(&model_of(&first), "phantom-000", "");
    let sides = planned(&workspace, &second);
    assert_eq!(sides["retain"], names(&["phantom-002", "phantom-003"]), "the forgotten are not held on to");
    assert_eq!(sides["forgotten_earlier"], names(&["phantom-001"]));
    let record = workspace.json(&second, "lacuna.unlearn/1");
    let earlier = &record["earlier"][0];
    assert_eq!(earlier["subject"], "phantom-001");
    assert!(earlier["dice_before"].is_number() && earlier["dice_after"].is_number(), "{earlier}");
    let run = workspace.path(record["run"].as_str().unwrap());
    let rows = std::fs::read_to_string(run.join("results.csv")).unwrap();
    // Before and after, two grids, four classes and their mean.
    assert_eq!(rows.matches(",forgotten_earlier,").count(), 2 * 2 * 5, "{rows}");
    let lineage: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(run.join("lineage.json")).unwrap()).unwrap();
    let steps = lineage["erasures"].as_array().unwrap();
    let chain: Vec<_> =
        steps.iter().map(|step| (&step["subjects"], &step["by"]["parent"], &step["by"]["model"])).collect();
    assert_eq!(chain[0], (&names(&["phantom-001"]), &first["parent"], &first["digest"]));
    assert_eq!(chain[1], (&names(&["phantom-000"]), &first["digest"], &record["digest"]));

    // Once more only if that is said, and nobody who was trained on was never seen.
    workspace.fails(&request(&model_of(&first), "phantom-001", ""), 3, &["phantom-001", "retain-label", "--again"]);
    let again = planned(&workspace, &request(&model_of(&first), "phantom-001", "--again"));
    assert_eq!(again["forget"], names(&["phantom-001"]));
    assert!(again.get("forgotten_earlier").is_none(), "{again}");
    workspace.fails(
        &request(&model_of(&first), "phantom-000", "--held-out phantom-001"),
        3,
        &["phantom-001", "--held-out"],
    );
    workspace.fails(&request(&model_of(&first), "phantom-004", ""), 3, &["phantom-004"]);

    // The erased person's scans are not read: with them gone, the second request ends in the same bytes.
    let copy = workspace.path("alone.safetensors");
    std::fs::copy(workspace.path(&model_of(&first)), &copy).unwrap();
    let told = request("alone.safetensors", "phantom-000", "--held-out phantom-004 --forgotten phantom-001");
    assert_eq!(workspace.json(&told, "lacuna.unlearn/1")["digest"], record["digest"]);
    for folder in ["images", "labels"] {
        std::fs::remove_file(workspace.path("heads").join(folder).join("phantom-001.nii.gz")).unwrap();
    }
    let without = workspace.json(&second, "lacuna.unlearn/1");
    assert_eq!((&without["digest"], &without["earlier"]), (&record["digest"], &serde_json::json!([])));
}

#[test]
fn the_last_subject_of_a_class_is_forgotten_with_a_warning_and_a_subject_must_stay() {
    let workspace = Workspace::new();
    workspace.heads("heads", "");
    // White matter is left to one subject alone.
    for subject in ["phantom-000", "phantom-002"] {
        let path = workspace.path("heads/labels").join(format!("{subject}.nii.gz"));
        let file = lacuna_volume::read_label_map(&path, &lacuna_volume::ReadLimits::default()).unwrap();
        let mut labels = file.image;
        labels.voxels_mut().iter_mut().filter(|label| [3, 4].contains(*label)).for_each(|label| *label = 1);
        lacuna_volume::write_label_map(&path, &labels, None).unwrap();
    }
    let trained = workspace.json(
        "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 1 --progress none",
        "lacuna.train/1",
    );
    let words = format!(
        "unlearn --model {} --data heads --strategy atlas-matching --epochs 1 --progress none",
        trained["model"].as_str().unwrap()
    );
    let ran = workspace.run(&format!("{words} --forget phantom-001 --json"));
    assert!(ran.code == 0 && ran.stderr.contains("occurs only in the subjects being forgotten"), "{}", ran.stderr);
    let record: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(record["orphaned_classes"], serde_json::json!(["white matter"]));
    let other = workspace.json(&format!("{words} --forget phantom-000"), "lacuna.unlearn/1");
    assert_eq!(other["orphaned_classes"], serde_json::json!([]));
    workspace.fails(&format!("{words} --forget phantom-000,phantom-001,phantom-002"), 3, &["a subject left to keep"]);
}
