//! A mean over forgotten subjects, with its uncertainty.

use serde::Serialize;
use std::collections::BTreeMap;

/// A mean over forgotten subjects, each first averaged over its seeds.
///
/// The forgotten subject is the unit: two seeds of one subject are not two subjects, and an
/// interval that counted them so would be too narrow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean; `None` if no run has a value.
    pub mean: Option<f64>,
    /// The number of forgotten subjects in it.
    pub n: usize,
    /// The number of runs in it: forgotten subjects times seeds, if none is missing.
    pub runs: usize,
    /// The scatter of the values.
    pub spread: Spread,
}

/// The scatter of values; the strongest measure that their number allows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spread {
    /// One run or none: the scatter is unknown.
    Unknown,
    /// Fewer than three forgotten subjects: the lowest and the highest run.
    Range {
        /// The value of the lowest run.
        low: f64,
        /// The value of the highest run.
        high: f64,
    },
    /// Three forgotten subjects or more: half the width of the 95 % t-interval of their mean.
    ///
    /// The subjects are assumed to be independent, although their runs share most training subjects.
    Interval95 {
        /// The interval is the mean plus or minus this.
        half_width: f64,
    },
}

impl Estimate {
    /// The estimate from the values of every run, by forgotten subject.
    pub(crate) fn over(values: &BTreeMap<&str, Vec<f64>>) -> Estimate {
        let subjects: Vec<f64> = values.values().filter_map(|seeds| mean(seeds)).collect();
        let runs: Vec<f64> = values.values().flatten().copied().collect();
        Estimate { mean: mean(&subjects), n: subjects.len(), runs: runs.len(), spread: spread(&subjects, &runs) }
    }
}

/// The mean of the values, or `None` if there are none.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn spread(subjects: &[f64], runs: &[f64]) -> Spread {
    match (subjects.len(), runs.len()) {
        (_, 0 | 1) => Spread::Unknown,
        (0..3, _) => Spread::Range {
            low: runs.iter().copied().fold(f64::INFINITY, f64::min),
            high: runs.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        },
        _ => Spread::Interval95 { half_width: interval95_half_width(subjects) },
    }
}

/// `t(0.975, n - 1) s / sqrt(n)`, with the unbiased variance `s^2`.
fn interval95_half_width(values: &[f64]) -> f64 {
    let n = values.len();
    let mean = values.iter().sum::<f64>() / n as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
    t_quantile_975(n - 1) * (variance / n as f64).sqrt()
}

/// The 0.975 quantile of Student's t-distribution, by bisection to the last bits.
fn t_quantile_975(degrees: usize) -> f64 {
    // 12.7 is the quantile of 1 degree of freedom, the largest of all.
    let (mut low, mut high) = (0.0, 13.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if central_probability(middle, degrees) < 0.95 { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// The probability of |T| < t under Student's t-distribution with whole degrees of freedom.
///
/// Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 26.7.3 and 26.7.4;
/// a finite sum in the sine and cosine of `theta = atan(t / sqrt(degrees))`.
fn central_probability(t: f64, degrees: usize) -> f64 {
    let theta = (t / (degrees as f64).sqrt()).atan();
    let (sin, cos) = theta.sin_cos();
    let odd = degrees % 2 == 1;
    // Each term is the previous one times cos^2 (k - 1) / k, from k = 3 (odd degrees) or 2 (even).
    let mut term = if odd { cos } else { 1.0 };
    let mut sum = if degrees == 1 { 0.0 } else { term };
    for k in (if odd { 3 } else { 2 }..degrees).step_by(2) {
        term *= cos * cos * (k - 1) as f64 / k as f64;
        sum += term;
    }
    if odd { (theta + sin * sum) * std::f64::consts::FRAC_2_PI } else { sin * sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(values: &[(&'static str, &[f64])]) -> Estimate {
        Estimate::over(&values.iter().map(|(subject, seeds)| (*subject, seeds.to_vec())).collect())
    }

    #[test]
    fn repeating_a_seed_changes_neither_the_mean_nor_the_interval() {
        let once = over(&[("a", &[0.1]), ("b", &[0.4]), ("c", &[0.2])]);
        let twice = over(&[("a", &[0.1, 0.1]), ("b", &[0.4, 0.4]), ("c", &[0.2, 0.2])]);
        assert_eq!((once.mean, once.n, once.spread), (twice.mean, twice.n, twice.spread));
        assert_eq!((once.runs, twice.runs), (3, 6));
    }

    #[test]
    fn every_subject_weighs_the_same_however_many_seeds_it_has() {
        // (mean(0, 0, 0) + 1) / 2, not 1 / 4.
        assert_eq!(over(&[("a", &[0.0, 0.0, 0.0]), ("b", &[1.0])]).mean, Some(0.5));
    }

    #[test]
    fn fewer_than_three_subjects_have_a_range_over_runs() {
        let found = over(&[("a", &[0.3, 0.1]), ("b", &[0.2])]);
        assert_eq!(found.spread, Spread::Range { low: 0.1, high: 0.3 });
        assert_eq!(over(&[("a", &[0.3])]).spread, Spread::Unknown);
    }

    #[test]
    fn nothing_has_no_mean() {
        let nothing = Estimate { mean: None, n: 0, runs: 0, spread: Spread::Unknown };
        assert_eq!(over(&[]), nothing);
        assert_eq!(over(&[("a", &[])]), nothing);
    }

    #[test]
    fn three_subjects_have_a_t_interval() {
        // 1, 2, 3: s = 1, t(0.975, 2) = 4.303, half width 4.303 / sqrt(3) = 2.484.
        let Spread::Interval95 { half_width } = over(&[("a", &[1.0]), ("b", &[2.0]), ("c", &[3.0])]).spread else {
            panic!("expected an interval")
        };
        assert!((half_width - 2.484).abs() < 5e-4, "{half_width}");
    }

    #[test]
    fn quantiles_agree_with_the_printed_table() {
        // Abramowitz and Stegun, table 26.10, column 0.95.
        for (degrees, expected) in
            [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (6, 2.447), (9, 2.262), (30, 2.042), (120, 1.980)]
        {
            let found = t_quantile_975(degrees);
            assert!((found - expected).abs() < 5.1e-4, "{degrees} degrees: {found}, expected {expected}");
        }
    }
}
