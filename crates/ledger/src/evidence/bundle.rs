//! A bundle of evidence: written at the end of a request, and verified by its recipients.

use super::dsse::{Envelope, key_id};
use super::page::{card, limits};
use super::statement::{ModelDigests, PAYLOAD_TYPE, Predicate, Statement};
use crate::digest::{from_hex, to_hex};
use crate::finding::Finding;
use crate::folder::Folder;
use crate::store::{checkpoint_of, tree_of};
use crate::{Digest, Event, Ledger, LedgerError, Record, SignedCheckpoint, leaf_hash, verify_inclusion};
use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

const ENVELOPE: &str = "evidence.dsse.json";
const INCLUSION: &str = "inclusion.json";
const CHECKPOINT: &str = "checkpoint.txt";
const PAGE: &str = "page.md";
/// The largest file of a bundle in bytes; none is a model or an image.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The contents of a bundle, without those that the ledger adds.
pub struct Bundle {
    /// The digests of each pair of models, before and after.
    pub models: Vec<ModelDigests>,
    /// The claims to sign; their list of files is filled in by [`Bundle::write`].
    pub predicate: Predicate,
    /// Every other file, by name: protocol, metrics, environment, deletions.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// The file name of the limits.
const LIMITS: &str = "limits.md";
/// The file name of the models' card.
const CARD: &str = "model-card.md";

/// The result of verifying a bundle.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// The statement, if its signature is valid.
    pub statement: Option<Statement>,
    /// The time at which a ledger that contains the statement was signed.
    pub recorded: Option<String>,
    /// The names of the files that match a signature: the statement, the files that it lists with their digest, and the
    /// signed root with the statement's inclusion proof.
    pub covered: Vec<String>,
    /// The names of all other files; no signature covers them.
    pub uncovered: Vec<String>,
    /// All defects; an intact bundle has none.
    pub findings: Vec<Finding>,
}

impl Checked {
    fn covers(&mut self, names: &[&str]) {
        self.uncovered.retain(|name| !names.contains(&name.as_str()));
        self.covered.extend(names.iter().map(ToString::to_string));
        self.covered.sort();
    }
}

/// An event and its inclusion proof.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inclusion {
    sequence: u64,
    at: String,
    payload: String,
    salt: String,
    previous: Digest,
    events: u64,
    path: Vec<Digest>,
}

impl Bundle {
    /// Records the statement in the ledger, and writes the bundle into a folder of its own.
    ///
    /// # Errors
    /// If the folder already holds evidence, or the ledger or the disk refuses the write.
    pub fn write(mut self, ledger: &mut Ledger, folder: &Path) -> Result<Statement, LedgerError> {
        if folder.join(ENVELOPE).exists() {
            return Err(LedgerError::Malformed {
                what: folder.display().to_string(),
                expected: "a folder without evidence yet".to_string(),
                found: ENVELOPE.to_string(),
            });
        }
        let request = self.predicate.request.clone();
        if let Some(account) = &mut self.predicate.account {
            account.signed_by = key_id(&ledger.keyring().public());
            account.complete(&dated_records(ledger, &request)?);
        }
        // The page is one of the files that the statement lists, so it is rendered without the list of files.
        self.predicate.files = BTreeMap::new();
        let statement = Statement::new(&self.models, self.predicate.clone());
        self.files.insert(PAGE.to_string(), statement.page().into_bytes());
        if let Some(account) = &statement.predicate.account {
            self.files.insert(LIMITS.to_string(), limits(&statement.predicate.claim, account).into_bytes());
            self.files.insert(CARD.to_string(), card(&statement, account).into_bytes());
        }
        self.predicate.files = self.files.iter().map(|(name, bytes)| (name.clone(), Digest::of(&[bytes]))).collect();
        let statement = Statement::new(&self.models, self.predicate);
        let payload = serde_json::to_vec(&statement).expect("a statement is JSON");
        let envelope = Envelope::sign(PAYLOAD_TYPE, &payload, ledger.keyring().signing());
        let evidence = Record::Evidence { request: request.clone(), statement: Digest::of(&[&payload]) };
        ledger.step(&request, std::slice::from_ref(&evidence))?;
        let (inclusion, checkpoint) = included(ledger, &evidence)?;
        // A file that the statement does not list is a finding, and a killed attempt may have left some.
        lacuna_disk::remove_unfinished(folder)?;
        for (name, bytes) in &self.files {
            lacuna_disk::write_bytes(&folder.join(name), bytes)?;
        }
        lacuna_disk::write_bytes(&folder.join(INCLUSION), to_line(&inclusion).as_bytes())?;
        lacuna_disk::write_bytes(&folder.join(CHECKPOINT), checkpoint.0.as_bytes())?;
        // The envelope is written last: a folder that has one is complete.
        lacuna_disk::write_bytes(&folder.join(ENVELOPE), envelope.to_text().as_bytes())?;
        Ok(statement)
    }
}

