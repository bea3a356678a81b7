//! Opening a ledger: with care for files that are gone, empty, of another kind or version, or read-only.
//!
//! What is opened is an [`UncheckedLedger`], which can be verified and looked at and nothing else. Only
//! [`UncheckedLedger::checked`] makes a [`Ledger`] of it, so that nothing is asked of, added to or signed with a ledger
//! that is not as it was written.

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

/// The first SQLite without the fault by which resetting the log could corrupt a database.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// How long SQLite waits for others.
const BUSY: Duration = Duration::from_secs(10);

/// An open ledger that may have been changed by others: to be verified, and looked at.
pub struct UncheckedLedger(Ledger);

impl UncheckedLedger {
    /// Open a ledger that is there, read-only where its place is.
    ///
    /// # Errors
    /// None at this place, one that was never begun, one whose keys are not there, or one of another kind or version.
    pub fn open(path: &Path) -> Result<UncheckedLedger, LedgerError> {
        // Before the file is looked at: the mark is set after the file has events, so it never comes too early.
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

    /// Open a ledger, or begin one.
    ///
    /// # Errors
    /// The same but for one that was never begun, and a place that cannot be written.
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
        // Keys first: a file with events has all of them.
        let keyring = Keyring::make(path)?;
        let connection = connect(path).map_err(|error| explained(path, error))?;
        let mut ledger = Ledger { path: path.to_path_buf(), connection, keyring };
        ledger.retried(found).map_err(|error| explained(path, error))?;
        ledger.keyring.mark_begun()?;
        UncheckedLedger::of(path, ledger.connection)
    }

    /// It may be used, if it is as it was written.
    ///
    /// # Errors
    /// The first thing that is not.
    pub fn checked(mut self) -> Result<Ledger, LedgerError> {
        let findings = self.0.retried(|ledger| ledger.findings())?;
        LedgerError::of_findings(&self.0.path, findings).map_or(Ok(self.0), Err)
    }

    /// Check it; see [`Ledger::verify`].
    ///
    /// # Errors
    /// Only where nothing could be looked at.
    pub fn verify(&self, checkpoints: &[Checkpoint]) -> Result<Verified, LedgerError> {
        self.0.verify(checkpoints)
    }

    /// Its events, as they are found.
    ///
    /// # Errors
    /// A row that cannot be read.
    pub fn events(&self) -> Result<Vec<Event>, LedgerError> {
        self.0.view().events()
    }

    /// Its keys.
    pub fn keyring(&self) -> &Keyring {
        self.0.keyring()
    }

    /// An existing ledger of ours with its keys.
    fn of(path: &Path, connection: Connection) -> Result<UncheckedLedger, LedgerError> {
        assert_ours(&connection, path)?;
        let keyring = Keyring::open(path)?;
        let mut ledger = Ledger { path: path.to_path_buf(), connection, keyring };
        match ledger.retried(renew_views) {
            Err(error) if is_unwritable(&error) => {}
            renewed => renewed?,
        }
        // A ledger of an older version, or one whose founding was interrupted, has no mark; where none can be set, the
        // ledger can be read all the same.
        let _ = ledger.keyring.mark_begun();
        Ok(UncheckedLedger(ledger))
    }
}

/// A new ledger under keys that are there, as a keeper who rewrites history would make one.
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

/// None if there is no file.
fn bytes_of(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|about| about.len())
}

fn connect(path: &Path) -> Result<Connection, LedgerError> {
    let found = rusqlite::version_number();
    assert!(found >= SQLITE_VERSION_MIN, "the SQLite that we build is free of the log's fault, found {found}");
    // No URI names: a ledger is the file that was named.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite(path))?;
    let set = |name: &str, value: &str| connection.pragma_update(None, name, value).map_err(sqlite(path));
    configure(&connection, path)?;
    retried(path, || set("journal_mode", "wal"))?;
    set("synchronous", "full")?;
    set("secure_delete", "on")?;
    Ok(connection)
}

/// What holds of every connection, before anything is read from it.
fn configure(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let set = |name: &str, value: &str| connection.pragma_update(None, name, value).map_err(sqlite(path));
    connection.busy_timeout(BUSY).map_err(sqlite(path))?;
    set("trusted_schema", "off")?;
    set("cell_size_check", "on")?;
    set("mmap_size", "0")?;
    set("foreign_keys", "on")
}

/// Where SQLite can make no log beside the file: on read-only media, or in others' folders.
///
/// With a log that is there already the file is read through it. Without one the file is all there is and cannot change
/// under us, which SQLite has to be told (`immutable`). A log that cannot be read must not be passed over: the file
/// alone would be an older state of the ledger, and pass as whole.
fn connect_read_only(path: &Path) -> Result<Connection, LedgerError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let through_log = Connection::open_with_flags(path, flags).map_err(sqlite(path)).and_then(readable(path));
    if !through_log.as_ref().is_err_and(is_unwritable) {
        return through_log;
    }
    connect_immutable(path)
}

/// The file alone, which nobody changes.
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

/// A path in SQLite's addresses, where a few letters mean something.
fn escaped(path: &Path) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(byte);
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes.map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Make the tables and the first event, unless another process has.
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

/// Give an older ledger the views of this version; its events, which are all that it holds, stay as they are.
fn renew_views(ledger: &mut Ledger) -> Result<(), LedgerError> {
    let is_older = |connection: &Connection| Ok(SAME_TABLES.contains(&number(connection, "user_version")?));
    let path = ledger.path.clone();
    if !is_older(&ledger.connection).map_err(sqlite(&path))? {
        return Ok(());
    }
    let transaction = begin(&mut ledger.connection, &path)?;
    let renew = || -> rusqlite::Result<()> {
        // Another process may have been faster.
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
