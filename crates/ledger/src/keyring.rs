//! `FILE.keys/` beside a ledger: what must not lie in the database.
//!
//! | file | holds |
//! |---|---|
//! | `ledger.key` | a key for digests of ids, and for the seal over the last event |
//! | `guard.key` | a key for digests of deleted files; destroying it ends the guard against their return |
//! | `signing.key` | the Ed25519 key that signs checkpoints and evidence |
//! | `public.key` | its public half, for others |
//! | `subjects/DIGEST` | a subject's pseudonym and key; `DIGEST` is that of the id under `ledger.key` |
//!
//! All but the public one are readable by their owner alone. Whoever backs up the ledger and these keys together keeps
//! in the backup what a deletion here takes away.

use crate::digest::{from_hex, random, to_hex};
use crate::{Digest, LedgerError};
use ed25519_dalek::{SigningKey, VerifyingKey};
use lacuna_disk::DiskError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Domain of digests of subject ids, of files, and of seals.
const SUBJECT: &str = "lacuna/subject/v1";
const LINK: &str = "lacuna/subject-link/v1";
const FILE: &str = "lacuna/file/v1";
const SEAL: &str = "lacuna/seal/v1";
const KEY_BYTES_MAX: u64 = 4096;

/// A subject's random name in the ledger: 128 bits that follow from nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Pseudonym(String);

/// The keys of a ledger.
pub struct Keyring {
    folder: PathBuf,
    ledger: [u8; 32],
    guard: [u8; 32],
    signing: SigningKey,
}

/// What `subjects/DIGEST` holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectKey {
    pseudonym: Pseudonym,
    key: Digest,
}

impl Keyring {
    /// The keyring of a ledger, made now if the ledger is.
    ///
    /// # Errors
    /// Keys that cannot be read, written or believed; or an existing ledger without its keys.
    pub fn open(ledger: &Path, is_new: bool) -> Result<Keyring, LedgerError> {
        let folder = Keyring::folder_of(ledger);
        if is_new {
            let keys = ["ledger.key", "guard.key", "signing.key"];
            for name in keys {
                make_once(&folder.join(name), format!("{}\n", Digest(random())).as_bytes())?;
            }
        }
        let signing = SigningKey::from_bytes(&read_key(&folder.join("signing.key"))?);
        let public = folder.join("public.key");
        if !public.exists() {
            lacuna_disk::write_bytes(&public, format!("{}\n", to_hex(signing.verifying_key().as_bytes())).as_bytes())?;
        }
        let (ledger, guard) = (read_key(&folder.join("ledger.key"))?, read_key(&folder.join("guard.key"))?);
        Ok(Keyring { folder, ledger, guard, signing })
    }

    /// Where a ledger's keys lie.
    pub fn folder_of(ledger: &Path) -> PathBuf {
        let mut name = ledger.file_name().unwrap_or_default().to_os_string();
        name.push(".keys");
        ledger.with_file_name(name)
    }

    /// The key that signs.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// Its public half.
    pub fn public(&self) -> VerifyingKey {
        self.signing.verifying_key()
    }

    /// The pseudonym of an id, if it has one.
    ///
    /// # Errors
    /// A key file that cannot be believed.
    pub fn find(&self, id: &str) -> Result<Option<Pseudonym>, LedgerError> {
        Ok(self.subject_key(id)?.map(|key| key.pseudonym))
    }

