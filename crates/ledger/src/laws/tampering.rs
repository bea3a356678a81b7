//! Laws of a ledger that another program changed.

use super::{asked, findings, ledger, tamper};
use crate::*;
use rusqlite::Connection;
use std::path::Path;

#[test]
fn no_statement_of_sql_changes_or_deletes_an_event() {
    let (_folder, ledger, _) = ledger();
    for sql in [
        "UPDATE events SET at = 'x'",
        "DELETE FROM events",
        "DELETE FROM seal",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE sequence = 2",
        "INSERT INTO events SELECT 99, at, payload, salt, previous, zeroblob(32) FROM events WHERE sequence = 2",
        "INSERT INTO events SELECT 7, at, payload, salt, previous, zeroblob(32) FROM events WHERE sequence = 2",
        "INSERT INTO events VALUES (7, 1.5, '{', x'00', x'00', x'00')",
    ] {
        assert!(ledger.connection.execute_batch(sql).is_err(), "{sql}");
    }
    assert_eq!(ledger.verify(&[]).unwrap().findings, []);
}

#[test]
fn tampering_is_found_in_its_row() {
    let cases = [
        ("UPDATE events SET payload = replace(payload, '2026-12-25', '2027-12-25') WHERE sequence = 3", "event 3"),
        ("UPDATE events SET at = '2020-01-01T00:00:00Z' WHERE sequence = 2", "event 2"),
        ("UPDATE events SET salt = zeroblob(16) WHERE sequence = 5", "event 5"),
        ("UPDATE events SET previous = zeroblob(32) WHERE sequence = 4", "event 4"),
        ("DELETE FROM events WHERE sequence = 4", "event 5"),
        ("DELETE FROM events WHERE sequence = 6", "seal"),
        ("UPDATE seal SET mac = zeroblob(32)", "seal"),
        ("DELETE FROM seal", "seal"),
        ("CREATE TABLE more (x)", "schema of table more"),
        ("DROP VIEW deletions", "schema of view deletions"),
    ];
    for (sql, row) in cases {
        let (_folder, ledger, _) = ledger();
        let path = ledger.path().to_path_buf();
        drop(ledger);
        tamper(&path, sql);
        let found = findings(&path);
        assert!(found.iter().any(|finding| finding.row == row), "{sql}: {found:?}");
    }
}

#[test]
fn a_dropped_trigger_is_found_and_nothing_is_built_on_a_forged_end() {
    let (_folder, mut ledger, request) = ledger();
    Connection::open(ledger.path()).unwrap().execute_batch("DROP TRIGGER events_stay").unwrap();
    let found = ledger.verify(&[]).unwrap().findings;
    assert_eq!(found.len(), 1);
    assert!(found[0].row == "schema of trigger events_stay" && found[0].found == "none", "{found:?}");
    tamper(ledger.path(), "DELETE FROM events WHERE sequence = 6");
    let refused = ledger.advance(&request, Status::Accepted).unwrap_err();
    assert!(matches!(refused, LedgerError::Tampered { .. }), "{refused}");
}

#[test]
fn a_ledger_rewritten_by_its_own_keeper_is_found_by_a_checkpoint_that_left_the_machine() {
    let (folder, mut first, request) = ledger();
    let checkpoint = first.checkpoint().unwrap();
    first.advance(&request, Status::Executed).unwrap();
    assert_eq!(first.verify(std::slice::from_ref(&checkpoint)).unwrap().findings, [], "it went on");
    let older = folder.path().join("older.db");
    first.connection.execute("VACUUM INTO ?", [older.to_str().unwrap()]).unwrap();
    // Another history under the same keys: it is consistent, and is not the one that was signed.
    let path = first.path().to_path_buf();
    drop(first);
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
    let mut other = Ledger::connect_again(&path);
    for subject in ["x", "y", "z", "u", "v"] {
        other.receive(&asked(subject), &Holidays::new()).unwrap();
    }
    assert_eq!(other.verify(&[]).unwrap().findings, []);
    assert_eq!(other.verify(&[checkpoint]).unwrap().findings.len(), 1);
}

#[test]
fn a_shorter_ledger_than_a_checkpoint_says_is_found() {
    let (_folder, ledger, _) = ledger();
    let more = Checkpoint { events: 7, ..ledger.checkpoint().unwrap() };
    let found = ledger.verify(&[more]).unwrap().findings;
    assert!(found[0].expected.contains("at least 7") && found[0].found == "6 events", "{found:?}");
}

