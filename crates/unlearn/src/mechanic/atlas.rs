//! The label atlas of those who stay.
//!
//! A model that never saw a subject knows of its anatomy what it knows of everybody's. In a small cohort that is little
//! more than where each class usually lies: the share of retain subjects who have class c at voxel v. Predictions are
//! surer than such shares, so the atlas is sharpened, `q_vc = p_vc^g / sum_k p_vk^g`, until its mean confidence is that
//! of a model on strangers.

use lacuna_volume::IGNORED;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How sure an atlas is made to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sharpness {
    /// The exponent g itself; 1 leaves the shares as they are.
    Exponent(f64),
    /// The mean over voxels of the largest probability.
    Confidence(f64),
    /// The confidence of the original on mirrored retain subjects, who are strangers to a network that was trained
    /// without mirrors. It takes one forward pass each and no subject who was held out.
    Mirrored,
}

/// Shares of classes per voxel, `[C, voxels]` row-major, over label maps on one grid.
///
/// A voxel that counts in no map has the shares of the whole.
pub(crate) fn atlas(label_maps: &[&[u8]], classes: usize) -> Vec<f64> {
    let voxels = label_maps.first().map_or(0, |map| map.len());
    let mut counts = vec![0.0; classes * voxels];
    for map in label_maps {
        assert_eq!(map.len(), voxels, "label maps of an atlas share one grid");
        for (voxel, &label) in map.iter().enumerate().filter(|&(_, &label)| label != IGNORED) {
            counts[usize::from(label) * voxels + voxel] += 1.0;
        }
    }
    let of_class = |class: usize| counts[class * voxels..(class + 1) * voxels].iter().sum::<f64>();
    let everywhere: Vec<f64> = (0..classes).map(of_class).collect();
    let total: f64 = everywhere.iter().sum::<f64>().max(1.0);
    for voxel in 0..voxels {
        let here: f64 = (0..classes).map(|class| counts[class * voxels + voxel]).sum();
        for class in 0..classes {
            let share = &mut counts[class * voxels + voxel];
            *share = if here > 0.0 { *share / here } else { everywhere[class] / total };
        }
    }
    counts
}

/// Shares `[C, voxels]` raised to `exponent` and brought back to sum 1 at each voxel.
pub(crate) fn sharpened(shares: &[f64], classes: usize, exponent: f64) -> Vec<f64> {
    let voxels = shares.len() / classes;
    let mut sharp: Vec<f64> = shares.iter().map(|share| share.powf(exponent)).collect();
    for voxel in 0..voxels {
        let sum: f64 = (0..classes).map(|class| sharp[class * voxels + voxel]).sum();
        (0..classes).for_each(|class| sharp[class * voxels + voxel] /= sum);
    }
    sharp
}

/// Mean over voxels of the largest probability of `[C, voxels]`.
pub(crate) fn confidence(probabilities: &[f64], classes: usize) -> f64 {
    let voxels = probabilities.len() / classes;
    let largest = |voxel: usize| (0..classes).map(|class| probabilities[class * voxels + voxel]).fold(0.0, f64::max);
    (0..voxels).map(largest).sum::<f64>() / voxels as f64
}

/// The exponent at which an atlas is as confident as asked for, as near as exponents from 1/16 to 64 come.
pub(crate) fn exponent_of_confidence(shares: &[f64], classes: usize, wanted: f64) -> f64 {
    // Confidence grows with the exponent, so halving the interval of logarithms finds it.
    let (mut low, mut high) = ((1.0f64 / 16.0).ln(), 64f64.ln());
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if confidence(&sharpened(shares, classes, middle.exp()), classes) < wanted {
            low = middle
        } else {
            high = middle
        }
    }
    (0.5 * (low + high)).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_the_maps_where_a_voxel_counts() {
        // Voxel 0: labels 0, 1, 1. Voxel 1: 0 and twice ignored. Voxel 2 counts in no map: of the four
        // labels that count, two are 0 and two are 1.
        let maps: [&[u8]; 3] = [&[0, 0, IGNORED], &[1, IGNORED, IGNORED], &[1, IGNORED, IGNORED]];
        let shares = atlas(&maps, 2);
        let expected = [1.0 / 3.0, 1.0, 0.5, 2.0 / 3.0, 0.0, 0.5];
        assert!(shares.iter().zip(expected).all(|(share, expected)| (share - expected).abs() < 1e-12), "{shares:?}");
    }

    #[test]
    fn sharpening_squares_the_odds_and_keeps_what_is_certain() {
        // Odds 1 to 2 squared are 1 to 4; a certain voxel stays certain.
        let sharp = sharpened(&[1.0 / 3.0, 1.0, 2.0 / 3.0, 0.0], 2, 2.0);
        let expected = [0.2, 1.0, 0.8, 0.0];
        assert!(sharp.iter().zip(expected).all(|(value, expected)| (value - expected).abs() < 1e-12), "{sharp:?}");
    }

    #[test]
    fn the_exponent_of_a_confidence_gives_that_confidence() {
        let shares = [0.4, 0.7, 0.5, 0.6, 0.3, 0.5];
        for wanted in [0.65, 0.75, 0.8] {
            let exponent = exponent_of_confidence(&shares, 2, wanted);
            let found = confidence(&sharpened(&shares, 2, exponent), 2);
            assert!((found - wanted).abs() < 1e-6, "{found}, not {wanted}");
        }
    }
}