    /// The pseudonym of an id, drawn now if it has none, with the commitment to the id under the subject's own key.
    ///
    /// Of several processes that come at once all get the same.
    ///
    /// # Errors
    /// A key file that cannot be written or believed.
    pub fn subject(&self, id: &str) -> Result<(Pseudonym, Digest), LedgerError> {
        if self.subject_key(id)?.is_none() {
            let key = SubjectKey { pseudonym: Pseudonym(to_hex(&random::<16>())), key: Digest(random()) };
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

    /// Forget which id a pseudonym stands for; whether there was anything to forget.
    ///
    /// # Errors
    /// A file that cannot be read or deleted.
    pub fn destroy(&self, pseudonym: &Pseudonym) -> Result<bool, LedgerError> {
        let folder = self.folder.join("subjects");
        let refused = |source| DiskError::Io { path: folder.clone(), action: "list", source };
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            other => other.map_err(refused)?,
        };
        for entry in entries {
            let path = entry.map_err(refused)?.path();
            if subject_key(&path)?.is_some_and(|key| key.pseudonym == *pseudonym) {
                return Ok(lacuna_disk::remove_file(&path)?);
            }
        }
        Ok(false)
    }

    /// The digest of a file's digest under the guard's key: enough to know the file again, of no use without the key.
    pub fn file_mark(&self, digest: &str) -> Digest {
        Digest::keyed(&self.guard, FILE, digest.as_bytes())
    }

    /// The seal over a ledger of `events` events of which the last has this hash.
    pub fn seal(&self, events: u64, last: &Digest) -> Digest {
        Digest::keyed(&self.ledger, SEAL, &[&events.to_be_bytes()[..], &last.0].concat())
    }

    fn subject_file(&self, id: &str) -> PathBuf {
        self.folder.join("subjects").join(Digest::keyed(&self.ledger, SUBJECT, id.as_bytes()).to_string())
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

/// Make a key file; where another process was first, its key is the key.
fn make_once(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    match lacuna_disk::write_private_new(path, bytes) {
        Err(DiskError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// 32 bytes as hexadecimal digits in a file.
pub fn read_key(path: &Path) -> Result<[u8; 32], LedgerError> {
    let text = lacuna_disk::read_text(path, KEY_BYTES_MAX)?;
    let bytes = from_hex(text.trim()).and_then(|bytes| bytes.try_into().ok());
    // What is there may be a key with a typing error, so it is not shown.
    bytes.ok_or_else(|| LedgerError::Key {
        path: path.to_path_buf(),
        expected: "64 lower-case hexadecimal digits",
        found: format!("{} characters that are not", text.trim().chars().count()),
    })
}

impl Pseudonym {
    /// As the ledger writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pseudonym {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl From<Pseudonym> for String {
    fn from(pseudonym: Pseudonym) -> String {
        pseudonym.0
    }
}

impl TryFrom<String> for Pseudonym {
    type Error = LedgerError;

    /// Only what could have been drawn: an id of the cohort never passes as a pseudonym.
    fn try_from(text: String) -> Result<Pseudonym, LedgerError> {
        match from_hex(&text) {
            Some(bytes) if bytes.len() == 16 => Ok(Pseudonym(text)),
            _ => Err(LedgerError::Malformed {
                what: "pseudonym".to_string(),
                expected: "32 hexadecimal digits".to_string(),
                found: "something else".to_string(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> (tempfile::TempDir, Keyring) {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(&folder.path().join("l.db"), true).unwrap();
        (folder, keyring)
    }

    #[test]
    fn a_subject_keeps_its_pseudonym_until_its_key_is_destroyed() {
        let (_folder, keyring) = keyring();
        assert_eq!(keyring.find("sub-1").unwrap(), None);
        let (pseudonym, commitment) = keyring.subject("sub-1").unwrap();
        assert_eq!(keyring.subject("sub-1").unwrap(), (pseudonym.clone(), commitment));
        assert_eq!(keyring.find("sub-1").unwrap(), Some(pseudonym.clone()));
        assert_ne!(keyring.subject("sub-2").unwrap().0, pseudonym);
        assert!(keyring.destroy(&pseudonym).unwrap() && !keyring.destroy(&pseudonym).unwrap());
        assert!(keyring.find("sub-2").unwrap().is_some(), "another's link stays");
        assert_eq!(keyring.find("sub-1").unwrap(), None);
        let again = keyring.subject("sub-1").unwrap();
        assert!(again.0 != pseudonym && again.1 != commitment, "nothing of the old link can be found again");
    }

    #[test]
    fn no_file_of_the_keyring_holds_an_id() {
        let (_folder, keyring) = keyring();
        keyring.subject("marker-0815").unwrap();
        let entries = std::fs::read_dir(keyring.folder.join("subjects")).unwrap();
        for path in entries.map(|entry| entry.unwrap().path()) {
            assert!(!path.to_string_lossy().contains("0815"));
            assert!(!std::fs::read_to_string(path).unwrap().contains("0815"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn secret_keys_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (_folder, keyring) = keyring();
        let subject = keyring.subject("a").map(|_| keyring.subject_file("a")).unwrap();
        for path in
            ["ledger.key", "guard.key", "signing.key"].map(|name| keyring.folder.join(name)).iter().chain([&subject])
        {
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        }
    }

    #[test]
    fn a_damaged_key_is_refused_and_not_shown() {
        let (folder, keyring) = keyring();
        std::fs::write(keyring.folder.join("ledger.key"), "SECRETsecret").unwrap();
        let message = Keyring::open(&folder.path().join("l.db"), false).err().unwrap().to_string();
        assert!(message.contains("ledger.key") && !message.contains("SECRET"), "{message}");
    }
}
