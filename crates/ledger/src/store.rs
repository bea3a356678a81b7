//! The ledger's file: opened with care, written one transaction after another.
//!
//! Every write begins with `BEGIN IMMEDIATE`. A transaction that reads first and writes later would be refused at once
//! where another has written in between, whatever the busy timeout; this way each waits its turn, and what it decides
//! on is what it writes after.

use crate::digest::random;
use crate::verify::Finding;
use crate::{Checkpoint, Digest, Keyring, LedgerError, Pseudonym, Record, Tree, leaf_hash, refuse_network_file_system};
use lacuna_disk::DiskError;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// "Lacu".
pub const APPLICATION_ID: i32 = 0x4C61_6375;
/// The layout of the tables, the kinds of events, and the views.
pub const SCHEMA_VERSION: i32 = 3;
/// Versions with the same tables and fewer kinds of events; only their views are others.
const SAME_TABLES: std::ops::Range<i32> = 1..SCHEMA_VERSION;
pub const SCHEMA: &str = concat!(include_str!("schema.sql"), include_str!("views.sql"));
const VIEWS: &str = include_str!("views.sql");
/// The first SQLite without the fault by which resetting the log could corrupt a database.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// How long SQLite waits for others, and how long we go on asking.
const BUSY: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(60);
/// What the hash of an event begins with, so that it is a hash of nothing else.
const DOMAIN: &[u8] = b"lacuna/event/v1\0";

/// An open ledger.
pub struct Ledger {
    path: PathBuf,
    pub(crate) connection: Connection,
    keyring: Keyring,
}

/// One fact, when it was written, and where it stands in the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// 1, 2, 3, …
    pub sequence: u64,
    /// When it was written, in UTC, by the clock of that machine.
    pub at: String,
    /// The record as JSON, as stored.
    pub payload: String,
    /// Chance, so that nobody can try out which record has a leaf's hash.
    pub salt: Vec<u8>,
    /// The hash of the event before; zeros before the first.
    pub previous: Digest,
    /// Its own.
    pub hash: Digest,
}

