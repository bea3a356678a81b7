//! The tasks of a study on many machines.
//!
//! A [`Plan`] is a list of tasks that is written once and never changed. A process that runs a task makes an
//! [`Attempt`], which has a number and a folder of its own; the first complete result is accepted, and later ones are
//! compared with it. An [`Launcher`] decides how attempts are started: by a pool of processes on this machine, or by the
//! scheduler of a cluster. A simulation predicts how long that takes.
//!
//! Schedulers run a task at least once, not exactly once: a machine that was given up for dead may still be running.
//! Nothing here relies on a task having one attempt at a time.
//!
//! Deliberately absent: what a task computes, and how two results are compared. Both belong to the study crate, so this
//! crate needs no tensor library.

mod alarm;
mod attempt;
mod error;
mod index;
mod launcher;
mod plan;
mod setting;
mod simulation;
mod task_state;

pub use alarm::{Alarm, alarms};
pub use attempt::{AllAttempts, Attempt, AttemptOutcome, Attempts, Begun, Ended, Offer};
pub use error::LauncherError;
pub use index::{INDEX_VARIABLES, index_of_environment};
pub use launcher::local::{Finished, Pool};
pub use launcher::{Kubernetes, LAUNCHERS, Launcher, Resources, StartMode, Submission, Work, find};
pub use plan::{About, Draft, Plan, PlannedTask, TaskKind, TaskOfPlan};
pub use setting::Setting;
pub use simulation::{Cluster, Forecast, Job, Order, repeated, simulate};
pub use task_state::{Count, TaskState, TaskStates};
