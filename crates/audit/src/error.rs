//! What can be wrong with scores that are to be audited.

/// An audit, or a part of one, that cannot be computed, with the reason.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// A mean of two models is the least that has a deviation.
    #[error("{what}: {found} models are too few, expected at least {least}; train more seeds")]
    TooFew {
        /// Which pool, or which test.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there must be.
        least: usize,
    },
    /// A score is NaN or infinite.
    #[error("{what}: model {model} has the score {found}, expected a finite one; a diverged model cannot be audited")]
    NotFinite {
        /// The name of the pool.
        what: &'static str,
        /// Its place in the pool, from 1.
        model: usize,
        /// The score, which is not finite.
        found: f64,
    },
    /// Models that do not differ at all say nothing of what chance does.
    #[error(
        "{what}: all models have the same score {value}, so nothing is known of chance; expected seeds that differ"
    )]
    NoSpread {
        /// The name of the pool.
        what: &'static str,
        /// The score that they share.
        value: f64,
    },
    /// Models that should be paired by seed are not.
    #[error("{what}: {left} models on one side and {right} on the other, expected one pair for each seed")]
    Unpaired {
        /// Which comparison.
        what: &'static str,
        /// Models on one side.
        left: usize,
        /// Models on the other.
        right: usize,
    },
    /// A setting that no audit can have.
    #[error("{key}: expected {expected}, found {found}")]
    BadSetting {
        /// The key, as in the file.
        key: String,
        /// The accepted values.
        expected: &'static str,
        /// The value that was found.
        found: String,
    },
    /// Text that is no table of the expected keys.
    #[error("audit settings: {reason}")]
    Parse {
        /// What the parser says.
        reason: String,
    },
    /// Text that is no report of an audit.
    #[error("expected an audit.json of lacuna.audit/1, found {found}")]
    Report {
        /// The position of the error and its reason.
        found: String,
    },
    /// Log-probabilities, labels and grid do not fit together.
    #[error("{what}: expected {expected} values, found {found}")]
    Size {
        /// The name of the array.
        what: &'static str,
        /// How many it must hold.
        expected: usize,
        /// How many it holds.
        found: usize,
    },
    /// A label has no class.
    #[error("the labels hold class {found}, but there are only {classes} classes (0 to {})", classes - 1)]
    UnknownClass {
        /// The label that was found.
        found: u8,
        /// The number of classes.
        classes: usize,
    },
    /// No voxel lies where a feature looks.
    #[error("{what}: no voxel of the subject lies there, so there is nothing to average")]
    NoVoxel {
        /// The name of the region.
        what: &'static str,
    },
}