impl Ledger {
    /// Open a ledger, or begin one.
    ///
    /// # Errors
    /// A place or a file that cannot be used; a ledger whose keys are not there.
    pub fn open_or_create(path: &Path) -> Result<Ledger, LedgerError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
            let refused = |source| lacuna_disk::DiskError::Io { path: folder.to_path_buf(), action: "create", source };
            std::fs::create_dir_all(folder).map_err(refused)?;
        }
        refuse_network_file_system(path)?;
        let keyring = Keyring::open(path, !path.exists())?;
        let mut ledger = Ledger::connect(path, keyring)?;
        ledger.retried(|ledger| ledger.found())?;
        ledger.retried(|ledger| ledger.renew_views())?;
        ledger.assert_ours()?;
        Ok(ledger)
    }

    /// Open a ledger that is there.
    ///
    /// # Errors
    /// The same, and where there is none.
    pub fn open(path: &Path) -> Result<Ledger, LedgerError> {
        if !path.exists() {
            return Err(LedgerError::NoLedger { path: path.to_path_buf() });
        }
        refuse_network_file_system(path)?;
        let mut ledger = Ledger::connect(path, Keyring::open(path, false)?)?;
        ledger.retried(|ledger| ledger.renew_views())?;
        ledger.assert_ours()?;
        Ok(ledger)
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
    /// Those of `decide`; others that keep the ledger busy for a minute; a ledger whose end was tampered with.
    pub fn append<T>(
        &mut self,
        decide: impl Fn(&View) -> Result<(Vec<Record>, T), LedgerError>,
    ) -> Result<T, LedgerError> {
        self.retried(|ledger| {
            let transaction = begin(&mut ledger.connection, &ledger.path)?;
            check_seal(&transaction, &ledger.path, &ledger.keyring)?;
            let view = View { connection: &transaction, path: &ledger.path };
            let (records, value) = decide(&view)?;
            write(&transaction, &ledger.path, &ledger.keyring, &records)?;
            boundary_of(&ledger.path)?;
            transaction.commit().map_err(sqlite(&ledger.path))?;
            // What is committed is written, whatever the disk says afterwards; a trial may still end the process here.
            let _ = lacuna_disk::boundary("going on after a commit");
            Ok(value)
        })
    }

    /// What is in it.
    pub fn view(&self) -> View<'_> {
        View { connection: &self.connection, path: &self.path }
    }

    /// The tree above all events.
    ///
    /// # Errors
    /// A row that cannot be read.
    pub fn tree(&self) -> Result<Tree, LedgerError> {
        Ok(Tree::new(self.view().events()?.iter().map(|event| leaf_hash(&event.encoded())).collect()))
    }

    /// What it holds now, to be signed.
    ///
    /// # Errors
    /// A row that cannot be read.
    pub fn checkpoint(&self) -> Result<Checkpoint, LedgerError> {
        let tree = self.tree()?;
        let size = tree.size();
        Ok(Checkpoint { origin: self.view().origin()?, events: size as u64, root: tree.root(size), at: now() })
    }

    /// A new ledger under keys that are there, as a keeper who rewrites history would make one.
    #[cfg(test)]
    pub(crate) fn connect_again(path: &Path) -> Ledger {
        let mut ledger = Ledger::connect(path, Keyring::open(path, false).unwrap()).unwrap();
        ledger.found().unwrap();
        ledger
    }

    fn connect(path: &Path, keyring: Keyring) -> Result<Ledger, LedgerError> {
        let found = rusqlite::version_number();
        assert!(found >= SQLITE_VERSION_MIN, "the SQLite that we build is free of the log's fault, found {found}");
        // No URI names and no symbolic link at the end: a ledger is the file that was named.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(sqlite(path))?;
        let mut ledger = Ledger { path: path.to_path_buf(), connection, keyring };
        ledger.retried(|ledger| ledger.configure())?;
        Ok(ledger)
    }

    fn configure(&mut self) -> Result<(), LedgerError> {
        let connection = &self.connection;
        let set = |name: &str, value: &str| connection.pragma_update(None, name, value).map_err(sqlite(&self.path));
        connection.busy_timeout(BUSY).map_err(sqlite(&self.path))?;
        set("journal_mode", "wal")?;
        set("synchronous", "full")?;
        set("trusted_schema", "off")?;
        set("cell_size_check", "on")?;
        set("secure_delete", "on")?;
        set("mmap_size", "0")?;
        set("foreign_keys", "on")
    }

    /// Make the tables and the first event, unless another process has.
    fn found(&mut self) -> Result<(), LedgerError> {
        let transaction = begin(&mut self.connection, &self.path)?;
        let tables: i64 = transaction
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(sqlite(&self.path))?;
        if tables > 0 {
            return Ok(());
        }
        transaction.execute_batch(SCHEMA).map_err(sqlite(&self.path))?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(sqlite(&self.path))?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(sqlite(&self.path))?;
        let ledger = crate::digest::random_hex::<16>();
        write(&transaction, &self.path, &self.keyring, &[Record::Ledger { ledger }])?;
        transaction.commit().map_err(sqlite(&self.path))
    }

    /// Give an older ledger the views of this version; its events, which are all that it holds, stay as they are.
    fn renew_views(&mut self) -> Result<(), LedgerError> {
        let number = |connection: &Connection, field| -> rusqlite::Result<i32> {
            connection.pragma_query_value(None, field, |row| row.get(0))
        };
        let is_older = |connection: &Connection| -> rusqlite::Result<bool> {
            let is_ours = number(connection, "application_id")? == APPLICATION_ID;
            Ok(is_ours && SAME_TABLES.contains(&number(connection, "user_version")?))
        };
        let path = self.path.clone();
        if !is_older(&self.connection).map_err(sqlite(&path))? {
            return Ok(());
        }
        let transaction = begin(&mut self.connection, &path)?;
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

    fn assert_ours(&self) -> Result<(), LedgerError> {
        for (field, expected) in [("application_id", APPLICATION_ID), ("user_version", SCHEMA_VERSION)] {
            let found: i32 =
                self.connection.pragma_query_value(None, field, |row| row.get(0)).map_err(sqlite(&self.path))?;
            if found != expected {
                let (path, expected) = (self.path.clone(), expected.to_string());
                return Err(LedgerError::NotALedger { path, field, expected, found: found.to_string() });
            }
        }
        Ok(())
    }

    /// Try until nobody else is in the way, at most for a minute.
    fn retried<T>(&mut self, mut attempt: impl FnMut(&mut Ledger) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        let began = Instant::now();
        loop {
            match attempt(self) {
                Err(LedgerError::Sqlite { source, .. }) if is_busy(&source) => {
                    if began.elapsed() > PATIENCE {
                        let seconds = began.elapsed().as_secs();
                        return Err(LedgerError::Busy { path: self.path.clone(), seconds });
                    }
                    // Those who wait come back at different times.
                    std::thread::sleep(Duration::from_millis(5 + u64::from(random::<1>()[0]) / 4));
                }
                other => return other,
            }
        }
    }
}

fn boundary_of(path: &Path) -> Result<(), LedgerError> {
    lacuna_disk::boundary("committing to the ledger")
        .map_err(|source| LedgerError::Disk(DiskError::Io { path: path.to_path_buf(), action: "commit to", source }))
}

/// What a ledger holds, as one transaction sees it.
pub struct View<'a> {
    connection: &'a Connection,
    path: &'a Path,
}

