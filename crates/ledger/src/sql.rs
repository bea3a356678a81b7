//! All use of SQLite: the layout, the meaning of its errors, the writing of events and of the seal.

use crate::digest::random;
use crate::finding::Finding;
use crate::{Digest, Event, Keyring, LedgerError, Record};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};
use std::path::Path;

/// The text "Lacu" as a number, SQLite's application id of a ledger.
pub const APPLICATION_ID: i32 = 0x4C61_6375;
/// The version of the layout: tables, kinds of events, and views.
pub const SCHEMA_VERSION: i32 = 3;
/// Earlier versions with the same tables and fewer kinds of events; only their views differ.
pub const SAME_TABLES: std::ops::Range<i32> = 1..SCHEMA_VERSION;
pub const SCHEMA: &str = concat!(include_str!("schema.sql"), include_str!("views.sql"));
pub const VIEWS: &str = include_str!("views.sql");

/// Reads a number from the file's header.
pub fn number(connection: &Connection, field: &str) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, field, |row| row.get(0))
}

/// The number of tables, indices, views and triggers; 0 in a file where no ledger was begun.
pub fn count_of_objects(connection: &Connection, path: &Path) -> Result<i64, LedgerError> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(sqlite(path))
}

/// Appends records and seals the last event.
pub fn write(transaction: &Transaction, path: &Path, keyring: &Keyring, records: &[Record]) -> Result<(), LedgerError> {
    let (mut sequence, mut previous) = last(transaction, path)?;
    for record in records {
        sequence += 1;
        let payload = serde_json::to_string(record).expect("a record is JSON");
        let salt = random::<16>().to_vec();
        let mut event = Event { sequence, at: now(), payload, salt, previous, hash: Digest([0; 32]) };
        event.hash = Digest::of(&[&event.encoded()]);
        transaction
            .prepare("INSERT INTO events (sequence, at, payload, salt, previous, hash) VALUES (?,?,?,?,?,?)")
            .and_then(|mut insert| {
                let (previous, hash) = (event.previous.0, event.hash.0);
                insert.execute(params![event.sequence as i64, event.at, event.payload, event.salt, previous, hash])
            })
            .map_err(sqlite(path))?;
        previous = event.hash;
    }
    let mac = keyring.seal(sequence, &previous).0;
    transaction
        .execute("INSERT INTO seal (only, mac) VALUES (1, ?1) ON CONFLICT (only) DO UPDATE SET mac = ?1", [mac])
        .map_err(sqlite(path))?;
    Ok(())
}

/// Checks the seal over the last event, so that nothing is appended to a chain that was not sealed under the ledger's
/// key.
pub fn check_seal(connection: &Connection, path: &Path, keyring: &Keyring) -> Result<(), LedgerError> {
    let (sequence, hash) = last(connection, path)?;
    let expected = keyring.seal(sequence, &hash);
    let found: Option<[u8; 32]> =
        connection.query_row("SELECT mac FROM seal", [], |row| row.get(0)).optional().map_err(sqlite(path))?;
    if found == Some(expected.0) {
        return Ok(());
    }
    // The valid seal is not printed: an attacker who cannot compute it could copy it from the message.
    let expected = format!("the seal over these {sequence} events under the ledger's key");
    let found = if found.is_some() { "another" } else { "none" };
    Err(LedgerError::tampered(path, Finding::new("seal", &expected, found)))
}

fn last(connection: &Connection, path: &Path) -> Result<(u64, Digest), LedgerError> {
    let sql = "SELECT sequence, hash FROM events ORDER BY sequence DESC LIMIT 1";
    let row = connection.query_row(sql, [], |row| Ok((sequence_of(row.get(0)?), Digest(row.get(1)?)))).optional();
    Ok(row.map_err(sqlite(path))?.unwrap_or((0, Digest([0; 32]))))
}

/// A sequence number from SQLite's signed integer; a negative one, which must be forged, becomes a number that no event
/// has.
pub fn sequence_of(integer: i64) -> u64 {
    integer.max(0) as u64
}

pub fn begin<'a>(connection: &'a mut Connection, path: &Path) -> Result<Transaction<'a>, LedgerError> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite(path))
}

pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub fn is_busy(error: &LedgerError) -> bool {
    let LedgerError::Sqlite { source, .. } = error else { return false };
    let busy = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked, ErrorCode::FileLockingProtocolFailed];
    source.sqlite_error_code().is_some_and(|code| busy.contains(&code))
}

/// Whether SQLite could not create or change a file that it needs, as on a full disk or in a read-only place.
pub fn is_unwritable(error: &LedgerError) -> bool {
    match error {
        LedgerError::ReadOnly { .. } => true,
        LedgerError::Sqlite { source, .. } => source.sqlite_error_code() == Some(ErrorCode::CannotOpen),
        _ => false,
    }
}

/// Converts an error of SQLite into one of the ledger, by its meaning for the ledger's operator.
///
/// Statements are fixed and the tables known, so a statement that does not fit its database, or a value of another
/// type, means that the file was changed after it was written.
pub fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> LedgerError {
    let path = path.to_path_buf();
    move |source| {
        let whole = || Finding::new("file", "a whole SQLite database", &source.to_string());
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => LedgerError::tampered(&path, whole()),
            Some(ErrorCode::Unknown | ErrorCode::TypeMismatch) | None => {
                let finding = Finding::new("file", "the tables and values of a ledger", &source.to_string());
                LedgerError::tampered(&path, finding)
            }
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => {
                LedgerError::Storage { path: path.clone(), source }
            }
            Some(ErrorCode::ReadOnly) => LedgerError::ReadOnly { path: path.clone() },
            Some(_) => LedgerError::Sqlite { path: path.clone(), source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_sqlites_errors_says_what_to_do_about_it() {
        // The numbers of sqlite.org/rescode.html, with what each means for a ledger.
        let cases = [
            (rusqlite::ffi::SQLITE_FULL, "free some space"),
            (rusqlite::ffi::SQLITE_IOERR, "free some space"),
            (rusqlite::ffi::SQLITE_IOERR_WRITE, "free some space"),
            (rusqlite::ffi::SQLITE_IOERR_SHMSIZE, "free some space"),
            (rusqlite::ffi::SQLITE_READONLY, "that can be written"),
            (rusqlite::ffi::SQLITE_CORRUPT, "whole SQLite database"),
            (rusqlite::ffi::SQLITE_NOTADB, "whole SQLite database"),
            (rusqlite::ffi::SQLITE_ERROR, "tables and values"),
        ];
        for (code, said) in cases {
            let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            let message = sqlite(Path::new("l.db"))(error).to_string();
            assert!(
                message.contains(said) && message.contains("l.db") && message.contains("fix: "),
                "{code}: {message}"
            );
        }
    }
}
