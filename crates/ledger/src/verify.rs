//! Verification that a ledger was not changed after it was written.

use crate::sql::{SCHEMA, SCHEMA_VERSION, check_seal, number, sqlite};
use crate::store::tree_of;
use crate::{Checkpoint, Digest, Event, Finding, Ledger, LedgerError, RequestState, Tree};
use rusqlite::Connection;
use serde::Serialize;
use std::collections::BTreeMap;

/// The result of verifying a ledger.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// The number of events that were verified.
    pub events: u64,
    /// The root of the Merkle tree of these events.
    pub root: Digest,
    /// All defects; an intact ledger has none.
    pub findings: Vec<Finding>,
}

impl Ledger {
    /// Verifies the file, the schema, every event, the seal and the course of every request, and checks that the ledger
    /// continues these checkpoints. The caller has checked the checkpoints' signatures.
    ///
    /// # Errors
    /// Only if nothing could be read; defects are findings.
    pub fn verify(&self, checkpoints: &[Checkpoint]) -> Result<Verified, LedgerError> {
        let (events, mut findings) = self.looked_at()?;
        let tree = tree_of(&events);
        let origin = crate::view::origin(events.first(), self.path()).unwrap_or_default();
        findings.extend(checkpoints.iter().filter_map(|checkpoint| continues(&tree, &origin, checkpoint)));
        Ok(Verified { events: events.len() as u64, root: tree.root(tree.size()), findings })
    }

    /// All defects of the ledger; none if it is intact.
    ///
    /// # Errors
    /// Only if nothing could be read.
    pub(crate) fn findings(&self) -> Result<Vec<Finding>, LedgerError> {
        Ok(self.looked_at()?.1)
    }

    /// The events and findings of one transaction, since other processes may be writing.
    fn looked_at(&self) -> Result<(Vec<Event>, Vec<Finding>), LedgerError> {
        let moment = self.connection.unchecked_transaction().map_err(sqlite(self.path()))?;
        let mut findings = Vec::new();
        for found in [self.integrity(), self.schema()] {
            findings.extend(found_or(found)?);
        }
        // A value of another type or size than its column, or a page that cannot be read, ends the verification here.
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

    /// The findings of SQLite's own check of pages, indices and constraints.
    fn integrity(&self) -> Result<Vec<Finding>, LedgerError> {
        let mut statement = self.connection.prepare("PRAGMA integrity_check").map_err(sqlite(self.path()))?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0)).map_err(sqlite(self.path()))?;
        let lines: Vec<String> = lines.collect::<Result<_, _>>().map_err(sqlite(self.path()))?;
        let wrong = lines.iter().filter(|line| *line != "ok");
        Ok(wrong.map(|line| Finding::new("file", "a whole SQLite database", line)).collect())
    }

    /// Compares tables, triggers and views with those of this version, word for word.
    fn schema(&self) -> Result<Vec<Finding>, LedgerError> {
        let fresh = Connection::open_in_memory().and_then(|fresh| fresh.execute_batch(SCHEMA).map(|()| fresh));
        let expected = schema_of(&fresh.map_err(sqlite(self.path()))?).map_err(sqlite(self.path()))?;
        let found = schema_of(&self.connection).map_err(sqlite(self.path()))?;
        // A read-only ledger of an older version keeps that version's views, which hold no data.
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

/// Checks each event by itself and against the event before it. A change is reported where it is, not at every later
/// event.
pub fn chain(events: &[Event]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut previous = Digest([0; 32]);
    for (before, event) in (0..).zip(events) {
        let number = event.sequence;
        let mut finds = |expected: String, found: String| findings.push(Finding::at_event(number, &expected, &found));
        // Texts are built only for differences: most ledgers are intact, and long.
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

/// Checks that every request took only steps that requests can take.
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

/// Converts an error that shows a defect of the ledger into a finding; other errors, such as a lock, stay errors.
fn finding_of(error: LedgerError) -> Result<Finding, LedgerError> {
    match error {
        LedgerError::Tampered { finding, .. } => Ok(finding),
        other => Err(other),
    }
}
