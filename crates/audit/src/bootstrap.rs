//! Intervals over models, for what has no law of its own.
//!
//! What is drawn again are models, or subjects, never voxels. Below eight of them a bootstrap has too few
//! distinct samples to be worth its name, and t-intervals are given instead.

use crate::Interval;
use crate::law::{normal_below, normal_quantile, student_quantile};
use crate::pool::{mean, quantile, variance};
use lacuna_seed::Stream;

/// With fewer units, t-intervals.
pub const BOOTSTRAP_MIN: usize = 8;
const DRAWS: usize = 10_000;

/// The mean of units: a t-interval of few, a studentised bootstrap of eight or more. `None` of fewer than two, or of
/// units that do not differ.
///
/// The studentised form draws `(m* - m) / se*` and turns its quantiles around. Source: Efron and Tibshirani, "An
/// Introduction to the Bootstrap", 1993, section 12.5.
pub fn of_mean(values: &[f64], level: f64, stream: &Stream) -> Option<Interval> {
    if values.len() < 2 || variance(values) == 0.0 {
        return None;
    }
    let n = values.len() as f64;
    let (centre, error) = (mean(values), (variance(values) / n).sqrt());
    if values.len() < BOOTSTRAP_MIN {
        let half = student_quantile(0.5 + level / 2.0, n - 1.0) * error;
        return Some(Interval { low: centre - half, high: centre + half, level });
    }
    let mut draws = stream.draws();
    let mut drawn = || {
        let sample: Vec<f64> = (0..values.len()).map(|_| values[draws.below(values.len())]).collect();
        let error = (variance(&sample) / n).sqrt();
        // One unit drawn n times has no scatter; it is as far out as a sample can be.
        if error > 0.0 { (mean(&sample) - centre) / error } else { (mean(&sample) - centre) / f64::MIN_POSITIVE.sqrt() }
    };
    let ratios: Vec<f64> = (0..DRAWS).map(|_| drawn()).collect();
    let at = |part: f64| quantile(&ratios, part);
    let tail = (1.0 - level) / 2.0;
    Some(Interval { low: centre - at(1.0 - tail) * error, high: centre - at(tail) * error, level })
}

/// Any statistic of `units`, given the places drawn: the bootstrap corrected for bias and acceleration.
///
/// Source: Efron, "Better bootstrap confidence intervals", J. Am. Stat. Assoc. 82, 1987. `None` if the statistic does
/// not move at all, or leaves the finite numbers.
pub fn corrected(units: usize, statistic: &dyn Fn(&[usize]) -> f64, level: f64, stream: &Stream) -> Option<Interval> {
    let every: Vec<usize> = (0..units).collect();
    let observed = statistic(&every);
    let mut draws = stream.draws();
    let drawn: Vec<f64> =
        (0..DRAWS).map(|_| statistic(&(0..units).map(|_| draws.below(units)).collect::<Vec<_>>())).collect();
    let left_out: Vec<f64> = (0..units)
        .map(|out| statistic(&every.iter().copied().filter(|index| *index != out).collect::<Vec<_>>()))
        .collect();
    if !drawn.iter().chain(&left_out).all(|value| value.is_finite()) {
        return None;
    }
    let below = drawn.iter().map(|value| {
        if *value < observed {
            1.0
        } else if *value == observed {
            0.5
        } else {
            0.0
        }
    });
    let bias = normal_quantile((below.sum::<f64>() / DRAWS as f64).clamp(1.0 / DRAWS as f64, 1.0 - 1.0 / DRAWS as f64));
    let centre = mean(&left_out);
    let moment = |power: i32| left_out.iter().map(|value| (centre - value).powi(power)).sum::<f64>();
    let spread = moment(2);
    if spread <= 0.0 {
        return None;
    }
    let acceleration = moment(3) / (6.0 * spread.powf(1.5));
    let part = |probability: f64| {
        let z = bias + normal_quantile(probability);
        normal_below(bias + z / (1.0 - acceleration * z))
    };
    let tail = (1.0 - level) / 2.0;
    Some(Interval { low: quantile(&drawn, part(tail)), high: quantile(&drawn, part(1.0 - tail)), level })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_seed::Seed;

    fn stream() -> Stream {
        Seed(0).stream("bootstrap")
    }

    #[test]
    fn few_values_have_the_t_interval() {
        // Mean 3, s/sqrt(5) = sqrt(0.5), t(0.975; 4) = 2.776445: 3 +- 1.963243.
        let found = of_mean(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95, &stream()).unwrap();
        assert!((found.low - 1.036_757).abs() < 1e-5 && (found.high - 4.963_243).abs() < 1e-5, "{found:?}");
        assert_eq!(of_mean(&[1.0], 0.95, &stream()), None);
        assert_eq!(of_mean(&[1.0; 9], 0.95, &stream()), None);
    }

    #[test]
    fn skewed_means_are_held_about_as_often_as_said() {
        // Exponential values of mean 1, twelve each: a t-interval holds it 90 times in a hundred, not 95.
        let mut draws = Seed(9).stream("skewed").draws();
        let (audits, mut held, mut t_held) = (300, 0, 0);
        for audit in 0..audits {
            let values: Vec<f64> = (0..12).map(|_| -draws.uniform_in(1e-12, 1.0).ln()).collect();
            held += usize::from(of_mean(&values, 0.95, &stream().part(&audit.to_string())).unwrap().holds(1.0));
            let half = student_quantile(0.975, 11.0) * (variance(&values) / 12.0).sqrt();
            t_held += usize::from((mean(&values) - 1.0).abs() <= half);
        }
        assert!(held > audits * 91 / 100 && held > t_held, "{held} and {t_held} of {audits}");
    }

    #[test]
    fn the_corrected_form_agrees_with_scipy() {
        // import numpy as np; from scipy import stats
        // z = [2.1, .4, 3.3, 1.8, .9, 5.2, 2.2, 1.1, .3, 2.9]; v = lambda x, axis=-1: np.var(x, axis=axis, ddof=1)
        // stats.bootstrap((z,), v, method="BCa", n_resamples=200000, confidence_level=.9).confidence_interval
        // -> 0.988 to 4.711 and 0.980 to 4.697 with two generators; ours draws 10 000 times
        let z = [2.1, 0.4, 3.3, 1.8, 0.9, 5.2, 2.2, 1.1, 0.3, 2.9];
        let of = |indices: &[usize]| variance(&indices.iter().map(|index| z[*index]).collect::<Vec<_>>());
        let found = corrected(z.len(), &of, 0.9, &stream()).unwrap();
        assert!((found.low - 0.985).abs() < 0.06 && (found.high - 4.70).abs() < 0.12, "{found:?}");
    }

    #[test]
    fn a_statistic_that_does_not_move_has_no_interval() {
        assert_eq!(corrected(9, &|_| 1.0, 0.95, &stream()), None);
        assert_eq!(corrected(9, &|indices| 1.0 / (indices.len() as f64 - 9.0), 0.95, &stream()), None);
    }
}
