//! Is the ledger as it was written?

use crate::sql::{SCHEMA, SCHEMA_VERSION, check_seal, number, sqlite};
use crate::store::tree_of;
use crate::{Checkpoint, Digest, Event, Ledger, LedgerError, RequestState, Tree};
use rusqlite::Connection;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which row, table or file.
    pub row: String,
    /// What it was or had to be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

/// What a check of a ledger saw.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// How many events were checked.
    pub events: u64,
    /// The root of their tree.
    pub root: Digest,
    /// What is not as it was written; none of it is a ledger in order.
    pub findings: Vec<Finding>,
}

impl Finding {
    /// Something at a place.
    pub fn new(row: &str, expected: &str, found: &str) -> Finding {
        Finding { row: row.to_string(), expected: expected.to_string(), found: found.to_string() }
    }

    /// Something in an event.
    pub fn at_event(sequence: u64, expected: &str, found: &str) -> Finding {
        Finding::new(&format!("event {sequence}"), expected, found)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{}: expected {}, found {}", self.row, self.expected, self.found)
    }
}

impl Ledger {
    /// Check the file, the schema, every event, the seal, the course of every request, and that the ledger continues
    /// these checkpoints, whose signatures were checked.
    ///
    /// # Errors
    /// Only where nothing could be looked at; what is wrong is a finding.
    pub fn verify(&self, checkpoints: &[Checkpoint]) -> Result<Verified, LedgerError> {
        let (events, mut findings) = self.looked_at()?;
        let tree = tree_of(&events);
        let origin = crate::view::origin(events.first(), self.path()).unwrap_or_default();
        findings.extend(checkpoints.iter().filter_map(|checkpoint| continues(&tree, &origin, checkpoint)));
        Ok(Verified { events: events.len() as u64, root: tree.root(tree.size()), findings })
    }

    /// What is not as it was written; nothing of a ledger in order.
    ///
    /// # Errors
    /// Only where nothing could be looked at.
    pub(crate) fn findings(&self) -> Result<Vec<Finding>, LedgerError> {
        Ok(self.looked_at()?.1)
    }

    /// One moment of the ledger: others may be writing.
    fn looked_at(&self) -> Result<(Vec<Event>, Vec<Finding>), LedgerError> {
        let moment = self.connection.unchecked_transaction().map_err(sqlite(self.path()))?;
        let mut findings = Vec::new();
        for found in [self.integrity(), self.schema()] {
            findings.extend(found_or(found)?);
        }
        // A value of another type or size than the column has, or a page that cannot be read, ends the look.
        let events = match self.view().events() {
            Ok(events) => events,
            Err(error) => {
                findings.push(finding_of(error)?);
                return Ok((Vec::new(), findings));
            }
        };
        findings.extend(chain(&events));
        findings.extend(found_or(check_seal(&moment, self.path(), self.keyring()).map(|()| Vec::new()))?);
        findings.extend(courses(&events));
        Ok((events, findings))
    }

    /// SQLite's own check of pages, indices and constraints.
    fn integrity(&self) -> Result<Vec<Finding>, LedgerError> {
        let mut statement = self.connection.prepare("PRAGMA integrity_check").map_err(sqlite(self.path()))?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0)).map_err(sqlite(self.path()))?;
        let lines: Vec<String> = lines.collect::<Result<_, _>>().map_err(sqlite(self.path()))?;
        let wrong = lines.iter().filter(|line| *line != "ok");
        Ok(wrong.map(|line| Finding::new("file", "a whole SQLite database", line)).collect())
    }

    /// Tables, triggers and views are those of this version, word for word.
    fn schema(&self) -> Result<Vec<Finding>, LedgerError> {
        let fresh = Connection::open_in_memory().and_then(|fresh| fresh.execute_batch(SCHEMA).map(|()| fresh));
        let expected = schema_of(&fresh.map_err(sqlite(self.path()))?).map_err(sqlite(self.path()))?;
        let found = schema_of(&self.connection).map_err(sqlite(self.path()))?;
        // A read-only ledger of an older version keeps that version's views, which hold nothing.
        let version = number(&self.connection, "user_version").map_err(sqlite(self.path()))?;
        let is_asked = |name: &&String| version == SCHEMA_VERSION || !name.starts_with("view ");
        let differs = |name: &&String| is_asked(name) && expected.get(*name) != found.get(*name);
        let mut names: Vec<&String> = expected.keys().chain(found.keys()).filter(differs).collect();
        names.sort();
        names.dedup();
        let text = |sql: Option<&String>| sql.map_or("none".to_string(), |sql| format!("`{sql}`"));
        let finding = |name: &String| {
            let (expected, found) = (text(expected.get(name)), text(found.get(name)));
            Finding::new(&format!("schema of {name}"), &expected, &found)
        };
        Ok(names.into_iter().map(finding).collect())
    }
}

