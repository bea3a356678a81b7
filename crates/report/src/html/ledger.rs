//! The ledger as a timeline of the page.
//!
//! This crate does not know ledgers: the caller describes the events in words, with pseudonyms, digests and days, and
//! states whether the chain is intact.

/// The events of a ledger, as a page shows them.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// Whether the chain is intact, and how to check it again.
    pub state: String,
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// Notes for the reader.
    pub notes: Vec<String>,
}

/// One event of the ledger.
#[derive(Clone, Debug)]
pub struct Event {
    /// The kind of event, in a word or two.
    pub what: String,
    /// The time of the event.
    pub when: String,
    /// The object of the event.
    pub about: String,
    /// The digest of the chain at this event.
    pub hash: String,
    /// The tone, which colours the event's mark; the words state it too.
    pub tone: EventTone,
}

/// The tone of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTone {
    /// An event without a special tone.
    Plain,
    /// A step was completed.
    Done,
    /// A step was refused or failed.
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