/// Verifies a bundle with a public key and nothing else.
///
/// # Errors
/// If the folder cannot be read; defects of its content are findings.
pub fn verify_bundle(folder: &Path, key: &VerifyingKey) -> Result<Checked, LedgerError> {
    let Folder { mut files, findings } = Folder::read(folder, |_| FILE_BYTES_MAX)?;
    // Files are uncovered until something signed lists them.
    let not_files = findings.iter().map(|finding| finding.row.clone());
    let uncovered = files.keys().cloned().chain(not_files).collect();
    let mut checked = Checked { statement: None, recorded: None, covered: Vec::new(), uncovered, findings };
    let mut take = |name: &str| files.remove(name).ok_or_else(|| Finding::new(name, "a file", "none"));
    let parts = (take(ENVELOPE), take(INCLUSION), take(CHECKPOINT));
    let (envelope, inclusion, checkpoint) = match parts {
        (Ok(envelope), Ok(inclusion), Ok(checkpoint)) => (envelope, inclusion, checkpoint),
        (envelope, inclusion, checkpoint) => {
            checked.findings.extend([envelope.err(), inclusion.err(), checkpoint.err()].into_iter().flatten());
            return Ok(checked);
        }
    };
    let payload = match text(&envelope).and_then(|text| Envelope::open(text, PAYLOAD_TYPE, key)) {
        Ok(payload) => payload,
        Err(error) => {
            checked.findings.push(Finding::new(ENVELOPE, "a statement signed by this key", &error.to_string()));
            return Ok(checked);
        }
    };
    match serde_json::from_slice::<Statement>(&payload) {
        Ok(statement) if statement.is_ours() => {
            let named = &statement.predicate.files;
            checked.findings.extend(differing(named, &files));
            checked.covers(&[ENVELOPE]);
            let same = |name: &&String| files.get(*name).is_some_and(|bytes| named[*name] == Digest::of(&[bytes]));
            checked.covers(&named.keys().filter(same).map(String::as_str).collect::<Vec<_>>());
            checked.statement = Some(statement);
        }
        _ => checked.findings.push(Finding::new(ENVELOPE, "a statement of this version of lacuna", "another")),
    }
    match recorded(&inclusion, &checkpoint, &Digest::of(&[&payload]), key) {
        Ok(at) => {
            checked.recorded = Some(at);
            checked.covers(&[INCLUSION, CHECKPOINT]);
        }
        Err(finding) => checked.findings.push(finding),
    }
    Ok(checked)
}

/// The records of a request, each with its time.
fn dated_records(ledger: &Ledger, request: &str) -> Result<Vec<(String, Record)>, LedgerError> {
    let mut records = Vec::new();
    for event in ledger.view().events()? {
        let record = event.record()?;
        if record.request() == Some(request) {
            records.push((event.at, record));
        }
    }
    Ok(records)
}

/// The event of a record that was just written, its inclusion proof, and the signed root.
fn included(ledger: &Ledger, record: &Record) -> Result<(Inclusion, SignedCheckpoint), LedgerError> {
    let events = ledger.checked_events()?;
    let tree = tree_of(&events);
    let position = events.iter().rposition(|event| event.record().is_ok_and(|found| found == *record));
    let position = position.expect("what was just written is there");
    let size = tree.size();
    let checkpoint = checkpoint_of(&events, ledger.path())?;
    let Event { sequence, at, payload, salt, previous, .. } = events[position].clone();
    let path = tree.inclusion(position, size);
    let inclusion = Inclusion { sequence, at, payload, salt: to_hex(&salt), previous, events: size as u64, path };
    Ok((inclusion, checkpoint.sign(ledger.keyring().signing())))
}

