//! From images to the network's input and back: a choice with a name, and its inverse.
//!
//! A network input is a row-major array `[C, D, H, W]`. Which image axis D, H and W are
//! depends on the choice:
//! - [`Preprocessing::Canonical`]: D from inferior to superior, H from posterior to anterior,
//!   W from left to right, whatever way the scan was stored;
//! - [`Preprocessing::Medicalnet`] and [`Preprocessing::None`]: the stored axes (i, j, k), as
//!   the published weights saw them.
//!
//! Every choice yields a [`Placement`], which carries label maps to the network's grid and
//! class probabilities back to the image's.

mod canonical;
mod medicalnet;
mod placement;

pub use canonical::{Canonical, Crop};
pub use medicalnet::Medicalnet;
pub use placement::{Placement, PlacementError};

use crate::{FlatVolume, Grid, Volume};
use lacuna_seed::Stream;
use serde::{Deserialize, Serialize};

/// How images become a network's input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Preprocessing {
    /// The voxels as stored, unscaled.
    None,
    /// Oriented, cropped, resampled and normalised.
    Canonical(Canonical),
    /// What MedicalNet's own code does.
    Medicalnet(Medicalnet),
}

/// A network's input with the way back.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// Row-major `[C, D, H, W]`.
    pub voxels: Vec<f32>,
    /// `[C, D, H, W]`.
    pub shape: [usize; 4],
    /// How (D, H, W) lies in the image's own grid.
    pub placement: Placement,
}

/// Images that cannot be preprocessed as asked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PreprocessError {
    /// There is no image.
    #[error("expected at least one channel, found none")]
    NoChannel,
    /// A channel has another grid than the first.
    #[error(
        "channel {channel}: expected the first channel's grid of {expected:?} voxels, found {found:?} voxels, \
         {by_mm} mm apart; fix: register and resample the channels to one grid"
    )]
    ChannelGrids {
        /// The channel, counted from 0.
        channel: usize,
        /// Voxels of the first channel.
        expected: [usize; 3],
        /// Voxels of this channel.
        found: [usize; 3],
        /// The largest distance between corners; infinite if the numbers of voxels differ.
        by_mm: f64,
    },
    /// Both a size and a spacing are asked for.
    #[error("expected `size` or `spacing_mm`, found both; fix: leave one out")]
    SizeAndSpacing,
    /// A size or spacing that no image can have.
    #[error("field {field}: expected {expected}, found {found}; fix: change the preprocessing")]
    Target {
        /// The configuration key.
        field: &'static str,
        /// What it may hold.
        expected: &'static str,
        /// What it holds, or leads to.
        found: String,
    },
    /// Nothing is left to crop to.
    #[error("expected voxels {wanted} to crop to, found none; fix: check the image, or do not crop")]
    EmptyCrop {
        /// Which voxels were looked for.
        wanted: &'static str,
    },
    /// A channel has no contrast.
    #[error("channel {channel}: {source}; fix: leave this scan out")]
    Flat {
        /// The channel, counted from 0.
        channel: usize,
        /// Which voxels had none.
        source: FlatVolume,
    },
}

impl Preprocessing {
    /// Make a network's input of the channels of one scan.
    ///
    /// `noise` is drawn from by [`Medicalnet`] alone.
    ///
    /// # Errors
    /// Any [`PreprocessError`].
    pub fn apply(&self, channels: &[Volume], noise: &Stream) -> Result<Prepared, PreprocessError> {
        let grid = one_grid(channels)?;
        match self {
            Preprocessing::None => Ok(Placement::as_stored(grid).prepare(channels)),
            Preprocessing::Canonical(choice) => choice.apply(channels),
            Preprocessing::Medicalnet(choice) => choice.apply(channels, noise),
        }
    }
}

/// Channels closer than this share a grid: 32-bit header fields are no more exact.
const SAME_GRID_MM: f64 = 1e-3;

/// The most voxels of one channel of a network's input, as of an image file.
const INPUT_VOXELS_MAX: usize = 1 << 31;

/// The grid that all channels share.
fn one_grid(channels: &[Volume]) -> Result<Grid, PreprocessError> {
    let first = channels.first().ok_or(PreprocessError::NoChannel)?.grid();
    if first.is_empty() {
        return Err(PreprocessError::EmptyCrop { wanted: "of any value" });
    }
    for (channel, volume) in channels.iter().enumerate() {
        let by_mm = first.distance_mm(volume.grid());
        if by_mm > SAME_GRID_MM {
            let (expected, found) = (first.dims, volume.grid().dims);
            return Err(PreprocessError::ChannelGrids { channel, expected, found, by_mm });
        }
    }
    Ok(*first)
}

/// A size that an image can have.
fn checked_size(field: &'static str, size: [usize; 3]) -> Result<[usize; 3], PreprocessError> {
    let voxels = size.iter().try_fold(1usize, |product, &axis| product.checked_mul(axis));
    match voxels {
        Some(1..=INPUT_VOXELS_MAX) => Ok(size),
        _ => {
            let expected = "1 to 2^31 voxels in all";
            Err(PreprocessError::Target { field, expected, found: format!("{size:?} voxels") })
        }
    }
}
