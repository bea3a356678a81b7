//! Exact training and erasing, as users meet them.

use crate::changed::{small, trained as trained_small};
use crate::support::Workspace;
use crate::train::{read, run_folder};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Four heads, of whom three are trained on.
fn cohort() -> Workspace {
    let workspace = Workspace::new();
    workspace.ok("phantom --out heads --subjects 4 --dims 16x18x12 --progress none");
    workspace
}

fn words(epochs: usize, more: &str) -> String {
    format!(
        "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --held-out phantom-003 \
         --epochs {epochs} --set train.learning_rate=0.01 --set train.head_multiplier=1 --progress none --exact {more}"
    )
}

fn trained(workspace: &Workspace, epochs: usize, more: &str) -> Value {
    workspace.json(&words(epochs, more), "lacuna.train/1")
}

pub fn text<'a>(record: &'a Value, key: &str) -> &'a str {
    record[key].as_str().unwrap()
}

/// Every network and state below a run, by relative path.
fn weights(workspace: &Workspace, run: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let run = workspace.path(run);
    let folders = std::fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut found = Vec::new();
    for folder in folders.chain([run.clone()]) {
        for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_some_and(|ending| ending == "safetensors") {
                found.push((file.strip_prefix(&run).unwrap().to_path_buf(), std::fs::read(&file).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_subject_that_leaves_is_erased_and_it_is_proven_by_every_byte() {
    let workspace = cohort();
    for shards in [1, 2] {
        let original = trained(&workspace, 3, &format!("--shards {shards}"));
        let run = text(&original, "run").to_string();
        for subject in original["exact"]["subjects"].as_array().unwrap() {
            let name = text(subject, "subject");
            let erased = workspace.json(
                &format!("unlearn --model {run} --forget {name} --strategy exact --prove --progress none"),
                "lacuna.unlearn/1",
            );
            assert_eq!((&erased["proof"]["equal"], text(&erased, "exactness")), (&true.into(), "proved"), "{erased}");
            assert_ne!(erased["digest"], original["digest"], "the original is another model");
            assert_eq!(erased["parent"], original["digest"]);
            assert_eq!(erased["training_passes"], subject["erase_passes"], "as the training foretold");
            assert_eq!(erased["scratch_passes"], erased["proof"]["scratch_passes"]);
            let at = text(&erased, "run");
            assert!(!workspace.path(at).join("proof").exists(), "what was compared is gone");
            assert_eq!(workspace.json(&format!("inspect {at}"), "lacuna.inspect/1")["altered"], serde_json::json!({}));
            // 3 subjects trained on, one of whom left, and one never seen.
            let roles: Vec<&str> = erased["scores"].as_array().unwrap().iter().map(|one| text(one, "role")).collect();
            assert_eq!(roles, ["train", "train", "forget", "held_out"]);
            // Networks of 57 MB each: one run at a time is enough of them on a tester's disk.
            std::fs::remove_dir_all(workspace.path(at)).unwrap();
        }
        std::fs::remove_dir_all(workspace.path(&run)).unwrap();
    }
}

#[test]
fn subjects_leave_one_after_another_or_together_with_the_same_model_and_the_last_may_not() {
    let workspace = cohort();
    let run = text(&trained(&workspace, 2, ""), "run").to_string();
    let erase = |model: &str, names: &str| {
        workspace
            .json(&format!("unlearn --model {model} --forget {names} --strategy exact --quiet"), "lacuna.unlearn/1")
    };
    let first = erase(&run, "phantom-001");
    // The file of the only shard stands for its run.
    let second = erase(text(&first, "model"), "phantom-000");
    let together = erase(&run, "phantom-000,phantom-001");
    assert_eq!(second["digest"], together["digest"]);
    assert!(weights(&workspace, text(&second, "run")) == weights(&workspace, text(&together, "run")));
    let held: Vec<&str> = second["purge"]["files"].as_array().unwrap().iter().map(|file| text(file, "file")).collect();
    for ancestor in [&run, text(&first, "run")] {
        let run = Path::new(ancestor).file_name().unwrap().to_str().unwrap();
        let file = format!("{run}/shard-1/model.safetensors");
        assert!(held.iter().any(|held| held.ends_with(&file)), "{file} is not among {held:?}");
    }
    let purge: Value = serde_json::from_str(&read(&workspace.path(text(&second, "run")).join("purge.json"))).unwrap();
    assert_eq!((&purge["files"], &purge["not_found"]), (&second["purge"]["files"], &serde_json::json!([])));
    let last = format!("unlearn --model {} --strategy exact --forget", text(&second, "run"));
    workspace.fails(&format!("{last} phantom-002"), 3, &["a subject to remain", "delete the run folder"]);
    workspace.fails(&format!("{last} phantom-001"), 3, &["phantom-001", "phantom-002"]);
}

#[test]
fn a_plan_says_who_costs_what_and_whoever_is_likely_to_leave_stands_last() {
    let workspace = cohort();
    let more = "--slices 3 --expect phantom-001=0.9,*=0.05 --dry-run";
    let plan = workspace.json(&words(6, more), "lacuna.train/1");
    // 6 epochs, 3 slices: 3 in each stage, 3 (1 + 2 + 3) = 18 passes.
    assert_eq!(plan["exact"]["epochs_per_stage"], serde_json::json!([3, 3, 3]));
    assert_eq!((&plan["exact"]["training_passes"], &plan["exact"]["ordinary_passes"]), (&18.into(), &18.into()));
    let last = &plan["exact"]["subjects"][2];
    assert_eq!((text(last, "subject"), &last["erase_passes"]), ("phantom-001", &0.into()));
    // From the first slice 3 * 1 + 3 * 2 are replayed, from the second 3 * 2: 0.05 (9 + 6) passes are expected.
    assert!((plan["exact"]["expected_passes"].as_f64().unwrap() - 0.75).abs() < 1e-12);
    let table = workspace.ok(&words(6, more));
    for said in ["passes to erase", "phantom-001", "18 passes; ordinary training 18", "nothing was done"] {
        assert!(table.contains(said), "{said}: {table}");
    }
    assert!(!workspace.path("runs").exists());
    workspace.fails(&words(6, "--slices 4"), 3, &["exact.slices is 4", "1 to 3"]);
    workspace.fails(&words(6, "--shards 4"), 3, &["exact.shards is 4"]);
    workspace.fails(&words(6, "--expect phantom-003=0.5"), 3, &["phantom-003"]);
    workspace.fails("train --shards 2", 2, &["--exact"]);
}

fn without_surfaces(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.remove("surface");
            fields.values_mut().for_each(without_surfaces);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(without_surfaces),
        _ => {}
    }
}

#[test]
fn a_model_of_two_shards_is_predicted_with_and_scored_as_in_training() {
    let workspace = cohort();
    let record = trained(&workspace, 1, "--shards 2");
    let (run, model) = (text(&record, "run"), text(&record, "model"));
    assert_eq!(run, model);
    let scored = workspace.json(&format!("eval --model {model} --data heads --progress none"), "lacuna.eval/1");
    assert_eq!(scored["model"], record["digest"]);
    let subjects = |of: &serde_json::Value| of["scores"].as_array().unwrap().clone();
    for (mut a, mut b) in subjects(&record).into_iter().zip(subjects(&scored)) {
        // Surfaces are measured by eval alone.
        without_surfaces(&mut a);
        without_surfaces(&mut b);
        assert_eq!((&a["subject"], &a["volume"], &a["output"]), (&b["subject"], &b["volume"], &b["output"]));
    }
    let image = "heads/images/phantom-000.nii.gz";
    let predicted = workspace.json(&format!("predict {image} --model {model} --out out"), "lacuna.predict/1");
    assert_eq!(predicted["model"], record["digest"]);
    let shard = workspace
        .json(&format!("predict {image} --model {run}/shard-1/model.safetensors --out one"), "lacuna.predict/1");
    assert_ne!(shard["predictions"][0]["voxels"], predicted["predictions"][0]["voxels"]);

    workspace.fails(
        &format!("predict {image} --model {model} --logits l.safetensors"),
        3,
        &["one network", "2 shards"],
    );
    let words = format!("unlearn --model {model} --data heads --forget phantom-001 --strategy");
    workspace.fails(&format!("{words} max-loss"), 3, &["one network for a strategy", "fix:"]);
    workspace.fails("predict x.nii --model heads --out o", 3, &["exact.json", "fix:"]);
    let damaged = workspace.path(run).join("exact.json");
    std::fs::write(&damaged, read(&damaged).replace("\"trained_passes\": ", "\"trained_passes\": 1")).unwrap();
    workspace.fails(&format!("predict {image} --model {model} --out again"), 4, &["exact.json: seal", "fix:"]);
}

#[test]
fn what_an_exact_erase_cannot_use_is_refused() {
    let workspace = cohort();
    let ordinary = workspace.json(&words(1, "").replace(" --exact", ""), "lacuna.train/1");
    let erase = "--forget phantom-001 --strategy exact";
    workspace.fails(&format!("unlearn --model {} {erase}", text(&ordinary, "run")), 3, &["training with --exact"]);
    let run = text(&trained(&workspace, 1, "--slices 1"), "run").to_string();
    workspace.fails(&format!("unlearn --model {run} {erase} --epochs 3"), 2, &["--epochs", "own settings hold"]);
    workspace.fails(&format!("unlearn --model {run} --strategy exact"), 3, &["--forget"]);
    let words = "--data heads --forget phantom-001 --strategy max-loss --prove";
    workspace.fails(&format!("unlearn --model {run} {words}"), 2, &["--prove", "exact"]);
    // Nothing was compared, and that is reported.
    let unproved = workspace.json(&format!("unlearn --model {run} {erase} --quiet"), "lacuna.unlearn/1");
    assert_eq!((text(&unproved, "exactness"), &unproved["proof"]), ("unproved", &Value::Null));
    assert!(!workspace.path(text(&unproved, "run")).join("proof.json").exists());
    assert!(workspace.ok(&format!("unlearn --model {run} {erase} --quiet")).contains("by construction, unproved"));
    let plan = workspace.json(&format!("unlearn --model {run} {erase} --dry-run"), "lacuna.unlearn/1");
    // One slice of three, one epoch: the two others once more.
    assert_eq!((&plan["replay_passes"], &plan["scratch_passes"]), (&2.into(), &2.into()));
    // Other scans than those that were trained on are no longer the same training.
    std::fs::copy(workspace.path("heads/images/phantom-000.nii.gz"), workspace.path("heads/images/phantom-002.nii.gz"))
        .unwrap();
    workspace.fails(&format!("unlearn --model {run} {erase}"), 4, &["data of phantom-002", "fix:"]);
}

/// Whom the lineage beside a run's model says that it saw.
fn seen(run: &Path) -> Vec<String> {
    let lineage: Value = serde_json::from_str(&read(&run.join("lineage.json"))).unwrap();
    lineage["trained"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_string()).collect()
}

#[test]
fn whom_the_weights_saw_that_an_exact_training_began_from_it_has_seen_and_no_erase_says_otherwise() {
    let workspace = small(2);
    let everybody = trained_small(&workspace, "--seed 5", "model");
    let without = trained_small(&workspace, "--seed 5 --held-out phantom-001,phantom-003", "model");
    std::fs::copy(workspace.path(&everybody), workspace.path("bare.safetensors")).unwrap();
    let exact = |more: &str| trained_small(&workspace, &format!("--exact --slices 3 {more}"), "run");
    let erase = |run: &str, who: &str| format!("unlearn --model {run} --forget {who} --strategy exact --prove --quiet");
    let refused = |run: &str, said: &str| {
        let before = std::fs::read_dir(workspace.path("runs/unlearn")).into_iter().flatten().count();
        workspace.fails(&erase(run, "phantom-001"), 3, &[said, "expected", "fix:"]);
        workspace.fails(&format!("{} --dry-run", erase(run, "phantom-001")), 3, &[said]);
        let after = std::fs::read_dir(workspace.path("runs/unlearn")).into_iter().flatten().count();
        assert_eq!(before, after, "nothing was begun");
    };
    let held = |run: &str, who: &str| -> Vec<String> {
        let traced = workspace.run(&format!("trace {who} --data heads --root {run} --json"));
        let traced: Value = serde_json::from_str(&traced.stdout).unwrap();
        let of_run = |file: &&Value| text(file, "holds") == "weights" && text(file, "path").contains(run);
        let files = traced["files"].as_array().unwrap().iter().filter(of_run);
        files.map(|file| Path::new(text(file, "path")).file_name().unwrap().to_str().unwrap().to_string()).collect()
    };

    // Known by the lineage beside the weights.
    let saw = exact(&format!("--init {everybody}"));
    refused(&saw, "saw phantom-001");
    workspace.fails(&erase(&saw, "phantom-001"), 3, &["model.safetensors", "start.safetensors"]);
    assert!(held(&saw, "phantom-001").contains(&"start.safetensors".to_string()));
    let never = exact(&format!("--init {without}"));
    assert_eq!(workspace.json(&erase(&never, "phantom-001"), "lacuna.unlearn/1")["exactness"], "proved");
    refused_for(&workspace, &erase(&never, "phantom-000"), "saw phantom-000");

    // Nothing says it, or the user does.
    let ran = workspace.run("train --config t.toml --held-out phantom-003 --exact --init bare.safetensors --dry-run");
    assert!(ran.code == 0 && ran.stderr.contains("--init-saw"), "{}", ran.stderr);
    refused(&exact("--init bare.safetensors"), "nothing beside the weights");
    let stated = exact("--init bare.safetensors --init-saw phantom-001");
    assert_eq!(seen(&workspace.path(&stated)), ["phantom-000", "phantom-001", "phantom-002"]);
    refused(&stated, "saw phantom-001");
    assert!(held(&stated, "phantom-001").contains(&"start.safetensors".to_string()));
    // The same bytes began the first run, whose lineage knows better than the statement.
    assert!(held(&stated, "phantom-000").contains(&"start.safetensors".to_string()));
    let stranger = exact("--init bare.safetensors --init-saw phantom-003");
    assert!(seen(&workspace.path(&stranger)).contains(&"phantom-003".to_string()), "though it was held out here");
    let none = exact("--init bare.safetensors --init-saw none");
    let erased = workspace.json(&erase(&none, "phantom-001"), "lacuna.unlearn/1");
    assert_eq!(erased["exactness"], "proved");
    assert_eq!(seen(&workspace.path(text(&erased, "run"))), ["phantom-000", "phantom-002"]);
    let words = format!("train --config t.toml --exact --init {everybody} --init-saw none");
    workspace.fails(&words, 3, &["--init-saw", "the lineage counts"]);
    workspace.fails("train --config t.toml --init-saw none", 3, &["--init-saw", "--init FILE"]);
}

fn refused_for(workspace: &Workspace, words: &str, said: &str) {
    workspace.fails(words, 3, &[said, "fix:"]);
}

#[test]
fn a_model_of_unknown_beginning_hands_that_on() {
    let workspace = small(1);
    let first = trained_small(&workspace, "", "model");
    std::fs::copy(workspace.path(&first), workspace.path("bare.safetensors")).unwrap();
    let second = trained_small(&workspace, "--held-out phantom-001,phantom-003 --init bare.safetensors", "model");
    let run = trained_small(&workspace, &format!("--exact --init {second}"), "run");
    let erase = format!("unlearn --model {run} --forget phantom-001 --strategy exact");
    workspace.fails(&erase, 3, &["nothing beside the weights", "fix:"]);
}

#[test]
fn whoever_took_their_scans_along_can_still_be_erased() {
    let workspace = cohort();
    let run = text(&trained(&workspace, 1, ""), "run").to_string();
    for folder in ["images", "labels"] {
        std::fs::remove_file(workspace.path(&format!("heads/{folder}/phantom-001.nii.gz"))).unwrap();
    }
    let words = format!("unlearn --model {run} --forget phantom-001 --strategy exact --prove --quiet");
    let erased = workspace.json(&words, "lacuna.unlearn/1");
    assert_eq!(erased["proof"]["equal"], true);
    assert_eq!(erased["scores"].as_array().unwrap().len(), 3);
    let rows = read(&workspace.path(text(&erased, "run")).join("results.csv"));
    // A head, then original and erased on 3 subjects, 2 grids, 4 classes and their mean.
    assert_eq!(rows.lines().count(), 1 + 2 * 3 * 2 * 5);
}

/// Begin a command, and kill it as soon as a file appears below the newest run of its verb.
fn killed_at(workspace: &Workspace, words: &str, verb: &str, file: &str) -> PathBuf {
    let mut child = workspace.spawn(words);
    let began = Instant::now();
    let run = loop {
        let folders = std::fs::read_dir(workspace.path("runs").join(verb)).into_iter().flatten().filter_map(Result::ok);
        match folders.map(|folder| folder.path()).find(|run| run.join(file).exists()) {
            Some(run) => break run,
            None => assert!(began.elapsed() < Duration::from_secs(120), "no {file} appears"),
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    child.kill().unwrap();
    assert_eq!(workspace.wait(child).code, -1, "it was killed too late to tell anything");
    run
}

#[test]
fn killed_in_training_and_in_erasing_it_goes_on_to_the_same_bytes() {
    let (workspace, whole) = (cohort(), cohort());
    let more = "--slices 2 --set train.checkpoint_epochs=2";
    let expected = trained(&whole, 9, more);
    // 9 epochs, 2 slices: 6 and 6. Killed in the middle of the second stage.
    let run = killed_at(&workspace, &words(9, more), "train", "shard-1/during-slice-2.safetensors");
    assert!(read(&run.join("status.json")).contains("running"));
    let place_of = |run: &Path| run.strip_prefix(workspace.path("")).unwrap().to_str().unwrap().to_string();
    workspace.fails(&format!("eval --model {} --data heads", run.display()), 4, &["not at its end", "--resume"]);
    let resumed = workspace.json(&format!("train --resume {} --progress none", run.display()), "lacuna.train/1");
    assert_eq!(resumed["digest"], expected["digest"]);
    assert_eq!(resumed["training_passes"], expected["training_passes"]);
    assert!(weights(&workspace, &place_of(&run)) == weights(&whole, text(&expected, "run")));

    let first = text(&expected["exact"]["subjects"][0], "subject");
    let erase = |model: &str| format!("unlearn --model {model} --forget {first} --strategy exact --progress none");
    let expected = whole.json(&erase(text(&expected, "run")), "lacuna.unlearn/1");
    let killed = killed_at(&workspace, &erase(&place_of(&run)), "unlearn", "shard-1/during-slice-2.safetensors");
    let again = format!("unlearn --model {} --resume {} --progress none", run.display(), killed.display());
    let resumed = workspace.json(&again, "lacuna.unlearn/1");
    assert_eq!(resumed["digest"], expected["digest"]);
    assert_eq!(resumed["training_passes"], expected["training_passes"]);
    assert!(weights(&workspace, &place_of(&killed)) == weights(&whole, text(&expected, "run")));
    workspace.fails(&again, 3, &["is done"]);
}

#[cfg(unix)]
#[test]
fn an_interrupted_exact_training_says_how_to_go_on() {
    let workspace = cohort();
    let mut child = workspace.spawn(&words(400, "--slices 1 --set train.checkpoint_epochs=1"));
    let began = Instant::now();
    let started = || {
        let folders = std::fs::read_dir(workspace.path("runs/train")).into_iter().flatten().filter_map(Result::ok);
        folders.map(|run| run.path().join("shard-1/during-slice-1.safetensors")).any(|file| file.exists())
    };
    while !started() {
        assert!(began.elapsed() < Duration::from_secs(120) && child.try_wait().unwrap().is_none(), "no step is taken");
        std::thread::sleep(Duration::from_millis(5));
    }
    crate::support::signal(&child, "-INT");
    let ran = workspace.wait(child);
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(ran.stderr.contains("is kept in") && ran.stderr.contains("lacuna train --resume runs/"), "{}", ran.stderr);
    let run = run_folder(&workspace, "train");
    assert!(run.join("shard-1/during-slice-1.safetensors").exists());
}
