//! What can be wrong with plans, attempts and engines.

use lacuna_disk::DiskError;
use std::path::PathBuf;

/// An error of plans, attempts and engines, with the evidence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What attempts write down could not be read or written.
    #[error(transparent)]
    Objects(#[from] lacuna_objects::ObjectError),
    /// The file is no plan, or not the plan it was.
    #[error("{path}: expected a plan as `lacuna study plan` wrote it, found {found}; fix: {fix}")]
    NotAPlan {
        /// The file.
        path: PathBuf,
        /// What is there instead.
        found: String,
        /// What to do.
        fix: &'static str,
    },
    /// There is another plan already.
    #[error("{path}: expected no plan there yet, found another one; fix: choose another folder")]
    AnotherPlan {
        /// The file.
        path: PathBuf,
    },
    /// The plan has no task of that number.
    #[error("index: expected 0 to {}, found {found}; fix: give an --index of the plan, and the --offset of its part", .tasks - 1)]
    NoTask {
        /// The number.
        found: usize,
        /// How many tasks there are.
        tasks: usize,
    },
    /// Nobody said which task is meant.
    #[error("index: expected --index or one of {}, found none", .variables.join(", "))]
    NoIndex {
        /// Where engines say it.
        variables: &'static [&'static str],
    },
    /// An engine's variable holds no number.
    #[error("{variable}: expected a number, found `{found}`")]
    BadIndex {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        found: String,
    },
    /// A record of an attempt is damaged.
    #[error(
        "{path}: expected the record of an attempt, found {found}; fix: delete it if nobody is at work on that task"
    )]
    Attempt {
        /// The file, or the object.
        path: String,
        /// The parser's words.
        found: String,
    },
    /// Two attempts of one task ended otherwise.
    #[error(
        "task {index}: expected the result of attempt {first}, found another in attempt {second} ({found}); it is kept as \
         {kept}; fix: find out which machine computes wrongly before anything of this study is believed"
    )]
    NotRepeated {
        /// The task.
        index: usize,
        /// Whose result counts, where that is known.
        first: String,
        /// Whose differs.
        second: usize,
        /// How it differs.
        found: String,
        /// Where the second result lies.
        kept: String,
    },
    /// A program could not be started.
    #[error("{program}: cannot be started: {source}; fix: is it installed and on the PATH?")]
    Start {
        /// Its name.
        program: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A setting that no cluster can have.
    #[error("{setting}: expected {expected}, found {found}")]
    BadSetting {
        /// Its name on the command line.
        setting: &'static str,
        /// What would do.
        expected: &'static str,
        /// As given.
        found: String,
    },
    /// Failures come so often that a task never ends.
    #[error(
        "--failures: expected so few that a task of {seconds:.0} s ends within {attempts} attempts, found more; fix: more \
         checkpoints, or shorter tasks"
    )]
    Endless {
        /// How long the task takes.
        seconds: f64,
        /// How often it was begun.
        attempts: usize,
    },
}
