//! Is the ledger as it was written?

use crate::store::{SCHEMA, check_seal, sqlite};
use crate::{Checkpoint, Digest, Event, Ledger, LedgerError, Record, RequestState, Tree, leaf_hash};
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
        let mut findings = Vec::new();
        gather(&mut findings, self.integrity())?;
        gather(&mut findings, self.schema())?;
        let events = match self.view().events() {
            Ok(events) => events,
            // A value of another type or size than the column has, or a page that cannot be read.
            Err(error) => {
                findings.extend(finding_of(error));
                return Ok(Verified { events: 0, root: Tree::default().root(0), findings });
            }
        };
        findings.extend(chain(&events));
        if let Err(error) = check_seal(&self.connection, self.path(), self.keyring()) {
            findings.extend(finding_of(error));
        }
        findings.extend(courses(&events));
        let tree = Tree::new(events.iter().map(|event| leaf_hash(&event.encoded())).collect());
        let origin = self.view().origin().unwrap_or_default();
        findings.extend(checkpoints.iter().filter_map(|checkpoint| continues(&tree, &origin, checkpoint)));
        Ok(Verified { events: events.len() as u64, root: tree.root(tree.size()), findings })
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
        let differs = |name: &&String| expected.get(*name) != found.get(*name);
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
        let mut differs = |expected: String, found: String| {
            if expected != found {
                findings.push(Finding::at_event(event.sequence, &expected, &found));
            }
        };
        differs(format!("number {}", before + 1), format!("number {}", event.sequence));
        differs(format!("the hash before it, {previous}"), format!("the hash before it, {}", event.previous));
        differs(format!("its own hash, {}", Digest::of(&[&event.encoded()])), format!("its own hash, {}", event.hash));
        match event.record().map(|record| serde_json::to_string(&record).expect("a record is JSON")) {
            Ok(canonical) => differs(canonical, event.payload.clone()),
            Err(error) => differs("a record of this version of lacuna".to_string(), error.to_string()),
        }
        previous = event.hash;
    }
    findings
}

/// Every request went a way that requests can go.
pub fn courses(events: &[Event]) -> Vec<Finding> {
    let mut requests: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    let mut findings = Vec::new();
    for event in events {
        let Ok(record) = event.record() else { continue };
        let Some(request) = record.request().map(str::to_string) else { continue };
        let course = requests.entry(request.clone()).or_default();
        course.push(record);
        if let Err(error) = RequestState::of(&request, course) {
            findings.push(Finding::at_event(event.sequence, "a step that the request can take", &error.to_string()));
            course.pop();
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

fn gather(findings: &mut Vec<Finding>, found: Result<Vec<Finding>, LedgerError>) -> Result<(), LedgerError> {
    match found {
        Ok(found) => findings.extend(found),
        Err(error @ LedgerError::Busy { .. }) => return Err(error),
        Err(error) => findings.extend(finding_of(error)),
    }
    Ok(())
}

fn finding_of(error: LedgerError) -> Option<Finding> {
    match error {
        LedgerError::Tampered { finding, .. } => Some(finding),
        other => Some(Finding::new("file", "rows that can be read", &other.to_string())),
    }
}
