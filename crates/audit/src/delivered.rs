//! One delivered model beside the models that were retrained without the subject.
//!
//! A single draw can lie inside or outside their prediction interval. Inside, it is consistent with a retrained model;
//! it is never shown to be one.

use crate::law::{student_quantile, student_two_sided};
use crate::pool::quantile;
use crate::{AuditError, Interval, Pool};
use serde::{Deserialize, Serialize};

/// Where one model lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// `(T - mean) / (s sqrt(1 + 1/R))`.
    pub t: f64,
    /// Two-sided, by Student's law with `R - 1` degrees of freedom.
    pub p: f64,
    /// Where the next retrained model lies.
    pub interval: Interval,
    /// Without any law: how many of the `R + 1` lie as far from the others' median.
    pub rank_p: f64,
    /// The smallest that can be: `1 / (R + 1)`.
    pub rank_p_min: f64,
}

/// One score against those of retrained models.
///
/// # Errors
/// [`AuditError::NoSpread`]; [`AuditError::NotFinite`] for a score that is none.
pub fn beside(score: f64, retrained: &Pool, level: f64) -> Result<Prediction, AuditError> {
    if !score.is_finite() {
        return Err(AuditError::NotFinite { what: "delivered", model: 1, found: score });
    }
    let models = retrained.len() as f64;
    let scale = retrained.spread()? * (1.0 + 1.0 / models).sqrt();
    let t = (score - retrained.mean()) / scale;
    let half = student_quantile(0.5 + level / 2.0, models - 1.0) * scale;
    let interval = Interval { low: retrained.mean() - half, high: retrained.mean() + half, level };
    let (p, rank_p) = (student_two_sided(t, models - 1.0), rank_p(score, retrained));
    Ok(Prediction { t, p, interval, rank_p, rank_p_min: 1.0 / (models + 1.0) })
}

/// Each value's distance from the median of the others: alike for all, hence exact where models can be exchanged.
fn rank_p(score: f64, retrained: &Pool) -> f64 {
    let all: Vec<f64> = retrained.values().iter().copied().chain([score]).collect();
    let distance = |index: usize| {
        let mut others = all.clone();
        let own = others.remove(index);
        (own - quantile(&others, 0.5)).abs()
    };
    let own = distance(all.len() - 1);
    let as_far = (0..all.len()).filter(|index| distance(*index) >= own).count();
    as_far as f64 / all.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::{at_most, pool, within_binomial_slack};
    use lacuna_seed::Seed;

    #[test]
    fn a_case_worked_by_hand() {
        // Retrained 1 to 5: mean 3, s = sqrt(2.5), scale sqrt(2.5 * 1.2) = sqrt(3). 6 lies at t = sqrt(3), df 4.
        // t(0.975; 4) = 2.776445: 3 +- 4.808944. Distances from the others' median: 6 has 3; 1 has |1 - 4| = 3;
        // 2 has 2, 3 has 1, 4 has 1, 5 has 2: two of six are as far.
        let retrained = Pool::new("retrained", vec![1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        let found = beside(6.0, &retrained, 0.95).unwrap();
        assert!((found.t - 3f64.sqrt()).abs() < 1e-12);
        // scipy.stats.t.sf(3**0.5, 4) * 2 -> 0.15830242
        assert!((found.p - 0.158_302_42).abs() < 1e-7, "{}", found.p);
        assert!((found.interval.high - 7.808_944).abs() < 1e-5, "{:?}", found.interval);
        assert!((found.rank_p - 2.0 / 6.0).abs() < 1e-12);
        assert!((found.rank_p_min - 1.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn one_more_retrained_model_is_flagged_one_time_in_twenty() {
        let mut draws = Seed(7).stream("delivered").draws();
        let mut found = [0; 2];
        for _ in 0..4000 {
            let (score, retrained) = (draws.normal(), pool(&mut draws, 19, 0.0, 1.0));
            let prediction = beside(score, &retrained, 0.95).unwrap();
            found[0] += usize::from(prediction.p <= 0.05);
            found[1] += usize::from(prediction.rank_p <= 0.05);
            assert_eq!(prediction.p > 0.05, prediction.interval.holds(score));
        }
        within_binomial_slack(found[0], 4000, 0.05);
        within_binomial_slack(found[1], 4000, 0.05);
        let mut flagged = || {
            let score = draws.normal();
            beside(score, &pool(&mut draws, 3, 0.0, 1.0), 0.95).unwrap().p <= 0.05
        };
        at_most((0..4000).filter(|_| flagged()).count(), 4000, 0.05);
    }

    #[test]
    fn fewer_than_nineteen_models_cannot_give_a_small_rank() {
        let retrained = Pool::new("retrained", (0..18).map(f64::from).collect()).unwrap();
        assert!(beside(1e6, &retrained, 0.95).unwrap().rank_p > 0.05);
        assert!(beside(f64::INFINITY, &retrained, 0.95).is_err());
    }
}
