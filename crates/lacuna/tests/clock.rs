//! A clock that is set back or far forward: what is written keeps its order, and days due follow the calendar.
//!
//! Debian's `faketime` stands in for the clock; without its library there is nothing to try.

use crate::support::Workspace;
use std::path::Path;

const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
];

/// From here on the command's clock shows this, and runs on.
fn set_clock(workspace: &mut Workspace, library: &str, to: &str) {
    workspace.settings = vec![("LD_PRELOAD", library.to_string()), ("FAKETIME", format!("@{to} 12:00:00"))];
}

#[test]
fn a_ledger_outlives_a_clock_that_jumps() {
    let Some(library) = LIBRARIES.into_iter().find(|library| Path::new(library).is_file()) else {
        eprintln!("skipped: there is no libfaketime here");
        return;
    };
    let mut workspace = Workspace::new();
    set_clock(&mut workspace, library, "2026-11-10");
    let asked = workspace.json("ledger request --subject a --ledger l.db", "lacuna.ledger.request/1");
    assert_eq!((&asked["received"], &asked["due"]["day"]), (&"2026-11-10".into(), &"2026-12-10".into()));
    let request = asked["request"].as_str().unwrap().to_string();

    // Back by years: the event comes after the one before it, whatever the clock says.
    set_clock(&mut workspace, library, "2019-01-01");
    let accepted = workspace.json(&format!("ledger accept {request} --ledger l.db"), "lacuna.ledger.accept/1");
    assert_eq!((&accepted["overdue"], &accepted["due"]["day"]), (&false.into(), &"2026-12-10".into()));
    // Recorded in 2019 for a request of 2026: refused, and not written down.
    workspace.fails(&format!("ledger extend {request} --reason number --ledger l.db"), 3, &["from receipt"]);
    let shown = workspace.json(&format!("ledger show {request} --ledger l.db"), "lacuna.ledger.show/1");
    let events = shown["events"].as_array().unwrap();
    let at = |index: usize| events[index]["at"].as_str().unwrap().to_string();
    assert!(at(1) < at(0), "the clock's words are kept as they were: {shown}");
    assert_eq!(events[1]["record"]["status"], "accepted");
    assert!(events[0]["event"].as_u64() < events[1]["event"].as_u64());

    // Far forward: overdue, and nothing else changes.
    set_clock(&mut workspace, library, "2090-06-01");
    let listed = workspace.json("ledger list --ledger l.db", "lacuna.ledger.list/1");
    assert_eq!(listed["requests"][0]["overdue"], true);
    assert_eq!(
        workspace.json("ledger verify --ledger l.db", "lacuna.ledger.verify/1")["findings"],
        serde_json::json!([])
    );

    // The clock is right again, and the time stands still from a day that it shows.
    set_clock(&mut workspace, library, "2026-11-12");
    let told =
        workspace.json(&format!("ledger extend {request} --reason number --ledger l.db"), "lacuna.ledger.extend/1");
    assert_eq!((&told["due"]["day"], &told["overdue"]), (&"2027-02-10".into(), &false.into()));
    let pending = "ledger request --subject b --identity-pending --ledger l.db";
    let pending = workspace.json(pending, "lacuna.ledger.request/1");
    set_clock(&mut workspace, library, "2026-11-01");
    let accept = format!("ledger accept {} --ledger l.db", pending["request"].as_str().unwrap());
    workspace.fails(&accept, 3, &["not before that"]);
    assert_eq!(
        workspace.json("ledger verify --ledger l.db", "lacuna.ledger.verify/1")["findings"],
        serde_json::json!([])
    );
}

#[test]
fn a_training_goes_on_under_a_clock_that_was_set_back() {
    let Some(library) = LIBRARIES.into_iter().find(|library| Path::new(library).is_file()) else {
        eprintln!("skipped: there is no libfaketime here");
        return;
    };
    let mut workspace = Workspace::new();
    workspace.heads("heads", "");
    let train = "train --data heads --labels tissue --preprocess canonical --size 16x16x16 --depth 10 --epochs 2 \
                 --progress none";
    let model = |workspace: &Workspace| workspace.json(train, "lacuna.train/1")["digest"].clone();
    set_clock(&mut workspace, library, "2090-01-01");
    let late = model(&workspace);
    set_clock(&mut workspace, library, "1999-12-31");
    assert_eq!(model(&workspace), late, "no clock decides a model");
}
