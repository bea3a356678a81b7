//! lacuna's own preprocessing, whose result does not depend on the stored orientation.

use super::inverse_transform::InverseTransform;
use super::{Prepared, PreprocessError};
use crate::resample::{Convention, dims_at_spacing};
use crate::{Foreground, SpacingMm, Volume, VoxelBox, bounding_box, canonical_order, z_score};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Reorients to RAS, crops, resamples trilinearly and normalises by z-score.
///
/// The network's axes (D, H, W) run from inferior to superior, from posterior to anterior and
/// from left to right. Without `size` and without `spacing_mm` voxels are not resampled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Canonical {
    /// The size of the network's input in voxels along (D, H, W), whatever the spacing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<[usize; 3]>,
    /// The distance between the samples in millimetres along (D, H, W), whatever the size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spacing_mm: Option<[f64; 3]>,
    /// The part of the image that is used.
    pub crop: Crop,
    /// The voxels of the network's grid over which mean and standard deviation are computed.
    pub foreground: Foreground,
}

/// The part of an image that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Crop {
    /// The whole image.
    None,
    /// The smallest box that contains every voxel above 0 of any channel.
    AboveZero,
}

impl Canonical {
    pub(super) fn apply(&self, channels: &[Volume]) -> Result<Prepared, PreprocessError> {
        let inverse_transform = self.inverse_transform(channels)?;
        let mut voxels = Vec::new();
        for (channel, volume) in channels.iter().enumerate() {
            let mut sampled = inverse_transform.trilinear(volume);
            z_score(&mut sampled, self.foreground).map_err(|source| PreprocessError::Flat { channel, source })?;
            voxels.append(&mut sampled);
        }
        Ok(inverse_transform.prepared(channels.len(), voxels))
    }

    fn inverse_transform(&self, channels: &[Volume]) -> Result<InverseTransform, PreprocessError> {
        let grid = *channels[0].grid();
        let part = self.part(channels)?;
        let order = canonical_order(&grid.affine);
        let [width, height, depth] = order.dims(part.dims);
        let spacing_mm = order.source.map(|axis| grid.affine.spacing().0[axis]);
        let size = self.size_from([depth, height, width], SpacingMm([spacing_mm[2], spacing_mm[1], spacing_mm[0]]))?;
        Ok(InverseTransform { grid, part, order, size, convention: Convention::HalfVoxel })
    }

    fn part(&self, channels: &[Volume]) -> Result<VoxelBox, PreprocessError> {
        match self.crop {
            Crop::None => Ok(VoxelBox::whole(channels[0].grid())),
            Crop::AboveZero => channels
                .iter()
                .filter_map(|channel| bounding_box(channel, |voxel| voxel > 0.0))
                .reduce(|one, other| one.union(&other))
                .ok_or(PreprocessError::EmptyCrop { wanted: "above 0" }),
        }
    }

    /// Returns the size (D, H, W) of the network's input for a part of `dims` and `spacing`, both along (D, H, W).
    fn size_from(&self, dims: [usize; 3], spacing: SpacingMm) -> Result<[usize; 3], PreprocessError> {
        match (self.size, self.spacing_mm) {
            (None, None) => Ok(dims),
            (Some(_), Some(_)) => Err(PreprocessError::SizeAndSpacing),
            (Some(size), None) => super::checked_size("size", size),
            (None, Some(mm)) => {
                if !mm.iter().all(|&mm| mm.is_finite() && mm > 0.0) {
                    let expected = "finite distances above 0 mm";
                    return Err(PreprocessError::Target { field: "spacing_mm", expected, found: format!("{mm:?}") });
                }
                super::checked_size("spacing_mm", dims_at_spacing(dims, spacing, SpacingMm(mm)))
            }
        }
    }
}
