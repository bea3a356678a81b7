//! Checkpoints: the signed size and root of a ledger at one moment, to be copied off the machine.
//!
//! Its text is that of C2SP's `tlog-checkpoint` in a `signed-note`, so that tools for transparency logs read it:
//!
//! ```text
//! lacuna.ledger/0123…            which ledger
//! 42                             how many events
//! BASE64 OF THE ROOT
//! at 2026-11-25T10:00:00Z        an extension line
//!
//! — lacuna.ledger/0123… BASE64 OF KEY ID AND SIGNATURE
//! ```
//!
//! The signature is Ed25519 over all up to the empty line, and is checked strictly. A checkpoint shows that its ledger
//! was not changed after it was signed, provided that a copy of it is kept on another machine.

use crate::digest::{from_hex, to_hex};
use crate::{Digest, LedgerError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use lacuna_disk::DiskError;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The size and root of a ledger at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The ledger's name, `lacuna.ledger/ID`.
    pub origin: String,
    /// The number of events in the ledger.
    pub events: u64,
    /// The root of the Merkle tree of these events.
    pub root: Digest,
    /// The time of signing, in UTC.
    pub at: String,
}

/// A checkpoint with its signature, as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SignedCheckpoint(pub String);

const TEXT_BYTES_MAX: u64 = 4096;

impl Checkpoint {
    /// Signs the checkpoint with the ledger's key.
    pub fn sign(&self, key: &SigningKey) -> SignedCheckpoint {
        let note = self.note();
        let signature = key.sign(note.as_bytes()).to_bytes();
        let signed = [&key_id(&self.origin, &key.verifying_key())[..], &signature].concat();
        SignedCheckpoint(format!("{note}\n— {} {}\n", self.origin, STANDARD.encode(signed)))
    }

    fn note(&self) -> String {
        format!("{}\n{}\n{}\nat {}\n", self.origin, self.events, STANDARD.encode(self.root.0), self.at)
    }
}

impl SignedCheckpoint {
    /// Reads a signed checkpoint from a file.
    ///
    /// # Errors
    /// If the file cannot be read, is too large, or is no text. The content is not trusted until
    /// [`SignedCheckpoint::verify`] has checked it.
    pub fn read(path: &Path) -> Result<SignedCheckpoint, LedgerError> {
        let not_text = |found: String| LedgerError::Unproven {
            what: path.display().to_string(),
            expected: format!("a checkpoint: UTF-8 of at most {TEXT_BYTES_MAX} bytes"),
            found,
        };
        let bytes = match lacuna_disk::read_bytes(path, TEXT_BYTES_MAX) {
            Err(DiskError::TooLarge { found_bytes, .. }) => return Err(not_text(format!("{found_bytes} bytes"))),
            read => read?,
        };
        String::from_utf8(bytes).map(SignedCheckpoint).map_err(|error| not_text(error.to_string()))
    }

    /// Returns the checkpoint if this key has signed it and every byte is as [`Checkpoint::sign`] writes it.
    ///
    /// # Errors
    /// If the signature does not verify or the text has another form.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Checkpoint, LedgerError> {
        let checkpoint = self.parse().ok_or_else(|| unproven("five lines of a checkpoint", "others"))?;
        let signed = self.0.rsplit_once(' ').and_then(|(_, signed)| STANDARD.decode(signed.trim_end()).ok());
        let signed = signed.filter(|bytes| bytes.len() == 68).ok_or_else(|| unproven("68 signed bytes", "others"))?;
        let id = key_id(&checkpoint.origin, key);
        if signed[..4] != id {
            return Err(unproven(&format!("a signature by the key {}", to_hex(&id)), &to_hex(&signed[..4])));
        }
        let signature = Signature::from_slice(&signed[4..]).expect("68 bytes less 4 are a signature's 64");
        key.verify_strict(checkpoint.note().as_bytes(), &signature)
            .map_err(|_| unproven("a signature over this text", "one over another"))?;
        // Base64 and spacing allow several forms of one content; only the form that `sign` writes is accepted.
        let ours = format!("{}\n— {} {}\n", checkpoint.note(), checkpoint.origin, STANDARD.encode(&signed));
        if ours != self.0 {
            return Err(unproven("the form in which it was signed", "another"));
        }
        Ok(checkpoint)
    }

    fn parse(&self) -> Option<Checkpoint> {
        let mut lines = self.0.lines();
        let origin = lines.next()?.to_string();
        let events = lines.next()?.parse().ok()?;
        let root = Digest(STANDARD.decode(lines.next()?).ok()?.try_into().ok()?);
        let at = lines.next()?.strip_prefix("at ")?.to_string();
        Some(Checkpoint { origin, events, root, at })
    }
}

/// Reads a public key from a file of 64 hexadecimal digits.
///
/// # Errors
/// If the file cannot be read or holds no key.
pub fn public_key(path: &Path) -> Result<VerifyingKey, LedgerError> {
    let text = lacuna_disk::read_text(path, TEXT_BYTES_MAX)?;
    let bytes = from_hex(text.trim()).and_then(|bytes| bytes.try_into().ok());
    let key = bytes.and_then(|bytes: [u8; 32]| VerifyingKey::from_bytes(&bytes).ok()).filter(|key| !key.is_weak());
    key.ok_or_else(|| LedgerError::Key {
        path: path.to_path_buf(),
        expected: "an Ed25519 public key of 64 hexadecimal digits",
        found: "something else".to_string(),
    })
}

/// The key id of C2SP's `signed-note`, with algorithm 1 for Ed25519.
fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let digest = Digest::of(&[name.as_bytes(), b"\n\x01", key.as_bytes()]);
    [digest.0[0], digest.0[1], digest.0[2], digest.0[3]]
}

fn unproven(expected: &str, found: &str) -> LedgerError {
    LedgerError::Unproven { what: "checkpoint".to_string(), expected: expected.to_string(), found: found.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_bytes(&[byte; 32])
    }

    fn checkpoint() -> Checkpoint {
        let at = "2026-11-25T10:00:00Z".to_string();
        Checkpoint { origin: "lacuna.ledger/ab".to_string(), events: 42, root: Digest::of(&[b"x"]), at }
    }

    #[test]
    fn a_signed_checkpoint_says_what_was_signed() {
        let signed = checkpoint().sign(&key(1));
        assert_eq!(signed.verify(&key(1).verifying_key()).unwrap(), checkpoint());
        assert!(signed.0.starts_with("lacuna.ledger/ab\n42\n") && signed.0.contains("\n\n— lacuna.ledger/ab "));
        assert!(signed.verify(&key(2).verifying_key()).is_err(), "another's key");
    }

    #[test]
    fn any_flipped_bit_is_seen() {
        let signed = checkpoint().sign(&key(1));
        for at in 0..signed.0.len() {
            for bit in 0..8 {
                let mut bytes = signed.0.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                let read = SignedCheckpoint(text).verify(&key(1).verifying_key());
                assert!(read.is_err(), "byte {at}, bit {bit}");
            }
        }
        for other in
            [String::new(), signed.0.replace('\n', "\r\n"), format!("{}\n", signed.0), signed.0[1..].to_string()]
        {
            assert!(SignedCheckpoint(other).verify(&key(1).verifying_key()).is_err());
        }
    }
}
