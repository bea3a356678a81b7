//! Reading the events of a ledger within one transaction.

use crate::sql::{sequence_of, sqlite};
use crate::{Digest, Event, Finding, LedgerError, Pseudonym, Record};
use rusqlite::Connection;
use std::path::Path;

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
