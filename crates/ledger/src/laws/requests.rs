//! Laws of the steps that requests can and cannot take.

use super::{asked, day, ledger};
use crate::evidence::Outcome;
use crate::*;

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

/// The records of a run and of its audit's verdict.
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
    for verdict in Outcome::ALL.map(Outcome::name) {
        let (_folder, mut ledger, request) = ledger();
        assert!(ledger.close_as(Closing::Unassessed, &request, told, &[]).is_err(), "{verdict}: nothing was executed");
        let mut records = run_with(&request, "one", verdict).to_vec();
        // A stronger verdict on another model does not make the request's verdict stronger.
        records.extend(run_with(&request, "two", "exact"));
        ledger.step(&request, &records).unwrap();
        ledger.advance(&request, Status::Executed).unwrap();
        let refused = ledger.close(&request, told).unwrap_err().to_string();
        assert!(refused.contains("--unassessed"), "{verdict}: {refused}");
        let closed = ledger.close_as(Closing::Unassessed, &request, told, &[]);
        assert_eq!(closed.is_ok(), is_open(verdict), "{verdict}: {closed:?}");
        if let Ok(state) = closed {
            assert!(state.status == Status::Closed && state.closed_unassessed, "{state:?}");
            assert_eq!(state.verdict.as_deref(), Some(verdict));
        }
        assert_eq!(ledger.verify(&[]).unwrap().findings, []);
    }
}

#[test]
fn a_request_of_no_verdict_or_verified_is_not_closed_as_unassessed() {
    let (_folder, mut ledger, request) = ledger();
    ledger.advance(&request, Status::Executed).unwrap();
    let refused = ledger.close_as(Closing::Unassessed, &request, day("2026-12-01"), &[]).unwrap_err().to_string();
    assert!(refused.contains("its verdict is none"), "{refused}");
    ledger.advance(&request, Status::Verified).unwrap();
    assert!(ledger.close_as(Closing::Unassessed, &request, day("2026-12-01"), &[]).is_err());
    assert!(!ledger.close(&request, day("2026-12-01")).unwrap().closed_unassessed);
}

#[test]
fn verdicts_of_a_round_of_runs_give_way_to_those_of_the_next() {
    let (_folder, mut ledger, request) = ledger();
    ledger.step(&request, &run_with(&request, "one", "residual_influence")).unwrap();
    ledger.advance(&request, Status::Executed).unwrap();
    assert!(
        ledger.close_as(Closing::Unassessed, &request, day("2026-12-01"), &[]).is_err(),
        "an audit has found what was left"
    );
    ledger.step(&request, &run_with(&request, "two", "not_assessable")).unwrap();
    let state = ledger.advance(&request, Status::Executed).unwrap();
    assert_eq!(state.verdict.as_deref(), Some("not_assessable"));
    assert!(ledger.close_as(Closing::Unassessed, &request, day("2026-12-01"), &[]).unwrap().closed_unassessed);
}

#[test]
fn files_are_removed_for_a_request_from_its_acceptance_until_it_is_closed_and_a_refused_one_ends_its_quarantine() {
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
            // Files that went to quarantine before a refusal are restored or deleted.
            let ends_it = [RemovalKind::Restored, RemovalKind::Deleted].contains(how);
            let allowed = allowed || (way == [Status::Refused] && ends_it);
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
fn what_is_done_with_files_after_a_statement_is_told_apart_from_what_it_says() {
    let (_folder, mut ledger, request) = ledger();
    let [early, late, again] = [b"early", b"late!", b"again"].map(|text| Digest::of(&[text]));
    let removal =
        |artefact, how| Record::Removal { request: request.clone(), artefact, holds: Holds::Weights, bytes: 7, how };
    let statement = |text: &[u8]| Record::Evidence { request: request.clone(), statement: Digest::of(&[text]) };
    let steps = [
        (removal(early, RemovalKind::Quarantined), (0, 0)),
        (statement(b"1"), (0, 0)),
        (removal(late, RemovalKind::Quarantined), (1, 0)),
        (removal(again, RemovalKind::TakenOut), (2, 0)),
        // A restored file counts as if it had never been removed; one that the statement lists as removed counts as
        // restored.
        (removal(late, RemovalKind::Restored), (1, 0)),
        (removal(early, RemovalKind::Restored), (1, 1)),
        (removal(early, RemovalKind::Restored), (1, 1)),
        (removal(early, RemovalKind::Deleted), (1, 1)),
        (removal(early, RemovalKind::Quarantined), (1, 0)),
        (removal(early, RemovalKind::Restored), (1, 1)),
        // The next statement lists all of these.
        (statement(b"2"), (0, 0)),
    ];
    for (record, expected) in steps {
        let state = ledger.step(&request, std::slice::from_ref(&record)).unwrap();
        assert_eq!((state.removed_after_evidence, state.restored_after_evidence), expected, "{record:?}");
    }
}

#[test]
fn a_request_that_was_carried_out_by_removing_files_alone_is_closed_as_that_and_no_other_one() {
    let removed = |request: &str, how| Record::Removal {
        request: request.to_string(),
        artefact: Digest::of(&[b"file"]),
        holds: Holds::Weights,
        bytes: 7,
        how,
    };
    let run = |request: &str| Record::Run {
        request: request.to_string(),
        run: "r".to_string(),
        strategy: "s".to_string(),
        recipe: "c".to_string(),
        before: "b".to_string(),
        after: None,
    };
    type Case<'a> = (&'a dyn Fn(&str) -> Vec<Record>, bool);
    let cases: [Case; 4] = [
        (&|request| vec![removed(request, RemovalKind::Quarantined)], true),
        (&|_| vec![], false),
        (&|request| vec![removed(request, RemovalKind::Quarantined), removed(request, RemovalKind::Restored)], false),
        (&|request| vec![run(request), removed(request, RemovalKind::Quarantined)], false),
    ];
    for (number, (records, allowed)) in cases.into_iter().enumerate() {
        let (_folder, mut ledger, _) = ledger();
        let request = ledger.receive(&asked("c"), &Holidays::new()).unwrap().request;
        let early = ledger.close_as(Closing::FilesRemoved, &request, day("2026-12-01"), &[]);
        assert!(early.is_err(), "{number}: it was not accepted");
        ledger.advance(&request, Status::Accepted).unwrap();
        ledger.step(&request, &records(&request)).unwrap();
        let deleted = [removed(&request, RemovalKind::Deleted)];
        let closed =
            ledger.close_as(Closing::FilesRemoved, &request, day("2026-12-01"), if allowed { &deleted } else { &[] });
        match closed {
            Ok(state) => {
                assert!(allowed && state.closed_by_removal && !state.closed_unassessed, "{number}");
                assert_eq!(state.status, Status::Closed);
            }
            Err(error) => assert!(!allowed && error.to_string().contains("trace PERSON --purge"), "{number}: {error}"),
        }
        assert_eq!(ledger.verify(&[]).unwrap().findings, []);
    }
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
