//! Laws of every page of evidence: what it must state for each outcome, and what it must not claim.

use super::*;
use crate::{
    Digest, Ground, Holds, Holidays, Ledger, NewRequest, Record, RemovalKind, RequestState, Status, is_passing,
};
use lacuna_audit::Verdict;
use std::collections::BTreeMap;
use std::path::Path;

fn request(ledger: &mut Ledger) -> RequestState {
    let received = "2026-11-25".parse().unwrap();
    let asked = NewRequest { subject: "marker", ground: Ground::ConsentWithdrawn, received, identity_asked: None };
    let state = ledger.receive(&asked, &Holidays::new()).unwrap();
    ledger.step(&state.request, &[status(&state.request, Status::Accepted)]).unwrap()
}

fn status(request: &str, status: Status) -> Record {
    Record::Status { request: request.to_string(), status, refusal: None }
}

/// Adds the records of a run with this outcome to the ledger.
fn run(ledger: &mut Ledger, request: &str, run: &str, outcome: Outcome) {
    let (request, run) = (request.to_string(), run.to_string());
    let made = Record::Run {
        request: request.clone(),
        run: run.clone(),
        strategy: "scrub".to_string(),
        recipe: "r".to_string(),
        before: "b".to_string(),
        after: Some("a".to_string()),
    };
    let verdict = Record::Verdict { request: request.clone(), run, verdict: outcome.name().to_string() };
    let mut records = vec![made, verdict];
    if outcome.replaces_the_model() {
        records.push(status(&request, Status::Executed));
    }
    ledger.step(&request, &records).unwrap();
}

fn account(run: &str, outcome: Outcome) -> Account {
    let change = |after| Change { before: Some(0.875), after };
    let model = ModelAccount {
        run: run.to_string(),
        outcome,
        audited: false,
        forgotten_dice: change(Some(0.125)),
        retained_dice: change(Some(0.75)),
        held_out_dice: change(None),
    };
    let removed = [(RemovalKind::Quarantined, Holds::Weights, 1), (RemovalKind::Rewritten, Holds::Scores, 8)];
    let unknown = LeftFile { holds: None, artefact: Some(Digest::of(&[b"u"])) };
    Account {
        outcome,
        warnings: Vec::new(),
        course: Course {
            ground: Ground::ConsentWithdrawn,
            received: "2026-11-25".parse().unwrap(),
            due: "2026-12-28".parse().unwrap(),
            executed: None,
        },
        strategy_does: "Learn less".to_string(),
        models: vec![model],
        removed: removed.map(|(how, holds, files)| RemovedFiles { how, holds, files }).into(),
        purged: true,
        left: Left { sources: 3, unknown: vec![unknown], accepted: true, ..Left::default() },
        earlier: Vec::new(),
        other_runs: Vec::new(),
        signed_by: String::new(),
    }
}

fn write(ledger: &mut Ledger, state: &RequestState, account: Account, folder: &Path) -> Statement {
    let claim = Claim {
        verdict: account.outcome.name().to_string(),
        compared: "Dice before and after".to_string(),
        margin: None,
        power: None,
        does_not_show: vec!["that nothing is left".to_string()],
    };
    let predicate = Predicate {
        request: state.request.clone(),
        subject: state.subject.to_string(),
        strategy: "scrub".to_string(),
        claim,
        at: "2026-11-25T10:00:00Z".to_string(),
        files: BTreeMap::new(),
        account: Some(account),
    };
    let models = vec![ModelDigests { before: Digest::of(&[b"before"]), after: Digest::of(&[b"after"]) }];
    let files = BTreeMap::from([("metrics.json".to_string(), b"{}".to_vec())]);
    Bundle { models, predicate, files }.write(ledger, folder).unwrap()
}

