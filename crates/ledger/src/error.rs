//! What can go wrong with a ledger.

use crate::verify::Finding;
use lacuna_disk::DiskError;
use std::path::PathBuf;

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
    /// A file that is no ledger, or one of another version.
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
    #[error("{path}: {finding}")]
    Tampered {
        /// The ledger.
        path: PathBuf,
        /// Which row, expected, found.
        finding: Finding,
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
