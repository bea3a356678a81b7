//! Reading the events of a ledger within one transaction.

use crate::sql::{sequence_of, sqlite};
use crate::verify::Finding;
use crate::{Digest, LedgerError, Pseudonym, Record};
use rusqlite::Connection;
use std::path::Path;

/// The prefix of an event's hash, which separates it from hashes of anything else.
const DOMAIN: &[u8] = b"lacuna/event/v1\0";

/// One fact, the time at which it was written, and its position in the chain.
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

/// The ledger's contents, as one transaction sees them.
pub struct View<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) path: &'a Path,
}

impl View<'_> {
    /// All events, oldest first.
    ///
    /// # Errors
    /// If a row cannot be read.
    pub fn events(&self) -> Result<Vec<Event>, LedgerError> {
        self.select("", &[])
    }

    /// The records of one request, oldest first.
    ///
    /// # Errors
    /// If a row cannot be read or is no valid record.
    pub fn records_of(&self, request: &str) -> Result<Vec<Record>, LedgerError> {
        self.select("WHERE payload ->> '$.request' = ?1", &[&request])?.iter().map(Event::record).collect()
    }

    /// The records that name a subject: its own, its requests, its memberships.
    ///
    /// # Errors
    /// If a row cannot be read or is no valid record.
    pub fn records_of_subject(&self, subject: &Pseudonym) -> Result<Vec<Record>, LedgerError> {
        let subject = subject.as_str();
        self.select("WHERE payload ->> '$.subject' = ?1", &[&subject])?.iter().map(Event::record).collect()
    }

    /// The records of one kind, given by its name in JSON.
    ///
    /// # Errors
    /// If a row cannot be read or is no valid record.
    pub fn records_of_kind(&self, kind: &str) -> Result<Vec<Record>, LedgerError> {
        self.select("WHERE payload ->> '$.kind' = ?1", &[&kind])?.iter().map(Event::record).collect()
    }

    /// The ledger's name, `lacuna.ledger/ID`.
    ///
    /// # Errors
    /// If the ledger has no first event.
    pub fn origin(&self) -> Result<String, LedgerError> {
        origin(self.select("WHERE sequence = 1", &[])?.first(), self.path)
    }

    fn select(&self, filter: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Event>, LedgerError> {
        let sql = format!("SELECT sequence, at, payload, salt, previous, hash FROM events {filter} ORDER BY sequence");
        let mut statement = self.connection.prepare(&sql).map_err(sqlite(self.path))?;
        let rows = statement
            .query_map(values, |row| {
                Ok(Event {
                    sequence: sequence_of(row.get(0)?),
                    at: row.get(1)?,
                    payload: row.get(2)?,
                    salt: row.get(3)?,
                    previous: Digest(row.get(4)?),
                    hash: Digest(row.get(5)?),
                })
            })
            .map_err(sqlite(self.path))?;
        rows.map(|row| row.map_err(sqlite(self.path))).collect()
    }
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

/// The ledger's name, from its first event.
pub fn origin(first: Option<&Event>, path: &Path) -> Result<String, LedgerError> {
    match first.map(Event::record).transpose()? {
        Some(Record::Ledger { ledger }) => Ok(format!("lacuna.ledger/{ledger}")),
        other => {
            let finding = Finding::at_event(1, "the event that begins a ledger", &format!("{other:?}"));
            Err(LedgerError::tampered(path, finding))
        }
    }
}