fn document(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn every_outcome_has_documents_that_say_it_warn_of_it_and_claim_no_more() {
    for outcome in Outcome::ALL {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open_or_create(&folder.path().join("l.db")).unwrap();
        let state = request(&mut ledger);
        run(&mut ledger, &state.request, "one", outcome);
        let out = folder.path().join("out");
        let statement = write(&mut ledger, &state, account("one", outcome), &out);
        let checked = verify_bundle(&out, &ledger.keyring().public()).unwrap();
        assert_eq!((checked.findings, checked.statement), (vec![], Some(statement)));
        let page = document(&out, "page.md");
        let digests = [b"before".as_slice(), b"after"].map(|text| Digest::of(&[text]).to_string());
        let executed = if outcome.replaces_the_model() { "| Carried out | 20" } else { "not carried out" };
        for part in [
            outcome.title(),
            outcome.meaning(),
            outcome.does_not_mean(),
            "Controller: ___",
            "the person withdrew consent (Article 17(1)(b))",
            "2026-11-25",
            "2026-12-28",
            executed,
            &digests[0],
            &digests[1],
            "| Dice of the person | 0.875 | 0.125 |",
            "| Dice of people whom neither saw | 0.875 | not measured |",
            "Learn less.",
            "1 file moved to quarantine: 1 model weights",
            "8 files rewritten with the pseudonym: 8 file of scores",
            "3 of the person's own scans",
            "1 of which nothing says",
            "lacuna verify",
            &super::dsse::key_id(&ledger.keyring().public()),
        ] {
            assert!(page.contains(part), "{outcome:?}: `{part}` is not in {page}");
        }
        for name in ["page.md", "limits.md", "model-card.md"] {
            let text = document(&out, name).to_lowercase();
            let unassessed = !matches!(outcome, Outcome::Judged(Verdict::Exact | Verdict::ExactUnproved));
            let warnings = outcome.warning().into_iter().chain(unassessed.then_some("no audit"));
            for warning in warnings.chain(["1 file is of which nothing says"]) {
                assert!(text.contains(&warning.to_lowercase()), "{outcome:?}, {name}: `{warning}` is not in {text}");
            }
            for word in ["complian", "anonym", "gdpr", "guarantee", "certif", "marker"] {
                assert!(!text.contains(word), "{outcome:?}, {name}: {word}");
            }
        }
        assert!(page.contains("`lacuna ledger close") || page.contains("--again"), "{outcome:?}: a way on");
        assert_eq!(outcome.passes(), is_passing(outcome.name()));
    }
}

#[test]
fn a_statement_names_every_one_before_it_and_every_other_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open_or_create(&folder.path().join("l.db")).unwrap();
    let state = request(&mut ledger);
    let attempts = [
        ("one", Outcome::NoEffect),
        ("two", Outcome::Judged(Verdict::ResidualInfluence)),
        ("three", Outcome::Judged(Verdict::NotAssessable)),
    ];
    let mut before: Vec<(Digest, Option<String>)> = Vec::new();
    for (name, outcome) in attempts {
        run(&mut ledger, &state.request, name, outcome);
        let out = folder.path().join(name);
        let statement = write(&mut ledger, &state, account(name, outcome), &out);
        let account = statement.predicate.account.unwrap();
        let listed: Vec<_> = account.earlier.iter().map(|one| (one.statement, one.verdict.clone())).collect();
        assert_eq!(listed, before, "{name}");
        assert!(account.earlier.iter().all(|earlier| !earlier.of_these_runs));
        assert_eq!(account.other_runs.len(), before.len());
        for (digest, _) in &before {
            assert!(document(&out, "page.md").contains(&digest.to_string()), "{name}");
        }
        for name in ["limits.md", "model-card.md", "page.md"] {
            let text = document(&out, name);
            assert_eq!(text.contains("not the first attempt: page.md lists"), !before.is_empty(), "{name}");
            // A document without a list must not announce one.
            assert!(!["listed below", "as follows", "listed above"].iter().any(|word| text.contains(word)), "{name}");
        }
        assert_eq!(document(&out, "page.md").contains("## Earlier attempts"), !before.is_empty());
        let state = ledger.find_request(&state.request).unwrap();
        assert_eq!(state.verdict.as_deref(), Some(outcome.name()), "the verdict is that of the last runs");
        before.push((state.evidence.unwrap(), Some(outcome.name().to_string())));
    }
    // Evidence whose writing was interrupted is about the same runs, and is not another attempt.
    let again = write(
        &mut ledger,
        &state,
        account("three", Outcome::Judged(Verdict::NotAssessable)),
        &folder.path().join("again"),
    );
    let account = again.predicate.account.unwrap();
    let same: Vec<bool> = account.earlier.iter().map(|earlier| earlier.of_these_runs).collect();
    assert_eq!(same, [false, false, true]);
}
