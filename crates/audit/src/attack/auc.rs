//! The area under the ROC curve, with the exact law of Mann and Whitney.

use crate::law::normal_below;
use serde::{Deserialize, Serialize};

/// Above this many additions the normal approximation is taken instead of the exact law.
const EXACT_WORK_MAX: usize = 50_000_000;

/// How well scores tell two kinds of models apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Auc {
    /// The chance that a positive scores above a negative, ties counted as half.
    pub auc: f64,
    /// `max over thresholds (TPR - FPR)`.
    pub advantage: f64,
    /// Two-sided, against scores that tell nothing.
    pub p: f64,
    /// Whether every order was counted, ties as they are.
    pub exact: bool,
}

/// `None` if one side is empty or a score is NaN.
///
/// Source: Mann and Whitney, "On a test of whether one of two random variables is stochastically larger than the
/// other", 1947.
pub fn auc(positives: &[f64], negatives: &[f64]) -> Option<Auc> {
    let mut all: Vec<(f64, bool)> = positives.iter().map(|score| (*score, true)).collect();
    all.extend(negatives.iter().map(|score| (*score, false)));
    if positives.is_empty() || negatives.is_empty() || all.iter().any(|(score, _)| score.is_nan()) {
        return None;
    }
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (positive, negative) = (positives.len(), negatives.len());
    let ranks = doubled_midranks(&all);
    let rank_sum: usize =
        ranks.iter().zip(&all).filter(|(_, (_, is_positive))| *is_positive).map(|(rank, _)| rank).sum();
    let wins = (rank_sum - positive * (positive + 1)) as f64 / 2.0;
    let auc = wins / (positive * negative) as f64;
    let work = all.len() * positive.min(negative) * ranks.iter().sum::<usize>();
    let exact = work <= EXACT_WORK_MAX;
    let p = if exact { exact_p(&ranks, positive, rank_sum) } else { normal_p(&ranks, positive, rank_sum) };
    Some(Auc { auc, advantage: advantage(&all, positive, negative), p, exact })
}

/// Twice the rank of each score in order, ties sharing their mean.
fn doubled_midranks(sorted: &[(f64, bool)]) -> Vec<usize> {
    let ends = |score: f64| {
        let first = sorted.partition_point(|(other, _)| *other < score);
        let last = sorted.partition_point(|(other, _)| *other <= score);
        first + 1 + last
    };
    sorted.iter().map(|(score, _)| ends(*score)).collect()
}

/// How many choices of positives have a rank sum as far from the expected one.
fn exact_p(ranks: &[usize], positive: usize, observed: usize) -> f64 {
    let total: usize = ranks.iter().sum();
    let smaller = positive.min(ranks.len() - positive);
    // The sums of the smaller side say the same, mirrored.
    let observed = if smaller == positive { observed } else { total - observed };
    let mut choices = vec![vec![0.0f64; total + 1]; smaller + 1];
    choices[0][0] = 1.0;
    for &rank in ranks {
        for taken in (1..=smaller).rev() {
            let (before, after) = choices.split_at_mut(taken);
            for sum in (rank..=total).rev() {
                after[0][sum] += before[taken - 1][sum - rank];
            }
        }
    }
    // Distances from `smaller * total / n`, in n-ths, so that they are whole numbers.
    let distance = |sum: usize| (sum * ranks.len()).abs_diff(smaller * total);
    let (mut extreme, mut all) = (0.0, 0.0);
    for (sum, ways) in choices[smaller].iter().enumerate() {
        all += ways;
        extreme += if distance(sum) >= distance(observed) { *ways } else { 0.0 };
    }
    extreme / all
}

