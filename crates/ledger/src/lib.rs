//! The ledger of erasure requests, and the evidence of their outcome.
//!
//! One SQLite file holds *events*, one after another. An event is a [`Record`]: a request, a step of it, a model, a
//! subject's membership in it, a deletion, a notification. Nothing else is stored, so nothing can contradict the
//! events: the state of a request is computed from them, and SQL reads them through views.
//!
//! Three mechanisms make a change visible. Each event holds the hash of the event before it (accidents and partial
//! edits). The last hash is sealed under a key that lies outside the database (an attacker who has only the database
//! cannot write a new chain). Events are the leaves of an RFC 6962 tree whose root is signed as a [`Checkpoint`]; a
//! checkpoint that was copied off the machine reveals even a ledger that its own keeper has rewritten.
//!
//! No event names a person. A subject has a random [`Pseudonym`]; one file of the [`Keyring`] stores which id it stands
//! for, and an event holds no more of the id than a commitment under a key in that same file. Deleting the file removes
//! the link, and every event still verifies.
//!
//! Deliberately absent: networks, models and images themselves. This crate handles only their digests.

mod checkpoint;
mod codes;
mod course;
mod digest;
mod due;
mod error;
mod event;
pub mod evidence;
mod export;
mod file_system;
mod finding;
mod folder;
mod grouped;
mod key_files;
mod keyring;
mod merkle;
mod opening;
mod pseudonym;
mod record;
mod removal;
mod request;
mod sql;
mod store;
mod verdict;
mod verify;
mod view;
mod waiting;

#[cfg(test)]
mod laws;

pub use checkpoint::{Checkpoint, SignedCheckpoint, public_key};
pub use codes::{Counterpart, DueReason, ExtensionReason, Ground, Holds, RefusalGround, RemovalKind, STATUSES, Status};
pub use course::RequestState;
pub use digest::{Digest, random_hex, sha256_file};
pub use due::{Due, Holidays, due_after_months, read_holidays};
pub use ed25519_dalek::VerifyingKey;
pub use error::LedgerError;
pub use event::Event;
pub use export::{CHECKPOINT, EVENTS, PUBLIC_KEY, export, verify_export};
pub use file_system::refuse_network_file_system;
pub use finding::Finding;
pub use grouped::{Group, grouped};
pub use keyring::Keyring;
pub use merkle::{Tree, leaf_hash, node_hash, verify_inclusion};
pub use opening::UncheckedLedger;
pub use pseudonym::Pseudonym;
pub use record::Record;
pub use removal::Removed;
pub use request::{Closing, NewRequest};
pub use store::Ledger;
pub use verdict::{is_open, is_passing, weakest};
pub use verify::Verified;
pub use view::View;
