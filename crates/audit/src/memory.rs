//! Was there anything to forget? And how much of it is gone?

use crate::bootstrap::{self, BOOTSTRAP_MIN};
use crate::law::student_quantile;
use crate::pool::{mean, variance};
use crate::{AuditError, Comparison, Interval, Pool, comparison};
use lacuna_seed::Stream;
use serde::{Deserialize, Serialize};

/// How plainly the originals remember a subject.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// `d0 = (mean O - mean R) / s_R`: their distance in standard deviations of the retrained models.
    pub deviations: f64,
    /// Originals against retrained models.
    pub comparison: Comparison,
    /// Whether it can be detected at all that the subject was trained on. If not, nothing shows whether it was
    /// forgotten.
    pub detectable: bool,
}

impl Memory {
    /// 1 if a remembered subject scores higher, -1 if lower.
    pub fn direction(&self) -> f64 {
        self.deviations.signum()
    }
}

/// Originals against retrained models: detectable if at least `deviations_min` apart, and not by chance at level
/// `alpha`.
///
/// # Errors
/// [`AuditError::NoSpread`].
pub fn memory(original: &Pool, retrained: &Pool, deviations_min: f64, alpha: f64) -> Result<Memory, AuditError> {
    let deviations = (original.mean() - retrained.mean()) / retrained.spread()?;
    let comparison = comparison::welch(original, retrained)?;
    let detectable = deviations.abs() >= deviations_min && comparison.p <= alpha;
    Ok(Memory { deviations, comparison, detectable })
}

/// How much of what was remembered is gone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Completeness {
    /// `C = (mean O - mean U) / (mean O - mean R)`: 0 untouched, 1 as retrained, above 1 more than that.
    pub value: f64,
    /// Over seeds, which the three arms share: by Fieller's theorem for few models, by the bootstrap for more. None
    /// where what was remembered could as well be nothing.
    pub interval: Option<Interval>,
}

/// Completeness of three arms paired by seed.
///
/// Source of the interval: Fieller, "Some problems in interval estimation", J. R. Stat. Soc. B 16, 1954.
///
/// # Errors
/// [`AuditError::Unpaired`]; [`AuditError::NoSpread`] if original and retrained models do not differ.
pub fn completeness(
    original: &Pool,
    unlearned: &Pool,
    retrained: &Pool,
    level: f64,
    stream: &Stream,
) -> Result<Completeness, AuditError> {
    let (gone, all) = (original.differences(unlearned)?, original.differences(retrained)?);
    if mean(&all) == 0.0 {
        return Err(AuditError::NoSpread { what: "originals and retrained models", value: original.mean() });
    }
    let fieller = fieller(&gone, &all, level);
    let interval = match fieller {
        Some(_) if gone.len() >= BOOTSTRAP_MIN => {
            let ratio = |indices: &[usize]| {
                let of = |values: &[f64]| indices.iter().map(|index| values[*index]).sum::<f64>();
                of(&gone) / of(&all)
            };
            bootstrap::corrected(gone.len(), &ratio, level, stream)
        }
        other => other,
    };
    Ok(Completeness { value: mean(&gone) / mean(&all), interval })
}

/// The ratio `mean(above) / mean(below)` of pairs; `None` if the denominator is not distinguishable from 0.
fn fieller(above: &[f64], below: &[f64], level: f64) -> Option<Interval> {
    let n = above.len() as f64;
    let t = student_quantile(0.5 + level / 2.0, n - 1.0);
    let (a, b) = (mean(above), mean(below));
    let (var_a, var_b) = (variance(above) / n, variance(below) / n);
    let covariance = above.iter().zip(below).map(|(x, y)| (x - a) * (y - b)).sum::<f64>() / (n - 1.0) / n;
    // (a - r b)^2 <= t^2 (var_a - 2 r cov + var_b r^2), quadratic in r.
    let (two, one, zero) = (b * b - t * t * var_b, a * b - t * t * covariance, a * a - t * t * var_a);
    let root = one * one - two * zero;
    (two > 0.0 && root >= 0.0).then(|| {
        let half = root.sqrt() / two;
        Interval { low: one / two - half, high: one / two + half, level }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::{pool, within_binomial_slack};
    use lacuna_seed::Seed;

    fn arm(values: &[f64]) -> Pool {
        Pool::new("arm", values.to_vec()).unwrap()
    }

    fn stream() -> Stream {
        Seed(0).stream("completeness")
    }

    #[test]
    fn memory_worked_by_hand() {
        // Retrained 1, 2, 3: mean 2, s = 1; originals around 5: d0 = 3, SE = sqrt(2/3), t = 3.674, df 4, p = 0.0213.
        let found = memory(&arm(&[4.0, 5.0, 6.0]), &arm(&[1.0, 2.0, 3.0]), 1.0, 0.05).unwrap();
        assert!((found.deviations - 3.0).abs() < 1e-12 && found.detectable);
        assert!((found.comparison.p - 0.021_312).abs() < 1e-5, "{}", found.comparison.p);
        // Half a deviation apart, or apart by chance: nothing to tell.
        assert!(!memory(&arm(&[1.5, 2.5, 3.5]), &arm(&[1.0, 2.0, 3.0]), 1.0, 0.05).unwrap().detectable);
    }

    #[test]
    fn completeness_is_nought_untouched_one_retrained_and_more_beyond() {
        let (original, retrained) = (arm(&[5.0, 5.2, 4.8]), arm(&[1.0, 1.2, 1.1]));
        let of = |unlearned: &Pool| completeness(&original, unlearned, &retrained, 0.95, &stream()).unwrap().value;
        assert_eq!([of(&original), of(&retrained)], [0.0, 1.0]);
        assert!(of(&arm(&[-1.0, -1.0, -1.0])) > 1.0 && of(&arm(&[6.0, 6.0, 6.0])) < 0.0);
    }

    #[test]
    fn the_paper_s_figures_are_five_times_a_retraining() {
        // (0.9226 - 0.0613) / (0.9226 - 0.75) = 4.99, where 0.75 is assumed for a retrained model.
        let of = |value: f64| arm(&[value - 0.001, value + 0.001]);
        let found = completeness(&of(0.9226), &of(0.0613), &of(0.75), 0.95, &stream()).unwrap();
        assert!((found.value - 4.99).abs() < 0.01);
    }

    #[test]
    fn intervals_of_few_and_of_many_models_hold_the_truth_as_often_as_they_say() {
        for (models, audits) in [(5, 2000), (12, 400)] {
            let mut draws = Seed(8).stream("completeness").part(&models.to_string()).draws();
            let mut held = 0;
            for audit in 0..audits {
                let (original, unlearned) = (pool(&mut draws, models, 6.0, 0.5), pool(&mut draws, models, 1.5, 1.0));
                let retrained = pool(&mut draws, models, 0.0, 1.0);
                let stream = stream().part(&audit.to_string());
                let found = completeness(&original, &unlearned, &retrained, 0.9, &stream).unwrap();
                held += usize::from(found.interval.unwrap().holds(0.75));
            }
            if models < BOOTSTRAP_MIN {
                within_binomial_slack(held, audits, 0.9);
            } else {
                // Of a dozen models the bootstrap promises less than it says, here about two in a hundred.
                assert!(held > audits * 84 / 100, "{held} of {audits}");
            }
        }
    }

    #[test]
    fn without_memory_there_is_no_interval() {
        let found =
            completeness(&arm(&[0.1, -0.2, 0.3]), &arm(&[0.0, 0.2, -0.2]), &arm(&[0.2, 0.1, -0.4]), 0.95, &stream());
        assert_eq!(found.unwrap().interval, None);
    }
}
