//! What holds of a whole ledger.

use crate::*;
use jiff::civil::Date;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn asked(subject: &str) -> NewRequest<'_> {
    NewRequest { subject, ground: Ground::ConsentWithdrawn, received: day("2026-11-25"), identity_asked: None }
}

/// A ledger with a request of each of two subjects, the first one on its way.
fn ledger() -> (tempfile::TempDir, Ledger, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open_or_create(&folder.path().join("l.db")).unwrap();
    let request = ledger.receive(&asked("marker-anna"), &Holidays::new()).unwrap().request;
    ledger.receive(&asked("marker-bert"), &Holidays::new()).unwrap();
    ledger.advance(&request, Status::Accepted).unwrap();
    (folder, ledger, request)
}

fn findings(path: &Path) -> Vec<Finding> {
    match Ledger::open(path).and_then(|ledger| ledger.verify(&[])) {
        Ok(verified) => verified.findings,
        Err(LedgerError::Tampered { finding, .. }) => vec![finding],
        Err(error) => vec![Finding::new("file", "a ledger", &error.to_string())],
    }
}

/// Change the file with the rights of whoever has it: triggers are dropped, and put back as they were.
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
fn a_request_goes_from_receipt_to_its_end_and_no_other_way() {
    let (_folder, mut ledger, request) = ledger();
    let early = ledger.advance(&request, Status::Verified).unwrap_err().to_string();
    assert!(early.contains("executed") && early.contains("found it accepted"), "{early}");
    let none = Holidays::new();
    let late = ledger.extend(&request, ExtensionReason::Complexity, day("2026-12-26"), &none);
    assert!(late.unwrap_err().to_string().contains("until 2026-12-25"));
    let extended = ledger.extend(&request, ExtensionReason::Complexity, day("2026-12-25"), &none).unwrap();
    assert_eq!((extended.status, extended.due.day), (Status::Extended, day("2027-02-25")));
    assert!(ledger.extend(&request, ExtensionReason::Number, day("2026-12-25"), &none).is_err(), "once only");
    assert!(ledger.close(&request, day("2026-12-01")).is_err(), "nothing was done yet");
    ledger.advance(&request, Status::Executed).unwrap();
    assert!(ledger.refuse(&request, RefusalGround::Research, day("2026-12-01")).is_err(), "too late to refuse");
    ledger.advance(&request, Status::Verified).unwrap();
    assert!(ledger.receive(&asked("marker-anna"), &none).is_err(), "one open request is enough");
    assert_eq!(ledger.close(&request, day("2026-12-01")).unwrap().status, Status::Closed);
    assert!(ledger.advance(&request, Status::Accepted).is_err());
    let again = ledger.receive(&asked("marker-anna"), &none).unwrap();
    assert_ne!(again.request, request);
    assert_eq!(ledger.verify(&[]).unwrap().findings, []);
}

/// Records of a run that was made, and what its audit found.
fn run_with(request: &str, run: &str, verdict: &str) -> [Record; 2] {
    let (request, run) = (request.to_string(), run.to_string());
    let made = Record::Run {
        request: request.clone(),
        run: run.clone(),
        strategy: "s".to_string(),
        recipe: "r".to_string(),
        before: "b".to_string(),
        after: Some("a".to_string()),
    };
    [made, Record::Verdict { request, run, verdict: verdict.to_string() }]
}

#[test]
fn an_executed_request_is_closed_without_an_assessment_only_where_its_weakest_verdict_leaves_it_open() {
    let told = day("2026-12-01");
    for verdict in VERDICTS {
        let (_folder, mut ledger, request) = ledger();
        assert!(ledger.close_unassessed(&request, told).is_err(), "{verdict}: nothing was executed");
        let mut records = run_with(&request, "one", verdict).to_vec();
        // A stronger verdict of another model makes the request no stronger.
        records.extend(run_with(&request, "two", "exact"));
        ledger.step(&request, &records).unwrap();
        ledger.advance(&request, Status::Executed).unwrap();
        let refused = ledger.close(&request, told).unwrap_err().to_string();
        assert!(refused.contains("--unassessed"), "{verdict}: {refused}");
        let closed = ledger.close_unassessed(&request, told);
        assert_eq!(closed.is_ok(), is_open(verdict), "{verdict}: {closed:?}");
        if let Ok(state) = closed {
            assert!(state.status == Status::Closed && state.closed_unassessed, "{state:?}");
            assert_eq!(state.verdict.as_deref(), Some(*verdict));
        }
        assert_eq!(ledger.verify(&[]).unwrap().findings, []);
    }
}

