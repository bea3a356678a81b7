//! Errors of plans, attempts and launchers.

use lacuna_disk::DiskError;
use std::path::PathBuf;

/// An error of plans, attempts or launchers, with its evidence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LauncherError {
    /// A file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Notes of attempts could not be read or written.
    #[error(transparent)]
    Objects(#[from] lacuna_objects::ObjectError),
    /// The file is no plan, or was changed after it was written.
    #[error("{path}: expected a plan as `lacuna study plan` wrote it, found {found}; fix: {fix}")]
    NotAPlan {
        /// The path of the plan's file.
        path: PathBuf,
        /// A description of what the file holds instead.
        found: String,
        /// The suggested repair.
        fix: &'static str,
    },
    /// The folder already holds a different plan.
    #[error("{path}: expected no plan there yet, found another one; fix: choose another folder")]
    AnotherPlan {
        /// The path of the plan that is there.
        path: PathBuf,
    },
    /// The plan has no task with this number.
    #[error("index: expected 0 to {}, found {found}; fix: give an --index of the plan, and the --offset of its part", .tasks - 1)]
    NoTask {
        /// The number that was asked for.
        found: usize,
        /// The number of tasks in the plan.
        tasks: usize,
    },
    /// No task number was given, neither on the command line nor by a launcher.
    #[error("index: expected --index or one of {}, found none", .variables.join(", "))]
    NoIndex {
        /// The environment variables that were looked up.
        variables: &'static [&'static str],
    },
    /// A scheduler's variable holds no number.
    #[error("{variable}: expected a number, found `{found}`")]
    BadIndex {
        /// The name of the variable.
        variable: &'static str,
        /// The value of the variable.
        found: String,
    },
    /// The note of an attempt is damaged.
    #[error(
        "{path}: expected the record of an attempt, found {found}; fix: delete it if no process works on that task"
    )]
    Attempt {
        /// The path of the file, or the name of the object.
        path: String,
        /// The parser's message.
        found: String,
    },
    /// Two attempts at one task gave different results.
    #[error(
        "task {index}: expected the result of attempt {first}, found another in attempt {second} ({found}); it is kept as \
         {kept}; fix: find out which machine computes wrongly before anything of this study is believed"
    )]
    NotRepeated {
        /// The number of the task.
        index: usize,
        /// The attempt whose result was accepted, where that is known.
        first: String,
        /// The number of the attempt whose result differs.
        second: usize,
        /// A description of the difference.
        found: String,
        /// The path of the second result.
        kept: String,
    },
    /// A program could not be started.
    #[error("{program}: cannot be started: {source}; fix: is it installed and on the PATH?")]
    Start {
        /// The name of the program.
        program: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A setting that no cluster can have.
    #[error("{setting}: expected {expected}, found {found}")]
    BadSetting {
        /// The option's name on the command line.
        setting: &'static str,
        /// The values that are allowed.
        expected: &'static str,
        /// The value that was given.
        found: String,
    },
    /// Failures are so frequent that a task never ends.
    #[error(
        "--failures: expected so few that a task of {seconds:.0} s ends within {attempts} attempts, found more; fix: more \
         checkpoints, or shorter tasks"
    )]
    Endless {
        /// The duration of the task, in seconds.
        seconds: f64,
        /// The number of attempts after which the simulation gave up.
        attempts: usize,
    },
}
