//! A ledger as it leaves the machine: its events as JSON lines, a signed checkpoint, the public key.
//!
//! Whoever gets such a folder checks it with the public key alone, which should have come to them by another way. It
//! names nobody: an event holds pseudonyms and digests under keys that are not in it.

use crate::digest::{from_hex, to_hex};
use crate::verify::{Finding, chain, continues, courses};
use crate::{Checkpoint, Digest, Event, Ledger, LedgerError, SignedCheckpoint, Tree, Verified, leaf_hash};
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The files of an export.
pub const EVENTS: &str = "events.jsonl";
/// The signed checkpoint.
pub const CHECKPOINT: &str = "checkpoint.txt";
/// The public key.
pub const PUBLIC_KEY: &str = "public.key";
const EVENTS_BYTES_MAX: u64 = 4 << 30;

/// An event as a line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    sequence: u64,
    at: String,
    payload: String,
    salt: String,
    previous: Digest,
    hash: Digest,
}

/// Write an export of a ledger into a folder; what it holds.
///
/// # Errors
/// A ledger that cannot be read, or a folder that cannot be written.
pub fn export(ledger: &Ledger, folder: &Path) -> Result<Checkpoint, LedgerError> {
    let events = ledger.view().events()?;
    let tree = tree_of(&events);
    let checkpoint = Checkpoint { events: tree.size() as u64, root: tree.root(tree.size()), ..ledger.checkpoint()? };
    let lines = events.into_iter().map(|event| {
        let Event { sequence, at, payload, salt, previous, hash } = event;
        let line = Line { sequence, at, payload, salt: to_hex(&salt), previous, hash };
        serde_json::to_string(&line).expect("a line is JSON") + "\n"
    });
    lacuna_disk::write_bytes(&folder.join(EVENTS), lines.collect::<String>().as_bytes())?;
    let public = format!("{}\n", to_hex(ledger.keyring().public().as_bytes()));
    lacuna_disk::write_bytes(&folder.join(PUBLIC_KEY), public.as_bytes())?;
    // Last: what it signs is there.
    let signed = checkpoint.sign(ledger.keyring().signing());
    lacuna_disk::write_bytes(&folder.join(CHECKPOINT), signed.0.as_bytes())?;
    Ok(checkpoint)
}

/// Check an export with a public key, and that it continues earlier checkpoints.
///
/// # Errors
/// Files that cannot be read; what is wrong with what they say is a finding.
pub fn verify_export(folder: &Path, key: &VerifyingKey, earlier: &[Checkpoint]) -> Result<Verified, LedgerError> {
    let text = lacuna_disk::read_text(&folder.join(EVENTS), EVENTS_BYTES_MAX)?;
    let signed = SignedCheckpoint::read(&folder.join(CHECKPOINT))?;
    let mut findings = Vec::new();
    let mut events = Vec::new();
    for (at, line) in (1..).zip(text.lines()) {
        match event_of(line) {
            Some(event) => events.push(event),
            None => findings.push(Finding::new(&format!("line {at}"), "an event as it was exported", "something else")),
        }
    }
    findings.extend(chain(&events));
    findings.extend(courses(&events));
    let tree = tree_of(&events);
    match signed.verify(key) {
        Ok(checkpoint) => {
            let origin = checkpoint.origin.clone();
            findings.extend(continues(&tree, &origin, &checkpoint));
            if tree.size() as u64 > checkpoint.events {
                let (signed, found) = (checkpoint.events, tree.size());
                findings.push(Finding::new(
                    EVENTS,
                    &format!("the {signed} events that were signed"),
                    &found.to_string(),
                ));
            }
            findings.extend(earlier.iter().filter_map(|earlier| continues(&tree, &origin, earlier)));
        }
        Err(error) => findings.push(Finding::new(CHECKPOINT, "a checkpoint signed by this key", &error.to_string())),
    }
    Ok(Verified { events: events.len() as u64, root: tree.root(tree.size()), findings })
}

fn tree_of(events: &[Event]) -> Tree {
    Tree::new(events.iter().map(|event| leaf_hash(&event.encoded())).collect())
}

/// The event of a line in the one form that is written.
fn event_of(text: &str) -> Option<Event> {
    let line: Line = serde_json::from_str(text).ok()?;
    if serde_json::to_string(&line).ok()? != text {
        return None;
    }
    let Line { sequence, at, payload, salt, previous, hash } = line;
    Some(Event { sequence, at, payload, salt: from_hex(&salt)?, previous, hash })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ground, Holidays, NewRequest, Status};

    #[test]
    fn an_export_is_checked_with_the_public_key_alone_and_any_flipped_byte_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open_or_create(&folder.path().join("l.db")).unwrap();
        let received = "2026-11-25".parse().unwrap();
        let asked = NewRequest { subject: "marker", ground: Ground::Unstated, received, identity_asked: None };
        let request = ledger.receive(&asked, &Holidays::new()).unwrap().request;
        let (out, key) = (folder.path().join("out"), ledger.keyring().public());
        let first = export(&ledger, &out).unwrap();
        ledger.advance(&request, Status::Accepted).unwrap();
        let second = export(&ledger, &out).unwrap();
        assert_eq!((first.events, second.events), (3, 4));
        // Moved away from the keys: nothing but the folder and the key is used.
        drop(ledger);
        std::fs::remove_dir_all(folder.path().join("l.db.keys")).unwrap();
        let verified = verify_export(&out, &key, std::slice::from_ref(&first)).unwrap();
        assert_eq!((verified.events, verified.findings), (4, vec![]));
        let forged = Checkpoint { root: second.root, ..first };
        assert_eq!(verify_export(&out, &key, &[forged]).unwrap().findings.len(), 1);
        for name in [EVENTS, CHECKPOINT] {
            let whole = std::fs::read(out.join(name)).unwrap();
            for at in 0..whole.len() {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << (at % 8);
                std::fs::write(out.join(name), &flipped).unwrap();
                let seen = verify_export(&out, &key, &[]).map_or(true, |verified| !verified.findings.is_empty());
                assert!(seen, "{name}: byte {at}");
            }
            std::fs::write(out.join(name), &whole).unwrap();
        }
    }
}
