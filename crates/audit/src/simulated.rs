//! Scores with known truth, for the tests.

use crate::Pool;
use lacuna_seed::Draws;

/// A pool of normal scores.
pub(crate) fn pool(draws: &mut Draws, models: usize, mean: f64, deviation: f64) -> Pool {
    Pool::new("simulated", (0..models).map(|_| mean + deviation * draws.normal()).collect()).unwrap()
}

/// Whether a rate is what it claims to be, but for four standard errors of counting.
#[track_caller]
pub(crate) fn within_binomial_slack(found: usize, of: usize, rate: f64) {
    let slack = slack(of, rate);
    let share = found as f64 / of as f64;
    assert!((share - rate).abs() <= slack, "{share} of {of}, expected {rate} +- {slack}");
}

/// Whether a rate is at most what it claims to be, but for four standard errors of counting.
#[track_caller]
pub(crate) fn at_most(found: usize, of: usize, rate: f64) {
    let share = found as f64 / of as f64;
    assert!(share <= rate + slack(of, rate), "{share} of {of}, expected at most {rate}");
}

fn slack(of: usize, rate: f64) -> f64 {
    4.0 * (rate * (1.0 - rate) / of as f64).sqrt()
}