/// The time at which a ledger that contains the statement with this digest was signed.
fn recorded(inclusion: &[u8], checkpoint: &[u8], statement: &Digest, key: &VerifyingKey) -> Result<String, Finding> {
    let wrong = |expected: &str, found: &str| Finding::new(INCLUSION, expected, found);
    let line = text(inclusion).map_err(|error| wrong("text", &error.to_string()))?;
    let parsed: Inclusion = serde_json::from_str(line).map_err(|error| wrong("a proof", &error.to_string()))?;
    if to_line(&parsed) != line {
        return Err(wrong("the form in which it was written", "another"));
    }
    let signed = text(checkpoint).and_then(|text| SignedCheckpoint(text.to_string()).verify(key));
    let signed =
        signed.map_err(|error| Finding::new(CHECKPOINT, "a checkpoint signed by this key", &error.to_string()))?;
    let Inclusion { sequence, at, payload, salt, previous, events, path } = parsed;
    let salt = from_hex(&salt).ok_or_else(|| wrong("hexadecimal digits", "others"))?;
    let event = Event { sequence, at, payload, salt, previous, hash: Digest([0; 32]) };
    match event.record() {
        Ok(Record::Evidence { statement: of, .. }) if of == *statement => {}
        _ => return Err(wrong("the event of this statement", "another")),
    }
    let leaf = leaf_hash(&event.encoded());
    let index = usize::try_from(sequence).ok().and_then(|sequence| sequence.checked_sub(1));
    let index = index.ok_or_else(|| wrong("an event from 1", &sequence.to_string()))?;
    let holds = events == signed.events && verify_inclusion(&leaf, index, events as usize, &path, &signed.root);
    if holds { Ok(signed.at) } else { Err(wrong(&format!("a way to the root {}", signed.root), "another")) }
}

/// Files that differ from the statement, that it does not list, or that are missing.
fn differing(named: &BTreeMap<String, Digest>, files: &BTreeMap<String, Vec<u8>>) -> Vec<Finding> {
    let found: BTreeMap<&String, Digest> = files.iter().map(|(name, bytes)| (name, Digest::of(&[bytes]))).collect();
    let text = |digest: Option<&Digest>| digest.map_or("none".to_string(), |digest| format!("SHA-256 {digest}"));
    let mut names: Vec<&String> = named.keys().chain(files.keys()).collect();
    names.sort();
    names.dedup();
    let differs = names.into_iter().filter(|name| named.get(*name) != found.get(name));
    differs.map(|name| Finding::new(name, &text(named.get(name)), &text(found.get(name)))).collect()
}

fn to_line(inclusion: &Inclusion) -> String {
    serde_json::to_string(inclusion).expect("a proof is JSON") + "\n"
}

