//! The keys of a ledger, in `FILE.keys/` beside it; they must not be stored in the database.
//!
//! | file | holds |
//! |---|---|
//! | `ledger.key` | a key for digests of ids, and for the seal over the last event |
//! | `guard.key` | a key for digests of deleted files; destroying it ends the guard against their return |
//! | `signing.key` | the Ed25519 key that signs checkpoints and evidence |
//! | `public.key` | its public half, for others |
//! | `begun` | a mark that the ledger was begun, so that a missing ledger is noticed |
//! | `subjects/DIGEST` | a subject's pseudonym and key; `DIGEST` is that of the id under `ledger.key` |
//!
//! Only their owner can read the folder and all files but the public key. A backup that contains both the ledger and
//! these keys keeps links that a deletion here removes.
//!
//! Keys are made and destroyed, and leftovers of killed processes are removed, under a lock on the folder. The lock
//! ends with the process that holds it, so a temporary file that exists while the lock is held belongs to no running
//! process.

use crate::digest::{from_hex, random, to_hex};
use crate::key_files::{Locked, files_below, holds, make_private_folder};
use crate::{Digest, LedgerError, Pseudonym};
use ed25519_dalek::{SigningKey, VerifyingKey};
use lacuna_disk::DiskError;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Domain separators of the digests of subject ids, of files, and of seals.
const SUBJECT: &str = "lacuna/subject/v1";
const LINK: &str = "lacuna/subject-link/v1";
const FILE: &str = "lacuna/file/v1";
const SEAL: &str = "lacuna/seal/v1";
const KEY_BYTES_MAX: u64 = 4096;
/// The keys that every ledger needs.
const SECRETS: [&str; 3] = ["ledger.key", "guard.key", "signing.key"];
const PUBLIC: &str = "public.key";
const BEGUN: &str = "begun";
const BEGUN_TEXT: &[u8] =
    b"These are the keys of a ledger that was begun. If its file is gone, restore it from a backup.\n";
const SUBJECTS: &str = "subjects";

/// The keys of a ledger, loaded.
pub struct Keyring {
    folder: PathBuf,
    ledger: [u8; 32],
    guard: [u8; 32],
    signing: SigningKey,
}

/// The content of `subjects/DIGEST`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectKey {
    pseudonym: Pseudonym,
    key: Digest,
}

impl Keyring {
    /// Makes the keyring of a ledger that will be created; existing keys are kept.
    ///
    /// # Errors
    /// If keys cannot be written or are malformed.
    pub fn make(ledger: &Path) -> Result<Keyring, LedgerError> {
        let folder = Keyring::folder_of(ledger);
        make_private_folder(&folder)?;
        let locked = Locked::wait(&folder)?;
        sweep(&folder)?;
        for name in SECRETS {
            make_once(&folder.join(name), format!("{}\n", Digest(random())).as_bytes())?;
        }
        let keyring = Keyring::read(folder)?;
        keyring.publish(&locked)?;
        Ok(keyring)
    }

    /// Opens the keyring of an existing ledger.
    ///
    /// # Errors
    /// If keys are missing, cannot be read, or are malformed.
    pub fn open(ledger: &Path) -> Result<Keyring, LedgerError> {
        let folder = Keyring::folder_of(ledger);
        let missing: Vec<&str> = SECRETS.into_iter().filter(|name| !folder.join(name).exists()).collect();
        if !missing.is_empty() {
            let missing = if missing.len() == SECRETS.len() { "all of them".to_string() } else { missing.join(", ") };
            return Err(LedgerError::KeysMissing { path: ledger.to_path_buf(), keys: folder, missing });
        }
        let keyring = Keyring::read(folder)?;
        // A process that may only read the ledger, such as one on read-only media, cannot remove leftovers and need
        // not.
        if let Ok(Some(locked)) = Locked::at_once(&keyring.folder) {
            match sweep(&keyring.folder).and_then(|()| keyring.publish(&locked)) {
                Err(LedgerError::Disk(DiskError::Io { source, .. })) if is_not_ours(source.kind()) => {}
                swept => swept?,
            }
        }
        keyring.check_public()?;
        Ok(keyring)
    }

