//! Is a person gone from a model, and how sure can one be?
//!
//! Scores in, a verdict out: pure statistics, without networks, files of images, or a clock. The models are the units
//! of replication, and subjects where there are several; voxels and slices never are. An audit compares three arms
//! of one subject, each of R models that share their seeds: the *originals*, trained on all; the *retrained*
//! models, trained without the subject; and the *unlearned* ones. Every comparison has two sides: a model that knows
//! less of the subject than a retrained one shows the erasure.
//!
//! - [`Statistic`] and [`Scan`]: what is measured of a subject and a model, from its log-probabilities.
//! - [`procedure`] and [`delivered_model`]: the two objects, each with its verdict from the closed list [`Verdict`].
//! - [`control`]: a list of what must come out as known; if one does not, the audit is void.
//! - [`Report`]: what an audit leaves, written, drawn and read as one type.
//! - [`attack`], [`klom`], [`epsilon`]: what an adversary could tell.
//! - [`power()`]: what so many seeds could show at all, before anything is trained.
//!
//! Invariants: nothing random but from a named stream of the seed; what was not measured has no default; a p-value
//! that is not small is never a pass.

mod assessment;
pub mod attack;
mod bootstrap;
mod comparison;
pub mod control;
mod delivered;
pub mod distance;
pub mod epsilon;
mod equivalence;
mod error;
mod features;
mod gate;
mod held_out;
mod holm;
mod influence;
mod interval;
pub mod klom;
mod law;
mod measured;
mod memory;
mod never_remembered;
mod permutation;
mod pool;
mod power;
mod probe;
mod protocol;
pub mod report;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod simulated_audits;
mod utility;
mod verdict;

pub use assessment::{Arms, Assessment, Lineage, Secondary, Statistics, delivered_model, procedure};
pub use bootstrap::{BOOTSTRAP_MIN, corrected, of_mean};
pub use comparison::{Comparison, paired, welch};
pub use control::{Control, ControlName};
pub use delivered::{Prediction, beside};
pub use equivalence::{Equivalence, Margin, tost};
pub use error::AuditError;
pub use features::{Features, Region, Scan, Statistic};
pub use gate::{Failure, Gate, Threshold};
pub use holm::holm;
pub use influence::{Direction, Finding, Influence, influence};
pub use interval::Interval;
pub use measured::{Arm, Measured};
pub use memory::{Completeness, Memory, completeness, memory};
pub use never_remembered::NeverRemembered;
pub use permutation::{Exchange, two_arms};
pub use pool::Pool;
pub use power::{Power, SEEDS_MAX, TARGET_POWER, power, seeds_for_epsilon, seeds_for_equivalence};
pub use probe::{ProbeKind, ProbeResult, probes};
pub use protocol::{Declared, Protocol};
pub use report::{Held, Report, Row};
pub use utility::{Kept, Utility, UtilitySide, utility};
pub use verdict::{Object, Verdict};
