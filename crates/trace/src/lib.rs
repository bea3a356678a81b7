//! What still holds a person below some folders, and its removal.
//!
//! | question | function | answer |
//! |---|---|---|
//! | What holds the [`Person`] in these [`Folders`]? | [`find`] | [`Report`] |
//! | What do buckets hold of the person? | [`in_buckets`] | a [`Bucket`] for each |
//! | What would a purge do? | [`Plan::of`] | [`Plan`] |
//! | Do it, undo it, end it | [`purge`], [`restore`], [`delete`] | [`Receipt`] |
//!
//! Every file is judged by its own kind ([`FileKind`]): scans by the listing of their data set; prepared scans by the digest
//! of their image; what verbs wrote by the registers of their folders; models by `lineage.json`, by the parents in
//! `run.json`, by records of studies and by content; the states of exact training by its own manifest; reports with
//! slices by the file beside them; tables and settings of runs by their own fields. Nothing is decided by searching a
//! text: files of others that mention the person are listed apart ([`Mention`]), and never changed.
//!
//! What cannot be attributed is listed as [`Unknown`] with the reason: models of which nothing says whom they saw,
//! archives, links that lead elsewhere, registers under another key, files in run folders of a kind that is not in
//! [`FileKind::ALL`], and what cannot be read. Records of runs, lineages and manifests are read as their own types; one
//! that cannot be read as its type is unknown too, never empty.
//!
//! In buckets nothing is deleted.
//!
//! Deliberately absent: networks, printing, and any decision about a request. What a search needs of the program around
//! it is the trait [`Host`].

mod buckets;
mod data_tables;
mod error;
mod exact;
mod folders;
mod host;
mod mentions;
mod models;
mod ours;
mod pages;
mod paths;
mod person;
mod plan;
mod purge;
mod quarantine;
mod report;
mod search;
mod survey;
mod walk;

pub use buckets::{Bucket, in_buckets};
pub use error::TraceError;
pub use folders::Folders;
pub use host::{Host, NoNetworks};
pub use mentions::Mention;
pub use person::Person;
pub use plan::{How, Plan, Scope, Step};
pub use purge::{delete, deletions, finish, purge, quarantines_of, restore};
pub use quarantine::{Journal, Quarantine, Receipt, State};
pub use report::{Basis, Held, Remedy, Report, Unknown};
pub use search::{FileKind, find};

/// The largest document or table that is read, in bytes.
const TEXT_BYTES_MAX: u64 = 1 << 30;
