//! Opening a ledger whose file may be missing, empty, of another kind or version, or read-only.
//!
//! Opening returns an [`UncheckedLedger`], which can only be verified and read. [`UncheckedLedger::checked`] makes a
//! [`Ledger`] of it, so that a ledger that was changed after it was written is never queried, extended or signed.

use crate::sql::{
    APPLICATION_ID, SAME_TABLES, SCHEMA, SCHEMA_VERSION, VIEWS, begin, count_of_objects, is_unwritable, number, sqlite,
    write,
};
use crate::store::{boundary_of, explained, retried};
use crate::{Checkpoint, Event, Keyring, Ledger, LedgerError, Record, Verified, refuse_network_file_system};
use lacuna_disk::DiskError;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The first SQLite version without a fault by which resetting the log could corrupt a database.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// How long SQLite waits for a lock of another connection.
const BUSY: Duration = Duration::from_secs(10);

/// An open ledger that may have been tampered with; it can only be verified and read.
pub struct UncheckedLedger(Ledger);

impl UncheckedLedger {
    /// Opens an existing ledger, read-only where its place is read-only.
    ///
    /// # Errors
    /// If there is no ledger, it was never begun, its keys are missing, or it is of another kind or version.
    pub fn open(path: &Path) -> Result<UncheckedLedger, LedgerError> {
        // This is read before the file: the mark is set after the file has events, so it is never set too early.
        let is_begun = Keyring::is_begun(path);
        let absent = |never: LedgerError| if is_begun { gone(path) } else { never };
        match bytes_of(path) {
            None => return Err(absent(LedgerError::NoLedger { path: path.to_path_buf() })),
            Some(0) => return Err(absent(LedgerError::NotBegun { path: path.to_path_buf() })),
            Some(_) => {}
        }
        refuse_network_file_system(path)?;
        let connection = match connect(path) {
            Err(error) if is_unwritable(&error) => connect_read_only(path)?,
            connected => connected?,
        };
        if count_of_objects(&connection, path)? == 0 {
            return Err(absent(LedgerError::NotBegun { path: path.to_path_buf() }));
        }
        UncheckedLedger::of(path, connection)
    }

    /// Opens a ledger, or creates one.
    ///
    /// # Errors
    /// Those of [`UncheckedLedger::open`], except for a ledger that was never begun; and if the place cannot be
    /// written.
    pub fn open_or_create(path: &Path) -> Result<UncheckedLedger, LedgerError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
            let refused = |source| DiskError::Io { path: folder.to_path_buf(), action: "create", source };
            std::fs::create_dir_all(folder).map_err(refused)?;
        }
        refuse_network_file_system(path)?;
        match UncheckedLedger::open(path) {
            Err(LedgerError::NoLedger { .. } | LedgerError::NotBegun { .. }) => {}
            opened => return opened,
        }
        // Keys are made first: a file with events then has all of them.
        let keyring = Keyring::make(path)?;
        let connection = connect(path).map_err(|error| explained(path, error))?;
        let mut ledger = Ledger { path: path.to_path_buf(), connection, keyring };
        ledger.retried(found).map_err(|error| explained(path, error))?;
        ledger.keyring.mark_begun()?;
        UncheckedLedger::of(path, ledger.connection)
    }

    /// Verifies the ledger and returns it for use.
    ///
    /// # Errors
    /// The first finding, if the ledger was changed after it was written.
    pub fn checked(mut self) -> Result<Ledger, LedgerError> {
        let findings = self.0.retried(|ledger| ledger.findings())?;
        LedgerError::of_findings(&self.0.path, findings).map_or(Ok(self.0), Err)
    }

    /// Verifies the ledger; see [`Ledger::verify`].
    ///
    /// # Errors
    /// Only if nothing could be read; defects are findings.
    pub fn verify(&self, checkpoints: &[Checkpoint]) -> Result<Verified, LedgerError> {
        self.0.verify(checkpoints)
    }

    /// Returns the events without verifying them.
    ///
    /// # Errors
    /// If a row cannot be read.
    pub fn events(&self) -> Result<Vec<Event>, LedgerError> {
        self.0.view().events()
    }

    /// The keys of the ledger.
    pub fn keyring(&self) -> &Keyring {
        self.0.keyring()
    }

    /// Wraps a connection to an existing ledger, with its keys.
    fn of(path: &Path, connection: Connection) -> Result<UncheckedLedger, LedgerError> {
        assert_ours(&connection, path)?;
        let keyring = Keyring::open(path)?;
        let mut ledger = Ledger { path: path.to_path_buf(), connection, keyring };
        match ledger.retried(renew_views) {
            Err(error) if is_unwritable(&error) => {}
            renewed => renewed?,
        }
        // A ledger of an older version, or one whose creation was interrupted, has no mark. Where it cannot be set, the
        // ledger can still be read.
        let _ = ledger.keyring.mark_begun();
        Ok(UncheckedLedger(ledger))
    }
}

/// Creates a ledger under existing keys, as a keeper who rewrites history would.
#[cfg(test)]
impl Ledger {
    pub(crate) fn connect_again(path: &Path) -> Ledger {
        let (connection, keyring) = (connect(path).unwrap(), Keyring::open(path).unwrap());
        let mut ledger = Ledger { path: path.to_path_buf(), connection, keyring };
        found(&mut ledger).unwrap();
        ledger
    }
}

fn gone(path: &Path) -> LedgerError {
    let found = if path.exists() { "nothing in it" } else { "no file" };
    LedgerError::Gone { path: path.to_path_buf(), keys: Keyring::folder_of(path), found }
}

