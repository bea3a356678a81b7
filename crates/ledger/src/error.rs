//! Errors of ledgers and evidence.

use crate::finding::Finding;
use lacuna_disk::DiskError;
use std::path::{Path, PathBuf};

/// An error of the ledger and of evidence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// A file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// SQLite reported an error.
    #[error("{path}: {source}")]
    Sqlite {
        /// The path of the ledger.
        path: PathBuf,
        /// The error from SQLite.
        source: rusqlite::Error,
    },
    /// The disk is full or failed.
    #[error("{path}: {source}; fix: free some space there (or see to the disk), then give the same command again")]
    Storage {
        /// The path of the ledger.
        path: PathBuf,
        /// The error from SQLite.
        source: rusqlite::Error,
    },
    /// A ledger that can be read but not written.
    #[error(
        "{path}: expected a ledger that can be written, found a read-only one; fix: give the command where it can be \
         written; `list`, `show`, `verify` and `export` work here"
    )]
    ReadOnly {
        /// The path of the ledger.
        path: PathBuf,
    },
    /// A read-only ledger whose write-ahead log cannot be read.
    #[error(
        "{path}: expected all events in this file, found more in {log}, which cannot be read in a read-only place; fix: \
         copy both and the keys to a folder that can be written"
    )]
    Log {
        /// The path of the ledger.
        path: PathBuf,
        /// The path of its write-ahead log.
        log: PathBuf,
    },
    /// Other processes kept the ledger locked for too long.
    #[error("{path}: others have been writing for {seconds} s; fix: try again when they are done")]
    Busy {
        /// The path of the ledger.
        path: PathBuf,
        /// The seconds that this process has waited.
        seconds: u64,
    },
    /// A file system on which a ledger is not safe.
    #[error(
        "{path}: expected a file system of this machine, found {found}, where SQLite's log needs memory that machines \
         do not share; fix: keep the ledger on one machine's own disk and export checkpoints from there"
    )]
    NetworkFileSystem {
        /// The path of the ledger.
        path: PathBuf,
        /// The name of the file system.
        found: String,
    },
    /// There is no ledger at this path.
    #[error("{path}: expected a ledger, found no file; fix: `lacuna ledger request` begins one")]
    NoLedger {
        /// The path where it was expected.
        path: PathBuf,
    },
    /// A ledger whose creation was interrupted before its first event.
    #[error(
        "{path}: expected a ledger, found nothing in it: it was never begun; fix: `lacuna ledger request` begins it, or \
         delete the file"
    )]
    NotBegun {
        /// The path of the file.
        path: PathBuf,
    },
    /// The keys of a ledger exist, and the ledger does not.
    #[error(
        "{path}: expected the ledger that the keys in {keys} belong to, found {found}; fix: restore it from its backup; to \
         begin another ledger, name another file, or move {keys} away first"
    )]
    Gone {
        /// The path where the ledger was expected.
        path: PathBuf,
        /// The folder of its keys.
        keys: PathBuf,
        /// A description of what is at the path.
        found: &'static str,
    },
    /// A ledger exists, and some of its keys do not.
    #[error(
        "{keys}: expected the keys of {path}, found {missing} missing; fix: restore the folder from its backup, which is \
         kept apart from the ledger's. Without the keys no id leads to its pseudonym, deleted files are not known again, \
         and nothing can be added, checked against its seal or signed; exports and evidence that were signed before still \
         hold"
    )]
    KeysMissing {
        /// The path of the ledger.
        path: PathBuf,
        /// The folder where its keys were expected.
        keys: PathBuf,
        /// The names of the missing keys.
        missing: String,
    },
    /// A ledger that a later version of lacuna made.
    #[error(
        "{path}: expected a ledger of layout 1 to {known}, found layout {found}, made by a newer lacuna; fix: use that \
         version"
    )]
    NewerVersion {
        /// The path of the ledger.
        path: PathBuf,
        /// The latest layout that this version reads.
        known: i32,
        /// The layout of the file.
        found: i32,
    },
    /// A file that is no ledger.
    #[error("{path}: {field}: expected {expected}, found {found}")]
    NotALedger {
        /// The path of the file.
        path: PathBuf,
        /// The property that was checked.
        field: &'static str,
        /// The required value.
        expected: String,
        /// The value that was found.
        found: String,
    },
    /// The ledger was changed after it was written.
    #[error(
        "{path}: {finding}{}; fix: stop and look, `lacuna ledger verify` lists all that is not as it was written; what is \
         right can be restored from a backup",
        and_more(*.more)
    )]
    Tampered {
        /// The path of the ledger.
        path: PathBuf,
        /// The first finding: row, expected, found.
        finding: Finding,
        /// The number of further findings.
        more: usize,
    },
    /// A key that is missing or malformed.
    #[error("{path}: expected {expected}, found {found}; fix: restore the keys from where they are kept")]
    Key {
        /// The path of the key's file.
        path: PathBuf,
        /// A description of what was expected.
        expected: &'static str,
        /// A description of what was found.
        found: String,
    },
    /// A symbolic link among the keys, to a file elsewhere that links an id to its pseudonym.
    #[error(
        "{path}: expected a file, found a link to one elsewhere that still holds the pseudonym; fix: delete both, then give \
         the command again"
    )]
    LinkElsewhere {
        /// The path of the symbolic link.
        path: PathBuf,
    },
    /// A text or value with a wrong form.
    #[error("{what}: expected {expected}, found {found}")]
    Malformed {
        /// The name of the text or value.
        what: String,
        /// The required form.
        expected: String,
        /// The text that was found.
        found: String,
    },
    /// A request that the ledger does not contain.
    #[error("request {request}: expected one of this ledger, found none; fix: `lacuna ledger list` shows all")]
    NoRequest {
        /// The name that was given.
        request: String,
    },
    /// A step that a request cannot take from its current status.
    #[error("request {request}: expected {expected}, found it {found}")]
    Step {
        /// The name of the request.
        request: String,
        /// The statuses from which the step can be taken.
        expected: String,
        /// The current status.
        found: String,
    },
    /// An executed request without an audit that passed.
    #[error(
        "request {request}: expected it verified or refused before it is closed, found it executed; fix: `lacuna ledger \
         audit` writes down what an audit found, or, where none can judge it, `lacuna ledger close {request} --unassessed` \
         closes it as that"
    )]
    Unassessed {
        /// The name of the request.
        request: String,
    },
    /// A signature or proof that does not verify.
    #[error("{what}: expected {expected}, found {found}")]
    Unproven {
        /// The document that was checked.
        what: String,
        /// The required value.
        expected: String,
        /// The value that was found.
        found: String,
    },
}

impl LedgerError {
    /// The error of a ledger that was changed, with one finding.
    pub(crate) fn tampered(path: &Path, finding: Finding) -> LedgerError {
        LedgerError::Tampered { path: path.to_path_buf(), finding, more: 0 }
    }

    /// The first finding as an error, with the number of the others; `None` without findings.
    pub(crate) fn of_findings(path: &Path, findings: Vec<Finding>) -> Option<LedgerError> {
        let more = findings.len().saturating_sub(1);
        let finding = findings.into_iter().next()?;
        Some(LedgerError::Tampered { path: path.to_path_buf(), finding, more })
    }
}

fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" (and {more} more)") }
}
