//! How well a prediction agrees with the truth, per subject and class.
//!
//! A [`Scorer`] is fed one voxel at a time, so that it serves every grid a subject is scored
//! on; it ends in [`SubjectScores`]. A [`SurfaceScorer`] is given whole masks on the image's own grid and adds surface
//! distances in mm and volume similarity. [`BeforeAfter`] and [`RetainForget`] turn such scores into
//! the paper's figures, [`Summary`] averages them over subjects.
//!
//! Conventions. A class is a number from 0 (background) and a name. Truth voxels that are
//! [`lacuna_volume::IGNORED`] count nowhere. Sums are exact integers or `f64`. A mean over
//! classes leaves the background out. An empty mask is a case ([`Empty`]), counted and passed
//! on: Dice is 0 when one of the two masks is empty and undefined when both are; the usual 95 % Hausdorff distance of a
//! missed structure is the image's diagonal, never left out.
//!
//! Deliberately absent: smoothing constants, pooling over subjects, defaults for what cannot be
//! computed, and everything that knows of networks.

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