#[test]
fn a_request_of_no_verdict_or_verified_is_not_closed_as_unassessed() {
    let (_folder, mut ledger, request) = ledger();
    ledger.advance(&request, Status::Executed).unwrap();
    let refused = ledger.close_unassessed(&request, day("2026-12-01")).unwrap_err().to_string();
    assert!(refused.contains("its verdict is none"), "{refused}");
    ledger.advance(&request, Status::Verified).unwrap();
    assert!(ledger.close_unassessed(&request, day("2026-12-01")).is_err());
    assert!(!ledger.close(&request, day("2026-12-01")).unwrap().closed_unassessed);
}

#[test]
fn verdicts_of_a_round_of_runs_give_way_to_those_of_the_next() {
    let (_folder, mut ledger, request) = ledger();
    ledger.step(&request, &run_with(&request, "one", "residual_influence")).unwrap();
    ledger.advance(&request, Status::Executed).unwrap();
    assert!(ledger.close_unassessed(&request, day("2026-12-01")).is_err(), "an audit has found what was left");
    ledger.step(&request, &run_with(&request, "two", "not_assessable")).unwrap();
    let state = ledger.advance(&request, Status::Executed).unwrap();
    assert_eq!(state.verdict.as_deref(), Some("not_assessable"));
    assert!(ledger.close_unassessed(&request, day("2026-12-01")).unwrap().closed_unassessed);
}

#[test]
fn files_are_removed_for_a_request_from_its_acceptance_until_it_is_closed_and_put_back_where_it_was_refused() {
    let removal = |request: &str, how| Record::Removal {
        request: request.to_string(),
        artefact: Digest::of(&[b"x"]),
        holds: Holds::Weights,
        bytes: 7,
        how,
    };
    let ways: [(&[Status], bool); 7] = [
        (&[], false),
        (&[Status::Accepted], true),
        (&[Status::Accepted, Status::Executed], true),
        (&[Status::Accepted, Status::Executed, Status::Verified], true),
        (&[Status::Accepted, Status::Executed, Status::Verified, Status::Closed], false),
        (&[Status::Refused], false),
        (&[Status::Refused, Status::Closed], false),
    ];
    for (way, allowed) in ways {
        for how in RemovalKind::ALL {
            let (_folder, mut ledger, _) = ledger();
            let request = ledger.receive(&asked("c"), &Holidays::new()).unwrap().request;
            for status in way {
                let refusal = (*status == Status::Refused).then_some(RefusalGround::NotHeld);
                ledger
                    .step(&request, &[Record::Status { request: request.clone(), status: *status, refusal }])
                    .unwrap();
            }
            let allowed = allowed || (way == [Status::Refused] && *how == RemovalKind::Restored);
            let removed = ledger.step(&request, &[removal(&request, *how)]);
            assert_eq!(removed.is_ok(), allowed, "{way:?} {how:?}: {removed:?}");
            assert_eq!(ledger.verify(&[]).unwrap().findings, []);
            let viewed: i64 = ledger
                .connection
                .query_row("SELECT count(*) FROM removals WHERE how = ?1", [how.name()], |row| row.get(0))
                .unwrap();
            assert_eq!(viewed, i64::from(allowed), "people with a SQL shell see it");
        }
    }
}