/// The size of a file in bytes; `None` if there is no file.
fn bytes_of(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|about| about.len())
}

fn connect(path: &Path) -> Result<Connection, LedgerError> {
    let found = rusqlite::version_number();
    assert!(found >= SQLITE_VERSION_MIN, "the SQLite that we build is free of the log's fault, found {found}");
    // Without URI names, so that the ledger is exactly the file that was named.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite(path))?;
    let set = |name: &str, value: &str| connection.pragma_update(None, name, value).map_err(sqlite(path));
    configure(&connection, path)?;
    retried(path, || set("journal_mode", "wal"))?;
    set("synchronous", "full")?;
    set("secure_delete", "on")?;
    Ok(connection)
}

/// Settings of every connection, made before anything is read.
fn configure(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let set = |name: &str, value: &str| connection.pragma_update(None, name, value).map_err(sqlite(path));
    connection.busy_timeout(BUSY).map_err(sqlite(path))?;
    set("trusted_schema", "off")?;
    set("cell_size_check", "on")?;
    set("mmap_size", "0")?;
    set("foreign_keys", "on")
}

/// Opens a ledger where SQLite can create no log beside the file: on read-only media, or in folders of other users.
///
/// If a log exists, the file is read through it. If none exists, the file is complete and cannot change during the
/// read, which SQLite requires as the option `immutable`. A log that cannot be read must not be ignored: the file alone
/// is an older state of the ledger, and would verify.
fn connect_read_only(path: &Path) -> Result<Connection, LedgerError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let through_log = Connection::open_with_flags(path, flags).map_err(sqlite(path)).and_then(readable(path));
    if !through_log.as_ref().is_err_and(is_unwritable) {
        return through_log;
    }
    connect_immutable(path)
}

/// Opens the file alone as `immutable`; fails if it has a log.
pub(crate) fn connect_immutable(path: &Path) -> Result<Connection, LedgerError> {
    let mut log = path.as_os_str().to_os_string();
    log.push("-wal");
    let log = PathBuf::from(log);
    if bytes_of(&log).is_some_and(|bytes| bytes > 0) {
        return Err(LedgerError::Log { path: path.to_path_buf(), log });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let opened = Connection::open_with_flags(format!("file:{}?immutable=1", escaped(path)), flags);
    opened.map_err(sqlite(path)).and_then(readable(path))
}

fn readable(path: &Path) -> impl Fn(Connection) -> Result<Connection, LedgerError> {
    let path = path.to_path_buf();
    move |connection| {
        configure(&connection, &path)?;
        count_of_objects(&connection, &path)?;
        Ok(connection)
    }
}

/// A path as part of a `file:` URI, with special characters percent-encoded.
fn escaped(path: &Path) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(byte);
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes.map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Creates the tables and the first event, unless another process has.
fn found(ledger: &mut Ledger) -> Result<(), LedgerError> {
    let transaction = begin(&mut ledger.connection, &ledger.path)?;
    if count_of_objects(&transaction, &ledger.path)? > 0 {
        return Ok(());
    }
    transaction.execute_batch(SCHEMA).map_err(sqlite(&ledger.path))?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(sqlite(&ledger.path))?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(sqlite(&ledger.path))?;
    let name = crate::random_hex::<16>();
    write(&transaction, &ledger.path, &ledger.keyring, &[Record::Ledger { ledger: name }])?;
    boundary_of(&ledger.path, "committing the event that begins a ledger")?;
    transaction.commit().map_err(sqlite(&ledger.path))
}

/// Gives a ledger of an older version the views of this version; its events stay unchanged.
fn renew_views(ledger: &mut Ledger) -> Result<(), LedgerError> {
    let is_older = |connection: &Connection| Ok(SAME_TABLES.contains(&number(connection, "user_version")?));
    let path = ledger.path.clone();
    if !is_older(&ledger.connection).map_err(sqlite(&path))? {
        return Ok(());
    }
    let transaction = begin(&mut ledger.connection, &path)?;
    let renew = || -> rusqlite::Result<()> {
        // Another process may have done it in the meantime.
        if !is_older(&transaction)? {
            return Ok(());
        }
        let mut views = transaction.prepare("SELECT name FROM sqlite_schema WHERE type = 'view'")?;
        let names = views.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        for name in names {
            transaction.execute_batch(&format!("DROP VIEW \"{}\"", name.replace('"', "\"\"")))?;
        }
        transaction.execute_batch(VIEWS)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)
    };
    renew().map_err(sqlite(&path))?;
    transaction.commit().map_err(sqlite(&path))
}

fn assert_ours(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let other = |field, expected: String, found: i32| {
        let (path, found) = (path.to_path_buf(), found.to_string());
        Err(LedgerError::NotALedger { path, field, expected, found })
    };
    let application = number(connection, "application_id").map_err(sqlite(path))?;
    if application != APPLICATION_ID {
        return other("application_id", APPLICATION_ID.to_string(), application);
    }
    match number(connection, "user_version").map_err(sqlite(path))? {
        newer if newer > SCHEMA_VERSION => {
            Err(LedgerError::NewerVersion { path: path.to_path_buf(), known: SCHEMA_VERSION, found: newer })
        }
        known if known == SCHEMA_VERSION || SAME_TABLES.contains(&known) => Ok(()),
        older => other("user_version", format!("1 to {SCHEMA_VERSION}"), older),
    }
}
