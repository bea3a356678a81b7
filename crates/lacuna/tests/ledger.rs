//! Requests in a ledger, from receipt to their end, and what becomes of one that is tampered with.

use crate::support::Place;

#[test]
fn a_request_needs_no_more_than_a_subject_and_a_file() {
    let place = Place::new();
    let asked = place.json("ledger request --subject marker-7 --ledger l.db", "lacuna.ledger.request/1");
    assert_eq!((&asked["status"], &asked["overdue"]), (&"received".into(), &false.into()));
    assert!(place.path("l.db.keys/public.key").is_file());
    let listed = place.json("ledger list --subject marker-7 --ledger l.db", "lacuna.ledger.list/1");
    assert_eq!(listed["requests"][0]["request"], asked["request"]);
    let none = place.json("ledger list --subject marker-8 --ledger l.db", "lacuna.ledger.list/1");
    assert_eq!(none["requests"].as_array().unwrap().len(), 0);
    for file in ["l.db", "l.db-wal", "l.db.keys/ledger.key"].map(|file| place.path(file)) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(!bytes.windows(6).any(|window| window == b"marker"), "{}", file.display());
    }
    place.fails("ledger request --subject marker-7 --ledger l.db", 3, &["no other request of the same subject"]);
    place.fails("ledger request --subject a/b --ledger l.db", 3, &["a/b"]);
    place.fails("ledger request --subject a --received 2999-01-01 --ledger l.db", 2, &["until today"]);
    place.fails("ledger list --ledger none.db", 4, &["none.db", "lacuna ledger request"]);
}

#[test]
fn a_request_goes_its_way_with_the_days_of_the_regulation() {
    let place = Place::new();
    std::fs::write(place.path("days.txt"), "2026-03-02 # ours\n").unwrap();
    let ask = "ledger request --subject s --received 2026-01-31 --identity-pending --asked 2026-02-02 --holidays days.txt \
               --ledger l.db";
    let asked = place.json(ask, "lacuna.ledger.request/1");
    // 31 January and a month: 28 February is a Saturday, 1 March a Sunday, 2 March a holiday of the file.
    assert_eq!((&asked["due"]["day"], &asked["status"]), (&"2026-03-03".into(), &"identity_pending".into()));
    let request = asked["request"].as_str().unwrap()[..12].to_string();
    place.fails(&format!("ledger close {request} --ledger l.db"), 3, &["it identity_pending"]);
    assert_eq!((&asked["overdue"], &asked["paused_since"]), (&false.into(), &"2026-02-02".into()));
    assert!(place.ok(&format!("ledger show {request} --ledger l.db")).contains("standing still since 2026-02-02"));
    let accept = format!("ledger accept {request} --holidays days.txt --ledger l.db");
    place.fails(&format!("{accept} --established 2026-02-01"), 3, &["not before that"]);
    // Known on the day on which it was asked, so the time never stood still.
    place.ok(&format!("{accept} --established 2026-02-02"));
    let extend = format!("ledger extend {request} --reason complexity --ledger l.db");
    place.fails(&format!("{extend} --told 2026-03-04"), 3, &["until 2026-03-03"]);
    let extended = place.json(&format!("{extend} --told 2026-03-03"), "lacuna.ledger.extend/1");
    assert_eq!((&extended["due"]["day"], &extended["overdue"]), (&"2026-04-30".into(), &true.into()));
    assert!(place.ok("ledger list --ledger l.db").contains("extended, OVERDUE"));
    let refused =
        place.json(&format!("ledger refuse {request} --ground 17-3-d --ledger l.db"), "lacuna.ledger.refuse/1");
    assert_eq!(refused["refusal"], "17-3-d");
    place.fails(&format!("ledger refuse {request} --ground because --ledger l.db"), 2, &["17-3-d", "not-held"]);
    place.ok(&format!("ledger close {request} --destroy-link --ledger l.db"));
    assert_eq!(place.ok("ledger list --ledger l.db"), "no open request\n");
    let shown = place.ok(&format!("ledger show {request} --ledger l.db"));
    for said in ["status    closed", "refused   17-3-d", "about extension", "about refusal", "about outcome"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let verified = place.json("ledger verify --ledger l.db", "lacuna.ledger.verify/1");
    assert_eq!(verified["findings"].as_array().unwrap().len(), 0, "the chain holds without the link");
}

#[test]
fn any_tampering_ends_with_7_and_says_where() {
    let place = Place::new();
    place.ok("ledger request --subject a --ledger l.db");
    place.ok("ledger export --ledger l.db --out early");
    place.ok("ledger request --subject b --ledger l.db");
    assert!(place.ok("ledger verify --ledger l.db").contains("no checkpoint kept elsewhere was given"));
    let kept = "ledger verify --ledger l.db --checkpoint early/checkpoint.txt";
    assert!(place.ok(kept).contains("continues 1 checkpoint"));
    place.ok("ledger verify --export early --key l.db.keys/public.key");
    // An export, a checkpoint and the database itself, each with one byte changed.
    let text = std::fs::read_to_string(place.path("early/events.jsonl")).unwrap();
    std::fs::write(place.path("early/events.jsonl"), text.replacen("unstated", "17-1-b", 1)).unwrap();
    let ran = place.run("ledger verify --export early --key l.db.keys/public.key");
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    assert!(ran.stdout.contains("event 3") && ran.stdout.contains("expected"), "{}", ran.stdout);
    let checkpoint = std::fs::read_to_string(place.path("early/checkpoint.txt")).unwrap();
    std::fs::write(place.path("early/checkpoint.txt"), checkpoint.replacen("\n3\n", "\n2\n", 1)).unwrap();
    place.fails(kept, 7, &["checkpoint", "expected"]);
    let mut bytes = std::fs::read(place.path("l.db")).unwrap();
    let at = bytes.windows(8).position(|window| window == b"unstated").unwrap();
    bytes[at] ^= 1;
    std::fs::write(place.path("l.db"), &bytes).unwrap();
    let ran = place.run("ledger verify --ledger l.db --json");
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    let verified: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let finding = &verified["findings"][0];
    assert!(finding["row"].as_str().unwrap().starts_with("event "), "{finding}");
    std::fs::write(place.path("l.db"), "no database").unwrap();
    place.fails("ledger verify --ledger l.db", 7, &["l.db"]);
}
