//! Empirical epsilon: how far the unlearned and the retrained models are from being indistinguishable.
//!
//! Source: Triantafillou et al., "Are we making progress in unlearning? Findings from the first NeurIPS unlearning
//! competition", arXiv 2406.09073, 2024, section 3. A small epsilon from few models is no evidence of anything: with
//! R models even a perfect attack proves no more than the ceiling, which is therefore always given beside it.

use crate::law::clopper_pearson;
use serde::{Deserialize, Serialize};

/// What an attack with one fixed threshold shows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epsilon {
    /// From the rates as they are; `None` where the attack made no error of one kind, and infinite without any.
    pub found: Option<f64>,
    /// At least so much, with both error rates at their upper Clopper-Pearson bounds (each 97.5 %). 0 if nothing is
    /// shown.
    pub at_least: f64,
    /// The most that so many models could ever have shown.
    pub ceiling: f64,
}

/// From the scores of unlearned and retrained models, unlearned ones expected above the threshold.
///
/// `eps = max(ln((1 - FPR) / FNR), ln((1 - FNR) / FPR))`, delta = 0.
pub fn epsilon(unlearned: &[f64], retrained: &[f64], threshold: f64) -> Epsilon {
    let missed = unlearned.iter().filter(|score| **score <= threshold).count();
    let accused = retrained.iter().filter(|score| **score > threshold).count();
    let rate = |errors: usize, of: usize| errors as f64 / of.max(1) as f64;
    let found = match (missed, accused) {
        (0, 0) => Some(f64::INFINITY),
        (0, _) | (_, 0) => None,
        _ => Some(of_rates(rate(accused, retrained.len()), rate(missed, unlearned.len()))),
    };
    let bound = |errors: usize, of: usize| clopper_pearson(errors as u64, of as u64, 0.95).1;
    let at_least = of_rates(bound(accused, retrained.len()), bound(missed, unlearned.len())).max(0.0);
    Epsilon { found, at_least, ceiling: ceiling(unlearned.len().min(retrained.len())) }
}

/// The largest epsilon that so many models per arm could ever show: by a perfect attack. 0 if none.
pub fn ceiling(models: usize) -> f64 {
    if models == 0 {
        return 0.0;
    }
    let error = clopper_pearson(0, models as u64, 0.95).1;
    of_rates(error, error).max(0.0)
}

fn of_rates(false_positive: f64, false_negative: f64) -> f64 {
    let one = ((1.0 - false_positive) / false_negative).ln();
    one.max(((1.0 - false_negative) / false_positive).ln())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::at_most;
    use lacuna_seed::Seed;

    #[test]
    fn few_models_prove_little() {
        // 1 - 0.025^(1/R) bounds a rate of which no error was seen.
        for (models, expected) in [(3, 0.0), (5, 0.0), (10, 0.81), (20, 1.60), (64, 2.82), (512, 4.93)] {
            assert!((ceiling(models) - expected).abs() < 0.005, "{models}: {}", ceiling(models));
        }
    }

    #[test]
    fn a_perfect_attack_reaches_the_ceiling() {
        let found = epsilon(&[1.0; 10], &[-1.0; 10], 0.0);
        assert_eq!((found.found, found.at_least), (Some(f64::INFINITY), found.ceiling));
        assert_eq!(
            epsilon(&[1.0; 10], &[-1.0, 1.0], 0.0).found,
            None,
            "an attack without errors of one kind says nothing"
        );
    }

    #[test]
    fn rates_worked_by_hand() {
        // 2 of 4 missed, 1 of 4 accused: ln(0.75 / 0.5) = 0.405, ln(0.5 / 0.25) = 0.693.
        let found = epsilon(&[1.0, 1.0, -1.0, -1.0], &[-1.0, -1.0, -1.0, 1.0], 0.0);
        assert!((found.found.unwrap() - 2f64.ln()).abs() < 1e-12);
        assert_eq!(found.at_least, 0.0);
    }

    #[test]
    fn nothing_is_shown_of_models_of_one_kind_but_by_chance() {
        let mut draws = Seed(14).stream("epsilon").draws();
        let mut sample = || (0..20).map(|_| draws.normal()).collect::<Vec<f64>>();
        let found = (0..2000).filter(|_| epsilon(&sample(), &sample(), 0.0).at_least > 0.0).count();
        at_most(found, 2000, 0.05);
    }
}
