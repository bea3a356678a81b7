//! An interrupted study ends in the bytes of an undisturbed one, on any number of threads, in much memory or little.

use super::{last_run, records, results, workspace};
use crate::support::{Workspace, signal};
use std::path::Path;
use std::process::Child;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// `results.csv` and the records of the small study, run without a break on one thread, but for time and memory.
fn undisturbed() -> &'static (String, String) {
    static UNDISTURBED: OnceLock<(String, String)> = OnceLock::new();
    UNDISTURBED.get_or_init(|| {
        let workspace = workspace();
        workspace.ok("study small.toml --threads 1 --progress none");
        outcome(&workspace)
    })
}

fn outcome(workspace: &Workspace) -> (String, String) {
    (results(&last_run(workspace, "runs")), format!("{:#?}", records(&workspace.path("runs/store/records"))))
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    for threads in [2, 4] {
        let workspace = workspace();
        workspace.ok(&format!("study small.toml --threads {threads} --progress none"));
        assert_eq!(&outcome(&workspace), undisturbed(), "{threads} threads");
    }
}

#[test]
fn recomputing_activations_changes_no_byte_and_no_name_of_a_record() {
    let workspace = workspace();
    workspace.ok("study small.toml --recompute --progress none");
    assert_eq!(&outcome(&workspace), undisturbed());
}

/// Begin the study and wait until `done` runs are recorded and the next one has a checkpoint.
fn begin(workspace: &Workspace, done: usize) -> Child {
    let mut child = workspace.spawn("study small.toml --threads 2 --progress none");
    let deadline = Instant::now() + Duration::from_secs(120);
    let count = |folder: &Path, ending: &str| {
        let names = std::fs::read_dir(folder).into_iter().flatten();
        names.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(ending)).count()
    };
    let (records, models) = (workspace.path("runs/store/records"), workspace.path("runs/store/models"));
    while !(count(&records, ".json") == done && count(&models, ".checkpoint") == 1) {
        assert!(child.try_wait().unwrap().is_none(), "ended before the moment to disturb it");
        assert!(Instant::now() < deadline, "no checkpoint of run {}", done + 1);
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

#[cfg(unix)]
#[test]
#[cfg(unix)]
fn a_killed_study_goes_on_to_the_same_bytes() {
    let workspace = workspace();
    // In the training of the original, in that of the reference, and after the first horizon of unlearning.
    for done in [0, 1, 2] {
        let mut child = begin(&workspace, done);
        child.kill().unwrap();
        assert_eq!(workspace.wait(child).code, -1, "killed, not ended");
        assert_eq!(records(&workspace.path("runs/store/records")).len(), done);
    }
    workspace.ok("study small.toml --progress none");
    assert_eq!(&outcome(&workspace), undisturbed());
    let left = std::fs::read_dir(workspace.path("runs/store/models")).unwrap().map(|entry| entry.unwrap());
    let left = left.filter(|entry| entry.path().is_file()).map(|entry| entry.file_name());
    let left: Vec<String> = left.map(|name| name.into_string().unwrap()).collect();
    // A write that was killed leaves a *.tmp file, and that is all.
    let finished = left.iter().filter(|name| !name.ends_with(".tmp")).count();
    assert!(
        finished == 2 && left.iter().all(|name| !name.contains("checkpoint") || name.ends_with(".tmp")),
        "{left:?}"
    );
}

#[test]
#[cfg(unix)]
fn a_signal_stops_a_study_with_130_and_it_goes_on_to_the_same_bytes() {
    let workspace = workspace();
    for (done, name) in [(0, "-TERM"), (2, "-INT")] {
        let child = begin(&workspace, done);
        signal(&child, name);
        let ran = workspace.wait(child);
        assert_eq!(ran.code, 130, "{}", ran.stderr);
        assert!(
            ran.stderr.contains("interrupted") && ran.stderr.contains("the same command goes on"),
            "{}",
            ran.stderr
        );
        let status = std::fs::read_to_string(last_run(&workspace, "runs").join("status.json")).unwrap();
        assert!(status.contains("\"interrupted\""), "{status}");
    }
    workspace.ok("study small.toml --progress none");
    assert_eq!(&outcome(&workspace), undisturbed());
}

#[test]
fn scores_that_a_checkpoint_needs_are_asked_for_by_name() {
    let workspace = workspace();
    let mut child = begin(&workspace, 0);
    child.kill().unwrap();
    workspace.wait(child);
    let models = workspace.path("runs/store/models");
    let partial = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().ends_with(".partial.json");
    let partial = std::fs::read_dir(&models).unwrap().map(|entry| entry.unwrap()).find(partial).unwrap().path();
    std::fs::write(&partial, "[{").unwrap();
    let name = partial.file_name().unwrap().to_str().unwrap();
    let checkpoint = name.replace("partial.json", "checkpoint");
    workspace.fails("study small.toml --progress none --quiet", 4, &[name, "damage", "fix:", &checkpoint]);
    std::fs::remove_file(models.join(checkpoint)).unwrap();
    workspace.ok("study small.toml --progress none");
    assert_eq!(&outcome(&workspace), undisturbed());
}
