//! Laws of ledgers that are missing, were never begun, are read-only, of another version, or on a full disk.

use super::{asked, ledger};
use crate::*;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// A condition of the ledger's path, and the function that makes it.
type Way = (&'static str, fn(&Path));

fn refused(path: &Path) -> [LedgerError; 2] {
    [Ledger::open(path), Ledger::open_or_create(path)].map(|opened| opened.err().expect("it is refused"))
}

/// An empty SQLite file, as a process leaves it that ends before the first event.
fn bare(path: &Path) {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    drop(connection);
    assert!(std::fs::metadata(path).unwrap().len() > 0);
}

#[test]
fn a_ledger_that_is_gone_beside_its_keys_is_refused_by_everything_and_nothing_takes_its_place() {
    let ways: [Way; 3] = [
        ("its file is gone", |_| {}),
        ("its file is empty", |path| std::fs::write(path, "").unwrap()),
        ("its file has no tables", bare),
    ];
    for (way, leave) in ways {
        // Keys of an older version have no mark; a subject's link serves as one.
        for is_marked in [true, false] {
            let (_folder, ledger, _) = ledger();
            let path = ledger.path().to_path_buf();
            drop(ledger);
            std::fs::remove_file(&path).unwrap();
            leave(&path);
            if !is_marked {
                std::fs::remove_file(Keyring::folder_of(&path).join("begun")).unwrap();
            }
            for error in refused(&path) {
                assert!(matches!(error, LedgerError::Gone { .. }), "{way}: {error}");
                let message = error.to_string();
                assert!(message.contains("backup") && message.contains("name another file"), "{message}");
            }
            let keys = Keyring::folder_of(&path);
            std::fs::rename(&keys, path.with_extension("moved")).unwrap();
            Ledger::open_or_create(&path).unwrap_or_else(|error| panic!("{way}: with the keys away: {error}"));
        }
    }
}

#[test]
fn a_ledger_that_was_never_begun_is_reported_as_that_and_the_next_request_begins_it() {
    let ways: [Way; 4] = [
        ("only one key was made", |path| {
            drop(Keyring::make(path).unwrap());
            for name in ["guard.key", "signing.key", "public.key"] {
                std::fs::remove_file(Keyring::folder_of(path).join(name)).unwrap();
            }
        }),
        ("only the keys were made", |path| drop(Keyring::make(path).unwrap())),
        ("the file is empty", |path| {
            drop(Keyring::make(path).unwrap());
            std::fs::write(path, "").unwrap();
        }),
        ("the file has no tables", |path| {
            drop(Keyring::make(path).unwrap());
            bare(path);
        }),
    ];
    for (way, leave) in ways {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.db");
        leave(&path);
        let error = UncheckedLedger::open(&path).err().unwrap();
        assert!(matches!(error, LedgerError::NotBegun { .. } | LedgerError::NoLedger { .. }), "{way}: {error}");
        assert!(error.to_string().contains("lacuna ledger request"), "{way}: {error}");
        let mut ledger = Ledger::open_or_create(&path).unwrap();
        ledger.receive(&asked("a"), &Holidays::new()).unwrap();
        drop(ledger);
        assert_eq!(Ledger::open(&path).unwrap().verify(&[]).unwrap().events, 3, "{way}");
    }
}

#[test]
fn a_ledger_of_a_newer_version_is_told_from_one_that_was_changed() {
    let (_folder, ledger, _) = ledger();
    let path = ledger.path().to_path_buf();
    drop(ledger);
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    for error in refused(&path) {
        assert!(matches!(error, LedgerError::NewerVersion { found: 99, .. }), "{error}");
        assert!(error.to_string().contains("use that version"), "{error}");
    }
}

#[test]
fn a_full_disk_is_said_to_be_one_and_the_same_request_is_written_once_there_is_room() {
    let (_folder, mut ledger, _) = ledger();
    let before = ledger.view().events().unwrap();
    // A limit at the present number of pages: SQLite then reports the same error as on a full disk.
    let pages: i64 = ledger.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    ledger.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let mut fill = || loop {
        if let Err(error) = ledger.receive(&asked(&random_hex::<8>()), &Holidays::new()) {
            break error;
        }
    };
    let error = fill();
    assert!(matches!(error, LedgerError::Storage { .. }), "{error}");
    assert!(error.to_string().contains("free some space"), "{error}");
    assert!(ledger.view().events().unwrap().starts_with(&before));
    ledger.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
    ledger.receive(&asked("c"), &Holidays::new()).unwrap();
    assert_eq!(ledger.verify(&[]).unwrap().findings, []);
}

#[test]
fn a_ledger_where_no_log_can_be_made_is_read_as_it_is_and_not_past_a_log_that_holds_more() {
    let (folder, ledger, _) = ledger();
    let events = ledger.view().events().unwrap();
    let whole = folder.path().join("a b?#%.db");
    ledger.connection.execute("VACUUM INTO ?", [whole.to_str().unwrap()]).unwrap();
    let connection = crate::opening::connect_immutable(&whole).unwrap();
    let view = View { connection: &connection, path: &whole };
    assert_eq!(view.events().unwrap(), events);
    assert!(connection.execute_batch("DELETE FROM seal").is_err());
    let log = PathBuf::from(format!("{}-wal", whole.display()));
    assert!(!log.exists(), "nothing is made beside it");
    std::fs::write(&log, "events").unwrap();
    let message = crate::opening::connect_immutable(&whole).unwrap_err().to_string();
    assert!(message.contains("-wal") && message.contains("fix: copy"), "{message}");
}

#[test]
fn an_older_ledger_that_cannot_be_written_keeps_its_views_and_has_no_findings() {
    let (_folder, ledger, _) = ledger();
    ledger.connection.execute_batch("DROP VIEW removals; DROP VIEW statements; PRAGMA user_version = 2").unwrap();
    assert_eq!(ledger.findings().unwrap(), []);
    ledger.connection.execute_batch("DROP INDEX events_by_kind").unwrap();
    assert_eq!(ledger.findings().unwrap().len(), 1, "what is asked of an older one is its tables and indices");
}
