//! What can be wrong with what is to be scored.

/// A score that cannot be computed, with the reason.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricsError {
    /// Background and at least one other class are needed, and 255 marks ignored voxels.
    #[error("{found} classes cannot be scored: expected 2 to 255, background included")]
    ClassCount {
        /// The number of class names given.
        found: usize,
    },
    /// Two classes would share their rows in every table.
    #[error("the class name `{name}` is taken: class names must differ from each other and from `mean`")]
    ClassName {
        /// The name that occurs twice, or `mean`.
        name: String,
    },
    /// A voxel carries a class number that has no name.
    #[error("{map} holds class {found}, but there are only {classes} classes (0 to {})", classes - 1)]
    UnknownClass {
        /// Where: "the truth" or "the prediction".
        map: &'static str,
        /// The class number.
        found: u8,
        /// The number of classes.
        classes: usize,
    },
    /// A voxel comes with too many or too few probabilities.
    #[error("a voxel has {found} probabilities, but there are {classes} classes")]
    ProbabilityCount {
        /// The number of probabilities given.
        found: usize,
        /// The number of classes.
        classes: usize,
    },
    /// The network's output was NaN or infinite somewhere.
    #[error("a probability of class `{class}` is not finite: the network has diverged")]
    NotFinite {
        /// The class whose channel is affected.
        class: String,
    },
    /// Surfaces cannot be compared at that tolerance.
    #[error("the tolerance of surface Dice: expected millimetres from 0 on, found {found}; fix: state another")]
    Tolerance {
        /// As stated.
        found: f64,
    },
    /// There is nothing to average over.
    #[error("no voxel counts: the truth is ignored everywhere or the grid is empty")]
    NoVoxel,
}