    /// Whether the ledger of these keys was begun, as far as the keys show.
    ///
    /// Ledgers of older versions have no mark; their folder of subjects was made with the first request.
    pub fn is_begun(ledger: &Path) -> bool {
        let folder = Keyring::folder_of(ledger);
        folder.join(BEGUN).exists() || folder.join(SUBJECTS).exists()
    }

    /// Marks the ledger as begun, so that a missing ledger is noticed.
    ///
    /// # Errors
    /// If the mark cannot be written.
    pub fn mark_begun(&self) -> Result<(), LedgerError> {
        let mark = self.folder.join(BEGUN);
        if mark.exists() {
            return Ok(());
        }
        let _locked = Locked::wait(&self.folder)?;
        Ok(lacuna_disk::write_bytes(&mark, BEGUN_TEXT)?)
    }

    fn read(folder: PathBuf) -> Result<Keyring, LedgerError> {
        let signing = SigningKey::from_bytes(&read_key(&folder.join("signing.key"))?);
        let (ledger, guard) = (read_key(&folder.join("ledger.key"))?, read_key(&folder.join("guard.key"))?);
        Ok(Keyring { folder, ledger, guard, signing })
    }

    fn public_text(&self) -> String {
        format!("{}\n", to_hex(self.public().as_bytes()))
    }

    /// Writes the public key, unless it exists.
    fn publish(&self, _locked: &Locked) -> Result<(), LedgerError> {
        let public = self.folder.join(PUBLIC);
        if public.exists() { Ok(()) } else { Ok(lacuna_disk::write_bytes(&public, self.public_text().as_bytes())?) }
    }

    /// Checks that the published public key belongs to the signing key.
    fn check_public(&self) -> Result<(), LedgerError> {
        let path = self.folder.join(PUBLIC);
        if !path.exists() || lacuna_disk::read_text(&path, KEY_BYTES_MAX)?.trim() == self.public_text().trim() {
            return Ok(());
        }
        let (expected, found) = ("the public half of signing.key", "another key".to_string());
        Err(LedgerError::Key { path, expected, found })
    }

    /// The path of the folder of a ledger's keys.
    pub fn folder_of(ledger: &Path) -> PathBuf {
        let mut name = ledger.file_name().unwrap_or_default().to_os_string();
        name.push(".keys");
        ledger.with_file_name(name)
    }

    /// The Ed25519 key that signs checkpoints and evidence.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The public half of the signing key.
    pub fn public(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }

    /// The pseudonym of an id, or `None` if it has none.
    ///
    /// # Errors
    /// If the key file is malformed.
    pub fn find(&self, id: &str) -> Result<Option<Pseudonym>, LedgerError> {
        Ok(self.subject_key(id)?.map(|key| key.pseudonym))
    }

    /// Returns the pseudonym of an id, and the commitment to the id under the subject's own key. Draws both if the id
    /// has no pseudonym.
    ///
    /// Processes that call this at the same time get the same pseudonym.
    ///
    /// # Errors
    /// If the key file cannot be written or is malformed.
    pub fn subject(&self, id: &str) -> Result<(Pseudonym, Digest), LedgerError> {
        if self.subject_key(id)?.is_none() {
            let _locked = Locked::wait(&self.folder)?;
            make_private_folder(&self.folder.join(SUBJECTS))?;
            let key = SubjectKey { pseudonym: Pseudonym::draw(), key: Digest(random()) };
            let text = serde_json::to_vec(&key).expect("a key is JSON");
            make_once(&self.subject_file(id), &text)?;
        }
        let key = self.subject_key(id)?.ok_or_else(|| LedgerError::Key {
            path: self.subject_file(id),
            expected: "the key that was just made",
            found: "none".to_string(),
        })?;
        let commitment = Digest::keyed(&key.key.0, LINK, id.as_bytes());
        Ok((key.pseudonym, commitment))
    }

