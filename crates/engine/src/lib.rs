//! The tasks of a study on many machines.
//!
//! A [`Plan`] is a list of tasks that is written once and never changed. Whoever does a task makes an [`Attempt`] of it,
//! which takes a number and a folder of its own; the first whole result counts, and another must be like it. An
//! [`Engine`] says how attempts are started: by a pool of processes here, or by the scheduler of a cluster. A
//! simulation tells beforehand how long that takes.
//!
//! Schedulers run a task at least once, not exactly once: a machine that is given up for dead may still be at work.
//! Nothing here relies on a task having one attempt at a time.
//!
//! Deliberately absent: what a task is, and how its result is compared with another. That is the study's, and so this
//! crate needs no tensor library.

mod alarm;
mod attempt;
mod engine;
mod error;
mod index;
mod plan;
mod setting;
mod simulation;
mod standing;

pub use alarm::{Alarm, alarms};
pub use attempt::{AllAttempts, Attempt, Attempts, Begun, Ended, Ending, Offer};
pub use engine::local::{Finished, Pool};
pub use engine::{ENGINES, Engine, Kubernetes, Resources, Submission, Way, Work, find};
pub use error::EngineError;
pub use index::{INDEX_VARIABLES, index_of_environment};
pub use plan::{About, Draft, Plan, PlannedTask, TaskKind, TaskOfPlan};
pub use setting::Setting;
pub use simulation::{Cluster, Forecast, Job, Order, repeated, simulate};
pub use standing::{Count, Standing, Standings};
