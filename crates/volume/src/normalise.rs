//! Normalisation of intensities.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The voxels over which the mean and the standard deviation are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Foreground {
    /// All voxels of the image.
    AllVoxels,
    /// Voxels above 0, for images whose background is 0.
    AboveZero,
}

impl Foreground {
    /// Returns whether a voxel of this value belongs to the foreground.
    pub fn holds(self, voxel: f32) -> bool {
        match self {
            Foreground::AllVoxels => true,
            Foreground::AboveZero => voxel > 0.0,
        }
    }
}

/// The foreground holds no two different values, so its standard deviation is 0 and cannot be divided by.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{voxels} foreground voxels ({foreground:?}) hold no two different finite values: nothing to normalise by")]
pub struct FlatVolume {
    /// The requested foreground.
    pub foreground: Foreground,
    /// The number of voxels in the foreground.
    pub voxels: usize,
}

/// Shifts and scales every voxel so that the foreground has mean 0 and standard deviation 1.
///
/// `x <- (x - m) / s` with `m` and `s` the mean and the population standard deviation (divisor
/// n, as numpy's `std`) over the foreground, both summed in f64.
///
/// # Errors
/// [`FlatVolume`] if the foreground is empty, constant or not finite; the voxels are then unchanged.
pub fn z_score(voxels: &mut [f32], foreground: Foreground) -> Result<(), FlatVolume> {
    let inside = || voxels.iter().filter(|&&voxel| foreground.holds(voxel)).map(|&voxel| f64::from(voxel));
    let count = inside().count();
    let mean = inside().sum::<f64>() / count as f64;
    let deviation = (inside().map(|voxel| (voxel - mean).powi(2)).sum::<f64>() / count as f64).sqrt();
    // Equality is tested directly, since the computed deviation of equal values need not be exactly 0.
    let constant = inside().next().is_none_or(|first| inside().all(|voxel| voxel == first));
    if constant || !deviation.is_finite() || deviation == 0.0 {
        return Err(FlatVolume { foreground, voxels: count });
    }
    for voxel in voxels {
        *voxel = ((f64::from(*voxel) - mean) / deviation) as f32;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_foreground_gets_mean_zero_and_deviation_one() {
        let mut voxels: Vec<f32> = (0..1000).map(|n| (n % 37) as f32 * 11.0).collect();
        let foreground: Vec<bool> = voxels.iter().map(|&voxel| voxel > 0.0).collect();
        z_score(&mut voxels, Foreground::AboveZero).unwrap();
        let inside = || voxels.iter().zip(&foreground).filter(|(_, inside)| **inside).map(|(&v, _)| f64::from(v));
        let n = inside().count() as f64;
        assert!((inside().sum::<f64>() / n).abs() < 1e-6);
        assert!((inside().map(|v| v * v).sum::<f64>() / n - 1.0).abs() < 1e-6);
    }

    #[test]
    fn gain_and_offset_do_not_matter() {
        let original: Vec<f32> = (1..50).map(|n| (n * n % 23) as f32).collect();
        let mut plain = original.clone();
        let mut changed: Vec<f32> = original.iter().map(|voxel| 4.0 * voxel + 128.0).collect();
        z_score(&mut plain, Foreground::AllVoxels).unwrap();
        z_score(&mut changed, Foreground::AllVoxels).unwrap();
        for (a, b) in plain.iter().zip(&changed) {
            assert!((a - b).abs() < 1e-6);
        }
    }

    #[test]
    fn the_background_moves_with_the_foreground() {
        // Foreground 1 and 3: mean 2, deviation 1; so background 0 becomes -2.
        let mut voxels = [0.0, 1.0, 3.0];
        z_score(&mut voxels, Foreground::AboveZero).unwrap();
        assert_eq!(voxels, [-2.0, -1.0, 1.0]);
    }

    #[test]
    fn a_flat_foreground_is_an_error_and_changes_nothing() {
        for flat in [vec![], vec![0.0; 4], vec![0.1; 7], vec![0.0, f32::NAN, 1.0]] {
            let mut voxels = flat.clone();
            let foreground = if flat.len() == 4 { Foreground::AboveZero } else { Foreground::AllVoxels };
            assert!(z_score(&mut voxels, foreground).is_err());
            assert_eq!(format!("{voxels:?}"), format!("{flat:?}"));
        }
    }
}
