//! Requests in a ledger, from receipt to their end, and what becomes of one that is tampered with.

use crate::support::Workspace;
use std::path::Path;

/// Change a ledger with access to its file and not to its keys: triggers are dropped, and put back.
fn tamper(path: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let read = |row: &rusqlite::Row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    let mut statement = connection.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").unwrap();
    let triggers: Vec<(String, String)> = statement.query_map([], read).unwrap().map(Result::unwrap).collect();
    for (name, _) in &triggers {
        connection.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    connection.execute_batch(sql).unwrap();
    for (_, sql) in &triggers {
        connection.execute_batch(sql).unwrap();
    }
}

#[test]
fn a_request_needs_no_more_than_a_subject_and_a_file() {
    let workspace = Workspace::new();
    let asked = workspace.json("ledger request --subject marker-7 --ledger l.db", "lacuna.ledger.request/1");
    assert_eq!((&asked["status"], &asked["overdue"]), (&"received".into(), &false.into()));
    assert!(workspace.path("l.db.keys/public.key").is_file());
    let listed = workspace.json("ledger list --subject marker-7 --ledger l.db", "lacuna.ledger.list/1");
    assert_eq!(listed["requests"][0]["request"], asked["request"]);
    let none = workspace.json("ledger list --subject marker-8 --ledger l.db", "lacuna.ledger.list/1");
    assert_eq!(none["requests"].as_array().unwrap().len(), 0);
    for file in ["l.db", "l.db-wal", "l.db.keys/ledger.key"].map(|file| workspace.path(file)) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(!bytes.windows(6).any(|window| window == b"marker"), "{}", file.display());
    }
    workspace.fails("ledger request --subject marker-7 --ledger l.db", 3, &["no other request of the same subject"]);
    workspace.fails("ledger request --subject a/b --ledger l.db", 3, &["a/b"]);
    workspace.fails("ledger request --subject a --received 2999-01-01 --ledger l.db", 2, &["until today"]);
    workspace.fails("ledger list --ledger none.db", 4, &["none.db", "lacuna ledger request"]);
}

