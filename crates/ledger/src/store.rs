//! An open ledger, and its transactions.
//!
//! Every write begins with `BEGIN IMMEDIATE`. A transaction that reads first and writes later would fail at once if
//! another process wrote in between, whatever the busy timeout. This way each waits its turn, and decides on the same
//! events that it appends to.

use crate::sql::{begin, check_seal, is_busy, is_unwritable, now, sqlite, write};
use crate::verify::{chain, courses};
use crate::waiting::{PATIENCE, pause};
use crate::{Checkpoint, Event, Keyring, LedgerError, Record, Tree, UncheckedLedger, View, leaf_hash};
use lacuna_disk::DiskError;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// An open ledger that passed verification when it was opened.
pub struct Ledger {
    pub(crate) path: PathBuf,
    pub(crate) connection: Connection,
    pub(crate) keyring: Keyring,
}

impl Ledger {
    /// Opens a ledger, or creates one.
    ///
    /// # Errors
    /// If the place or the file cannot be used, the ledger's file or keys are missing, or it was changed after it was
    /// written.
    pub fn open_or_create(path: &Path) -> Result<Ledger, LedgerError> {
        UncheckedLedger::open_or_create(path)?.checked()
    }

    /// Opens an existing ledger.
    ///
    /// # Errors
    /// Those of [`Ledger::open_or_create`], and if there is no ledger.
    pub fn open(path: &Path) -> Result<Ledger, LedgerError> {
        UncheckedLedger::open(path)?.checked()
    }

    /// The path of the ledger's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The keys of the ledger.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Appends the records that `decide` returns for the records so far, in one transaction with its decision.
    ///
    /// `decide` is called again if another process wrote in the meantime, so it must have no side effects.
    ///
    /// # Errors
    /// Those of `decide`; if other processes keep the ledger locked for a minute, the end of the ledger was tampered
    /// with, or its place cannot be written.
    pub fn append<T>(
        &mut self,
        decide: impl Fn(&View) -> Result<(Vec<Record>, T), LedgerError>,
    ) -> Result<T, LedgerError> {
        let appended = self.retried(|ledger| {
            let transaction = begin(&mut ledger.connection, &ledger.path)?;
            check_seal(&transaction, &ledger.path, &ledger.keyring)?;
            let view = View { connection: &transaction, path: &ledger.path };
            let (records, value) = decide(&view)?;
            write(&transaction, &ledger.path, &ledger.keyring, &records)?;
            boundary_of(&ledger.path, "committing to the ledger")?;
            transaction.commit().map_err(sqlite(&ledger.path))?;
            // After the commit the records are written, even if the disk fails later. A test can still end the process
            // here.
            let _ = lacuna_disk::boundary("going on after a commit");
            Ok(value)
        });
        appended.map_err(|error| explained(&self.path, error))
    }

    /// A read-only view of the ledger's contents.
    pub fn view(&self) -> View<'_> {
        View { connection: &self.connection, path: &self.path }
    }

    /// Returns all events, after verifying their chain, the courses of requests and the seal in one transaction, so
    /// that exactly the verified events are signed.
    ///
    /// # Errors
    /// The first finding, if the ledger was changed after it was written.
    pub fn checked_events(&self) -> Result<Vec<Event>, LedgerError> {
        let moment = self.connection.unchecked_transaction().map_err(sqlite(&self.path))?;
        let events = View { connection: &moment, path: &self.path }.events()?;
        check_seal(&moment, &self.path, &self.keyring)?;
        let mut findings = chain(&events);
        findings.extend(courses(&events));
        LedgerError::of_findings(&self.path, findings).map_or(Ok(events), Err)
    }

    /// The Merkle tree of all events, which are verified first.
    ///
    /// # Errors
    /// If the ledger was changed after it was written.
    pub fn tree(&self) -> Result<Tree, LedgerError> {
        Ok(tree_of(&self.checked_events()?))
    }

    /// The unsigned checkpoint of all events, which are verified first.
    ///
    /// # Errors
    /// If the ledger was changed after it was written.
    pub fn checkpoint(&self) -> Result<Checkpoint, LedgerError> {
        checkpoint_of(&self.checked_events()?, &self.path)
    }

    pub(crate) fn retried<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Ledger) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let path = self.path.clone();
        retried(&path, || attempt(self))
    }
}

/// Repeats `attempt` while other processes hold the ledger, at most for a minute.
pub fn retried<T>(path: &Path, mut attempt: impl FnMut() -> Result<T, LedgerError>) -> Result<T, LedgerError> {
    let began = Instant::now();
    loop {
        match attempt() {
            Err(error) if is_busy(&error) => {
                if began.elapsed() > PATIENCE {
                    let seconds = began.elapsed().as_secs();
                    return Err(LedgerError::Busy { path: path.to_path_buf(), seconds });
                }
                std::thread::sleep(pause());
            }
            other => return other,
        }
    }
}

/// The Merkle tree of these events.
pub fn tree_of(events: &[Event]) -> Tree {
    Tree::new(events.iter().map(|event| leaf_hash(&event.encoded())).collect())
}

/// The checkpoint of verified events, with the present time.
pub fn checkpoint_of(events: &[Event], path: &Path) -> Result<Checkpoint, LedgerError> {
    let tree = tree_of(events);
    let size = tree.size();
    Ok(Checkpoint {
        origin: crate::view::origin(events.first(), path)?,
        events: size as u64,
        root: tree.root(size),
        at: now(),
    })
}

/// A failure point for tests, before `next` is done to the ledger.
pub fn boundary_of(path: &Path, next: &'static str) -> Result<(), LedgerError> {
    let refused = |source| LedgerError::Disk(DiskError::Io { path: path.to_path_buf(), action: "commit to", source });
    lacuna_disk::boundary(next).map_err(refused)
}

/// Distinguishes a full disk from a read-only place or missing rights. SQLite reports "unable to open" and "read-only"
/// for all of these, so a file is created there and the system's error is used.
pub fn explained(path: &Path, error: LedgerError) -> LedgerError {
    if !is_unwritable(&error) {
        return error;
    }
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.probe", crate::random_hex::<8>()));
    let probe = path.with_file_name(name);
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&probe);
    let written = made.and_then(|mut file| std::io::Write::write_all(&mut file, &[0; 4096]));
    let _ = std::fs::remove_file(&probe);
    match written {
        Err(source) => DiskError::Io { path: path.to_path_buf(), action: "write", source }.into(),
        Ok(()) => error,
    }
}
