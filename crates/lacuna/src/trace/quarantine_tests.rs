//! A purge killed after each step, put back and deleted.

use super::*;
use lacuna_ledger::Holds;
use std::collections::BTreeMap;

fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(here) = folders.pop() {
        for path in std::fs::read_dir(here).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path)
            } else {
                drop(files.insert(path.clone(), std::fs::read(&path).unwrap()))
            }
        }
    }
    files
}

fn step(path: &Path, how: How) -> Step {
    let before = if path.is_file() { lacuna_disk::digest_file(path).unwrap() } else { String::new() };
    Step { path: path.into(), how, holds: Holds::Name, before, bytes: 1 }
}

/// A model that goes, a table that is rewritten, a folder that is renamed.
fn journal(root: &Path) -> (PathBuf, Journal) {
    let run = root.join("train/20260101-000000-drop-a");
    std::fs::create_dir_all(&run).unwrap();
    std::fs::write(run.join("model"), "weights").unwrap();
    std::fs::write(run.join("table"), "old").unwrap();
    let to = run.with_file_name("20260101-000000-p").into();
    let steps = vec![
        step(&run.join("model"), How::Quarantine),
        step(&run.join("table"), How::Rewrite { after: lacuna_disk::digest(b"new") }),
        step(&run, How::Rename { to }),
    ];
    let journal = Journal {
        schema: SCHEMA.to_string(),
        state: State::Decided,
        request: None,
        pseudonym: "p".to_string(),
        at: String::new(),
        from: root.into(),
        folder: folder_of(root).join("q").into(),
        roots: vec![root.into()],
        steps,
    };
    (run, journal)
}

fn quarantine(runs: &Path, journal: Journal) -> Quarantine {
    let folder = folder_of(runs).join("q");
    lacuna_disk::write_bytes(&new_file(&folder, 1), b"new").unwrap();
    let quarantine = Quarantine { name: "q".to_string(), folder, journal };
    quarantine.decide().unwrap();
    quarantine
}

#[test]
fn a_purge_goes_on_from_any_step_and_is_put_back_to_the_byte() {
    for killed_after in 0..=3 {
        let root = tempfile::tempdir().unwrap();
        let (run, journal) = journal(root.path());
        let before = snapshot(root.path());
        let begun = quarantine(root.path(), journal);
        (0..killed_after).for_each(|number| begun.carry_out_step(number).unwrap());
        drop(begun);
        let mut again = Quarantine::all(root.path()).unwrap().remove(0);
        assert_eq!(again.journal().state, State::Decided);
        again.carry_out().unwrap();
        assert!(!run.exists());
        let renamed = run.with_file_name("20260101-000000-p");
        assert_eq!(std::fs::read(renamed.join("table")).unwrap(), b"new");
        assert!(!renamed.join("model").exists());
        Quarantine::all(root.path()).unwrap().remove(0).restore().unwrap();
        assert_eq!(snapshot(root.path()), before, "killed after {killed_after}");
        assert!(Quarantine::all(root.path()).unwrap().is_empty());
    }
}

#[test]
fn a_file_that_changed_since_the_plan_stays() {
    let root = tempfile::tempdir().unwrap();
    let (run, journal) = journal(root.path());
    std::fs::write(run.join("model"), "other").unwrap();
    let mut begun = quarantine(root.path(), journal);
    begun.carry_out().unwrap();
    assert_eq!(std::fs::read(run.with_file_name("20260101-000000-p").join("model")).unwrap(), b"other");
}

#[test]
fn what_is_deleted_leaves_nothing_of_it() {
    let root = tempfile::tempdir().unwrap();
    let (_, journal) = journal(root.path());
    let mut begun = quarantine(root.path(), journal);
    begun.carry_out().unwrap();
    begun.delete().unwrap();
    assert!(snapshot(root.path()).keys().all(|path| !path.to_string_lossy().contains("quarantine")));
}
