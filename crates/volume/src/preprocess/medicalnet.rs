//! MedicalNet's own preprocessing, with which its published weights were trained.
//!
//! Source: Chen, Ma and Zheng, "Med3D: Transfer Learning for 3D Medical Image Analysis", 2019;
//! `datasets/brains18.py` of the public repository Tencent/MedicalNet.
//!
//! Differences from it:
//! - The original fills the background with noise from an unseeded generator, so its runs differ. Here the noise comes
//!   from a named stream; results are therefore repeatable, and not bit-comparable with the original's.
//! - The original crops to the box in training only and uses the whole image in testing. Here the box is always
//!   cropped, so that both have the same field of view.
//! - Its random crop around the label in training is augmentation and is not done here.
//! - `scipy.ndimage.zoom` may read a last plane as 0 where rounding puts it beyond the image; here the last voxel is
//!   repeated.

use super::inverse_transform::InverseTransform;
use super::{Prepared, PreprocessError};
use crate::{AxisOrder, Convention, Foreground, Grid, Volume, VoxelBox, bounding_box, z_score};
use lacuna_seed::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Crops to the voxels that differ from the corner voxel, resamples to a size by nearest voxels, normalises over voxels
/// above 0, and fills voxels that are 0 with noise.
///
/// The network's axes (D, H, W) are the stored axes (i, j, k).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Medicalnet {
    /// The size of the network's input in voxels along (D, H, W).
    #[serde(default = "published_size")]
    pub size: [usize; 3],
}

/// Returns the input size of the published code's settings, along (D, H, W).
fn published_size() -> [usize; 3] {
    [56, 448, 448]
}

impl Medicalnet {
    /// Returns the preprocessing at the published input size of 56 x 448 x 448.
    pub fn published() -> Medicalnet {
        Medicalnet { size: published_size() }
    }

    pub(super) fn apply(&self, channels: &[Volume], noise: &Stream) -> Result<Prepared, PreprocessError> {
        let inverse_transform = self.inverse_transform(channels)?;
        let mut voxels = Vec::new();
        for (channel, volume) in channels.iter().enumerate() {
            let mut sampled = inverse_transform.nearest(volume, self.size);
            normalise(&mut sampled, &noise.part("channel").part(&channel.to_string()))
                .map_err(|source| PreprocessError::Flat { channel, source })?;
            voxels.append(&mut sampled);
        }
        Ok(inverse_transform.prepared(channels.len(), voxels))
    }

    fn inverse_transform(&self, channels: &[Volume]) -> Result<InverseTransform, PreprocessError> {
        let size = super::checked_size("size", self.size)?;
        let grid: Grid = *channels[0].grid();
        let part = channels
            .iter()
            .filter_map(|channel| bounding_box(channel, |voxel| voxel != channel.voxels()[0]))
            .reduce(|one, other| one.union(&other))
            .map(|found| VoxelBox { start: found.start, dims: without_last_plane(found.dims) })
            .filter(|part| !part.dims.contains(&0))
            .ok_or(PreprocessError::EmptyCrop {
                wanted: "other than voxel (0, 0, 0), in at least two planes of each axis,",
            })?;
        Ok(InverseTransform { grid, part, order: AxisOrder::TRANSPOSED, size, convention: Convention::AlignCorners })
    }
}

/// Returns the box without its last plane along each axis: the original slices `[min:max]` with the largest index as
/// `max`. Kept, since the published weights were trained so.
fn without_last_plane(dims: [usize; 3]) -> [usize; 3] {
    dims.map(|dim| dim - 1)
}

/// Normalises by z-score over voxels above 0; voxels that were exactly 0 become draws from N(0, 1).
fn normalise(voxels: &mut [f32], noise: &Stream) -> Result<(), crate::FlatVolume> {
    let background: Vec<bool> = voxels.iter().map(|&voxel| voxel == 0.0).collect();
    z_score(voxels, Foreground::AboveZero)?;
    let mut draws = noise.draws();
    for (voxel, _) in voxels.iter_mut().zip(&background).filter(|(_, background)| **background) {
        *voxel = draws.normal() as f32;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Image, SpacingMm};
    use lacuna_seed::Seed;

    /// Returns 4 x 4 x 4 voxels of -1 with a box of 3 x 3 x 3 numbers from 0 in its far corner.
    fn scan() -> Volume {
        let grid = Grid::axis_aligned([4, 4, 4], SpacingMm([1.0; 3]));
        let mut image = Image::new(grid, vec![-1.0; grid.len()]);
        for n in 0..27 {
            image.voxels_mut()[grid.offset([1 + n % 3, 1 + n / 3 % 3, 1 + n / 9])] = n as f32;
        }
        image
    }

    fn apply(seed: u64) -> Prepared {
        Medicalnet { size: [2, 2, 2] }.apply(&[scan()], &Seed(seed).stream("noise")).unwrap()
    }

    #[test]
    fn the_last_plane_of_the_box_is_lost() {
        let inverse_transform = apply(1).inverse_transform;
        assert_eq!(inverse_transform.part, VoxelBox { start: [1; 3], dims: [2; 3] });
    }

    #[test]
    fn what_is_above_zero_is_normalised_and_zero_becomes_noise() {
        // Stored (i, j, k) as (D, H, W): n = i + 3 j + 9 k at [i][j][k] gives
        // 0, 9, 3, 12, 1, 10, 4, 13. Above zero: mean 52 / 7, mean of squares 520 / 7.
        let found = apply(1);
        let mean = 52.0 / 7.0;
        let deviation = (520.0f64 / 7.0 - mean * mean).sqrt();
        for (voxel, stored) in found.voxels.iter().zip([0.0, 9.0, 3.0, 12.0, 1.0, 10.0, 4.0, 13.0]).skip(1) {
            assert!((f64::from(*voxel) - (stored - mean) / deviation).abs() < 1e-6);
        }
        assert!((f64::from(found.voxels[0]) + mean / deviation).abs() > 1e-6, "noise, not a normalised 0");
    }

    #[test]
    fn the_noise_follows_the_seed_and_nothing_else() {
        assert_eq!(apply(1), apply(1));
        assert_ne!(apply(1).voxels[0], apply(2).voxels[0]);
        assert_eq!(apply(1).voxels[1..], apply(2).voxels[1..]);
    }

    #[test]
    fn channels_have_noise_of_their_own() {
        let both = Medicalnet { size: [2, 2, 2] }.apply(&[scan(), scan()], &Seed(1).stream("noise")).unwrap();
        assert_ne!(both.voxels[0], both.voxels[8]);
        assert_eq!(both.voxels[1..8], both.voxels[9..]);
    }
}
