//! `lacuna watch`: a run seen from elsewhere, where there is no terminal.

use crate::support::Workspace;
use crate::train::{SETTINGS, cohort, read, run_folder};
use serde_json::Value;
use std::path::PathBuf;

/// A short training in a fresh folder.
fn trained() -> (Workspace, PathBuf) {
    let workspace = cohort();
    workspace.ok(&format!("{SETTINGS} --epochs 3"));
    let run = run_folder(&workspace, "train");
    (workspace, run)
}

#[test]
fn a_finished_run_is_told_in_a_line_and_as_json() {
    let (workspace, run) = trained();
    let ran = workspace.run(&format!("watch {}", run.display()));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let line = ran.stderr.lines().last().unwrap();
    assert!(line.contains("train status=done epoch=3/3 loss=") && !ran.stderr.contains('\u{1b}'), "{line}");
    // The folder above it stands for the run begun last.
    let seen = workspace.json("watch runs/train --once", "lacuna.watch/1");
    assert_eq!(seen["status"]["status"], "done");
    assert_eq!(seen["progress"]["epochs"], serde_json::json!([3, 3]));
    let losses: Vec<Value> = read(&run.join("metrics.jsonl"))
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["loss"].clone())
        .collect();
    assert_eq!(seen["progress"]["curves"]["loss"], Value::from(losses));
}

#[test]
fn a_running_run_is_watched_until_it_ends() {
    let (workspace, run) = trained();
    let status = run.join("status.json");
    let done = read(&status);
    std::fs::write(&status, done.replace("\"done\"", "\"running\"")).unwrap();
    let once = workspace.run(&format!("watch {} --once", run.display()));
    assert!(once.code == 0 && once.stderr.contains("status=running"), "{}", once.stderr);
    let mut watching = workspace.spawn(&format!("watch {}", run.display()));
    assert!(watching.try_wait().unwrap().is_none(), "it waits for the run");
    std::fs::write(&status, done).unwrap();
    let ran = workspace.wait(watching);
    assert!(ran.code == 0 && ran.stderr.contains("status=done"), "{}", ran.stderr);
}

#[test]
fn an_unlearning_shows_its_subjects_as_last_scored() {
    let (workspace, run) = trained();
    let model = run.join("model.safetensors");
    workspace.ok(&format!(
        "unlearn --model {} --data heads --forget phantom-001 --held-out phantom-002 --strategy noisy-label --epochs 1,2 \
         --progress none",
        model.display()
    ));
    let seen = workspace.json("watch runs/unlearn --once", "lacuna.watch/1");
    let subjects = seen["progress"]["subjects"].as_array().unwrap();
    let of = |name: &str| subjects.iter().find(|subject| subject["name"] == name).unwrap();
    assert_eq!((subjects.len(), &of("phantom-001")["role"]), (3, &Value::from("forget")));
    let text = workspace.ok("watch runs/unlearn --once");
    let dice = of("phantom-001")["dice"].as_f64().unwrap();
    assert!(text.contains(&format!("phantom-001 forget Dice {dice:.4}")), "{text}");
}

#[test]
fn what_is_no_run_is_told_with_the_fix() {
    let workspace = Workspace::new();
    workspace.fails("watch nowhere", 4, &["nowhere", "run.json", "fix:"]);
    let (workspace, run) = trained();
    std::fs::write(run.join("progress.json"), "{").unwrap();
    workspace.fails(&format!("watch {}", run.display()), 4, &["progress.json", "fix:"]);
}
