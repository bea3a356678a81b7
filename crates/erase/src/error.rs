//! Errors of carrying out a request.

use std::path::PathBuf;

/// A request whose progress, ledger or evidence cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EraseError {
    /// Reading or writing a file failed.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
    /// The ledger refuses a step, or the evidence cannot be signed.
    #[error(transparent)]
    Ledger(#[from] lacuna_ledger::LedgerError),
    /// The file that keeps what a request has come to is damaged.
    #[error("{path}: {found}; fix: delete it, and the runs are done again")]
    Progress {
        /// The path of the file.
        path: PathBuf,
        /// The content that was found.
        found: String,
    },
    /// A request that is not accepted, or no longer open.
    #[error("request {request}: expected one that is accepted, found it {found}; fix: {fix}")]
    NotAccepted {
        /// The name of the request.
        request: String,
        /// The status of the request.
        found: &'static str,
        /// The way to a request that can be carried out.
        fix: String,
    },
    /// A request that was carried out before, by runs that this attempt does not have.
    #[error(
        "request {request}: expected no finished run of it before this one, found one (`lacuna ledger show`); fix: --again \
         makes another attempt, and its evidence lists every earlier one"
    )]
    OtherRuns {
        /// The name of the request.
        request: String,
    },
    /// An audit of several subjects under pseudonyms, of which none can be identified as the subject.
    #[error("the audit file: expected a row of the subject, found several under pseudonyms; fix: pseudonyms = false")]
    NoRow,
}