#[test]
fn what_a_request_removed_is_known_by_its_content_until_it_is_put_back() {
    let (_folder, mut ledger, request) = ledger();
    let (kept, back, named) = (Digest::of(&[b"kept"]), Digest::of(&[b"back"]), Digest::of(&[b"named"]));
    let removal =
        |artefact, how| Record::Removal { request: request.clone(), artefact, holds: Holds::Weights, bytes: 7, how };
    let records = [
        removal(kept, RemovalKind::Quarantined),
        removal(back, RemovalKind::Quarantined),
        removal(named, RemovalKind::Renamed),
        removal(back, RemovalKind::Restored),
        removal(kept, RemovalKind::Deleted),
    ];
    ledger.step(&request, &records).unwrap();
    let removed = ledger.view().removed().unwrap();
    assert_eq!(removed.keys().collect::<Vec<_>>(), [&kept]);
    assert_eq!(removed[&kept].how, RemovalKind::Deleted);
}

#[test]
fn a_request_names_its_earlier_statements_in_their_order() {
    let (_folder, mut ledger, request) = ledger();
    let statements = [b"1", b"2", b"3"].map(|text| Digest::of(&[text]));
    for statement in statements {
        ledger.step(&request, &[Record::Evidence { request: request.clone(), statement }]).unwrap();
    }
    let state = ledger.find_request(&request).unwrap();
    assert_eq!((state.evidence, &state.evidence_earlier[..]), (Some(statements[2]), &statements[..2]));
}

#[test]
fn who_is_not_known_yet_or_refused_is_not_executed() {
    let (_folder, mut ledger, _) = ledger();
    let pending = NewRequest { identity_asked: Some(day("2026-11-27")), ..asked("c") };
    let request = ledger.receive(&pending, &Holidays::new()).unwrap();
    assert_eq!(request.status, Status::IdentityPending);
    assert!(ledger.advance(&request.request, Status::Executed).is_err());
    let refused = ledger.refuse(&request.request, RefusalGround::IdentityNotProven, day("2026-11-26")).unwrap();
    assert_eq!(refused.refusal, Some(RefusalGround::IdentityNotProven));
    assert_eq!(ledger.close(&request.request, day("2026-11-26")).unwrap().status, Status::Closed);
}

#[test]
fn the_time_stands_still_while_it_is_not_sure_who_asks() {
    let (_folder, mut ledger, _) = ledger();
    let none = Holidays::new();
    let late = NewRequest { identity_asked: Some(day("2026-12-26")), ..asked("c") };
    assert!(ledger.receive(&late, &none).is_err(), "asked after the answer was due");
    let pending = NewRequest { identity_asked: Some(day("2026-11-30")), ..asked("d") };
    let state = ledger.receive(&pending, &none).unwrap();
    assert_eq!((state.due.day, state.paused_since), (day("2026-12-25"), Some(day("2026-11-30"))));
    assert!(!state.is_overdue(day("2027-06-01")), "however long it takes to prove who asks");
    assert_eq!((state.days_left(day("2026-11-29")), state.days_left(day("2027-06-01"))), (25, 25));
    assert!(ledger.advance(&state.request, Status::Accepted).is_err(), "accepted without the day");
    assert!(ledger.accept(&state.request, day("2026-11-29"), &none).is_err(), "known before it was asked");
    // Twelve days after 25 December is 6 January, a Wednesday.
    let accepted = ledger.accept(&state.request, day("2026-12-12"), &none).unwrap();
    assert_eq!((accepted.due.day, accepted.paused_days, accepted.paused_since), (day("2027-01-06"), 12, None));
    assert!(accepted.is_overdue(day("2027-01-07")));
    // Three months and twelve days: 25 February and 12 days is 9 March, a Tuesday.
    let extended = ledger.extend(&state.request, ExtensionReason::Complexity, day("2027-01-06"), &none).unwrap();
    assert_eq!(extended.due.day, day("2027-03-09"));
    let listed: String = ledger
        .connection
        .query_row("SELECT due FROM requests WHERE request = ?1", [&state.request], |row| row.get(0))
        .unwrap();
    assert_eq!(listed, "2027-03-09", "people with a SQL shell see the same day");
    assert_eq!(ledger.verify(&[]).unwrap().findings, []);
}

