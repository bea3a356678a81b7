//! What can go wrong with a ledger.

use crate::verify::Finding;
use lacuna_disk::DiskError;
use std::path::{Path, PathBuf};

/// An error of the ledger and of evidence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// A file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// SQLite refused.
    #[error("{path}: {source}")]
    Sqlite {
        /// The ledger.
        path: PathBuf,
        /// Its reason.
        source: rusqlite::Error,
    },
    /// The disk is full, or did not do what it was asked.
    #[error("{path}: {source}; fix: free some space there (or see to the disk), then give the same command again")]
    Storage {
        /// The ledger.
        path: PathBuf,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// A ledger that can be read and not added to.
    #[error(
        "{path}: expected a ledger that can be written, found a read-only one; fix: give the command where it can be \
         written; `list`, `show`, `verify` and `export` work here"
    )]
    ReadOnly {
        /// The ledger.
        path: PathBuf,
    },
    /// A ledger in a read-only place whose log cannot be read.
    #[error(
        "{path}: expected all events in this file, found more in {log}, which cannot be read in a read-only place; fix: \
         copy both and the keys to a folder that can be written"
    )]
    Log {
        /// The ledger.
        path: PathBuf,
        /// Its log.
        log: PathBuf,
    },
    /// Others kept the ledger busy for too long.
    #[error("{path}: others have been writing for {seconds} s; fix: try again when they are done")]
    Busy {
        /// The ledger.
        path: PathBuf,
        /// How long this process has waited.
        seconds: u64,
    },
    /// A file system on which a ledger is not safe.
    #[error(
        "{path}: expected a file system of this machine, found {found}, where SQLite's log needs memory that machines \
         do not share; fix: keep the ledger on one machine's own disk and export checkpoints from there"
    )]
    NetworkFileSystem {
        /// The ledger.
        path: PathBuf,
        /// The file system's name.
        found: String,
    },
    /// No ledger where one should be.
    #[error("{path}: expected a ledger, found no file; fix: `lacuna ledger request` begins one")]
    NoLedger {
        /// Where it should be.
        path: PathBuf,
    },
    /// A ledger whose making was interrupted before its first event.
    #[error(
        "{path}: expected a ledger, found nothing in it: it was never begun; fix: `lacuna ledger request` begins it, or \
         delete the file"
    )]
    NotBegun {
        /// The file.
        path: PathBuf,
    },
    /// A ledger's keys without the ledger.
    #[error(
        "{path}: expected the ledger that the keys in {keys} belong to, found {found}; fix: restore it from its backup; to \
         begin another ledger, name another file, or move {keys} away first"
    )]
    Gone {
        /// Where the ledger should be.
        path: PathBuf,
        /// Its keys.
        keys: PathBuf,
        /// What is there.
        found: &'static str,
    },
    /// A ledger without its keys.
    #[error(
        "{keys}: expected the keys of {path}, found {missing} missing; fix: restore the folder from its backup, which is \
         kept apart from the ledger's. Without the keys no id leads to its pseudonym, deleted files are not known again, \
         and nothing can be added, checked against its seal or signed; exports and evidence that were signed before still \
         hold"
    )]
    KeysMissing {
        /// The ledger.
        path: PathBuf,
        /// Where its keys should be.
        keys: PathBuf,
        /// Which are not there.
        missing: String,
    },
    /// A ledger of a later version of lacuna.
    #[error(
        "{path}: expected a ledger of layout 1 to {known}, found layout {found}, made by a newer lacuna; fix: use that \
         version"
    )]
    NewerVersion {
        /// The ledger.
        path: PathBuf,
        /// The latest that this version knows.
        known: i32,
        /// That of the file.
        found: i32,
    },
    /// A file that is no ledger.
    #[error("{path}: {field}: expected {expected}, found {found}")]
    NotALedger {
        /// The file.
        path: PathBuf,
        /// What was looked at.
        field: &'static str,
        /// What would do.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The ledger is not as it was written.
    #[error(
        "{path}: {finding}{}; fix: stop and look, `lacuna ledger verify` lists all that is not as it was written; what is \
         right can be restored from a backup",
        and_more(*.more)
    )]
    Tampered {
        /// The ledger.
        path: PathBuf,
        /// Which row, expected, found.
        finding: Finding,
        /// How many findings there are besides.
        more: usize,
    },
    /// A key that is not there or cannot be one.
    #[error("{path}: expected {expected}, found {found}; fix: restore the keys from where they are kept")]
    Key {
        /// The key's file.
        path: PathBuf,
        /// What should be there.
        expected: &'static str,
        /// What is.
        found: String,
    },
    /// A link of the file system among the keys, to a file elsewhere that links an id to its pseudonym.
    #[error(
        "{path}: expected a file, found a link to one elsewhere that still holds the pseudonym; fix: delete both, then give \
         the command again"
    )]
    LinkElsewhere {
        /// The link.
        path: PathBuf,
    },
    /// A text that is not what it should be.
    #[error("{what}: expected {expected}, found {found}")]
    Malformed {
        /// Where.
        what: String,
        /// What would do.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A request that the ledger does not know.
    #[error("request {request}: expected one of this ledger, found none; fix: `lacuna ledger list` shows all")]
    NoRequest {
        /// As given.
        request: String,
    },
    /// A step that a request cannot take from where it is.
    #[error("request {request}: expected {expected}, found it {found}")]
    Step {
        /// The request.
        request: String,
        /// From where the step can be taken.
        expected: String,
        /// Where it is.
        found: String,
    },
    /// A request that was executed, of which no audit has shown what it was to show.
    #[error(
        "request {request}: expected it verified or refused before it is closed, found it executed; fix: `lacuna ledger \
         audit` writes down what an audit found, or, where none can judge it, `lacuna ledger close {request} --unassessed` \
         closes it as that"
    )]
    Unassessed {
        /// The request.
        request: String,
    },
    /// What was signed or proven does not hold.
    #[error("{what}: expected {expected}, found {found}")]
    Unproven {
        /// What was checked.
        what: String,
        /// What would have been right.
        expected: String,
        /// What is there.
        found: String,
    },
}

impl LedgerError {
    /// A ledger with something in it that is not as it was written.
    pub(crate) fn tampered(path: &Path, finding: Finding) -> LedgerError {
        LedgerError::Tampered { path: path.to_path_buf(), finding, more: 0 }
    }

    /// The first of some findings, if there are any, with their number.
    pub(crate) fn of_findings(path: &Path, findings: Vec<Finding>) -> Option<LedgerError> {
        let more = findings.len().saturating_sub(1);
        let finding = findings.into_iter().next()?;
        Some(LedgerError::Tampered { path: path.to_path_buf(), finding, more })
    }
}

fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" (and {more} more)") }
}
