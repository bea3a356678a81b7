//! The band of models that were never trained on a subject: their mean and standard deviation.

use serde::Serialize;

/// Mean and sample standard deviation of several models.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Band {
    /// The mean over the models.
    pub mean: f64,
    /// The sample standard deviation, with `n - 1`.
    pub deviation: f64,
    /// The number of models.
    pub n: usize,
}

impl Band {
    /// The band of at least two values; `None` for fewer, which have no deviation.
    pub fn of(values: &[f64]) -> Option<Band> {
        let n = values.len();
        if n < 2 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
        Some(Band { mean, deviation: variance.sqrt(), n })
    }

    /// How many standard deviations a value lies above the mean; `None` if all models have the same value.
    pub fn deviations(&self, value: f64) -> Option<f64> {
        (self.deviation > 0.0).then(|| (value - self.mean) / self.deviation)
    }

    /// Whether a value lies within so many standard deviations of the mean.
    pub fn holds(&self, value: f64, deviations: f64) -> bool {
        (value - self.mean).abs() <= deviations * self.deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_worked_by_hand() {
        // Deviations from 0.5: -0.02, -0.01, 0, 0.01, 0.02; squares sum to 0.001, over 4: s = 0.01581.
        let band = Band::of(&[0.48, 0.49, 0.5, 0.51, 0.52]).unwrap();
        assert!((band.mean - 0.5).abs() < 1e-12 && (band.deviation - 0.015_811_388).abs() < 1e-8);
        assert!((band.deviations(0.55).unwrap() - 3.162_277_66).abs() < 1e-6);
        assert!(band.holds(0.53, 2.0) && !band.holds(0.532, 2.0) && band.holds(0.47, 2.0));
    }

    #[test]
    fn one_model_is_no_band_and_equal_models_hold_only_their_own_value() {
        assert_eq!(Band::of(&[0.5]), None);
        let band = Band::of(&[0.5, 0.5]).unwrap();
        assert_eq!((band.deviations(0.6), band.holds(0.5, 2.0), band.holds(0.6, 2.0)), (None, true, false));
    }
}