#[test]
fn a_day_due_that_is_not_the_one_counted_is_refused() {
    let (_folder, mut ledger, _) = ledger();
    let pending = NewRequest { identity_asked: Some(day("2026-11-30")), ..asked("d") };
    let request = ledger.receive(&pending, &Holidays::new()).unwrap().request;
    let due = Due { day: day("2027-02-25"), moved_over: Vec::new() };
    let invented = Record::IdentityEstablished { request: request.clone(), established: day("2026-12-12"), due };
    let message = ledger.step(&request, &[invented]).unwrap_err().to_string();
    assert!(message.contains("12 days later"), "{message}");
}

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
    // Another history under the same keys: valid by itself, and not the one that was signed.
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
    // Every 37th byte, a bit that moves on: all bits of all fields in their turn, in seconds.
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
    // The version before had no view of identities, and another one of requests.
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
    assert!(refused.contains("user_version: expected 3, found 99"), "{refused}");
    assert!(matches!(Ledger::open(&folder.path().join("none.db")), Err(LedgerError::NoLedger { .. })));
}

const WRITER: &str = "LACUNA_TEST_LEDGER_WRITER";

/// The body of one of the processes below; as a test of its own it does nothing.
#[test]
fn a_writer_among_several() {
    let Ok(task) = std::env::var(WRITER) else { return };
    let (name, rest) = task.split_once(' ').unwrap();
    let (count, path) = rest.split_once(' ').unwrap();
    let mut ledger = Ledger::open_or_create(&PathBuf::from(path)).unwrap();
    for turn in 0..count.parse().unwrap() {
        ledger.receive(&asked(&format!("{name}-{turn}")), &Holidays::new()).unwrap();
        // Whoever waits for a writer that dies relies on this line: the event is in the ledger.
        std::fs::write(format!("{path}.{name}"), format!("{}", turn + 1)).unwrap();
    }
}

fn writer(name: &str, count: usize, path: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "laws::a_writer_among_several", "--quiet"]).stdout(std::process::Stdio::null());
    command.env(WRITER, format!("{name} {count} {}", path.display())).spawn().unwrap()
}

#[test]
fn eight_processes_on_one_ledger_lose_no_transaction() {
    // The long run is by hand: LACUNA_LEDGER_TRANSACTIONS=500.
    let count = std::env::var("LACUNA_LEDGER_TRANSACTIONS").map_or(15, |count| count.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l.db");
    // All begin at once, with the ledger yet to be made.
    let writers: Vec<Child> = (0..8).map(|name| writer(&format!("w{name}"), count, &path)).collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    let ledger = Ledger::open(&path).unwrap();
    let verified = ledger.verify(&[]).unwrap();
    assert_eq!((verified.findings, verified.events as usize), (vec![], 1 + 8 * count * 2));
    assert_eq!(ledger.requests().unwrap().len(), 8 * count);
}

#[test]
fn a_writer_that_is_killed_loses_nothing_that_it_was_told_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l.db");
    for round in 0..4 {
        let name = format!("k{round}");
        let mut killed = writer(&name, 100_000, &path);
        let told = PathBuf::from(format!("{}.{name}", path.display()));
        // Killed at another place of its work in each round, and never before it has begun.
        while std::fs::read_to_string(&told).ok().and_then(|text| text.parse().ok()).unwrap_or(0) < 2 + round {
            assert!(killed.try_wait().unwrap().is_none(), "the writer goes on until it is killed");
            std::thread::yield_now();
        }
        killed.kill().unwrap();
        killed.wait().unwrap();
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(ledger.verify(&[]).unwrap().findings, []);
        let told: usize = std::fs::read_to_string(&told).unwrap().parse().unwrap_or(0);
        let of_round = (0..told).filter(|turn| ledger.keyring().find(&format!("{name}-{turn}")).unwrap().is_some());
        assert_eq!(of_round.count(), told);
        assert!(ledger.requests().unwrap().len() >= told);
    }
}
