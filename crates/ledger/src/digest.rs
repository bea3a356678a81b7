//! SHA-256 digests, and random bytes from the operating system.

use crate::LedgerError;
use hmac::{Hmac, KeyInit, Mac};
use lacuna_disk::DiskError;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A SHA-256 digest: 32 bytes, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The SHA-256 digest of the concatenated parts.
    pub fn of(parts: &[&[u8]]) -> Digest {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Digest(hasher.finalize().into())
    }

    /// HMAC-SHA-256 under `key` of `domain`, a zero byte, and `message`; the domain separates uses of one key.
    pub fn keyed(key: &[u8; 32], domain: &str, message: &[u8]) -> Digest {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
        mac.update(domain.as_bytes());
        mac.update(&[0]);
        mac.update(message);
        Digest(mac.finalize().into_bytes().into())
    }

    /// Parses 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// If the text has another length or other characters.
    pub fn parse(text: &str) -> Result<Digest, LedgerError> {
        let bytes = from_hex(text).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Digest).ok_or_else(|| LedgerError::Malformed {
            what: "digest".to_string(),
            expected: "64 hexadecimal digits".to_string(),
            found: format!("`{text}`"),
        })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = LedgerError;

    fn try_from(text: String) -> Result<Digest, LedgerError> {
        Digest::parse(&text)
    }
}

/// The SHA-256 digest of a file's content.
///
/// # Errors
/// If the file cannot be read.
pub fn sha256_file(path: &Path) -> Result<Digest, LedgerError> {
    let refused = |source| DiskError::Io { path: path.to_path_buf(), action: "read", source };
    let mut file = File::open(path).map_err(refused)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).map_err(refused)?;
        if read == 0 {
            return Ok(Digest(hasher.finalize().into()));
        }
        hasher.update(&buffer[..read]);
    }
}

/// Returns `N` random bytes from the operating system.
///
/// Keys and pseudonyms must not follow from a seed that is stored in a run folder, so this is lacuna's only draw that
/// does not come from a named stream. No result depends on it.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    bytes
}

/// Returns `N` random bytes as `2 * N` hexadecimal digits.
pub fn random_hex<const N: usize>() -> String {
    to_hex(&random::<N>())
}

/// Writes bytes as lower-case hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Parses lower-case hexadecimal digits; `None` for any other text, so that each value has exactly one form.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |letter: u8| match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    };
    let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?);
    text.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha_256_is_that_of_the_standard() {
        // FIPS 180-2, appendix B.1: "abc".
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(&[b"a", b"bc"]).to_string(), abc);
        assert_eq!(Digest::parse(abc).unwrap(), Digest::of(&[b"abc"]));
    }

    #[test]
    fn a_keyed_digest_is_hmac_sha_256_of_domain_zero_and_message() {
        // No case of that RFC has a domain in front; made with Python:
        //   python3 -c "import hmac,hashlib;print(hmac.new(b'\x0b'*32,b'd\0Hi There',hashlib.sha256).hexdigest())"
        let expected = "c3d2ee6ba84a8a3a614022f24c1bf45b541eb19376f25aa9a3856722fd2f2adf";
        assert_eq!(Digest::keyed(&[0x0b; 32], "d", b"Hi There").to_string(), expected);
    }

    #[test]
    fn only_the_canonical_form_is_a_digest() {
        let text = Digest::of(&[]).to_string();
        for wrong in [text.to_uppercase(), text[1..].to_string(), format!("{text}00"), String::new(), "é".repeat(32)] {
            assert!(Digest::parse(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn chance_does_not_repeat() {
        assert_ne!(random::<16>(), random::<16>());
        assert_eq!(random_hex::<16>().len(), 32);
    }
}
