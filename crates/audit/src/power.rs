//! What an audit of so many seeds can show, before any is trained.
//!
//! Everything is in standard deviations of the retrained models, the unlearned ones taken to scatter alike. That is
//! the noise of seeds for one subject; more seeds do not add subjects.

use crate::equivalence::deviation_loss;
use crate::law::{deviation_nodes, normal_below, student_quantile};
use serde::{Deserialize, Serialize};

/// More seeds than this are not asked for.
pub const SEEDS_MAX: usize = 200;

/// What so many seeds per arm can show.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// The number of seeds per arm.
    pub seeds: usize,
    /// The difference found with 80 % power at two-sided 5 %.
    pub detectable: f64,
    /// The fixed margin that models of one kind are shown to keep with 80 % power.
    pub provable: f64,
    /// The same of a margin in deviations, which are estimated too.
    pub provable_in_deviations: f64,
    /// The chance that models of one kind are shown to be alike within the margin asked for.
    pub of_equivalence: f64,
    /// The chance that a difference of the margin's width is found.
    pub of_difference: f64,
    /// The shift of one delivered model that is found with 80 % power.
    pub detectable_delivered: f64,
}

/// The power asked for where a margin or a difference is sought.
pub const TARGET_POWER: f64 = 0.8;

/// What so many seeds per arm can show of a margin in deviations.
///
/// # Panics
/// Below two seeds: one model has no deviation.
pub fn power(seeds: usize, margin: f64, alpha: f64) -> Power {
    Power {
        seeds,
        detectable: solved(0.0, &|shift| of_difference(seeds, shift, alpha)),
        provable: solved(0.0, &|margin| of_fixed_margin(seeds, margin, alpha)),
        provable_in_deviations: solved(0.0, &|margin| of_equivalence(seeds, margin, alpha)),
        of_equivalence: of_equivalence(seeds, margin, alpha),
        of_difference: of_difference(seeds, margin, alpha),
        detectable_delivered: solved(0.0, &|shift| of_delivered(seeds, shift, alpha)),
    }
}

/// The fewest seeds that show equivalence within a margin in deviations with 80 % power; `None` beyond [`SEEDS_MAX`].
pub fn seeds_for_equivalence(margin: f64, alpha: f64) -> Option<usize> {
    fewest(&|seeds| of_equivalence(seeds, margin, alpha) >= TARGET_POWER)
}

/// The fewest seeds per arm with which a perfect attack would show so large an epsilon.
pub fn seeds_for_epsilon(epsilon: f64) -> Option<usize> {
    (2..=2000).find(|seeds| crate::epsilon::ceiling(*seeds) >= epsilon)
}

/// Of the two-sided t-test: `1 - P(|T| <= t)` of the noncentral law with `2 (R - 1)` degrees of freedom.
fn of_difference(seeds: usize, shift: f64, alpha: f64) -> f64 {
    of_t_test(2.0 * (seeds - 1) as f64, (2.0 / seeds as f64).sqrt(), shift, alpha)
}

/// Of one model against R: `R - 1` degrees of freedom.
fn of_delivered(seeds: usize, shift: f64, alpha: f64) -> f64 {
    of_t_test((seeds - 1) as f64, (1.0 + 1.0 / seeds as f64).sqrt(), shift, alpha)
}

fn of_t_test(degrees_of_freedom: f64, error: f64, shift: f64, alpha: f64) -> f64 {
    let (critical, centre) = (student_quantile(1.0 - alpha / 2.0, degrees_of_freedom), shift / error);
    let missed = |s: f64| normal_below(critical * s - centre) - normal_below(-critical * s - centre);
    1.0 - mean_over(&deviation_nodes(degrees_of_freedom, NODES), &missed)
}

/// TOST of arms that do not differ, within a fixed margin.
fn of_fixed_margin(seeds: usize, margin: f64, alpha: f64) -> f64 {
    let degrees_of_freedom = 2.0 * (seeds - 1) as f64;
    let (critical, error) = (student_quantile(1.0 - alpha, degrees_of_freedom), (2.0 / seeds as f64).sqrt());
    mean_over(&deviation_nodes(degrees_of_freedom, NODES), &|s| passes(margin - critical * error * s, error))
}

/// TOST as it is done here: Welch's, within a margin in estimated deviations.
pub(crate) fn of_equivalence(seeds: usize, margin: f64, alpha: f64) -> f64 {
    let own = (seeds - 1) as f64;
    let (error, loss) = ((2.0 / seeds as f64).sqrt(), deviation_loss(seeds, alpha));
    let critical = critical_values(own, alpha);
    let nodes = deviation_nodes(own, PAIR_NODES);
    mean_over(&nodes, &|unlearned| {
        mean_over(&nodes, &|retrained| {
            let (one, other) = (unlearned * unlearned, retrained * retrained);
            if one + other <= 0.0 {
                return 0.0;
            }
            // Welch's degrees of freedom lie between those of one arm and of both.
            let arms = (one + other).powi(2) / (one * one + other * other);
            let half = critical(arms) * ((one + other) / seeds as f64).sqrt();
            let width = margin * retrained;
            passes(width - half.hypot(width * loss), error)
        })
    })
}