fn text(bytes: &[u8]) -> Result<&str, LedgerError> {
    std::str::from_utf8(bytes).map_err(|error| LedgerError::Malformed {
        what: "file".to_string(),
        expected: "UTF-8".to_string(),
        found: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Claim;
    use crate::{Ground, Holidays, NewRequest};

    fn bundle(folder: &Path) -> (VerifyingKey, Statement) {
        let mut ledger = Ledger::open_or_create(&folder.join("l.db")).unwrap();
        let received = "2026-11-25".parse().unwrap();
        let asked = NewRequest { subject: "marker", ground: Ground::Unstated, received, identity_asked: None };
        let state = ledger.receive(&asked, &Holidays::new()).unwrap();
        let claim = Claim {
            verdict: "not_assessable".to_string(),
            compared: "Dice before and after".to_string(),
            margin: None,
            power: None,
            does_not_show: vec!["that nothing is left".to_string()],
        };
        let predicate = Predicate {
            request: state.request,
            subject: state.subject.to_string(),
            strategy: "noisy-label".to_string(),
            claim,
            at: "2026-11-25T10:00:00Z".to_string(),
            files: BTreeMap::new(),
            account: None,
        };
        let models = vec![ModelDigests { before: Digest::of(&[b"before"]), after: Digest::of(&[b"after"]) }];
        let files = [("protocol.json", &b"{}"[..]), ("metrics.json", b"[1]"), ("limits.md", b"none\n")];
        let files = files.map(|(name, bytes)| (name.to_string(), bytes.to_vec())).into();
        let statement = Bundle { models, predicate, files }.write(&mut ledger, &folder.join("out")).unwrap();
        assert_eq!(ledger.verify(&[]).unwrap().findings, []);
        (ledger.keyring().public(), statement)
    }

    #[test]
    fn a_bundle_is_checked_with_a_public_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (key, statement) = bundle(folder.path());
        std::fs::remove_dir_all(folder.path().join("l.db.keys")).unwrap();
        std::fs::remove_file(folder.path().join("l.db")).unwrap();
        let checked = verify_bundle(&folder.path().join("out"), &key).unwrap();
        assert_eq!((checked.findings, checked.statement), (vec![], Some(statement)));
        let other = ed25519_dalek::SigningKey::from_bytes(&[9; 32]).verifying_key();
        assert!(!verify_bundle(&folder.path().join("out"), &other).unwrap().findings.is_empty());
    }

    #[test]
    fn every_flipped_byte_of_every_file_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (key, _) = bundle(folder.path());
        let out = folder.path().join("out");
        let mut flips = 0;
        for path in std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()) {
            let whole = std::fs::read(&path).unwrap();
            for at in 0..whole.len() {
                for bit in [0, 1 + at % 7] {
                    let mut flipped = whole.clone();
                    flipped[at] ^= 1 << bit;
                    std::fs::write(&path, &flipped).unwrap();
                    let seen = verify_bundle(&out, &key).map_or(true, |checked| !checked.findings.is_empty());
                    assert!(seen, "{}: byte {at}, bit {bit}", path.display());
                    flips += 1;
                }
            }
            std::fs::write(&path, &whole).unwrap();
        }
        assert!(flips > 4000, "{flips}");
        assert_eq!(verify_bundle(&out, &key).unwrap().findings, []);
    }

    #[test]
    fn a_file_more_less_or_cut_short_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (key, _) = bundle(folder.path());
        let out = folder.path().join("out");
        std::fs::write(out.join("more.txt"), "x").unwrap();
        let found = verify_bundle(&out, &key).unwrap().findings;
        assert!(found.len() == 1 && found[0].row == "more.txt" && found[0].expected == "none", "{found:?}");
        std::fs::remove_file(out.join("more.txt")).unwrap();
        for path in std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()) {
            let whole = std::fs::read(&path).unwrap();
            std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
            assert!(!verify_bundle(&out, &key).unwrap().findings.is_empty(), "{}", path.display());
            std::fs::remove_file(&path).unwrap();
            assert!(!verify_bundle(&out, &key).unwrap().findings.is_empty(), "{}", path.display());
            std::fs::write(&path, &whole).unwrap();
        }
    }

    #[test]
    fn what_is_no_file_of_a_bundle_is_found_and_every_file_is_covered_or_named_as_not() {
        let folder = tempfile::tempdir().unwrap();
        let (key, _) = bundle(folder.path());
        let out = folder.path().join("out");
        let whole = verify_bundle(&out, &key).unwrap();
        let mut names: Vec<String> =
            std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!((whole.covered, whole.uncovered), (names.clone(), vec![]));
        std::fs::create_dir(out.join("a-folder")).unwrap();
        std::fs::write(out.join("added.txt"), "x").unwrap();
        std::fs::write(out.join("large"), vec![0; FILE_BYTES_MAX as usize + 1]).unwrap();
        std::fs::write(out.join(PAGE), "another page").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(out.join(CHECKPOINT), out.join("b-link")).unwrap();
        let checked = verify_bundle(&out, &key).unwrap();
        let mut expected = vec!["a-folder", "added.txt", "large", PAGE];
        if cfg!(unix) {
            expected.push("b-link");
        }
        expected.sort();
        let mut uncovered = checked.uncovered.clone();
        uncovered.sort();
        assert_eq!(uncovered, expected);
        let mut found: Vec<&str> = checked.findings.iter().map(|finding| finding.row.as_str()).collect();
        found.sort();
        assert_eq!(found, expected);
        assert_eq!(checked.covered.len(), names.len() - 1);
        // Without the statement nothing is covered.
        std::fs::remove_file(out.join(ENVELOPE)).unwrap();
        assert_eq!(verify_bundle(&out, &key).unwrap().covered, Vec::<String>::new());
    }

    #[test]
    fn no_page_claims_what_no_page_can() {
        let folder = tempfile::tempdir().unwrap();
        let (_, statement) = bundle(folder.path());
        let page = statement.page().to_lowercase();
        for word in ["complian", "anonym", "gdpr", "guarantee", "certif", "marker"] {
            assert!(!page.contains(word), "{word}: {page}");
        }
        assert!(page.contains("what this does not show") && page.contains("margin: none was set"));
    }
}
