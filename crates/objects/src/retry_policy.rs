//! Timeouts and retries of requests to a store.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Limits on the number of tries and on the time of each.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// The largest number of tries.
    pub tries: usize,
    /// The time limit of one try; whether the request was executed after that is not known.
    pub each: Duration,
    /// The pause after the first failure; it doubles with every further one.
    pub pause: Duration,
    /// The upper limit of the pause.
    pub pause_max: Duration,
}

impl RetryPolicy {
    /// The standard limits: two minutes if failures are answered at once, half an hour if the store does not answer;
    /// each try has three minutes, enough for a large model.
    #[cfg_attr(not(feature = "cloud"), allow(dead_code))]
    pub const STANDARD: RetryPolicy = RetryPolicy {
        tries: 10,
        each: Duration::from_secs(180),
        pause: Duration::from_millis(200),
        pause_max: Duration::from_secs(30),
    };

    /// Returns the pause after the `failures`-th failure, counted from 1: a random duration between half of the bound
    /// and the bound, so that clients that failed together do not retry together.
    pub fn pause_after(&self, failures: usize) -> Duration {
        let doubled = self.pause.saturating_mul(1 << (failures - 1).min(16));
        doubled.min(self.pause_max).mul_f64(0.5 + 0.5 * chance())
    }
}

/// Returns a random number between 0 and 1; only pauses depend on it.
fn chance() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_differ_by_chance() {
        let retry_policy = RetryPolicy::STANDARD;
        for failures in 1..40 {
            let bound = Duration::from_millis(200 << (failures - 1).min(10)).min(Duration::from_secs(30));
            let pauses: Vec<Duration> = (0..20).map(|_| retry_policy.pause_after(failures)).collect();
            assert!(pauses.iter().all(|pause| (bound / 2..=bound).contains(pause)), "{failures}: {pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
    }
}
