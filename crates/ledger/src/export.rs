//! Exports of a ledger: its events as JSON lines, a signed checkpoint, and the public key.
//!
//! A recipient verifies such a folder with the public key alone, which should reach the recipient by another way. It
//! names no person: an event holds pseudonyms, and digests under keys that are not exported.

use crate::digest::{from_hex, to_hex};
use crate::folder::Folder;
use crate::store::{checkpoint_of, tree_of};
use crate::verify::{chain, continues, courses};
use crate::{Checkpoint, Digest, Event, Finding, Ledger, LedgerError, SignedCheckpoint, Tree, Verified};
use ed25519_dalek::VerifyingKey;
use lacuna_disk::DiskError;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The file name of the events.
pub const EVENTS: &str = "events.jsonl";
/// The file name of the signed checkpoint.
pub const CHECKPOINT: &str = "checkpoint.txt";
/// The file name of the public key.
pub const PUBLIC_KEY: &str = "public.key";
const EVENTS_BYTES_MAX: u64 = 4 << 30;
const FILE_BYTES_MAX: u64 = 1 << 16;

/// One event, as a JSON line.
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

/// Writes an export of a ledger into a folder, and returns the checkpoint that it signed. The ledger is verified first,
/// and exactly the verified events are signed.
///
/// # Errors
/// If the ledger was changed after it was written, or the folder cannot be written or holds other files, which could be
/// taken for part of the export.
pub fn export(ledger: &Ledger, folder: &Path) -> Result<Checkpoint, LedgerError> {
    let events = ledger.checked_events()?;
    lacuna_disk::remove_unfinished(folder)?;
    refuse_others(folder)?;
    let checkpoint = checkpoint_of(&events, ledger.path())?;
    let lines = events.into_iter().map(|event| {
        let Event { sequence, at, payload, salt, previous, hash } = event;
        let line = Line { sequence, at, payload, salt: to_hex(&salt), previous, hash };
        serde_json::to_string(&line).expect("a line is JSON") + "\n"
    });
    lacuna_disk::write_bytes(&folder.join(EVENTS), lines.collect::<String>().as_bytes())?;
    lacuna_disk::write_bytes(&folder.join(PUBLIC_KEY), key_text(&ledger.keyring().public()).as_bytes())?;
    // The checkpoint is written last: the events that it signs exist.
    let signed = checkpoint.sign(ledger.keyring().signing());
    lacuna_disk::write_bytes(&folder.join(CHECKPOINT), signed.0.as_bytes())?;
    Ok(checkpoint)
}

/// Verifies an export with a public key, and checks that it continues earlier checkpoints.
///
/// # Errors
/// If the folder or a file cannot be read; unexpected or missing content is a finding.
pub fn verify_export(folder: &Path, key: &VerifyingKey, earlier: &[Checkpoint]) -> Result<Verified, LedgerError> {
    let found = Folder::read(folder, |name| if name == EVENTS { EVENTS_BYTES_MAX } else { FILE_BYTES_MAX })?;
    let mut findings = found.findings;
    let mut take = |name: &str| {
        let bytes = found.files.get(name).ok_or_else(|| Finding::new(name, "a file", "none"));
        let text = bytes.and_then(|bytes| {
            std::str::from_utf8(bytes).map_err(|error| Finding::new(name, "UTF-8", &error.to_string()))
        });
        text.map_err(|finding| findings.push(finding)).ok()
    };
    let (text, signed, public) = (take(EVENTS), take(CHECKPOINT), take(PUBLIC_KEY));
    let others = found.files.keys().filter(|name| ![EVENTS, CHECKPOINT, PUBLIC_KEY].contains(&name.as_str()));
    findings.extend(others.map(|name| Finding::new(name, "no file of this name in an export", "one")));
    if public.is_some_and(|public| public != key_text(key)) {
        findings.push(Finding::new(PUBLIC_KEY, "the key that this is checked with", "another"));
    }
    let events = events_of(text.unwrap_or_default(), &mut findings);
    findings.extend(chain(&events));
    findings.extend(courses(&events));
    let tree = tree_of(&events);
    match signed.map(|signed| SignedCheckpoint(signed.to_string()).verify(key)) {
        Some(Ok(checkpoint)) => findings.extend(not_as_signed(&tree, &checkpoint, earlier)),
        Some(Err(error)) => {
            findings.push(Finding::new(CHECKPOINT, "a checkpoint signed by this key", &error.to_string()));
        }
        None => {}
    }
    Ok(Verified { events: events.len() as u64, root: tree.root(tree.size()), findings })
}

fn key_text(key: &VerifyingKey) -> String {
    format!("{}\n", to_hex(key.as_bytes()))
}

/// Refuses files that an export does not list; a reader could take them for signed ones.
fn refuse_others(folder: &Path) -> Result<(), LedgerError> {
    if !folder.exists() {
        return Ok(());
    }
    let refused = |source| DiskError::Io { path: folder.to_path_buf(), action: "list", source };
    for entry in std::fs::read_dir(folder).map_err(refused)? {
        let name = entry.map_err(refused)?.file_name();
        if ![EVENTS, CHECKPOINT, PUBLIC_KEY].iter().any(|ours| name == *ours) {
            return Err(LedgerError::Malformed {
                what: folder.display().to_string(),
                expected: "a folder with nothing but an earlier export".to_string(),
                found: format!("`{}`; fix: name a new folder", name.display()),
            });
        }
    }
    Ok(())
}

/// The events of an export's lines; each line must end with a line break and have the form that `export` writes.
fn events_of(text: &str, findings: &mut Vec<Finding>) -> Vec<Event> {
    let mut events = Vec::new();
    let whole = text.strip_suffix('\n');
    if whole.is_none() {
        findings.push(Finding::new(EVENTS, "a line's end at its end", "none"));
    }
    for (at, line) in (1..).zip(whole.unwrap_or(text).split('\n')) {
        match event_of(line) {
            Some(event) => events.push(event),
            None => findings.push(Finding::new(&format!("line {at}"), "an event as it was exported", "something else")),
        }
    }
    events
}

/// Findings where the events differ from the signed checkpoint, or do not continue earlier ones.
fn not_as_signed(tree: &Tree, checkpoint: &Checkpoint, earlier: &[Checkpoint]) -> Vec<Finding> {
    let mut findings = Vec::from_iter(continues(tree, &checkpoint.origin, checkpoint));
    if tree.size() as u64 > checkpoint.events {
        let signed = format!("the {} events that were signed", checkpoint.events);
        findings.push(Finding::new(EVENTS, &signed, &tree.size().to_string()));
    }
    findings.extend(earlier.iter().filter_map(|earlier| continues(tree, &checkpoint.origin, earlier)));
    findings
}

/// The event of a line, if the line has the form that `export` writes.
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
