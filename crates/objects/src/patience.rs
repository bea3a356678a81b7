//! How long a store is waited for, and how often it is asked again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Bounds on tries and on the time of each.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often something is tried.
    pub tries: usize,
    /// How long one try may take; what becomes of it after that is not known.
    pub each: Duration,
    /// The pause after the first failure; it doubles with every other.
    pub pause: Duration,
    /// The longest pause.
    pub pause_max: Duration,
}

impl Patience {
    /// Two minutes where failures are answered at once, half an hour where the store is silent; a large model has three
    /// minutes to get through.
    #[cfg_attr(not(feature = "cloud"), allow(dead_code))]
    pub const STANDARD: Patience = Patience {
        tries: 10,
        each: Duration::from_secs(180),
        pause: Duration::from_millis(200),
        pause_max: Duration::from_secs(30),
    };

    /// The pause after the `failures`-th failure, counted from 1: between half of the bound and the bound, by chance, so
    /// that those who failed together do not come back together.
    pub fn pause_after(&self, failures: usize) -> Duration {
        let doubled = self.pause.saturating_mul(1 << (failures - 1).min(16));
        doubled.min(self.pause_max).mul_f64(0.5 + 0.5 * chance())
    }
}

/// Between 0 and 1; nothing but pauses depends on it.
fn chance() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_differ_by_chance() {
        let patience = Patience::STANDARD;
        for failures in 1..40 {
            let bound = Duration::from_millis(200 << (failures - 1).min(10)).min(Duration::from_secs(30));
            let pauses: Vec<Duration> = (0..20).map(|_| patience.pause_after(failures)).collect();
            assert!(pauses.iter().all(|pause| (bound / 2..=bound).contains(pause)), "{failures}: {pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
    }
}
