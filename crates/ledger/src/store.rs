//! An open ledger: written one transaction after another.
//!
//! Every write begins with `BEGIN IMMEDIATE`. A transaction that reads first and writes later would be refused at once
//! where another has written in between, whatever the busy timeout; this way each waits its turn, and what it decides
//! on is what it writes after.

use crate::digest::random;
use crate::sql::{begin, check_seal, is_busy, is_unwritable, now, sqlite, write};
use crate::verify::{chain, courses};
use crate::{Checkpoint, Event, Keyring, LedgerError, Record, Tree, UncheckedLedger, View, leaf_hash};
use lacuna_disk::DiskError;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long we go on asking where others are in the way.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// An open ledger, which was as it was written when it was opened.
pub struct Ledger {
    pub(crate) path: PathBuf,
    pub(crate) connection: Connection,
    pub(crate) keyring: Keyring,
}

impl Ledger {
    /// Open a ledger, or begin one.
    ///
    /// # Errors
    /// A place or a file that cannot be used; a ledger whose file or whose keys are gone; one that is not as it was
    /// written.
    pub fn open_or_create(path: &Path) -> Result<Ledger, LedgerError> {
        UncheckedLedger::open_or_create(path)?.checked()
    }

    /// Open a ledger that is there.
    ///
    /// # Errors
    /// The same, and where there is none.
    pub fn open(path: &Path) -> Result<Ledger, LedgerError> {
        UncheckedLedger::open(path)?.checked()
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its keys.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Append what `decide` makes of the records so far, in one transaction with its decision.
    ///
    /// `decide` may be called again where others were faster, and must do nothing but decide.
    ///
    /// # Errors
    /// Those of `decide`; others that keep the ledger busy for a minute; a ledger whose end was tampered with; a place
    /// that cannot be written.
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
            // What is committed is written, whatever the disk says afterwards; a trial may still end the process here.
            let _ = lacuna_disk::boundary("going on after a commit");
            Ok(value)
        });
        appended.map_err(|error| explained(&self.path, error))
    }

    /// What is in it.
    pub fn view(&self) -> View<'_> {
        View { connection: &self.connection, path: &self.path }
    }

    /// All events of one moment, after their chain, the courses of requests and the seal were checked: what is signed is
    /// what was checked.
    ///
    /// # Errors
    /// The first thing that is not as it was written.
    pub fn checked_events(&self) -> Result<Vec<Event>, LedgerError> {
        let moment = self.connection.unchecked_transaction().map_err(sqlite(&self.path))?;
        let events = View { connection: &moment, path: &self.path }.events()?;
        check_seal(&moment, &self.path, &self.keyring)?;
        let mut findings = chain(&events);
        findings.extend(courses(&events));
        LedgerError::of_findings(&self.path, findings).map_or(Ok(events), Err)
    }

    /// The tree above all events, which are checked first.
    ///
    /// # Errors
    /// A ledger that is not as it was written.
    pub fn tree(&self) -> Result<Tree, LedgerError> {
        Ok(tree_of(&self.checked_events()?))
    }

    /// What it holds now, to be signed; it is checked first.
    ///
    /// # Errors
    /// A ledger that is not as it was written.
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

/// Try until nobody else is in the way, at most for a minute.
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

/// The tree above events.
pub fn tree_of(events: &[Event]) -> Tree {
    Tree::new(events.iter().map(|event| leaf_hash(&event.encoded())).collect())
}

/// What checked events come to now.
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

/// Those who wait come back at different times.
pub fn pause() -> Duration {
    Duration::from_millis(5 + u64::from(random::<1>()[0]) / 4)
}

/// A boundary of a trial, before something is done to the ledger.
pub fn boundary_of(path: &Path, next: &'static str) -> Result<(), LedgerError> {
    let refused = |source| LedgerError::Disk(DiskError::Io { path: path.to_path_buf(), action: "commit to", source });
    lacuna_disk::boundary(next).map_err(refused)
}

/// SQLite says "unable to open" and "read-only" of full disks, of read-only ones and of missing rights alike: the system
/// itself says which, when a file is made there.
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