impl View<'_> {
    /// All events, the first one first.
    ///
    /// # Errors
    /// A row that cannot be read.
    pub fn events(&self) -> Result<Vec<Event>, LedgerError> {
        self.select("", &[])
    }

    /// The records of one request, the first one first.
    ///
    /// # Errors
    /// A row that cannot be read or understood.
    pub fn records_of(&self, request: &str) -> Result<Vec<Record>, LedgerError> {
        self.select("WHERE payload ->> '$.request' = ?1", &[&request])?.iter().map(Event::record).collect()
    }

    /// The records that name a subject: its own, its requests, its memberships.
    ///
    /// # Errors
    /// A row that cannot be read or understood.
    pub fn records_of_subject(&self, subject: &Pseudonym) -> Result<Vec<Record>, LedgerError> {
        let subject = subject.as_str();
        self.select("WHERE payload ->> '$.subject' = ?1", &[&subject])?.iter().map(Event::record).collect()
    }

    /// The records of one kind, as JSON names it.
    ///
    /// # Errors
    /// A row that cannot be read or understood.
    pub fn records_of_kind(&self, kind: &str) -> Result<Vec<Record>, LedgerError> {
        self.select("WHERE payload ->> '$.kind' = ?1", &[&kind])?.iter().map(Event::record).collect()
    }

    /// `lacuna.ledger/ID`.
    ///
    /// # Errors
    /// A ledger without its first event.
    pub fn origin(&self) -> Result<String, LedgerError> {
        match self.select("WHERE sequence = 1", &[])?.first().map(Event::record).transpose()? {
            Some(Record::Ledger { ledger }) => Ok(format!("lacuna.ledger/{ledger}")),
            other => Err(LedgerError::Tampered {
                path: self.path.to_path_buf(),
                finding: Finding::at_event(1, "the event that begins a ledger", &format!("{other:?}")),
            }),
        }
    }

    fn select(&self, filter: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<Event>, LedgerError> {
        let sql = format!("SELECT sequence, at, payload, salt, previous, hash FROM events {filter} ORDER BY sequence");
        let mut statement = self.connection.prepare(&sql).map_err(sqlite(self.path))?;
        let rows = statement
            .query_map(values, |row| {
                Ok(Event {
                    sequence: sequence_of(row.get(0)?),
                    at: row.get(1)?,
                    payload: row.get(2)?,
                    salt: row.get(3)?,
                    previous: Digest(row.get(4)?),
                    hash: Digest(row.get(5)?),
                })
            })
            .map_err(sqlite(self.path))?;
        rows.map(|row| row.map_err(sqlite(self.path))).collect()
    }
}

impl Event {
    /// The bytes that its hash and its leaf are taken of: each part has a fixed length or its length in front, so that
    /// no two events have the same.
    pub fn encoded(&self) -> Vec<u8> {
        let mut bytes = DOMAIN.to_vec();
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.previous.0);
        for part in [&self.salt[..], self.at.as_bytes(), self.payload.as_bytes()] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part);
        }
        bytes
    }

    /// What it says.
    ///
    /// # Errors
    /// A payload that is no record.
    pub fn record(&self) -> Result<Record, LedgerError> {
        serde_json::from_str(&self.payload).map_err(|error| LedgerError::Malformed {
            what: format!("event {}", self.sequence),
            expected: "a record of this version of lacuna".to_string(),
            found: error.to_string(),
        })
    }
}

/// Append records and seal the last.
fn write(transaction: &Transaction, path: &Path, keyring: &Keyring, records: &[Record]) -> Result<(), LedgerError> {
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

/// Nothing is built on an end that was not sealed under our key.
pub fn check_seal(connection: &Connection, path: &Path, keyring: &Keyring) -> Result<(), LedgerError> {
    let (sequence, hash) = last(connection, path)?;
    let expected = keyring.seal(sequence, &hash);
    let found: Option<[u8; 32]> =
        connection.query_row("SELECT mac FROM seal", [], |row| row.get(0)).optional().map_err(sqlite(path))?;
    if found == Some(expected.0) {
        return Ok(());
    }
    let found = found.map_or("none".to_string(), |mac| Digest(mac).to_string());
    let expected = format!("{expected} for {sequence} events");
    Err(LedgerError::Tampered { path: path.to_path_buf(), finding: Finding::new("seal", &expected, &found) })
}

fn last(connection: &Connection, path: &Path) -> Result<(u64, Digest), LedgerError> {
    let sql = "SELECT sequence, hash FROM events ORDER BY sequence DESC LIMIT 1";
    let row = connection.query_row(sql, [], |row| Ok((sequence_of(row.get(0)?), Digest(row.get(1)?)))).optional();
    Ok(row.map_err(sqlite(path))?.unwrap_or((0, Digest([0; 32]))))
}

/// SQLite's integers have a sign, and the table holds none below 1; a forged one becomes a number that no event has.
fn sequence_of(integer: i64) -> u64 {
    integer.max(0) as u64
}

fn begin<'a>(connection: &'a mut Connection, path: &Path) -> Result<Transaction<'a>, LedgerError> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sqlite(path))
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// An error of SQLite with its file; a database that is none any more was tampered with.
pub fn sqlite(path: &Path) -> impl Fn(rusqlite::Error) -> LedgerError {
    let path = path.to_path_buf();
    move |source| match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => LedgerError::Tampered {
            path: path.clone(),
            finding: Finding::new("file", "a whole SQLite database", &source.to_string()),
        },
        _ => LedgerError::Sqlite { path: path.clone(), source },
    }
}
