//! The learning rate as a function of the epoch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The factor on the base learning rate, constant within an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Schedule {
    /// The factor is 1 in every epoch.
    Constant,
    /// `factor^(epoch + 1)`: MedicalNet steps its scheduler before the first update, so the first epoch runs at
    /// `factor`.
    Exponential {
        /// The factor per epoch; MedicalNet's is 0.99.
        factor: f64,
    },
    /// Half a cosine from 1 down to 0 just after the last epoch (Loshchilov and Hutter, 2017, without restarts).
    Cosine,
    /// `(1 - epoch / epochs)^power`, nnU-Net's with power 0.9.
    Polynomial {
        /// The exponent; 1 gives a linear decay.
        power: f64,
    },
}

impl Schedule {
    /// Whether the rate of an epoch depends on the number of epochs in total. If so, a shorter training is not the
    /// beginning of a longer one.
    pub fn depends_on_length(&self) -> bool {
        matches!(self, Schedule::Cosine | Schedule::Polynomial { .. })
    }

    /// Returns the factor for an epoch counted from 0, of `epochs` in total.
    pub fn factor(&self, epoch: usize, epochs: usize) -> f64 {
        let progress = epoch as f64 / epochs as f64;
        match *self {
            Schedule::Constant => 1.0,
            Schedule::Exponential { factor } => factor.powi(epoch as i32 + 1),
            Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
            Schedule::Polynomial { power } => (1.0 - progress).powf(power),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decaying_schedules_start_high_and_never_rise() {
        for schedule in [Schedule::Exponential { factor: 0.99 }, Schedule::Cosine, Schedule::Polynomial { power: 0.9 }]
        {
            let factors: Vec<f64> = (0..50).map(|epoch| schedule.factor(epoch, 50)).collect();
            assert!(factors[0] > 0.98 && factors.windows(2).all(|pair| pair[1] <= pair[0]), "{schedule:?}");
            assert!(factors[49] > 0.0);
        }
    }

    #[test]
    fn a_schedule_depends_on_the_length_exactly_where_some_rate_does() {
        let all = [
            Schedule::Constant,
            Schedule::Exponential { factor: 0.99 },
            Schedule::Cosine,
            Schedule::Polynomial { power: 0.9 },
        ];
        for schedule in all {
            let differs = (0..20).any(|epoch| schedule.factor(epoch, 20) != schedule.factor(epoch, 30));
            assert_eq!(schedule.depends_on_length(), differs, "{schedule:?}");
        }
    }

    #[test]
    fn cosine_is_half_way_down_in_the_middle() {
        assert!((Schedule::Cosine.factor(25, 50) - 0.5).abs() < 1e-12);
    }
}