#[test]
fn a_flipped_bit_anywhere_in_the_file_is_found_or_changes_nothing_that_was_written() {
    let (folder, ledger, _) = ledger();
    let (events, whole) = (ledger.view().events().unwrap(), folder.path().join("whole.db"));
    ledger.connection.execute("VACUUM INTO ?", [whole.to_str().unwrap()]).unwrap();
    let keys = Keyring::folder_of(ledger.path());
    let copy = folder.path().join("copy.db");
    std::fs::rename(keys, Keyring::folder_of(&copy)).unwrap();
    drop(ledger);
    let bytes = std::fs::read(&whole).unwrap();
    let (mut found, mut tried) = (0, 0);
    // One bit of every 37th byte, moving on by one bit each time: it reaches all bits of all fields within seconds.
    for at in (0..bytes.len()).step_by(37) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at / 37 % 8);
        std::fs::write(&copy, &flipped).unwrap();
        let _ = std::fs::remove_file(folder.path().join("copy.db-wal"));
        tried += 1;
        if findings(&copy).is_empty() {
            assert_eq!(Ledger::open(&copy).unwrap().view().events().unwrap(), events, "byte {at}");
        } else {
            found += 1;
        }
    }
    assert!(tried > 500 && found > tried / 20, "{found} of {tried} flips were seen; most of a small file is empty");
}

/// Writes a new history without the keys: changed payloads, recomputed hashes, and the old seal.
fn forge(path: &Path) {
    let mut events = UncheckedLedger::open(path).unwrap().events().unwrap();
    let mut previous = Digest([0; 32]);
    let mut sql = String::new();
    for event in &mut events {
        event.payload = event.payload.replace("17-1-b", "17-1-a");
        event.previous = previous;
        event.hash = Digest::of(&[&event.encoded()]);
        previous = event.hash;
        let Event { sequence, payload, previous, hash, .. } = &event;
        sql.push_str(&format!(
            "UPDATE events SET payload = '{payload}', previous = x'{previous}', hash = x'{hash}' WHERE sequence = {sequence};"
        ));
    }
    tamper(path, &sql);
}

/// The name of a change, and the function that makes it.
type Change = (&'static str, fn(&Path));

/// Every change without the keys that the chain, the schema or the seal shows.
fn changes() -> Vec<Change> {
    vec![
        ("the end was cut away", |path| tamper(path, "DELETE FROM events WHERE sequence > 4")),
        ("one event was taken out", |path| tamper(path, "DELETE FROM events WHERE sequence = 4")),
        ("a row reads otherwise", |path| {
            tamper(path, "UPDATE events SET payload = replace(payload, 'accepted', 'refused') WHERE sequence = 6");
        }),
        ("a payload is none", |path| tamper(path, "UPDATE events SET payload = '{}' WHERE sequence = 5")),
        ("the whole chain is another", forge),
        ("the seal is another", |path| tamper(path, "UPDATE seal SET mac = zeroblob(32)")),
        ("an index leaves rows out", |path| {
            tamper(path, "DROP INDEX events_by_kind; CREATE INDEX events_by_kind ON events (payload ->> '$.none')");
        }),
        ("a trigger is gone", |path| tamper(path, "CREATE TRIGGER more AFTER INSERT ON events BEGIN SELECT 1; END")),
    ]
}

#[test]
fn a_changed_ledger_is_opened_for_nothing_but_to_be_verified() {
    for (what, change) in changes() {
        let (_folder, ledger, _) = ledger();
        let path = ledger.path().to_path_buf();
        drop(ledger);
        change(&path);
        for opened in [Ledger::open(&path), Ledger::open_or_create(&path)] {
            let refused = opened.err().unwrap_or_else(|| panic!("{what}: it was opened"));
            assert!(matches!(refused, LedgerError::Tampered { .. }), "{what}: {refused}");
        }
        assert!(!UncheckedLedger::open(&path).unwrap().verify(&[]).unwrap().findings.is_empty(), "{what}");
    }
}

#[test]
fn nothing_is_signed_of_a_ledger_that_was_changed_after_it_was_opened() {
    for (what, change) in changes().into_iter().take(6) {
        let (folder, ledger, _) = ledger();
        change(ledger.path());
        let out = folder.path().join("out");
        assert!(matches!(export(&ledger, &out), Err(LedgerError::Tampered { .. })), "{what}");
        assert!(!out.exists(), "{what}: nothing is written");
        assert!(matches!(ledger.checkpoint(), Err(LedgerError::Tampered { .. })), "{what}");
        assert!(ledger.tree().is_err(), "{what}");
    }
}

#[test]
fn two_findings_are_told_as_the_first_and_one_more() {
    let (_folder, ledger, _) = ledger();
    let path = ledger.path().to_path_buf();
    drop(ledger);
    tamper(&path, "UPDATE events SET at = 'x' WHERE sequence IN (2, 3)");
    let message = Ledger::open(&path).err().unwrap().to_string();
    assert!(message.contains("event 2") && message.contains("(and 1 more)") && message.contains("fix: "), "{message}");
}

#[test]
fn nothing_that_is_said_of_a_forged_ledger_helps_to_seal_it() {
    let (_folder, ledger, _) = ledger();
    let path = ledger.path().to_path_buf();
    drop(ledger);
    forge(&path);
    let unchecked = UncheckedLedger::open(&path).unwrap();
    let events = unchecked.events().unwrap();
    let seal = unchecked.keyring().seal(events.len() as u64, &events.last().unwrap().hash).to_string();
    let findings = unchecked.verify(&[]).unwrap().findings;
    let said = format!("{findings:?} {}", Ledger::open(&path).err().unwrap());
    assert!(said.contains("seal") && !said.contains(&seal), "{said}");
}
