//! Do two arms of models differ? Student's tests in Welch's form and in pairs.

use crate::law::{student_quantile, student_two_sided};
use crate::pool::{mean, variance};
use crate::{AuditError, Interval, Pool};
use serde::{Deserialize, Serialize};

/// A difference of means between two arms, `first - second`, with what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The difference of means.
    pub difference: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Of Student's law that it is judged by.
    pub degrees_of_freedom: f64,
    /// Two-sided, against no difference at all.
    pub p: f64,
}

impl Comparison {
    /// The t-interval of the difference.
    pub fn interval(&self, level: f64) -> Interval {
        let half = self.half_width(level);
        Interval { low: self.difference - half, high: self.difference + half, level }
    }

    /// Half the width of the t-interval.
    pub(crate) fn half_width(&self, level: f64) -> f64 {
        student_quantile(0.5 + level / 2.0, self.degrees_of_freedom) * self.standard_error
    }

    fn of(difference: f64, standard_error: f64, degrees_of_freedom: f64) -> Comparison {
        let p = student_two_sided(difference / standard_error, degrees_of_freedom);
        Comparison { difference, standard_error, degrees_of_freedom, p }
    }
}

/// Two arms whose models scatter differently.
///
/// `t = (a - b) / sqrt(s_a^2/n_a + s_b^2/n_b)` with the degrees of freedom of Welch and Satterthwaite.
/// Source: Welch, "The generalization of 'Student's' problem when several different population variances are
/// involved", Biometrika 34, 1947.
///
/// # Errors
/// [`AuditError::NoSpread`] if neither arm has any.
pub fn welch(first: &Pool, second: &Pool) -> Result<Comparison, AuditError> {
    let part = |pool: &Pool| pool.variance() / pool.len() as f64;
    let (one, other) = (part(first), part(second));
    if one + other <= 0.0 {
        second.spread()?;
    }
    let own = |part: f64, pool: &Pool| part * part / (pool.len() - 1) as f64;
    let degrees_of_freedom = (one + other).powi(2) / (own(one, first) + own(other, second));
    Ok(Comparison::of(first.mean() - second.mean(), (one + other).sqrt(), degrees_of_freedom))
}

/// Two arms paired by seed.
///
/// # Errors
/// [`AuditError::Unpaired`]; [`AuditError::NoSpread`] if all pairs differ alike.
pub fn paired(first: &Pool, second: &Pool) -> Result<Comparison, AuditError> {
    let differences = first.differences(second)?;
    let n = differences.len() as f64;
    let error = (variance(&differences) / n).sqrt();
    if error <= 0.0 {
        return Err(AuditError::NoSpread { what: "differences by seed", value: differences[0] });
    }
    Ok(Comparison::of(mean(&differences), error, n - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::{pool, within_binomial_slack};
    use lacuna_seed::Seed;
    use proptest::prelude::*;

    fn arm(values: &[f64]) -> Pool {
        Pool::new("arm", values.to_vec()).unwrap()
    }

    #[test]
    fn both_forms_agree_with_scipy() {
        // from scipy import stats
        // a = [0.1, 0.4, -0.2, 0.9, 0.3]; b = [1.2, 0.8, 1.9, 0.7, 2.5]
        // r = stats.ttest_ind(a, b, equal_var=False); r.pvalue, r.df, r.confidence_interval(.95)
        let (a, b) = (arm(&[0.1, 0.4, -0.2, 0.9, 0.3]), arm(&[1.2, 0.8, 1.9, 0.7, 2.5]));
        let found = welch(&a, &b).unwrap();
        assert!((found.p - 0.027_332_647_966_843_544).abs() < 1e-10, "{found:?}");
        assert!((found.degrees_of_freedom - 6.084_057_300_548_154).abs() < 1e-10, "{found:?}");
        let interval = found.interval(0.95);
        assert!((interval.low + 2.065_778_608_895_565).abs() < 1e-8, "{interval:?}");
        assert!((interval.high + 0.174_221_391_104_435_02).abs() < 1e-8, "{interval:?}");
        // r = stats.ttest_rel(a, b); r.pvalue, r.df
        let found = paired(&a, &b).unwrap();
        assert!((found.p - 0.075_077_140_084_696_04).abs() < 1e-10, "{found:?}");
        assert_eq!(found.degrees_of_freedom, 4.0);
    }

    #[test]
    fn arms_of_one_law_are_told_apart_one_time_in_twenty() {
        let mut draws = Seed(1).stream("welch").draws();
        let mut found = [0; 2];
        for _ in 0..4000 {
            let (one, other) = (pool(&mut draws, 6, 0.0, 1.0), pool(&mut draws, 6, 0.0, 1.0));
            found[0] += usize::from(welch(&one, &other).unwrap().p <= 0.05);
            found[1] += usize::from(paired(&one, &other).unwrap().p <= 0.05);
        }
        // Welch's test is a little careful at such sizes; a pair's is exact.
        assert!(found[0] <= 4000 / 20 + 42, "{found:?}");
        within_binomial_slack(found[1], 4000, 0.05);
    }

    #[test]
    fn arms_without_any_spread_cannot_be_compared() {
        assert!(matches!(welch(&arm(&[1.0, 1.0]), &arm(&[2.0, 2.0])), Err(AuditError::NoSpread { .. })));
        assert!(matches!(paired(&arm(&[1.0, 2.0]), &arm(&[2.0, 3.0])), Err(AuditError::NoSpread { .. })));
        assert!(matches!(paired(&arm(&[1.0, 2.0]), &arm(&[2.0; 3])), Err(AuditError::Unpaired { .. })));
    }

    proptest! {
        #[test]
        fn swapping_the_arms_turns_the_difference_around(
            one in prop::collection::vec(-3.0..3.0f64, 3..8), other in prop::collection::vec(-3.0..3.0f64, 3..8),
        ) {
            let (there, back) = (welch(&arm(&one), &arm(&other)).unwrap(), welch(&arm(&other), &arm(&one)).unwrap());
            prop_assert_eq!(there.difference, -back.difference);
            prop_assert!((there.p - back.p).abs() < 1e-12);
        }
    }
}
