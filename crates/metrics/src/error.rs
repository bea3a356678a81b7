//! Errors of scoring.

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
    /// A class name that occurs twice or is reserved; two classes would share their rows in every table.
    #[error("the class name `{name}` is taken: class names must differ from each other and from `mean`")]
    ClassName {
        /// The name that occurs twice, or `mean`.
        name: String,
    },
    /// A voxel has a class number without a name.
    #[error("{map} holds class {found}, but there are only {classes} classes (0 to {})", classes - 1)]
    UnknownClass {
        /// The map that holds it: "the truth" or "the prediction".
        map: &'static str,
        /// The class number.
        found: u8,
        /// The number of classes.
        classes: usize,
    },
    /// The number of probabilities of a voxel is not the number of classes.
    #[error("a voxel has {found} probabilities, but there are {classes} classes")]
    ProbabilityCount {
        /// The number of probabilities given.
        found: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A probability is infinite or NaN.
    #[error("a probability of class `{class}` is not finite: the network has diverged")]
    NotFinite {
        /// The class whose channel is affected.
        class: String,
    },
    /// A tolerance of surface Dice that is not a valid length.
    #[error("the tolerance of surface Dice: expected millimetres from 0 on, found {found}; fix: state another")]
    Tolerance {
        /// The tolerance that was given, in mm.
        found: f64,
    },
    /// Every voxel is ignored, so there is no score.
    #[error("no voxel counts: the truth is ignored everywhere or the grid is empty")]
    NoVoxel,
}
