//! U-LiRA: is a model of the unlearned or of the retrained kind, judged by likelihoods fitted for this one subject?
//!
//! Source: Hayes, Shumailov, Triantafillou, Khalifa and Papernot, "Inexact unlearning needs more careful evaluations
//! to avoid a false sense of privacy", arXiv 2403.01218, 2024, section 3. With few models the variances are drawn
//! together over subjects, as in their remark on shared variances.
//!
//! A model is never judged by a fit that has seen it. Models are left out in pairs of one seed, the unlearned and the
//! retrained one: leaving out one alone would pull the mean of its own arm away from it, and the attack would look
//! worse than guessing where the attack has no signal.

use crate::attack::auc;
use crate::pool::variance;
use crate::{AuditError, Pool};
use lacuna_seed::Stream;
use serde::{Deserialize, Serialize};

/// How many degrees of freedom the variance shared by all subjects weighs.
const SHARED_WEIGHT: f64 = 7.0;
/// Pairs up to which every exchange is counted.
const EXACT_PAIRS_MAX: usize = 12;
const SAMPLED: usize = 4000;

/// Log-likelihood ratios of one subject's models: above 0, more like an unlearned one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiraScores {
    /// Of the unlearned models, by seed.
    pub unlearned: Vec<f64>,
    /// Of the retrained models, by seed.
    pub retrained: Vec<f64>,
}

/// The attack on one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lira {
    /// The chance that an unlearned model scores above a retrained one.
    pub auc: f64,
    /// The mean over all exchanges: the area to expect where the attack has no signal. With few models this is below
    /// one half, since every fit leaves out the pair that it judges.
    pub auc_by_chance: f64,
    /// `max over thresholds (TPR - FPR)`.
    pub advantage: f64,
    /// One-sided, by exchanging the arms within pairs of one seed, the whole attack repeated each time.
    pub p: f64,
    /// The smallest that can be: 2 of `2^R` exchanges, since exchanging all pairs changes nothing.
    pub p_min: f64,
    /// The likelihood ratios of all models.
    pub scores: LiraScores,
}

/// The mean of the arms' variances over subjects.
pub fn pooled_variance(arms: &[&Pool]) -> f64 {
    arms.iter().map(|arm| arm.variance()).sum::<f64>() / arms.len().max(1) as f64
}

/// Log-likelihood ratios, each by the pairs of the other seeds.
///
/// `ln N(T; mu_U, s_U) - ln N(T; mu_R, s_R)`, with `s^2 = (7 s_shared^2 + (n - 1) s_own^2) / (7 + n - 1)`.
///
/// # Errors
/// [`AuditError::TooFew`] below three seeds, [`AuditError::Unpaired`]; [`AuditError::NoSpread`] if nothing scatters.
pub fn lira_scores(unlearned: &Pool, retrained: &Pool, shared_variance: f64) -> Result<LiraScores, AuditError> {
    unlearned.differences(retrained)?;
    if unlearned.len() < 3 {
        return Err(AuditError::TooFew { what: "U-LiRA", found: unlearned.len(), least: 3 });
    }
    if shared_variance <= 0.0 {
        return Err(AuditError::NoSpread { what: "U-LiRA", value: unlearned.values()[0] });
    }
    Ok(scores(unlearned.values(), retrained.values(), shared_variance))
}

/// The attack on one subject.
///
/// # Errors
/// Those of [`lira_scores`].
pub fn lira(unlearned: &Pool, retrained: &Pool, shared_variance: f64, stream: &Stream) -> Result<Lira, AuditError> {
    let scores = lira_scores(unlearned, retrained, shared_variance)?;
    let found = auc(&scores.unlearned, &scores.retrained).expect("three finite ratios on either side");
    let pairs = unlearned.len();
    let area_of = |exchanged: &dyn Fn(usize) -> bool| {
        let side = |own: &Pool, other: &Pool| -> Vec<f64> {
            (0..pairs).map(|pair| if exchanged(pair) { other.values()[pair] } else { own.values()[pair] }).collect()
        };
        area(&self::scores(&side(unlearned, retrained), &side(retrained, unlearned), shared_variance))
    };
    let areas: Vec<f64> = if pairs <= EXACT_PAIRS_MAX {
        (0..1usize << pairs).map(|order| area_of(&|pair| order >> pair & 1 == 1)).collect()
    } else {
        // The order observed is one of those sampled.
        let mut draws = stream.draws();
        let mut drawn = || {
            let flips: Vec<bool> = (0..pairs).map(|_| draws.uniform() < 0.5).collect();
            area_of(&|pair| flips[pair])
        };
        std::iter::once(found.auc).chain((0..SAMPLED).map(|_| drawn())).collect()
    };
    let extreme = areas.iter().filter(|area| **area >= found.auc - 1e-12).count();
    let orders = areas.len() as f64;
    let p_min = if pairs <= EXACT_PAIRS_MAX { 2.0 } else { 1.0 } / orders;
    let (p, auc_by_chance) = (extreme as f64 / orders, crate::pool::mean(&areas));
    Ok(Lira { auc: found.auc, auc_by_chance, advantage: found.advantage, p, p_min, scores })
}

