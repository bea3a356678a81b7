//! What can go wrong before or while unlearning.

use lacuna_cohort::SubjectId;
use lacuna_train::TrainError;

/// An error of recipes and their runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnlearnError {
    /// The switches contradict each other or ask for nothing.
    #[error("recipe: {switches} {problem}")]
    Mechanics {
        /// The switches that are on.
        switches: String,
        /// What is wrong with them.
        problem: &'static str,
    },
    /// A setting outside its range.
    #[error("recipe: {key} is {found}: expected {expected}")]
    BadSetting {
        /// The key.
        key: &'static str,
        /// As given.
        found: String,
        /// The allowed range.
        expected: &'static str,
    },
    /// The recipe text is not a recipe.
    #[error("recipe: {reason}")]
    Parse {
        /// The parser's reason, with line and column.
        reason: String,
    },
    /// No strategy has that name.
    #[error("unknown strategy `{found}`, expected one of {known}")]
    UnknownStrategy {
        /// As given.
        found: String,
        /// All names.
        known: String,
    },
    /// There is nobody to forget.
    #[error("no case of a subject to forget")]
    NothingToForget,
    /// The recipe needs retain subjects and there is none.
    #[error("the recipe holds the retain subjects, but there is none: set retain_weight to 0 or keep a subject")]
    NothingToRetain,
    /// A subject is on both sides.
    #[error("subject {subject} is both to forget and to retain")]
    BothSides {
        /// The subject.
        subject: SubjectId,
    },
    /// Cases of different shapes where one is the target of another.
    #[error(
        "scan {scan}: expected the shape of the other scans, {expected:?}, which this strategy needs, found {found:?}; fix: \
         another strategy, or a model trained on one size (--size)"
    )]
    ShapesDiffer {
        /// The scan.
        scan: String,
        /// Its shape.
        found: [usize; 4],
        /// The first case's shape.
        expected: [usize; 4],
    },
    /// The training loop ended early, or the method diverged.
    #[error(transparent)]
    Train(#[from] TrainError),
}

impl From<lacuna_inference::InferenceError> for UnlearnError {
    fn from(error: lacuna_inference::InferenceError) -> UnlearnError {
        UnlearnError::Train(error.into())
    }
}
