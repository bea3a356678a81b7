//! Errors of a search and of a purge.

use std::path::{Path, PathBuf};

/// A folder that cannot be searched, or a purge that cannot be done or undone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// Reading, writing or moving a file failed.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
    /// The key of a site, or a register, cannot be used.
    #[error(transparent)]
    Artefact(#[from] lacuna_artefacts::ArtefactError),
    /// A data set cannot be listed.
    #[error(transparent)]
    Cohort(#[from] lacuna_cohort::CohortError),
    /// The ledger cannot be read, or the request is at no point where files are removed.
    #[error(transparent)]
    Ledger(#[from] lacuna_ledger::LedgerError),
    /// The journal of a quarantine is damaged.
    #[error("{path}: expected the journal of a purge, found {found}; fix: restore it from a backup")]
    Journal {
        /// The path of the journal.
        path: PathBuf,
        /// The content that was found.
        found: String,
    },
    /// A file that changed after the purge; putting the original back would lose the change.
    #[error(
        "{path}: expected it as the purge left it, found it changed since, so putting the original back would lose that; \
         fix: put back later quarantines first, or move it away"
    )]
    ChangedSince {
        /// The path of the file.
        path: PathBuf,
    },
    /// Signed evidence lists the files to be put back as removed.
    #[error(
        "{quarantine}: expected files that no signed evidence says were removed, found {files} that the evidence of \
         request {request} says were; fix: --against-evidence puts them back, and `lacuna ledger show {request}` says so \
         from then on"
    )]
    AgainstEvidence {
        /// The name of the quarantine.
        quarantine: String,
        /// The name of the request.
        request: String,
        /// The number of such files.
        files: usize,
    },
}

/// The error of an operation on `path` that the system refused.
pub(crate) fn refused(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> TraceError {
    let path = path.to_path_buf();
    move |source| TraceError::Disk(lacuna_disk::DiskError::Io { path, action, source })
}
