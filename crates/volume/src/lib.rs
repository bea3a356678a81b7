//! One 3-D image and its geometry.
//!
//! Conventions that hold everywhere in this crate:
//! - A voxel index is `(i, j, k)`; voxels are stored with `i` fastest, as NIfTI stores them:
//!   `offset = i + ni * (j + nj * k)`. Read as a row-major array, the same memory is `[k][j][i]`.
//! - World coordinates are RAS+ millimetres: x to the subject's right, y to the front, z up.
//! - Lengths are millimetres, and their names end in `_mm`.
//!
//! The crate does not depend on subjects, networks or the meaning of labels.

mod components;
mod crop;
mod error;
mod geometry;
mod image;
mod nifti;
mod normalise;
mod orientation;
mod preprocess;
mod resample;
mod windows;

pub use components::keep_largest_components;
pub use crop::{VoxelBox, bounding_box, crop};
pub use error::{VolumeError, label_fix};
pub use geometry::{Affine, Grid, SpacingMm};
pub use image::{ClassMap, IGNORED, Image, LabelMap, Volume};
pub use nifti::{
    Datatype, LabelNumber, Lying, NiftiFile, NiftiHeader, NiftiVersion, Notice, ReadLimits, Sizes, decimals,
    read_header, read_label_map, read_volume, write_label_map, write_volume,
};
pub use normalise::{FlatVolume, Foreground, z_score};
pub use orientation::{AxisOrder, axis_codes, canonical_order, reorder};
pub use preprocess::{
    Canonical, Crop, InverseTransform, InverseTransformError, Medicalnet, Prepared, PreprocessError, Preprocessing,
};
pub use resample::{Convention, dims_at_spacing, resample_nearest, resample_trilinear};
pub use windows::{Blend, Tiling};
