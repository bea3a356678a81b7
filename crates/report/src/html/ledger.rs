//! The ledger as a timeline.
//!
//! The report knows no ledger: whoever does says the events in words, of pseudonyms, digests and days, and whether the
//! chain holds.

/// A ledger as a page shows it.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Whether the chain holds, and how to check it again.
    pub state: String,
    /// Events, the first recorded first.
    pub events: Vec<Event>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// What happened, in a word or two.
    pub what: String,
    /// When.
    pub when: String,
    /// What it is about.
    pub about: String,
    /// The chain's digest with it.
    pub hash: String,
    /// How it stands: it colours a mark that words say too.
    pub tone: EventTone,
}

/// How an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTone {
    /// One of many.
    Plain,
    /// Something was finished.
    Done,
    /// Something was refused or failed.
    Refused,
}

impl std::fmt::Display for EventTone {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            EventTone::Plain => "plain",
            EventTone::Done => "done",
            EventTone::Refused => "refused",
        })
    }
}
