//! Noise in place of labels (LearnNoise).

use lacuna_seed::Stream;
use lacuna_volume::IGNORED;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What noise labels are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseLaw {
    /// A Gaussian with the label map's own mean and deviation, rounded and clamped to the classes:
    /// biased to the numbers near the mean. The law of Li et al. (2024) carried over to class numbers.
    Gaussian,
    /// Every class equally likely at every voxel.
    Uniform,
    /// The true map with its classes exchanged by a permutation that leaves none in place.
    Permuted,
    /// Background everywhere: not noise, but the end towards which biased noise tends.
    Background,
}

/// A label map to learn instead of the true one; ignored voxels stay ignored.
pub fn noise_labels(law: NoiseLaw, truth: &[u8], classes: usize, stream: &Stream) -> Vec<u8> {
    let mut draws = stream.draws();
    let counted = |draw: &mut dyn FnMut(u8) -> u8| {
        truth.iter().map(|&label| if label == IGNORED { IGNORED } else { draw(label) }).collect()
    };
    match law {
        NoiseLaw::Background => counted(&mut |_| 0),
        NoiseLaw::Uniform => counted(&mut |_| draws.below(classes) as u8),
        NoiseLaw::Permuted => {
            // A rotation by a random amount moves every class.
            let by = 1 + draws.below(classes - 1);
            counted(&mut |label| ((usize::from(label) + by) % classes) as u8)
        }
        NoiseLaw::Gaussian => {
            let (mean, deviation) = moments(truth);
            let most = (classes - 1) as f64;
            counted(&mut |_| (mean + deviation * draws.normal()).round().clamp(0.0, most) as u8)
        }
    }
}

/// Mean and standard deviation of the class numbers that count.
fn moments(truth: &[u8]) -> (f64, f64) {
    let counted: Vec<f64> = truth.iter().filter(|&&label| label != IGNORED).map(|&label| f64::from(label)).collect();
    let n = counted.len().max(1) as f64;
    let mean = counted.iter().sum::<f64>() / n;
    let variance = counted.iter().map(|label| (label - mean).powi(2)).sum::<f64>() / n;
    (mean, variance.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_seed::Seed;

    const LAWS: [NoiseLaw; 4] = [NoiseLaw::Gaussian, NoiseLaw::Uniform, NoiseLaw::Permuted, NoiseLaw::Background];

    fn truth() -> Vec<u8> {
        (0..4000).map(|voxel| if voxel % 10 == 0 { IGNORED } else { (voxel % 4) as u8 }).collect()
    }

    #[test]
    fn every_law_keeps_ignored_voxels_and_stays_among_the_classes() {
        for law in LAWS {
            let noise = noise_labels(law, &truth(), 4, &Seed(0).stream("noise"));
            for (&noisy, &label) in noise.iter().zip(&truth()) {
                assert_eq!(noisy == IGNORED, label == IGNORED, "{law:?}");
                assert!(noisy == IGNORED || noisy < 4, "{law:?}");
            }
        }
    }

    #[test]
    fn a_permutation_leaves_no_class_in_place() {
        let noise = noise_labels(NoiseLaw::Permuted, &truth(), 4, &Seed(3).stream("noise"));
        assert!(noise.iter().zip(&truth()).all(|(noisy, &label)| label == IGNORED || *noisy != label));
    }

    #[test]
    fn uniform_noise_hits_every_class_alike() {
        let noise = noise_labels(NoiseLaw::Uniform, &vec![1; 8000], 4, &Seed(0).stream("noise"));
        for class in 0..4 {
            // 2000 expected with a deviation of 39; five deviations.
            let count = noise.iter().filter(|&&label| label == class).count();
            assert!((1800..2200).contains(&count), "class {class}: {count}");
        }
    }

    #[test]
    fn gaussian_noise_leans_to_the_commoner_side() {
        // A mask with 23 % ones: mean 0.23, deviation 0.42. Rounded, a voxel is 1 if it exceeds
        // 0.5, which is 0.64 deviations above the mean: 26 %.
        let mask: Vec<u8> = (0..10_000).map(|voxel| u8::from(voxel % 100 < 23)).collect();
        let ones =
            noise_labels(NoiseLaw::Gaussian, &mask, 2, &Seed(0).stream("noise")).iter().filter(|&&l| l == 1).count();
        assert!((2400..2800).contains(&ones), "{ones}");
    }
}
