//! Tests that assume nothing but that models could have been exchanged.
//!
//! All orders are counted where that is feasible, and a seeded sample of them otherwise, with the one observed among
//! them (Phipson and Smyth, "Permutation p-values should never be zero", 2010).

use crate::Pool;
use lacuna_seed::{Draws, Stream};
use serde::{Deserialize, Serialize};

/// More orders than this are sampled.
const EXACT_MAX: u64 = 400_000;
const SAMPLED: u64 = 20_000;

/// What exchanging models says of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The two-sided p-value.
    pub p: f64,
    /// The smallest that so many models could ever give.
    pub p_min: f64,
    /// Whether every order was counted.
    pub exact: bool,
}

/// Two-sided exchange of the arms' labels, by the difference of means.
///
/// The smallest two-sided p is `2 / C(2R, R)` of equal arms: 0.1 with three models each, 0.008 with five.
pub fn two_arms(first: &Pool, second: &Pool, stream: &Stream) -> Exchange {
    let all: Vec<f64> = first.values().iter().chain(second.values()).copied().collect();
    let (taken, total) = (first.len(), all.iter().sum::<f64>());
    let orders = choose(all.len() as u64, taken as u64);
    // By the sum of the first arm alone, from which the difference of means follows.
    let expected = total * taken as f64 / all.len() as f64;
    let observed = (first.values().iter().sum::<f64>() - expected).abs();
    let least = observed - tolerance(&all);
    // The mirror image counts too only where both arms are of one size.
    let p_min = if first.len() == second.len() { 2.0 } else { 1.0 } / orders as f64;
    if orders <= EXACT_MAX {
        let mut extreme = 0;
        each_sum(&all, taken, 0.0, &mut |sum| extreme += u64::from((sum - expected).abs() >= least));
        return Exchange { p: extreme as f64 / orders as f64, p_min, exact: true };
    }
    let (mut draws, mut order) = (stream.draws(), all);
    let shuffled = |draws: &mut Draws, order: &mut Vec<f64>| {
        draws.shuffle(order);
        (order[..taken].iter().sum::<f64>() - expected).abs() >= least
    };
    let extreme = (0..SAMPLED).filter(|_| shuffled(&mut draws, &mut order)).count();
    Exchange { p: sampled(extreme), p_min: p_min.max(sampled(0)), exact: false }
}

fn sampled(extreme: usize) -> f64 {
    (extreme + 1) as f64 / (SAMPLED + 1) as f64
}

/// What rounding may do to a sum, so that equal orders count as equal.
fn tolerance(values: &[f64]) -> f64 {
    1e-12 * values.iter().map(|value| value.abs()).sum::<f64>()
}

/// `C(n, k)`, or the largest number if that is larger.
pub(crate) fn choose(n: u64, k: u64) -> u64 {
    let step = |orders: Option<u128>, i: u64| orders?.checked_mul(u128::from(n - i)).map(|x| x / u128::from(i + 1));
    (0..k.min(n - k)).fold(Some(1), step).and_then(|orders| orders.try_into().ok()).unwrap_or(u64::MAX)
}

/// The sum of every choice of `taken` values.
fn each_sum(values: &[f64], taken: usize, so_far: f64, see: &mut dyn FnMut(f64)) {
    if taken == 0 {
        return see(so_far);
    }
    for index in 0..=values.len() - taken {
        each_sum(&values[index + 1..], taken - 1, so_far + values[index], see);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::{at_most, pool};
    use lacuna_seed::Seed;

    fn stream() -> Stream {
        Seed(0).stream("permutation")
    }

    fn arm(values: &[f64]) -> Pool {
        Pool::new("arm", values.to_vec()).unwrap()
    }

    #[test]
    fn arms_apart_have_the_smallest_p_there_is() {
        // 3 against 3: 20 orders, this one and its mirror image.
        let found = two_arms(&arm(&[1.0, 2.0, 3.0]), &arm(&[4.0, 5.0, 6.0]), &stream());
        assert_eq!(found, Exchange { p: 0.1, p_min: 0.1, exact: true });
        assert_eq!([choose(10, 5), choose(20, 10), choose(200, 100)], [252, 184_756, u64::MAX]);
    }

    #[test]
    fn a_case_counted_by_hand() {
        // 1, 2 against 3, 4: sums of two are 3, 4, 5, 5, 6, 7 around 5. Of (1, 3), 1 away: 3, 4, 6, 7 count.
        let found = two_arms(&arm(&[1.0, 3.0]), &arm(&[2.0, 4.0]), &stream());
        assert_eq!(found.p, 4.0 / 6.0);
    }

    #[test]
    fn exact_orders_agree_with_scipy() {
        // from scipy import stats; import numpy as np; a = [.1, .4, -.2, .9, .3]; b = [1.2, .8, 1.9, .7, 2.5]
        // stats.permutation_test((a, b), lambda u, v: np.mean(u) - np.mean(v), n_resamples=np.inf).pvalue
        let (one, other) = (arm(&[0.1, 0.4, -0.2, 0.9, 0.3]), arm(&[1.2, 0.8, 1.9, 0.7, 2.5]));
        assert!((two_arms(&one, &other, &stream()).p - 0.023_809_523_809_523_808).abs() < 1e-12);
    }

    #[test]
    fn sampled_orders_agree_with_the_t_test() {
        let mut draws = Seed(5).stream("arms").draws();
        let (one, other) = (pool(&mut draws, 30, 0.5, 1.0), pool(&mut draws, 30, 0.0, 1.0));
        let found = two_arms(&one, &other, &stream());
        let student = crate::comparison::welch(&one, &other).unwrap().p;
        assert!(!found.exact && (found.p - student).abs() < 0.01, "{} and {student}", found.p);
        assert_eq!(found, two_arms(&one, &other, &stream()), "the sample is seeded");
    }

    #[test]
    fn arms_of_one_law_are_told_apart_one_time_in_twenty() {
        // Skewed scores, of which the t-tests know nothing.
        let mut draws = Seed(6).stream("arms").draws();
        let mut skewed = || arm(&(0..5).map(|_| -draws.uniform_in(1e-9, 1.0).ln()).collect::<Vec<_>>());
        let mut found = 0;
        for _ in 0..2000 {
            let (one, other) = (skewed(), skewed());
            found += usize::from(two_arms(&one, &other, &stream()).p <= 0.05);
        }
        at_most(found, 2000, 0.05);
    }
}
