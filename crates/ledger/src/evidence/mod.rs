//! Evidence of one request: a folder that can be verified offline with a public key alone.
//!
//! | file | holds |
//! |---|---|
//! | `evidence.dsse.json` | an in-toto statement in a DSSE envelope, signed |
//! | `inclusion.json` | the ledger's event of this statement, and its way to the root |
//! | `checkpoint.txt` | the signed root |
//! | all others | what the statement names with its digest: protocol, metrics, environment, deletions, limits, page |
//!
//! `page.md` is for the person responsible for data protection; a second statement for one request names the first.
//!
//! A bundle states what was compared with what, under whose key, and when. It never claims that a law was complied with
//! or that a model or a person is anonymous: no file can show that.

mod account;
mod bundle;
mod dsse;
mod outcome;
mod page;
mod statement;
mod words;

#[cfg(test)]
mod laws;

pub use account::{
    Account, Change, Course, EarlierStatement, Left, LeftFile, ModelAccount, OtherRun, RemovedFiles, removed_files,
};
pub use bundle::{Bundle, Checked, verify_bundle};
pub use dsse::{Envelope, pre_authentication_encoding};
pub use outcome::Outcome;
pub use statement::{Claim, ModelDigests, PREDICATE_TYPE, Predicate, Statement};
