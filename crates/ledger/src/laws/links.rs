//! A destroyed link to a person leaves no copy, wherever earlier processes were killed.
//!
//! With `--features failpoints` this crate's own process is ended at every boundary of a request, and of the end of one.

use super::{asked, day, ledger};
use crate::*;
use std::path::{Path, PathBuf};

/// The files below the folder of keys that contain a text.
fn that_hold(ledger: &Path, text: &str) -> Vec<PathBuf> {
    let files = crate::key_files::files_below(&Keyring::folder_of(ledger)).unwrap();
    files.into_iter().filter(|path| crate::key_files::holds(path, text.as_bytes()).unwrap()).collect()
}

/// Refuses and closes the only open request, and destroys its link.
fn end(path: &Path) -> Result<(), LedgerError> {
    let mut ledger = Ledger::open(path)?;
    let state = ledger.requests()?.into_iter().next_back().expect("there is a request");
    if state.status == Status::Received {
        ledger.refuse(&state.request, RefusalGround::NotHeld, day("2026-11-26"))?;
    }
    if state.status != Status::Closed {
        ledger.close(&state.request, day("2026-11-26"))?;
    }
    ledger.destroy_link(&state.subject).map(drop)
}

#[test]
fn the_link_of_a_closed_request_is_destroyed_in_every_file_of_the_keys() {
    let (_folder, mut ledger, _) = ledger();
    let state = ledger.receive(&asked("c"), &Holidays::new()).unwrap();
    let path = ledger.path().to_path_buf();
    let link = that_hold(&path, state.subject.as_str()).remove(0);
    std::fs::hard_link(&link, link.with_extension("9-0-0123456789abcdef.tmp")).unwrap();
    std::fs::copy(&link, Keyring::folder_of(&path).join("copy")).unwrap();
    end(&path).unwrap();
    assert_eq!(that_hold(&path, state.subject.as_str()), Vec::<PathBuf>::new());
    let again = ledger.receive(&asked("c"), &Holidays::new()).unwrap();
    assert_ne!(again.subject, state.subject, "the id does not lead to the closed request");
}

#[cfg(feature = "failpoints")]
mod killed {
    use super::*;
    use std::process::Command;

    const TASK: &str = "LACUNA_TEST_LEDGER_TASK";

    /// The body of the processes below; it does nothing when run as a test.
    #[test]
    fn a_process_that_is_ended() {
        let Ok(task) = std::env::var(TASK) else { return };
        let (task, path) = task.split_once(' ').unwrap();
        let path = PathBuf::from(path);
        match task {
            "request" => drop(Ledger::open_or_create(&path).unwrap().receive(&asked("c"), &Holidays::new()).unwrap()),
            _ => end(&path).unwrap(),
        }
    }

    /// The name of the boundary at which the process was ended, if it reached it.
    fn ended_at(boundary: u64, task: &str, path: &Path) -> Option<String> {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "laws::links::killed::a_process_that_is_ended", "--nocapture"]);
        command.env(TASK, format!("{task} {}", path.display())).env("LACUNA_FAIL_AT", boundary.to_string());
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let stop = said.lines().find_map(|line| line.strip_prefix("failed before: ").map(str::to_string));
        assert_eq!(stop.is_none(), output.status.success(), "{task} {boundary}: {said}");
        stop
    }

    fn complete(path: &Path) {
        let mut ledger = Ledger::open_or_create(path).unwrap();
        match ledger.receive(&asked("c"), &Holidays::new()) {
            Ok(_) | Err(LedgerError::Step { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Checks that no file below the keys contains the pseudonym, nor a part of a link without an owner.
    fn is_gone(path: &Path, context: &str) {
        let subject = Ledger::open(path).unwrap().requests().unwrap()[0].subject.clone();
        assert_eq!(that_hold(path, subject.as_str()), Vec::<PathBuf>::new(), "{context}");
        let left = crate::key_files::files_below(&Keyring::folder_of(path)).unwrap();
        let links = left
            .iter()
            .filter(|file| file.to_string_lossy().contains("subjects") || file.extension().is_some_and(|e| e == "tmp"));
        assert_eq!(links.count(), 0, "{context}: {left:?}");
        assert_eq!(Ledger::open(path).unwrap().verify(&[]).unwrap().findings, [], "{context}");
    }

    /// Ends a process at every boundary of a task, each time in a place that `prepare` makes; returns the boundaries'
    /// names.
    fn at_every_boundary(task: &str, prepare: fn(&Path)) -> Vec<String> {
        let mut stops = Vec::new();
        for boundary in 1.. {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("l.db");
            prepare(&path);
            let Some(stop) = ended_at(boundary, task, &path) else { break };
            complete_or_closed(task, &path);
            end(&path).unwrap();
            is_gone(&path, &format!("{task}: before {stop}"));
            stops.push(stop);
        }
        stops
    }

    fn complete_or_closed(task: &str, path: &Path) {
        if task == "request" {
            complete(path);
        }
    }

    #[test]
    fn a_request_that_is_killed_at_any_boundary_leaves_no_link_once_it_is_closed() {
        let stops = at_every_boundary("request", |_| {});
        for name in ["linking a key to its name", "deleting a key's temporary name", "committing to the ledger"] {
            assert!(stops.iter().any(|stop| stop == name), "{name}: {stops:?}");
        }
        let into_an_old_one = at_every_boundary("request", |path| drop(Ledger::open_or_create(path).unwrap()));
        assert!(into_an_old_one.len() >= 5, "{into_an_old_one:?}");
    }

    #[test]
    fn an_end_that_is_killed_at_any_boundary_is_gone_on_with_and_leaves_no_link() {
        let stops = at_every_boundary("end", |path| {
            complete(path);
            // A hard link to the link's file, as another kill leaves it, and a copy beside it.
            let subject = Ledger::open(path).unwrap().requests().unwrap()[0].subject.clone();
            let link = that_hold(path, subject.as_str()).remove(0);
            std::fs::hard_link(&link, link.with_extension("9-0-0123456789abcdef.tmp")).unwrap();
            std::fs::copy(&link, Keyring::folder_of(path).join("copy")).unwrap();
        });
        for name in ["deleting a file", "flushing the folder of a deleted file", "going on after a commit"] {
            assert!(stops.iter().any(|stop| stop == name), "{name}: {stops:?}");
        }
    }
}
