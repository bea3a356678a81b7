//! Agreement of a prediction with the true labels, per subject and class.
//!
//! A [`Scorer`] takes one voxel at a time, so that it serves every grid that a subject is scored on, and returns
//! [`SubjectScores`]. A [`SurfaceScorer`] takes whole masks on the image's own grid and adds surface distances in mm
//! and volume similarity. [`BeforeAfter`] and [`RetainForget`] compute the paper's figures from such scores, and
//! [`Summary`] averages them over subjects.
//!
//! Conventions. A class is a number from 0 (background) and a name. Voxels whose true class is
//! [`lacuna_volume::IGNORED`] enter no score. Sums are exact integers or `f64`. A mean over classes leaves the
//! background out. Empty masks ([`Empty`]) are counted and reported: Dice is 0 if one of the two masks is empty and
//! undefined if both are; the usual 95 % Hausdorff distance of a missed structure is the image's diagonal, never left
//! out.
//!
//! Deliberately absent: smoothing constants, pooling over subjects, defaults for scores that cannot be computed, and
//! networks.

mod confusion;
mod derived;
mod distance_transform;
mod error;
mod overlap;
mod registry;
mod scorer;
mod summary;
mod surface;
mod surface_elements;
mod surface_scorer;

pub use confusion::Confusion;
pub use derived::{BeforeAfter, RetainForget};
pub use error::MetricsError;
pub use overlap::{Counts, Empty, Overlap, dice};
pub use registry::{Direction, METRICS, Metric, Needs};
pub use scorer::{ClassScore, MEAN, Scorer, SubjectScores};
pub use summary::{EmptyCounts, Summary};
pub use surface_scorer::{SURFACE_TOLERANCE_MM, SurfaceScore, SurfaceScorer, hausdorff_95};
