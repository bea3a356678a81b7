//! A ledger as the report shows it: every event, and whether the chain holds.

use crate::error::CliError;
use lacuna_ledger::{Event as Recorded, Group, Record, RemovalKind, Status, UncheckedLedger};
use lacuna_report::html::{Event, EventTone, Timeline};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The ledger's events in words; they hold pseudonyms, digests, days and codes, as the ledger does.
///
/// A ledger that was changed is shown as it is found, and marked as changed.
///
/// # Errors
/// A ledger that cannot be read.
pub fn timeline(path: &Path) -> Result<Timeline, CliError> {
    let ledger = UncheckedLedger::open(path)?;
    let verified = ledger.verify(&[])?;
    // What is no record any more is among the findings.
    let recorded: Vec<(Recorded, Record)> = ledger
        .events()
        .unwrap_or_default()
        .into_iter()
        .filter_map(|event| Some((event.clone(), event.record().ok()?)))
        .collect();
    let unverified = closed_unverified(&recorded);
    let events = lacuna_ledger::grouped(&recorded, |(_, record)| record)
        .iter()
        .map(|part| match part {
            Group::One((event, _)) => match unverified.get(&event.sequence) {
                Some(how) => Event { what: format!("{}. a request is closed{how}", event.sequence), ..line(part) },
                None => line(part),
            },
            Group::Removals { .. } => line(part),
        })
        .collect();
    let state = match verified.findings.len() {
        0 => format!("{} events are as they were written; root {}.", verified.events, verified.root),
        found => format!("The ledger is NOT as it was written: {found} findings."),
    };
    let mut notes: Vec<String> = verified.findings.iter().map(ToString::to_string).collect();
    notes.push(
        "Checked when this page was made; `lacuna ledger verify --checkpoint FILE` checks again, against a checkpoint \
         kept elsewhere, without which a ledger rewritten with its keys would pass."
            .to_string(),
    );
    Ok(Timeline { state, events, notes })
}

/// The events by which an executed request was closed that was not verified, and how: no audit could assess the model,
/// or files were removed and there was no run.
fn closed_unverified(events: &[(Recorded, Record)]) -> BTreeMap<u64, &'static str> {
    let (mut standing, mut runs) = (BTreeMap::new(), BTreeSet::new());
    let mut closed = BTreeMap::new();
    for (event, record) in events {
        match record {
            Record::Run { request, .. } | Record::Verdict { request, .. } => drop(runs.insert(request)),
            Record::Status { request, status, .. } => {
                let was = standing.insert(request, *status);
                if was == Some(Status::Executed) && *status == Status::Closed {
                    let has_run = runs.contains(request);
                    closed.insert(
                        event.sequence,
                        if has_run { " without an assessment" } else { ", by removing files alone" },
                    );
                }
            }
            _ => {}
        }
    }
    closed
}

fn line(part: &Group<(Recorded, Record)>) -> Event {
    match part {
        Group::One((recorded, record)) => event(recorded, record),
        Group::Removals { how, events } => removed(*how, events),
    }
}

/// Many files of one kind: the numbers of the first and the last event, and the last one's hash.
fn removed(how: RemovalKind, events: &[&(Recorded, Record)]) -> Event {
    let ((first, record), (last, _)) = (events[0], events[events.len() - 1]);
    let numbers = match first.sequence == last.sequence {
        true => format!("{}", first.sequence),
        false => format!("{} to {}", first.sequence, last.sequence),
    };
    Event {
        what: format!("{numbers}. {}", how.in_words(events.len())),
        when: first.at.clone(),
        about: record.request().map(|request| format!("request {request}")).unwrap_or_default(),
        hash: short(&last.hash.to_string()),
        tone: EventTone::Done,
    }
}

fn event(recorded: &Recorded, record: &Record) -> Event {
    let json = serde_json::to_value(record).expect("a record is JSON");
    let fields = json.as_object().expect("a record is an object");
    let shown = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    let about: Vec<String> = fields
        .iter()
        .filter(|(name, value)| name.as_str() != "kind" && !value.is_null())
        .map(|(name, value)| format!("{} {}", name.replace('_', " "), short(&shown(value))))
        .collect();
    Event {
        what: format!("{}. {}", recorded.sequence, what(record)),
        when: recorded.at.clone(),
        about: about.join(", "),
        hash: short(&recorded.hash.to_string()),
        tone: tone(record),
    }
}

