//! One 3-D image and its geometry.
//!
//! Conventions that hold everywhere in this crate:
//! - A voxel index is `(i, j, k)`; voxels are stored with `i` fastest, as NIfTI stores them:
//!   `offset = i + ni * (j + nj * k)`. Read as a row-major array, the same memory is `[k][j][i]`.
//! - World coordinates are RAS+ millimetres: x to the subject's right, y to the front, z up.
//! - Lengths are millimetres and say so in their names.
//!
//! Nothing here knows of subjects, networks or labels' meanings.

mod geometry;
mod image;

pub use geometry::{Affine, Grid, SpacingMm};
pub use image::{Image, LabelMap, Volume};