fn schema_of(connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    let sql = "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema";
    connection.prepare(sql)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Each event by itself and after the one before. A change is found where it is, not at every event after it.
pub fn chain(events: &[Event]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut previous = Digest([0; 32]);
    for (before, event) in (0..).zip(events) {
        let number = event.sequence;
        let mut finds = |expected: String, found: String| findings.push(Finding::at_event(number, &expected, &found));
        // Words are made only of what differs: most ledgers are in order, and long.
        if number != before + 1 {
            finds(format!("number {}", before + 1), format!("number {number}"));
        }
        if event.previous != previous {
            finds(format!("the hash before it, {previous}"), format!("the hash before it, {}", event.previous));
        }
        let hash = Digest::of(&[&event.encoded()]);
        if event.hash != hash {
            finds(format!("its own hash, {hash}"), format!("its own hash, {}", event.hash));
        }
        match event.record().map(|record| serde_json::to_string(&record).expect("a record is JSON")) {
            Ok(canonical) if canonical == event.payload => {}
            Ok(canonical) => finds(canonical, event.payload.clone()),
            Err(error) => finds("a record of this version of lacuna".to_string(), error.to_string()),
        }
        previous = event.hash;
    }
    findings
}

/// Every request went a way that requests can go.
pub fn courses(events: &[Event]) -> Vec<Finding> {
    let mut requests: BTreeMap<String, RequestState> = BTreeMap::new();
    let mut findings = Vec::new();
    for event in events {
        let Ok(record) = event.record() else { continue };
        let Some(request) = record.request().map(str::to_string) else { continue };
        let stepped = match requests.get(&request).cloned() {
            None => RequestState::opened(&record, &request),
            Some(state) => state.after(&record),
        };
        match stepped {
            Ok(state) => drop(requests.insert(request, state)),
            Err(error) => {
                let finding = Finding::at_event(event.sequence, "a step that the request can take", &error.to_string());
                findings.push(finding);
            }
        }
    }
    findings
}

pub fn continues(tree: &Tree, origin: &str, checkpoint: &Checkpoint) -> Option<Finding> {
    let row = format!("checkpoint of {} events at {}", checkpoint.events, checkpoint.at);
    let size = usize::try_from(checkpoint.events).unwrap_or(usize::MAX);
    if checkpoint.origin != origin {
        return Some(Finding::new(&row, &checkpoint.origin, origin));
    }
    if size > tree.size() {
        let found = format!("{} events", tree.size());
        return Some(Finding::new(&row, &format!("at least {} events", checkpoint.events), &found));
    }
    let root = tree.root(size);
    let differs = root != checkpoint.root;
    differs.then(|| Finding::new(&row, &format!("the root {}", checkpoint.root), &format!("the root {root}")))
}

fn found_or(found: Result<Vec<Finding>, LedgerError>) -> Result<Vec<Finding>, LedgerError> {
    found.or_else(|error| finding_of(error).map(|finding| vec![finding]))
}

/// What an error says about the ledger; one that says nothing about it, as when others are in the way, stays an error.
fn finding_of(error: LedgerError) -> Result<Finding, LedgerError> {
    match error {
        LedgerError::Tampered { finding, .. } => Ok(finding),
        other => Err(other),
    }
}
