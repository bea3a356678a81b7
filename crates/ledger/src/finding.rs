//! A defect of a ledger or of evidence.

use serde::Serialize;
use std::fmt;

/// A defect: a value that differs from what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The row, table or file.
    pub row: String,
    /// The required or original value.
    pub expected: String,
    /// The value that was found.
    pub found: String,
}

impl Finding {
    /// A finding in a row, table or file.
    pub fn new(row: &str, expected: &str, found: &str) -> Finding {
        Finding { row: row.to_string(), expected: expected.to_string(), found: found.to_string() }
    }

    /// A finding in the event with this sequence number.
    pub fn at_event(sequence: u64, expected: &str, found: &str) -> Finding {
        Finding::new(&format!("event {sequence}"), expected, found)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{}: expected {}, found {}", self.row, self.expected, self.found)
    }
}
