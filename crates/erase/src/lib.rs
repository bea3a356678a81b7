//! A request for erasure from its runs to its evidence: what is recorded, what is decided, what is signed.
//!
//! 1. [`check_accepted`], [`check_attempt`]: whether the request may be carried out. [`register`]: before anything runs, the ledger has what will run and what will be measured ([`protocol`]).
//! 2. The caller runs and audits, and keeps what came of it in a [`Progress`].
//! 3. [`write_down`]: models, membership, runs, measurements and verdicts, in one transaction. The [`outcome_of`] a run
//!    joins its own effect and the audit's verdict; a request has the weakest of its runs ([`weakest_outcome`]).
//! 4. [`may_purge`] and [`Found::sorted`]: only a request whose models changed removes anything, and then the same search
//!    looks again.
//! 5. [`may_sign`]: nothing is signed while something that holds the person is passed over. Then [`verify`] and
//!    [`sign`].
//!
//! Nothing is removed before its outcome is in the ledger. Evidence is made of typed values and holds no id and no path.
//!
//! Deliberately absent: training, audits, searches, printing.

mod attempt;
mod audited;
mod error;
mod evidence;
mod left;
mod outcome;
mod progress;
mod write_down;

pub use attempt::{check_accepted, check_attempt};
pub use error::EraseError;
pub use evidence::{Environment, Parts, metrics, protocol, sign};
pub use left::{Found, Listed, Look, is_open, is_part, may_sign};
pub use outcome::{may_purge, outcome_of, weakest_outcome};
pub use progress::{
    Audited, ControlFound, Cost, DeliveredFound, How, Made, Mean, MemoryFound, PowerFound, Progress, RoleScores, Run,
    ScoreLine, ScoreTable, Statistics,
};
pub use write_down::{has_other_runs, register, verify, write_down};
