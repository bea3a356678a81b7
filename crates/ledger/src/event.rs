//! An event: a record, its time, and its place in the chain.

use crate::{Digest, LedgerError, Record};

/// The prefix of an event's hash, which separates it from hashes of anything else.
const DOMAIN: &[u8] = b"lacuna/event/v1\0";

/// One fact, the time at which it was written, and its place in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The number of the event, from 1 without gaps.
    pub sequence: u64,
    /// The time of writing in UTC, by the clock of that machine.
    pub at: String,
    /// The record as JSON, as stored.
    pub payload: String,
    /// Random bytes, so that the record cannot be guessed from the hash of its leaf.
    pub salt: Vec<u8>,
    /// The hash of the event before it; zeros for the first event.
    pub previous: Digest,
    /// The hash of this event.
    pub hash: Digest,
}

impl Event {
    /// The bytes that the event's hash and leaf are computed from. Each part has a fixed length or its length in front,
    /// so that no two events have the same bytes.
    pub fn encoded(&self) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.previous.0);
        for part in [&self.salt[..], self.at.as_bytes(), self.payload.as_bytes()] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part);
        }
        bytes
    }

    /// Parses the record of the event.
    ///
    /// # Errors
    /// If the payload is no valid record.
    pub fn record(&self) -> Result<Record, LedgerError> {
        serde_json::from_str(&self.payload).map_err(|error| LedgerError::Malformed {
            what: format!("event {}", self.sequence),
            expected: "a record of this version of lacuna".to_string(),
            found: error.to_string(),
        })
    }
}
