//! Exact unlearning as a way to train: shards, slices, and a checkpoint before each.
//!
//! A [`Plan`] puts every subject into one slice of one shard. A shard is a network of its own; its stage i trains on
//! slices 1 to i, and the state before each slice is kept. To erase a subject, only its shard is reset to the state
//! before its slice and trained from there without the subject. The result is, byte for byte, what training the same
//! plan without the subject gives; [`differences`] compares the digests. A prediction is the mean of the shards'
//! probabilities.
//!
//! A state is named by a digest of everything that determines its bytes ([`key_after`]). So training, resuming after an
//! interruption, erasing and proving are one function, [`train`]: it reuses every state that exists under the required
//! name, and makes the rest.
//!
//! Source: Bourtoule, Chandrasekaran, Choquette-Choo, Jia, Travers, Zhang, Lie and Papernot, "Machine
//! Unlearning", 2021 (SISA). The order of slices by expected requests and the proof are additions of this crate.
//!
//! Deliberately absent: a training loop, printing, and the reading of scans.

mod budget;
mod cost;
mod ensemble;
mod error;
mod folder;
mod key;
#[cfg(test)]
mod laws;
mod manifest;
mod plan;
mod proof;
mod purge;
mod request;
mod stage;
mod training;

pub use cost::{SubjectCost, erase_passes, ordinary_passes, subject_costs, training_passes};
pub use ensemble::Ensemble;
pub use error::ExactError;
pub use folder::{MANIFEST, model_file, state_file};
pub use key::{Identity, key_after};
pub use manifest::{Kept, Maker, Manifest, Origin, ShardFiles};
pub use plan::{Plan, Stage};
pub use proof::{Compared, PROOF, Proof, compare, differences};
pub use purge::{FileHolds, Holding, files_of_others, files_that_hold, without};
pub use request::Expectation;
pub use stage::{NoObserver, Observer, StageProgress};
pub use training::{Finished, Training, train};