    /// Destroys the link from a pseudonym to its id; returns whether there was one.
    ///
    /// Deletes every file below the folder of keys that contains the pseudonym, whatever its name: also copies that a
    /// backup or a person put there, and leftovers of killed processes.
    ///
    /// # Errors
    /// If a file cannot be read or deleted, or is a symbolic link to a file elsewhere that contains the pseudonym.
    pub fn destroy(&self, pseudonym: &Pseudonym) -> Result<bool, LedgerError> {
        let _locked = Locked::wait(&self.folder)?;
        sweep(&self.folder)?;
        let mut destroyed = false;
        let mut elsewhere = None;
        for path in files_below(&self.folder)? {
            if !holds(&path, pseudonym.as_str().as_bytes())? {
                continue;
            }
            if path.is_symlink() {
                elsewhere = elsewhere.or(Some(path));
            } else {
                destroyed |= lacuna_disk::remove_file(&path)?;
            }
        }
        match elsewhere {
            None => Ok(destroyed),
            Some(path) => Err(LedgerError::LinkElsewhere { path }),
        }
    }

    /// The digest of a file's digest under the guard's key: it recognises the file again, and is useless without the
    /// key.
    pub fn file_mark(&self, digest: &str) -> Digest {
        Digest::keyed(&self.guard, FILE, digest.as_bytes())
    }

    /// The seal over a ledger of `events` events, the last of which has this hash.
    pub fn seal(&self, events: u64, last: &Digest) -> Digest {
        Digest::keyed(&self.ledger, SEAL, &[&events.to_be_bytes()[..], &last.0].concat())
    }

    fn subject_file(&self, id: &str) -> PathBuf {
        self.folder.join(SUBJECTS).join(Digest::keyed(&self.ledger, SUBJECT, id.as_bytes()).to_string())
    }

    fn subject_key(&self, id: &str) -> Result<Option<SubjectKey>, LedgerError> {
        subject_key(&self.subject_file(id))
    }
}

fn subject_key(path: &Path) -> Result<Option<SubjectKey>, LedgerError> {
    if !path.exists() {
        return Ok(None);
    }
    let text = lacuna_disk::read_text(path, KEY_BYTES_MAX)?;
    serde_json::from_str(&text).map(Some).map_err(|_| LedgerError::Key {
        path: path.to_path_buf(),
        expected: "a subject's key",
        found: "something else".to_string(),
    })
}

/// Removes leftovers of killed processes; the caller holds the lock, so no other process is writing.
fn sweep(folder: &Path) -> Result<(), LedgerError> {
    lacuna_disk::remove_unfinished(folder)?;
    Ok(lacuna_disk::remove_unfinished(&folder.join(SUBJECTS))?)
}

fn is_not_ours(kind: ErrorKind) -> bool {
    [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem].contains(&kind)
}

/// Writes a key file unless it exists; a key that another process wrote first is kept.
fn make_once(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    match lacuna_disk::write_private_new(path, bytes) {
        Err(DiskError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Reads 32 bytes as hexadecimal digits from a file.
pub fn read_key(path: &Path) -> Result<[u8; 32], LedgerError> {
    let text = lacuna_disk::read_text(path, KEY_BYTES_MAX)?;
    let bytes = from_hex(text.trim()).and_then(|bytes| bytes.try_into().ok());
    // The content may be a key with a typing error, so it is not shown.
    bytes.ok_or_else(|| LedgerError::Key {
        path: path.to_path_buf(),
        expected: "64 lower-case hexadecimal digits",
        found: format!("{} characters that are not", text.trim().chars().count()),
    })
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
