//! The probability laws that tests and powers are computed from, each under one name.
//!
//! Degrees of freedom may be fractions, as Welch's are. Levels and sizes come from checked settings, so a law that
//! cannot be made is a fault of ours.

use statrs::distribution::{Beta, Binomial, ChiSquared, Continuous, ContinuousCDF, DiscreteCDF, Normal, StudentsT};

fn student(degrees_of_freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, degrees_of_freedom).expect("degrees of freedom are above 0")
}

fn normal() -> Normal {
    Normal::new(0.0, 1.0).expect("the standard normal law exists")
}

fn chi_squared(degrees_of_freedom: f64) -> ChiSquared {
    ChiSquared::new(degrees_of_freedom).expect("degrees of freedom are above 0")
}

/// How likely a value of Student's law is further from 0 than `t`.
pub(crate) fn student_two_sided(t: f64, degrees_of_freedom: f64) -> f64 {
    (2.0 * student(degrees_of_freedom).cdf(-t.abs())).min(1.0)
}

/// Below which a value of Student's law lies with this probability.
pub(crate) fn student_quantile(probability: f64, degrees_of_freedom: f64) -> f64 {
    student(degrees_of_freedom).inverse_cdf(probability)
}

/// How likely a standard normal value is below `z`.
pub(crate) fn normal_below(z: f64) -> f64 {
    normal().cdf(z)
}

/// Below which a standard normal value lies with this probability.
pub(crate) fn normal_quantile(probability: f64) -> f64 {
    normal().inverse_cdf(probability)
}

/// Below which a value of the chi-squared law lies with this probability.
pub(crate) fn chi_squared_quantile(probability: f64, degrees_of_freedom: f64) -> f64 {
    chi_squared(degrees_of_freedom).inverse_cdf(probability)
}

/// How likely `trials` give `successes` or more.
pub(crate) fn binomial_at_least(successes: u64, trials: u64, chance: f64) -> f64 {
    match successes {
        0 => 1.0,
        _ => Binomial::new(chance, trials).expect("a chance between 0 and 1").sf(successes - 1),
    }
}

/// The Clopper-Pearson bounds of a chance, each missed with probability `(1 - level) / 2` at most.
///
/// Source: Clopper and Pearson, "The use of confidence or fiducial limits", Biometrika 26, 1934.
pub(crate) fn clopper_pearson(successes: u64, trials: u64, level: f64) -> (f64, f64) {
    let (k, n, tail) = (successes as f64, trials as f64, (1.0 - level) / 2.0);
    let beta = |a, b, probability| Beta::new(a, b).expect("both above 0").inverse_cdf(probability);
    // Where all or none succeed, the bound has a closed form.
    let low = match successes {
        0 => 0.0,
        _ if successes == trials => tail.powf(1.0 / n),
        _ => beta(k, n - k + 1.0, tail),
    };
    let high = match successes {
        _ if successes == trials => 1.0,
        0 => 1.0 - tail.powf(1.0 / n),
        _ => beta(k + 1.0, n - k, 1.0 - tail),
    };
    (low, high)
}

/// Sample deviations over the true one, with weights that sum to 1: a rule for means over a sample deviation.
///
/// `s = sqrt(chi^2_df / df)`, whose density is `2 df s` times that of chi-squared at `df s^2`; Simpson's rule.
pub(crate) fn deviation_nodes(degrees_of_freedom: f64, intervals: usize) -> Vec<(f64, f64)> {
    assert!(intervals.is_multiple_of(2), "Simpson's rule needs pairs of intervals");
    let law = chi_squared(degrees_of_freedom);
    let step = (1.0 + 9.0 / (2.0 * degrees_of_freedom).sqrt()) / intervals as f64;
    let node = |index: usize| {
        let s = step * index as f64;
        let simpson = match index {
            0 => 1.0,
            _ if index == intervals => 1.0,
            _ if index % 2 == 1 => 4.0,
            _ => 2.0,
        };
        // At 0 the limit: of one degree of freedom it is not 0.
        let at = s.max(1e-9);
        let density = at * law.pdf(degrees_of_freedom * at * at);
        (s, simpson * density)
    };
    let nodes: Vec<(f64, f64)> = (0..=intervals).map(node).collect();
    let total: f64 = nodes.iter().map(|(_, weight)| weight).sum();
    nodes.into_iter().map(|(s, weight)| (s, weight / total)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-8 * (1.0 + expected.abs()), "{found} instead of {expected}");
    }

    #[test]
    fn laws_agree_with_scipy() {
        // from scipy import stats
        // stats.t.cdf(1.5, 3.7); stats.t.ppf(.975, 4); stats.t.ppf(.95, 1); stats.t.ppf(.975, 58.3)
        close(1.0 - student_two_sided(1.5, 3.7) / 2.0, 0.893_200_915_398_993_3);
        close(student_quantile(0.975, 4.0), 2.776_445_105_197_793_4);
        close(student_quantile(0.95, 1.0), 6.313_751_514_675_037);
        close(student_quantile(0.975, 58.3), 2.001_498_197_878_836);
        // stats.t.sf(3 ** .5, 4) * 2; stats.norm.ppf(.9); stats.norm.cdf(-1.96)
        close(student_two_sided(3f64.sqrt(), 4.0), 0.158_302_423_375_457_88);
        close(normal_quantile(0.9), 1.281_551_565_544_600_4);
        close(normal_below(-1.96), 0.024_997_895_148_220_435);
        // stats.chi2.ppf(.95, 9); stats.chi2.ppf(.95, 2)
        close(chi_squared_quantile(0.95, 9.0), 16.918_977_604_620_448);
        close(chi_squared_quantile(0.95, 2.0), 5.991_464_547_107_979);
        // stats.binom.sf(2, 7, 1 / 7); stats.binomtest(3, 10).proportion_ci(.95, "exact")
        close(binomial_at_least(3, 7, 1.0 / 7.0), 0.065_229_138_004_937_21);
        let (low, high) = clopper_pearson(3, 10, 0.95);
        close(low, 0.066_739_511_177_734_47);
        close(high, 0.652_452_850_060_008);
    }

    #[test]
    fn the_rule_has_the_moments_of_a_sample_variance() {
        // E s^2 = 1 and E s^4 = 1 + 2/df.
        for degrees_of_freedom in [1.0, 2.0, 4.0, 9.0, 58.0] {
            let moment = |power: i32| -> f64 {
                deviation_nodes(degrees_of_freedom, 400).iter().map(|(s, weight)| weight * s.powi(power)).sum()
            };
            assert!((moment(2) - 1.0).abs() < 2e-4, "{degrees_of_freedom}: {}", moment(2));
            assert!((moment(4) - 1.0 - 2.0 / degrees_of_freedom).abs() < 3e-3, "{degrees_of_freedom}: {}", moment(4));
        }
    }

    #[test]
    fn all_or_none_have_bounds_in_closed_form() {
        // (1 - p)^5 = 0.025 at p = 1 - 0.025^(1/5) = 0.521824.
        let (low, high) = clopper_pearson(0, 5, 0.95);
        assert!(low == 0.0 && (high - 0.521_823_750_104_981).abs() < 1e-12);
        let (low, high) = clopper_pearson(5, 5, 0.95);
        assert!(high == 1.0 && (low - 0.478_176_249_895_019).abs() < 1e-12);
    }
}
