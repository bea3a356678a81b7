//! Unlearning: one strategy on one model.

use crate::support::Place;

/// A cohort and a model trained on two of its three subjects.
fn trained() -> (Place, String) {
    let place = Place::new();
    place.heads("heads", "");
    let record = place.json(
        "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 \
         --held-out phantom-002 --epochs 1 --progress none",
        "lacuna.train/1",
    );
    let model = record["model"].as_str().unwrap().to_string();
    (place, model)
}

#[test]
fn a_subject_is_forgotten_by_a_strategy_and_the_model_knows_its_parent() {
    let (place, model) = trained();
    let words = format!("unlearn --model {model} --data heads --held-out phantom-002 --epochs 1 --progress none");
    let record = place.json(
        &format!("{words} --forget phantom-001 --strategy noisy-label --set retain_weight=0.5"),
        "lacuna.unlearn/1",
    );
    assert_eq!(record["variant"], "retain_weight=0.5");
    assert_ne!(record["digest"], record["parent"]);
    let inspected = place.json(&format!("inspect {}", record["model"].as_str().unwrap()), "lacuna.inspect/1");
    assert_eq!(inspected["metadata"]["parent"], record["parent"]);
    let run = record["run"].as_str().unwrap();
    assert!(!place.path(run).join("checkpoint.safetensors").exists());
    assert_eq!(place.json(&format!("inspect {run}"), "lacuna.inspect/1")["altered"], serde_json::json!({}));
    let rows = std::fs::read_to_string(place.path(run).join("results.csv")).unwrap();
    // A head, then original and unlearned on 3 subjects, 2 grids, 4 classes and their mean.
    assert_eq!(rows.lines().count(), 1 + 2 * 3 * 2 * 5);

    let plan = place.json(
        &format!("{words} --forget phantom-001 --strategy retain-label --runs planned --dry-run"),
        "lacuna.unlearn/1",
    );
    assert_eq!(plan["subjects"]["forget"], serde_json::json!(["phantom-001"]));
    assert_eq!((&plan["estimate"]["training_passes"], &plan["preparation_passes"]), (&2.into(), &1.into()));
    assert!(!place.path("planned").exists());

    place.fails(&format!("{words} --forget phantom-002 --strategy max-loss"), 3, &["phantom-002"]);
    place.fails(&format!("{words} --forget phantom-001 --strategy max-lose"), 3, &["max-loss"]);
    place.fails(
        &format!("{words} --forget phantom-001 --strategy max-loss --set retain_wait=1"),
        3,
        &["retain_wait", "did you mean `retain_weight`?"],
    );
    place.fails(&format!("{words} --forget phantom-001 --strategy max-loss --labels brain"), 3, &["4 classes"]);
}

#[test]
fn a_divergence_is_kept_as_the_strategys_result() {
    let (place, model) = trained();
    place.fails(
        &format!(
            "unlearn --model {model} --data heads --held-out phantom-002 --forget phantom-001 --strategy max-loss \
             --set learning_rate=1e12 --epochs 2 --progress none"
        ),
        3,
        &["diverged in epoch 1"],
    );
    let runs = std::fs::read_dir(place.path("runs/unlearn")).unwrap().map(|entry| entry.unwrap().path());
    let [run] = &runs.collect::<Vec<_>>()[..] else { panic!("one run") };
    let rows = std::fs::read_to_string(run.join("results.csv")).unwrap();
    assert_eq!(rows.lines().count(), 1 + 3 * 2 * 5 + 1, "those of the original, and one");
    assert!(rows.contains("max-loss,suppress,2,phantom-001,0,,,,,,,learning_rate=1000000000000.0,"), "{rows}");
    assert!(rows.trim_end().ends_with("diverged,,,,,,,,,"), "{rows}");
}

