//! The pseudonym of a subject in the ledger.

use crate::LedgerError;
use crate::digest::{from_hex, random, to_hex};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A subject's random name in the ledger: 128 random bits, derived from nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Pseudonym(String);

impl Pseudonym {
    /// Draws a new pseudonym.
    pub(crate) fn draw() -> Pseudonym {
        Pseudonym(to_hex(&random::<16>()))
    }

    /// The pseudonym as the ledger stores it.
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

    /// Accepts only texts that `Pseudonym::draw` can return, so that an id of the cohort is never taken for a
    /// pseudonym.
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