/// The critical value by how many arms' degrees of freedom there are, between 1 and 2: linear between a few.
fn critical_values(own: f64, alpha: f64) -> impl Fn(f64) -> f64 {
    const STEPS: usize = 32;
    let at = |step: usize| student_quantile(1.0 - alpha, own * (1.0 + step as f64 / STEPS as f64));
    let table: Vec<f64> = (0..=STEPS).map(at).collect();
    move |arms: f64| {
        let position = ((arms - 1.0) * STEPS as f64).clamp(0.0, STEPS as f64);
        let below = (position as usize).min(STEPS - 1);
        table[below] + (table[below + 1] - table[below]) * (position - below as f64)
    }
}

/// How likely a difference of mean 0 lies within this room.
fn passes(room: f64, error: f64) -> f64 {
    if room <= 0.0 { 0.0 } else { 2.0 * normal_below(room / error) - 1.0 }
}

const NODES: usize = 400;
const PAIR_NODES: usize = 80;

fn mean_over(nodes: &[(f64, f64)], of: &dyn Fn(f64) -> f64) -> f64 {
    nodes.iter().map(|(s, weight)| weight * of(*s)).sum()
}

/// Where a growing power reaches 0.8, to three digits.
fn solved(from: f64, of: &dyn Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (from, 1.0);
    while of(high) < TARGET_POWER && high < 1e4 {
        low = high;
        high *= 2.0;
    }
    for _ in 0..24 {
        let middle = (low + high) / 2.0;
        if of(middle) < TARGET_POWER { low = middle } else { high = middle }
    }
    high
}

/// The fewest seeds that are enough, taking more never to be worse.
fn fewest(enough: &dyn Fn(usize) -> bool) -> Option<usize> {
    if !enough(SEEDS_MAX) {
        return None;
    }
    let (mut low, mut high) = (1, SEEDS_MAX);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::pool;
    use crate::{Margin, equivalence};
    use lacuna_seed::Seed;

    #[test]
    fn the_table_of_the_manual() {
        // Detectable difference and provable fixed margin, 80 % power, in retrain deviations.
        let table = [(3, 3.1, 2.9), (5, 2.0, 2.0), (7, 1.6, 1.7), (10, 1.3, 1.4), (20, 0.91, 0.94), (30, 0.74, 0.77)];
        for (seeds, detectable, provable) in table {
            let found = power(seeds, 1.5, 0.05);
            assert!((found.detectable - detectable).abs() < 0.06, "{seeds}: {}", found.detectable);
            assert!((found.provable - provable).abs() < 0.06, "{seeds}: {}", found.provable);
        }
    }

    #[test]
    fn powers_agree_with_scipy() {
        // from scipy import stats; from math import sqrt
        // def power(R, d):
        //     df, nc = 2 * (R - 1), d / sqrt(2 / R); t = stats.t.ppf(.975, df)
        //     return stats.nct.sf(t, df, nc) + stats.nct.cdf(-t, df, nc)
        // [power(3, 3), power(5, 2), power(10, 1.3), power(20, .9)]
        for (seeds, shift, expected) in [
            (3, 3.0, 0.782_554_387_058_117),
            (5, 2.0, 0.790_542_377_972_571_5),
            (10, 1.3, 0.784_949_460_997_827_3),
            (20, 0.9, 0.792_036_255_263_423_4),
        ] {
            let found = of_difference(seeds, shift, 0.05);
            assert!((found - expected).abs() < 1e-6, "{seeds}: {found} instead of {expected}");
        }
    }

    #[test]
    fn the_power_of_equivalence_is_that_of_simulated_audits() {
        for (seeds, margin) in [(5, 3.0), (10, 1.5), (20, 1.5)] {
            let mut draws = Seed(16).stream("power").part(&seeds.to_string()).draws();
            let mut pass = || {
                let (unlearned, retrained) = (pool(&mut draws, seeds, 0.0, 1.0), pool(&mut draws, seeds, 0.0, 1.0));
                equivalence::tost(&unlearned, &retrained, Margin::Deviations(margin), 0.05).unwrap().passed
            };
            let simulated = (0..4000).filter(|_| pass()).count() as f64 / 4000.0;
            let stated = of_equivalence(seeds, margin, 0.05);
            assert!((stated - simulated).abs() < 0.025, "{seeds}: {stated} stated, {simulated} simulated");
        }
    }

    #[test]
    fn more_is_easier_to_find_and_needs_fewer_seeds() {
        assert!(seeds_for_equivalence(2.0, 0.05) < seeds_for_equivalence(1.0, 0.05));
        assert_eq!(seeds_for_equivalence(0.01, 0.05), None);
        assert_eq!(seeds_for_epsilon(0.8), Some(10));
    }
}