/// By the normal law with the variance that ties leave, corrected for continuity.
fn normal_p(ranks: &[usize], positive: usize, observed: usize) -> f64 {
    let (n, m) = (ranks.len() as f64, positive as f64);
    let mean = ranks.iter().sum::<usize>() as f64 / n;
    let variance = ranks.iter().map(|rank| (*rank as f64 - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let error = (m * (n - m) / n * variance).sqrt();
    if error == 0.0 {
        return 1.0;
    }
    let distance = ((observed as f64 - m * mean).abs() - 1.0).max(0.0);
    (2.0 * normal_below(-distance / error)).min(1.0)
}

fn advantage(sorted: &[(f64, bool)], positive: usize, negative: usize) -> f64 {
    let part = |is_positive: bool, of: usize, threshold: f64| {
        sorted.iter().filter(|(score, kind)| *kind == is_positive && *score >= threshold).count() as f64 / of as f64
    };
    sorted
        .iter()
        .map(|(threshold, _)| part(true, positive, *threshold) - part(false, negative, *threshold))
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::at_most;
    use lacuna_seed::Seed;
    use proptest::prelude::*;

    #[test]
    fn arms_apart_are_told_apart() {
        // One order of C(6, 3) = 20, and its mirror image.
        let found = auc(&[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0]).unwrap();
        assert_eq!((found.auc, found.advantage, found.exact), (1.0, 1.0, true));
        assert!((found.p - 0.1).abs() < 1e-12);
        assert_eq!(auc(&[], &[1.0]), None);
        assert_eq!(auc(&[f64::NAN], &[1.0]), None);
    }

    #[test]
    fn equal_scores_tell_nothing() {
        let found = auc(&[1.0; 4], &[1.0; 4]).unwrap();
        assert_eq!((found.auc, found.advantage, found.p), (0.5, 0.0, 1.0));
    }

    #[test]
    fn the_exact_law_agrees_with_scipy() {
        // from scipy import stats; import itertools
        // stats.mannwhitneyu([1.1, 2.3, 4.0, 5.2, 7.7], [2.1, 0.5, 3.0, 0.1, 1.0, 1.3], method="exact")
        let found = auc(&[1.1, 2.3, 4.0, 5.2, 7.7], &[2.1, 0.5, 3.0, 0.1, 1.0, 1.3]).unwrap();
        assert!(
            (found.auc - 26.0 / 30.0).abs() < 1e-12 && (found.p - 0.051_948_051_948_051_95).abs() < 1e-12,
            "{found:?}"
        );
        // With ties scipy has no exact law; all 462 choices of mid-ranks:
        // x = [1, 2, 2, 5, 7]; y = [2, 0.5, 3, 0.1, 1, 1]; r = stats.rankdata(x + y); m = 5 * r.mean()
        // far = lambda c: abs(r[list(c)].sum() - m) >= abs(r[:5].sum() - m) - 1e-9
        // sum(map(far, itertools.combinations(range(11), 5))) / 462
        let found = auc(&[1.0, 2.0, 2.0, 5.0, 7.0], &[2.0, 0.5, 3.0, 0.1, 1.0, 1.0]).unwrap();
        assert!((found.auc - 0.8).abs() < 1e-12 && (found.p - 0.125_541_125_541_125_54).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn many_scores_are_judged_by_the_normal_law_and_agree_with_the_exact_one() {
        let mut draws = Seed(3).stream("auc").draws();
        let mut sample = |n: usize, mean: f64| (0..n).map(|_| mean + draws.normal()).collect::<Vec<f64>>();
        let (one, other) = (sample(25, 0.6), sample(25, 0.0));
        let (mut all, mut observed) = (Vec::new(), 0);
        all.extend(one.iter().map(|score| (*score, true)).chain(other.iter().map(|score| (*score, false))));
        all.sort_by(|one: &(f64, bool), other| one.0.total_cmp(&other.0));
        let ranks = doubled_midranks(&all);
        ranks.iter().zip(&all).filter(|(_, (_, kind))| *kind).for_each(|(rank, _)| observed += rank);
        let (exact, normal) = (exact_p(&ranks, 25, observed), normal_p(&ranks, 25, observed));
        assert!((exact - normal).abs() < 0.005, "{exact} and {normal}");
        assert!(!auc(&sample(200, 0.0), &sample(200, 0.0)).unwrap().exact);
    }

    #[test]
    fn scores_of_one_law_are_told_apart_one_time_in_twenty() {
        let mut draws = Seed(4).stream("auc").draws();
        let mut sample = || (0..6).map(|_| draws.normal()).collect::<Vec<f64>>();
        let found = (0..2000).filter(|_| auc(&sample(), &sample()).unwrap().p <= 0.05).count();
        at_most(found, 2000, 0.05);
    }

    proptest! {
        #[test]
        fn swapping_the_sides_mirrors_the_area(
            one in prop::collection::vec(0..6u8, 1..7), other in prop::collection::vec(0..6u8, 1..7),
        ) {
            let of = |scores: &[u8]| scores.iter().map(|score| f64::from(*score)).collect::<Vec<_>>();
            let (there, back) = (auc(&of(&one), &of(&other)).unwrap(), auc(&of(&other), &of(&one)).unwrap());
            prop_assert!((there.auc + back.auc - 1.0).abs() < 1e-12);
            prop_assert!((there.p - back.p).abs() < 1e-12);
        }
    }
}