#[test]
fn a_run_goes_on_only_with_its_own_model() {
    let (place, model) = trained();
    let other = place.json(
        "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 1 --seed 5 \
         --held-out phantom-002",
        "lacuna.train/1",
    );
    let words = "--data heads --held-out phantom-002 --forget phantom-001 --strategy max-loss --epochs 1";
    place.fails(&format!("unlearn --model {model} {words} --set learning_rate=1e30"), 3, &["diverged"]);
    let run = std::fs::read_dir(place.path("runs/unlearn")).unwrap().next().unwrap().unwrap().path();
    let other = other["model"].as_str().unwrap();
    let resume = format!("unlearn --model {other} --resume {}", run.display());
    place.fails(&resume, 3, &["expected: the model it began from", "fix:      give that model"]);
    place.fails(&format!("{resume} --strategy max-loss"), 2, &["--strategy", "--resume"]);
}

#[test]
fn a_run_is_looked_into_epoch_by_epoch_and_rewound() {
    let (place, model) = trained();
    let words = format!(
        "unlearn --model {model} --data heads --held-out phantom-002 --forget phantom-001 --strategy scrub --epochs 2 \
         --progress none --curve --gradients"
    );
    let record = place.json(&words, "lacuna.unlearn/1");
    let file = |name: &str| std::fs::read_to_string(place.path(record["run"].as_str().unwrap()).join(name)).unwrap();
    let curves = file("curves.csv");
    // A head, then the original and two epochs of three roles.
    assert_eq!(curves.lines().count(), 1 + 3 * 3, "{curves}");
    assert!(curves.starts_with("epoch,role,subjects,cross_entropy,dice_output,dice_volume,"), "{curves}");
    for role in ["retain", "forget", "held_out"] {
        assert!(curves.contains(&format!("\n0,{role},1,")) && curves.contains(&format!("\n2,{role},1,")), "{curves}");
    }
    let gradients = file("gradients.csv");
    assert_eq!(gradients.lines().count(), 1 + 3, "{gradients}");
    let (returned, run) = (record["returned_epoch"].as_u64().unwrap(), record["run"].as_str().unwrap());
    assert!((1..=2).contains(&returned));
    // The gradients pass both subjects who are not held out, the curves everybody; the effect asks two networks.
    assert_eq!(record["looking_passes"]["training"], 3 * 2);
    assert_eq!(record["looking_passes"]["teacher"], 3 * 3 + 2);
    assert_eq!(record["training_passes"], 4);
    // A rewind passes the forgotten subject after each epoch.
    assert_eq!(record["teacher_passes"], 2);
    assert!(record["effect"]["moved"].as_f64().unwrap() >= 0.0 && file("effect.json").contains("relabelled"));
    assert_eq!(place.json(&format!("inspect {run}"), "lacuna.inspect/1")["altered"], serde_json::json!({}));

    let still = place.run(&format!(
        "unlearn --model {model} --data heads --held-out phantom-002 --forget phantom-001 --strategy max-loss --epochs 1 \
         --progress none --set learning_rate=1e-12 --set batch_norm=running"
    ));
    assert!(still.code == 0 && still.stderr.contains("no effect"), "{}", still.stderr);
}

#[test]
fn a_learning_rate_is_found_without_leaving_a_run() {
    let (place, model) = trained();
    let words = format!(
        "unlearn --model {model} --data heads --held-out phantom-002 --forget phantom-001 --strategy max-loss \
         --runs searched --progress none --set batch_norm=running --find-learning-rate 1"
    );
    let record = place.json(&words, "lacuna.unlearn/1");
    let trials = record["trials"].as_array().unwrap();
    assert_eq!((trials.len(), &record["epochs"]), (9, &1.into()));
    // Two passes per rate that did not diverge.
    assert!(record["passes"]["training"].as_u64().unwrap() <= 18);
    assert!(!place.path("searched").exists());
    let text = place.ok(&words);
    assert!(text.contains("learning rate") && text.contains("the rule:"), "{text}");
    place.fails(&format!("{words} --dry-run"), 2, &["--dry-run"]);
}