/// The beginning of a digest tells it from others; the ledger has all of it.
fn short(text: &str) -> String {
    let is_digest = text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest { format!("{}…", &text[..16]) } else { text.to_string() }
}

fn what(record: &Record) -> String {
    match record {
        Record::Ledger { .. } => "the ledger begins".to_string(),
        Record::Subject { .. } => "a subject has a pseudonym".to_string(),
        Record::Request { .. } => "a request was received".to_string(),
        Record::Status { status, .. } => format!("a request is {}", status.name().replace('_', " ")),
        Record::Extension { .. } => "the time for a request was extended".to_string(),
        Record::Model { .. } => "a model came into being".to_string(),
        Record::Membership { .. } => "who is in a model".to_string(),
        Record::Artefact { .. } => "something that saw a subject".to_string(),
        Record::Run { .. } => "a run for a request".to_string(),
        Record::Audit { .. } => "a measurement".to_string(),
        Record::Verdict { verdict, .. } => format!("verdict {}", verdict.replace('_', " ")),
        Record::Deletion { .. } => "a file was deleted".to_string(),
        Record::Notification { .. } => "a person was informed".to_string(),
        Record::Recipient { .. } => "a recipient of data was named".to_string(),
        Record::Evidence { .. } => "evidence was written".to_string(),
        Record::LinkDestroyed { .. } => "a link to a person was destroyed".to_string(),
        Record::Protocol { .. } => "what will be measured was settled".to_string(),
        Record::IdentityAsked { .. } => "a person was asked who they are; the time stands still".to_string(),
        Record::IdentityEstablished { .. } => "who asks is sure; the time runs on".to_string(),
        Record::Removal { how, .. } => how.in_words(1),
    }
}

fn tone(record: &Record) -> EventTone {
    match record {
        Record::Status { status: Status::Refused, .. } => EventTone::Refused,
        Record::Status { status: Status::Closed | Status::Verified, .. }
        | Record::Deletion { .. }
        | Record::Removal { .. }
        | Record::Evidence { .. }
        | Record::LinkDestroyed { .. } => EventTone::Done,
        _ => EventTone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_ledger::{Digest, Ground, Holds, Holidays, Ledger, NewRequest};

    #[test]
    fn files_are_told_by_kind_with_their_number_and_an_unassessed_end_is_told_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.db");
        let mut ledger = Ledger::open_or_create(&path).unwrap();
        let day = "2026-11-25".parse().unwrap();
        let new = NewRequest { subject: "a", ground: Ground::Unstated, received: day, identity_asked: None };
        let request = ledger.receive(&new, &Holidays::new()).unwrap().request;
        ledger.advance(&request, Status::Accepted).unwrap();
        let removal = |how| Record::Removal {
            request: request.clone(),
            artefact: Digest([7; 32]),
            holds: Holds::Weights,
            bytes: 1,
            how,
        };
        let verdict =
            Record::Verdict { request: request.clone(), run: "r".to_string(), verdict: "not_assessable".to_string() };
        let quarantined = removal(RemovalKind::Quarantined);
        let records = [verdict, quarantined.clone(), removal(RemovalKind::Rewritten), quarantined];
        ledger.step(&request, &records).unwrap();
        ledger.advance(&request, Status::Executed).unwrap();
        ledger.close_as(lacuna_ledger::Closing::Unassessed, &request, day, &[]).unwrap();
        let told: Vec<String> = timeline(&path).unwrap().events.into_iter().map(|event| event.what).collect();
        for line in [
            "6 to 8. 2 files moved to quarantine",
            "7. 1 file rewritten with the pseudonym",
            "11. a request is closed without an assessment",
        ] {
            assert!(told.iter().any(|found| found == line), "{line}: {told:?}");
        }
    }

    #[test]
    fn digests_are_cut_short_and_nothing_else() {
        assert_eq!(short(&"ab".repeat(32)), "abababababababab…");
        assert_eq!(
            short("phantom-report-of-a-rather-long-name-that-is-none"),
            "phantom-report-of-a-rather-long-name-that-is-none"
        );
    }
}