fn scores(unlearned: &[f64], retrained: &[f64], shared_variance: f64) -> LiraScores {
    let ratio = |score: f64, left_out: usize| {
        log_density(score, unlearned, left_out, shared_variance)
            - log_density(score, retrained, left_out, shared_variance)
    };
    let of = |arm: &[f64]| arm.iter().enumerate().map(|(index, score)| ratio(*score, index)).collect();
    LiraScores { unlearned: of(unlearned), retrained: of(retrained) }
}

/// Of the normal law of the arm without one model, but for a constant.
fn log_density(score: f64, arm: &[f64], left_out: usize, shared_variance: f64) -> f64 {
    let others: Vec<f64> =
        arm.iter().enumerate().filter(|(index, _)| *index != left_out).map(|(_, score)| *score).collect();
    let own_weight = (others.len() - 1) as f64;
    let own = variance(&others);
    let shrunk = (SHARED_WEIGHT * shared_variance + own_weight * own) / (SHARED_WEIGHT + own_weight);
    -0.5 * shrunk.ln() - (score - crate::pool::mean(&others)).powi(2) / (2.0 * shrunk)
}

fn area(scores: &LiraScores) -> f64 {
    let wins = |one: f64, other: f64| {
        if one > other {
            1.0
        } else if one == other {
            0.5
        } else {
            0.0
        }
    };
    let sum: f64 =
        scores.unlearned.iter().flat_map(|one| scores.retrained.iter().map(move |other| wins(*one, *other))).sum();
    sum / (scores.unlearned.len() * scores.retrained.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::{at_most, pool};
    use lacuna_seed::Seed;

    fn arm(values: &[f64]) -> Pool {
        Pool::new("arm", values.to_vec()).unwrap()
    }

    #[test]
    fn a_ratio_worked_by_hand() {
        // Without the first pair: means 11 and 1, own variances 2 and 2, shared 2, so s^2 = 2 on both sides.
        // Of 10: (10 - 1)^2 / 4 - (10 - 11)^2 / 4 = 20; of 0: (0 - 1)^2 / 4 - 121 / 4 = -30.
        let found = lira_scores(&arm(&[10.0, 10.0, 12.0]), &arm(&[0.0, 0.0, 2.0]), 2.0).unwrap();
        assert!((found.unlearned[0] - 20.0).abs() < 1e-12 && (found.retrained[0] + 30.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn arms_apart_are_told_apart_with_the_smallest_p_there_is() {
        let (unlearned, retrained) = (arm(&[10.0, 10.1, 9.8, 10.3, 9.9]), arm(&[0.0, 0.3, -0.2, 0.1, 0.2]));
        let found = lira(&unlearned, &retrained, 0.04, &Seed(0).stream("lira")).unwrap();
        assert_eq!((found.auc, found.advantage, found.p, found.p_min), (1.0, 1.0, 2.0 / 32.0, 2.0 / 32.0));
    }

    #[test]
    fn arms_of_one_law_are_told_apart_as_often_as_the_level_says() {
        let mut draws = Seed(11).stream("lira").draws();
        let (mut found, mut area, mut by_chance) = (0, 0.0, 0.0);
        for _ in 0..1000 {
            let (unlearned, retrained) = (pool(&mut draws, 7, 0.0, 1.0), pool(&mut draws, 7, 0.0, 1.0));
            let attack = lira(&unlearned, &retrained, 1.0, &Seed(0).stream("lira")).unwrap();
            found += usize::from(attack.p <= 0.05);
            area += attack.auc / 1000.0;
            by_chance += attack.auc_by_chance / 1000.0;
        }
        at_most(found, 1000, 0.05);
        // Standard error of a mean of 1000 areas, each scattering by about 0.15: 0.005.
        assert!((area - by_chance).abs() < 0.02 && by_chance < 0.5, "{area} found, {by_chance} expected by chance");
    }

    #[test]
    fn two_seeds_are_too_few_and_many_are_sampled() {
        assert!(lira_scores(&arm(&[1.0, 2.0]), &arm(&[1.0, 2.0]), 1.0).is_err());
        let mut draws = Seed(12).stream("lira").draws();
        let (unlearned, retrained) = (pool(&mut draws, 14, 3.0, 1.0), pool(&mut draws, 14, 0.0, 1.0));
        let found = lira(&unlearned, &retrained, 1.0, &Seed(0).stream("lira")).unwrap();
        assert!(found.p < 0.01 && found.auc > 0.9, "{found:?}");
    }
}
