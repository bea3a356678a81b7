//! Laws of a whole ledger.

mod links;
mod opening;
mod processes;
mod requests;
mod tampering;

use crate::*;
use jiff::civil::Date;
use rusqlite::Connection;
use std::path::Path;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn asked(subject: &str) -> NewRequest<'_> {
    NewRequest { subject, ground: Ground::ConsentWithdrawn, received: day("2026-11-25"), identity_asked: None }
}

/// A ledger with one request of each of two subjects; the first request has advanced.
fn ledger() -> (tempfile::TempDir, Ledger, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open_or_create(&folder.path().join("l.db")).unwrap();
    let request = ledger.receive(&asked("marker-anna"), &Holidays::new()).unwrap().request;
    ledger.receive(&asked("marker-bert"), &Holidays::new()).unwrap();
    ledger.advance(&request, Status::Accepted).unwrap();
    (folder, ledger, request)
}

fn findings(path: &Path) -> Vec<Finding> {
    match UncheckedLedger::open(path).and_then(|ledger| ledger.verify(&[])) {
        Ok(verified) => verified.findings,
        Err(LedgerError::Tampered { finding, .. }) => vec![finding],
        Err(error) => vec![Finding::new("file", "a ledger", &error.to_string())],
    }
}

/// Changes the file with the rights of a user who can write it: triggers are dropped and restored.
fn tamper(path: &Path, sql: &str) {
    let connection = Connection::open(path).unwrap();
    let triggers: Vec<(String, String)> = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for (name, _) in &triggers {
        connection.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    connection.execute_batch(sql).unwrap();
    for (_, sql) in &triggers {
        connection.execute_batch(sql).unwrap();
    }
}

#[test]
fn a_ledger_in_order_has_no_findings_and_reads_back() {
    let (_folder, ledger, request) = ledger();
    let path = ledger.path().to_path_buf();
    drop(ledger);
    let ledger = Ledger::open(&path).unwrap();
    let verified = ledger.verify(&[]).unwrap();
    assert_eq!((verified.findings, verified.events), (vec![], 6), "one of the ledger, two each of subjects, one step");
    let state = ledger.find_request(&request[..12]).unwrap();
    assert_eq!((state.status, state.due.day), (Status::Accepted, day("2026-12-25")));
    assert!(!state.is_overdue(day("2026-12-25")) && state.is_overdue(day("2026-12-26")));
    let viewed: (String, String) = ledger
        .connection
        .query_row("SELECT status, due FROM requests WHERE request = ?", [&request], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(viewed, ("accepted".to_string(), "2026-12-25".to_string()), "the view says the same");
}

#[test]
fn no_id_is_in_the_database_its_log_or_the_names_of_keys_and_a_destroyed_link_breaks_no_chain() {
    let (folder, mut ledger, request) = ledger();
    let subject = ledger.find_request(&request).unwrap().subject;
    assert!(ledger.destroy_link(&subject).unwrap());
    assert!(!ledger.destroy_link(&subject).unwrap(), "there is nothing any more");
    assert_eq!(ledger.keyring().find("marker-anna").unwrap(), None);
    let verified = ledger.verify(&[]).unwrap();
    assert_eq!((verified.findings, verified.events), (vec![], 7));
    let mut folders = vec![folder.path().to_path_buf()];
    while let Some(here) = folders.pop() {
        for path in std::fs::read_dir(here).unwrap().map(|entry| entry.unwrap().path()) {
            assert!(!path.to_string_lossy().contains("marker"));
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                assert!(!bytes.windows(6).any(|window| window == b"marker"), "{}", path.display());
            }
        }
    }
}

#[test]
fn a_ledger_of_the_version_before_gets_new_views_and_keeps_its_events() {
    let (_folder, ledger, _) = ledger();
    let (path, before) = (ledger.path().to_path_buf(), ledger.view().events().unwrap());
    drop(ledger);
    // Version 1 had no view of identities, and another view of requests.
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "DROP VIEW identities; DROP VIEW protocols; DROP VIEW removals; DROP VIEW requests;
             CREATE VIEW requests AS SELECT sequence FROM events; PRAGMA user_version = 1",
        )
        .unwrap();
    let ledger = Ledger::open(&path).unwrap();
    assert_eq!(ledger.view().events().unwrap(), before);
    assert_eq!(ledger.verify(&[]).unwrap().findings, []);
}

#[test]
fn a_ledger_without_its_keys_or_of_another_kind_is_refused() {
    let (folder, ledger, _) = ledger();
    let path = ledger.path().to_path_buf();
    drop(ledger);
    std::fs::remove_dir_all(Keyring::folder_of(&path)).unwrap();
    assert!(Ledger::open_or_create(&path).is_err(), "new keys would not fit");
    let other = folder.path().join("other.db");
    drop(Ledger::open_or_create(&other).unwrap());
    Connection::open(&other).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let refused = Ledger::open(&other).err().unwrap().to_string();
    assert!(refused.contains("found layout 99") && refused.contains("newer lacuna"), "{refused}");
    assert!(matches!(Ledger::open(&folder.path().join("none.db")), Err(LedgerError::NoLedger { .. })));
}
