//! What a ledger holds, read from one transaction.

use crate::sql::{sequence_of, sqlite};
use crate::verify::Finding;
use crate::{Digest, LedgerError, Pseudonym, Record};
use rusqlite::Connection;
use std::path::Path;

/// What the hash of an event begins with, so that it is a hash of nothing else.
const DOMAIN: &[u8] = b"lacuna/event/v1\0";

/// One fact, when it was written, and where it stands in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// 1, 2, 3, …
    pub sequence: u64,
    /// When it was written, in UTC, by the clock of that machine.
    pub at: String,
    /// The record as JSON, as stored.
    pub payload: String,
    /// Chance, so that nobody can try out which record has a leaf's hash.
    pub salt: Vec<u8>,
    /// The hash of the event before; zeros before the first.
    pub previous: Digest,
    /// Its own.
    pub hash: Digest,
}

/// What a ledger holds, as one transaction sees it.
pub struct View<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) path: &'a Path,
}

impl View<'_> {
    /// All events, the first one first.
    ///
    /// # Errors
    /// A row that cannot be read.
    pub fn events(&self) -> Result<Vec<Event>, LedgerError> {
        self.select("", &[])
    }

    /// The records of one request, the first one first.
    ///
    /// # Errors
    /// A row that cannot be read or understood.
    pub fn records_of(&self, request: &str) -> Result<Vec<Record>, LedgerError> {
        self.select("WHERE payload ->> '$.request' = ?1", &[&request])?.iter().map(Event::record).collect()
    }

    /// The records that name a subject: its own, its requests, its memberships.
    ///
    /// # Errors
    /// A row that cannot be read or understood.
    pub fn records_of_subject(&self, subject: &Pseudonym) -> Result<Vec<Record>, LedgerError> {
        let subject = subject.as_str();
        self.select("WHERE payload ->> '$.subject' = ?1", &[&subject])?.iter().map(Event::record).collect()
    }

    /// The records of one kind, as JSON names it.
    ///
    /// # Errors
    /// A row that cannot be read or understood.
    pub fn records_of_kind(&self, kind: &str) -> Result<Vec<Record>, LedgerError> {
        self.select("WHERE payload ->> '$.kind' = ?1", &[&kind])?.iter().map(Event::record).collect()
    }

    /// `lacuna.ledger/ID`.
    ///
    /// # Errors
    /// A ledger without its first event.
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
    /// The bytes that its hash and its leaf are taken of: each part has a fixed length or its length in front, so that
    /// no two events have the same.
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

    /// What it says.
    ///
    /// # Errors
    /// A payload that is no record.
    pub fn record(&self) -> Result<Record, LedgerError> {
        serde_json::from_str(&self.payload).map_err(|error| LedgerError::Malformed {
            what: format!("event {}", self.sequence),
            expected: "a record of this version of lacuna".to_string(),
            found: error.to_string(),
        })
    }
}

/// The ledger's name, which its first event holds.
pub fn origin(first: Option<&Event>, path: &Path) -> Result<String, LedgerError> {
    match first.map(Event::record).transpose()? {
        Some(Record::Ledger { ledger }) => Ok(format!("lacuna.ledger/{ledger}")),
        other => {
            let finding = Finding::at_event(1, "the event that begins a ledger", &format!("{other:?}"));
            Err(LedgerError::tampered(path, finding))
        }
    }
}