#[test]
fn a_request_goes_its_way_with_the_days_of_the_regulation() {
    let workspace = Workspace::new();
    std::fs::write(workspace.path("days.txt"), "2026-03-02 # ours\n").unwrap();
    let ask = "ledger request --subject s --received 2026-01-31 --identity-pending --asked 2026-02-02 --holidays days.txt \
               --ledger l.db";
    let asked = workspace.json(ask, "lacuna.ledger.request/1");
    // 31 January and a month: 28 February is a Saturday, 1 March a Sunday, 2 March a holiday of the file.
    assert_eq!((&asked["due"]["day"], &asked["status"]), (&"2026-03-03".into(), &"identity_pending".into()));
    let request = asked["request"].as_str().unwrap()[..12].to_string();
    workspace.fails(&format!("ledger close {request} --ledger l.db"), 3, &["it identity_pending"]);
    assert_eq!((&asked["overdue"], &asked["paused_since"]), (&false.into(), &"2026-02-02".into()));
    assert!(workspace.ok(&format!("ledger show {request} --ledger l.db")).contains("standing still since 2026-02-02"));
    let accept = format!("ledger accept {request} --holidays days.txt --ledger l.db");
    workspace.fails(&format!("{accept} --established 2026-02-01"), 3, &["not before that"]);
    // Known on the day on which it was asked, so the time never stood still.
    workspace.ok(&format!("{accept} --established 2026-02-02"));
    let extend = format!("ledger extend {request} --reason complexity --ledger l.db");
    workspace.fails(&format!("{extend} --told 2026-03-04"), 3, &["until 2026-03-03"]);
    let extended = workspace.json(&format!("{extend} --told 2026-03-03"), "lacuna.ledger.extend/1");
    assert_eq!((&extended["due"]["day"], &extended["overdue"]), (&"2026-04-30".into(), &true.into()));
    assert!(workspace.ok("ledger list --ledger l.db").contains("extended, OVERDUE"));
    let refused =
        workspace.json(&format!("ledger refuse {request} --ground 17-3-d --ledger l.db"), "lacuna.ledger.refuse/1");
    assert_eq!(refused["refusal"], "17-3-d");
    workspace.fails(&format!("ledger refuse {request} --ground because --ledger l.db"), 2, &["17-3-d", "not-held"]);
    workspace.ok(&format!("ledger close {request} --destroy-link --ledger l.db"));
    assert_eq!(workspace.ok("ledger list --ledger l.db"), "no open request\n");
    let shown = workspace.ok(&format!("ledger show {request} --ledger l.db"));
    for said in ["status    closed", "refused   17-3-d", "about extension", "about refusal", "about outcome"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let verified = workspace.json("ledger verify --ledger l.db", "lacuna.ledger.verify/1");
    assert_eq!(verified["findings"].as_array().unwrap().len(), 0, "the chain holds without the link");
}

#[test]
fn any_tampering_ends_with_7_and_says_where() {
    let workspace = Workspace::new();
    workspace.ok("ledger request --subject a --ledger l.db");
    workspace.ok("ledger export --ledger l.db --out early");
    workspace.ok("ledger request --subject b --ledger l.db");
    assert!(workspace.ok("ledger verify --ledger l.db").contains("no checkpoint kept elsewhere was given"));
    let kept = "ledger verify --ledger l.db --checkpoint early/checkpoint.txt";
    assert!(workspace.ok(kept).contains("continues 1 checkpoint"));
    workspace.ok("ledger verify --export early --key l.db.keys/public.key");
    // An export, a checkpoint and the database itself, each with one byte changed.
    let text = std::fs::read_to_string(workspace.path("early/events.jsonl")).unwrap();
    std::fs::write(workspace.path("early/events.jsonl"), text.replacen("unstated", "17-1-b", 1)).unwrap();
    let ran = workspace.run("ledger verify --export early --key l.db.keys/public.key");
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    assert!(ran.stdout.contains("event 3") && ran.stdout.contains("expected"), "{}", ran.stdout);
    let checkpoint = std::fs::read_to_string(workspace.path("early/checkpoint.txt")).unwrap();
    std::fs::write(workspace.path("early/checkpoint.txt"), checkpoint.replacen("\n3\n", "\n2\n", 1)).unwrap();
    workspace.fails(kept, 7, &["checkpoint", "expected"]);
    let mut bytes = std::fs::read(workspace.path("l.db")).unwrap();
    let at = bytes.windows(8).position(|window| window == b"unstated").unwrap();
    bytes[at] ^= 1;
    std::fs::write(workspace.path("l.db"), &bytes).unwrap();
    let ran = workspace.run("ledger verify --ledger l.db --json");
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    let verified: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let finding = &verified["findings"][0];
    assert!(finding["row"].as_str().unwrap().starts_with("event "), "{finding}");
    std::fs::write(workspace.path("l.db"), "no database").unwrap();
    workspace.fails("ledger verify --ledger l.db", 7, &["l.db"]);
}

#[test]
fn a_changed_ledger_answers_nothing_takes_nothing_and_signs_nothing() {
    let changes = [
        "DELETE FROM events WHERE sequence > 3",
        "UPDATE events SET payload = replace(payload, '\"refusal\":null', '\"refusal\":\"17-3-d\"')",
        "UPDATE events SET payload = '{}' WHERE sequence = 3",
        "UPDATE seal SET mac = zeroblob(32)",
    ];
    for change in changes {
        let workspace = Workspace::new();
        let request =
            workspace.json("ledger request --subject a --ledger l.db", "lacuna.ledger.request/1")["request"].clone();
        let request = request.as_str().unwrap();
        workspace.ok(&format!("ledger accept {request} --ledger l.db"));
        workspace.heads("heads", "");
        tamper(&workspace.path("l.db"), change);
        for words in [
            "list".to_string(),
            "list --all --subject a".to_string(),
            format!("show {request}"),
            "request --subject b".to_string(),
            format!("accept {request}"),
            format!("refuse {request} --ground not-held"),
            format!("extend {request} --reason number"),
            format!("audit {request} --verdict exact --protocol l.db --metrics l.db"),
            format!("close {request} --destroy-link"),
            "export --out out".to_string(),
        ] {
            workspace.fails(&format!("ledger {words} --ledger l.db"), 7, &["l.db", "fix: ", "lacuna ledger verify"]);
        }
        assert!(!workspace.path("out").exists(), "{change}: nothing was signed");
        assert_eq!(
            std::fs::read_dir(workspace.path("l.db.keys/subjects")).unwrap().count(),
            1,
            "{change}: no new subject"
        );
        let erase = format!("erase --request {request} --data heads --strategy noisy-label --epochs 1");
        let predict = "predict heads/images --model heads/images/phantom-000.nii.gz --out p";
        for words in ["trace phantom-000 --data heads", &erase, predict] {
            workspace.fails(&format!("{words} --ledger l.db"), 7, &["l.db"]);
        }
        let ran = workspace.run("ledger verify --ledger l.db");
        assert_eq!(ran.code, 7, "{change}: {}", ran.stderr);
    }
}

#[test]
fn a_ledger_that_is_gone_beside_its_keys_is_missed_and_not_begun_anew() {
    for is_empty in [true, false] {
        let workspace = Workspace::new();
        workspace.ok("ledger request --subject a --ledger l.db");
        std::fs::remove_file(workspace.path("l.db")).unwrap();
        if is_empty {
            std::fs::write(workspace.path("l.db"), "").unwrap();
        }
        for words in ["request --subject b", "list", "verify", "export --out out"] {
            workspace.fails(&format!("ledger {words} --ledger l.db"), 7, &["l.db.keys", "backup", "name another file"]);
        }
        assert_eq!(workspace.path("l.db").exists(), is_empty);
        workspace.ok("ledger request --subject b --ledger other.db");
        std::fs::rename(workspace.path("l.db.keys"), workspace.path("kept.keys")).unwrap();
        workspace.ok("ledger request --subject b --ledger l.db");
    }
}

#[test]
fn keys_that_are_gone_a_ledger_that_was_never_begun_and_one_of_a_newer_lacuna_are_distinguished() {
    let workspace = Workspace::new();
    workspace.ok("ledger request --subject a --ledger l.db");
    std::fs::rename(workspace.path("l.db.keys"), workspace.path("away")).unwrap();
    for words in ["list", "verify", "request --subject b"] {
        workspace.fails(
            &format!("ledger {words} --ledger l.db"),
            4,
            &["l.db.keys", "backup", "no id leads to its pseudonym"],
        );
    }
    std::fs::rename(workspace.path("away"), workspace.path("l.db.keys")).unwrap();
    tamper(&workspace.path("l.db"), "PRAGMA user_version = 99");
    for words in ["list", "verify", "request --subject b"] {
        workspace.fails(
            &format!("ledger {words} --ledger l.db"),
            4,
            &["layout 99", "newer lacuna", "use that version"],
        );
    }
    std::fs::write(workspace.path("e.db"), "").unwrap();
    workspace.fails("ledger verify --ledger e.db", 4, &["never begun", "lacuna ledger request"]);
    workspace.ok("ledger request --subject a --ledger e.db");
    workspace.ok("ledger verify --ledger e.db");
}

#[test]
fn whatever_is_in_an_export_that_was_not_signed_ends_with_7_and_is_named() {
    type Change = fn(&Path);
    let ways: [(&str, Change); 9] = [
        ("checkpoint.txt", |out| std::fs::remove_file(out.join("checkpoint.txt")).unwrap()),
        ("checkpoint.txt", |out| std::fs::write(out.join("checkpoint.txt"), [0xFF, 0xFE]).unwrap()),
        ("checkpoint.txt", |out| std::fs::write(out.join("checkpoint.txt"), vec![b'x'; 1 << 17]).unwrap()),
        ("events.jsonl", |out| std::fs::remove_file(out.join("events.jsonl")).unwrap()),
        ("events.jsonl", |out| {
            let text = std::fs::read(out.join("events.jsonl")).unwrap();
            std::fs::write(out.join("events.jsonl"), &text[..text.len() - 1]).unwrap();
        }),
        ("line 1", |out| {
            let text = std::fs::read_to_string(out.join("events.jsonl")).unwrap();
            std::fs::write(out.join("events.jsonl"), text.replace('\n', "\r\n")).unwrap();
        }),
        ("public.key", |out| {
            let key = std::fs::read_to_string(out.join("public.key")).unwrap();
            std::fs::write(out.join("public.key"), key.to_uppercase()).unwrap();
        }),
        ("notes.txt", |out| std::fs::write(out.join("notes.txt"), "x").unwrap()),
        ("more", |out| std::fs::create_dir(out.join("more")).unwrap()),
    ];
    let workspace = Workspace::new();
    workspace.ok("ledger request --subject a --ledger l.db");
    for (at, (name, change)) in ways.iter().enumerate() {
        workspace.ok(&format!("ledger export --ledger l.db --out out-{at}"));
        let verify = format!("ledger verify --export out-{at} --key l.db.keys/public.key");
        workspace.ok(&verify);
        change(&workspace.path(&format!("out-{at}")));
        let ran = workspace.run(&verify);
        assert_eq!(ran.code, 7, "{at} {name}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains(name), "{at} {name}: {}", ran.stdout);
    }
    workspace.fails("ledger export --ledger l.db --out out-7", 3, &["notes.txt", "name a new folder"]);
    std::fs::write(workspace.path("kept.txt"), [0xFF]).unwrap();
    workspace.fails("ledger verify --ledger l.db --checkpoint kept.txt", 7, &["kept.txt", "UTF-8"]);
    workspace.fails("ledger verify --export none --key l.db.keys/public.key", 4, &["none"]);
}

#[test]
fn a_damaged_header_of_the_database_is_told_as_damage_or_changes_nothing() {
    let workspace = Workspace::new();
    workspace.ok("ledger request --subject a --ledger l.db");
    let listed = workspace.ok("ledger list --ledger l.db");
    let whole = std::fs::read(workspace.path("l.db")).unwrap();
    for at in 0..100 {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(workspace.path("l.db"), &damaged).unwrap();
        let ran = workspace.run("ledger verify --ledger l.db");
        match ran.code {
            0 => assert_eq!(workspace.ok("ledger list --ledger l.db"), listed, "byte {at}"),
            // The layout's number is in the header too, and a larger one may be a newer lacuna's.
            4 => assert!(ran.stderr.contains("newer lacuna"), "byte {at}: {}", ran.stderr),
            code => assert_eq!(code, 7, "byte {at}: {}{}", ran.stdout, ran.stderr),
        }
        for beside in ["l.db-wal", "l.db-shm"] {
            let _ = std::fs::remove_file(workspace.path(beside));
        }
    }
}

#[test]
fn the_next_step_is_named_and_grounds_may_be_words() {
    let workspace = Workspace::new();
    let asked = workspace.ok("ledger request --subject a --ground consent-withdrawn --ledger l.db");
    assert!(asked.contains("17-1-b") && asked.contains("lacuna ledger accept req-"), "{asked}");
    assert!(asked.contains("--ledger l.db"), "{asked}");
    let listed = workspace.json("ledger list --ledger l.db", "lacuna.ledger.list/1");
    let request = listed["requests"][0]["request"].as_str().unwrap();
    let accepted = workspace.ok(&format!("ledger accept {request} --ledger l.db"));
    assert!(accepted.contains(&format!("lacuna erase --request {request}")), "{accepted}");
    let refused = workspace.ok(&format!("ledger refuse {request} --ground research --ledger l.db"));
    assert!(refused.contains("17-3-d") && refused.contains("lacuna ledger close"), "{refused}");
    workspace.fails("ledger request --subject b --ground whatever --ledger l.db", 2, &["17-1-b"]);
}

#[test]
fn a_model_in_quarantine_is_not_used_and_an_executed_request_is_closed_as_unassessed_only_when_that_is_said() {
    use lacuna_ledger::{Holds, Ledger, Record, RemovalKind, Status};
    let workspace = Workspace::new();
    let asked = workspace.json("ledger request --subject a --ledger l.db", "lacuna.ledger.request/1");
    let request = asked["request"].as_str().unwrap().to_string();
    workspace.ok(&format!("ledger accept {request} --ledger l.db"));
    std::fs::write(workspace.path("model.safetensors"), "weights").unwrap();
    let mut ledger = Ledger::open(&workspace.path("l.db")).unwrap();
    let artefact = ledger.keyring().file_mark(&lacuna_disk::digest(b"weights"));
    let removal = |how| Record::Removal { request: request.clone(), artefact, holds: Holds::Weights, bytes: 7, how };
    ledger.step(&request, &[removal(RemovalKind::Quarantined)]).unwrap();
    let predict = "predict . --model model.safetensors --out p --ledger l.db";
    workspace.fails(predict, 4, &[&request, "moved to quarantine"]);
    ledger.step(&request, &[removal(RemovalKind::Restored)]).unwrap();
    assert!(!workspace.run(predict).stderr.contains(&request), "it was put back");
    let verdict =
        Record::Verdict { request: request.clone(), run: "r".to_string(), verdict: "inconclusive".to_string() };
    ledger.step(&request, &[verdict]).unwrap();
    ledger.advance(&request, Status::Executed).unwrap();
    workspace.fails(&format!("ledger close {request} --ledger l.db"), 3, &["it executed", "--unassessed"]);
    workspace.ok(&format!("ledger close {request} --unassessed --ledger l.db"));
    let shown = workspace.ok(&format!("ledger show {request} --ledger l.db"));
    for said in ["closed, without an assessment", "1 file moved to quarantine", "1 file put back"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
}

#[cfg(unix)]
#[test]
fn keys_are_for_their_owner_alone_whatever_the_mask() {
    use std::os::unix::fs::PermissionsExt;
    for mask in ["000", "022", "077"] {
        let workspace = Workspace::new();
        let command = format!("umask {mask}; exec \"$0\" ledger request --subject a --ledger l.db");
        let mut shell = std::process::Command::new("sh");
        shell.current_dir(workspace.path("")).args(["-c", &command, env!("CARGO_BIN_EXE_lacuna")]);
        assert!(shell.output().unwrap().status.success());
        for (name, mode) in [("l.db.keys", 0o700), ("l.db.keys/subjects", 0o700), ("l.db.keys/guard.key", 0o600)] {
            let found = std::fs::metadata(workspace.path(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{name} under {mask}: {found:o}");
        }
    }
}
