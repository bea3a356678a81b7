//! Scores of two arms and a threshold between them.
//!
//! A model whose score lies at or above the threshold is called unlearned. True positives are unlearned models that are,
//! false positives retrained ones.

use lacuna_audit::attack::LiraScores;

/// What a threshold gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::html) struct Rates {
    pub(in crate::html) true_positives: usize,
    pub(in crate::html) false_positives: usize,
}

pub(in crate::html) fn rates(scores: &LiraScores, threshold: f64) -> Rates {
    let above = |scores: &[f64]| scores.iter().filter(|&&score| score >= threshold).count();
    Rates { true_positives: above(&scores.unlearned), false_positives: above(&scores.retrained) }
}

/// Shares of false and of true positives, from the threshold above all scores to the one below: a rising path from (0, 0)
/// to (1, 1). Empty where an arm is.
pub(in crate::html) fn roc(scores: &LiraScores) -> Vec<[f64; 2]> {
    if scores.unlearned.is_empty() || scores.retrained.is_empty() {
        return Vec::new();
    }
    let mut thresholds: Vec<f64> = scores.unlearned.iter().chain(&scores.retrained).copied().collect();
    thresholds.sort_by(|one, other| other.total_cmp(one));
    thresholds.dedup();
    let share = |count: usize, of: &[f64]| count as f64 / of.len() as f64;
    let point = |threshold: f64| {
        let Rates { true_positives, false_positives } = rates(scores, threshold);
        [share(false_positives, &scores.retrained), share(true_positives, &scores.unlearned)]
    };
    std::iter::once([0.0, 0.0]).chain(thresholds.into_iter().map(point)).collect()
}

/// The lowest threshold with at most a tenth of false positives: where the audit counts its true positives.
pub(in crate::html) fn standard_threshold(scores: &LiraScores) -> f64 {
    let all = || scores.unlearned.iter().chain(&scores.retrained).copied();
    let few = |threshold: &f64| 10 * rates(scores, *threshold).false_positives <= scores.retrained.len();
    let lowest = all().filter(few).fold(f64::INFINITY, f64::min);
    if lowest.is_finite() { lowest } else { all().fold(0.0, f64::max) }
}

/// The least share that so many models can show, halved: where a logarithmic axis begins, which has no 0.
pub(in crate::html) fn least_of(models: usize) -> f64 {
    0.5 / models.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::tests::ixi7;
    use super::*;
    use proptest::prelude::*;

    /// By trapezoids.
    fn area(path: &[[f64; 2]]) -> f64 {
        path.windows(2).map(|pair| (pair[1][0] - pair[0][0]) * (pair[0][1] + pair[1][1]) / 2.0).sum()
    }

    proptest! {
        #[test]
        fn the_area_is_the_share_of_pairs_in_order(
            unlearned in prop::collection::vec(-5i32..5, 1..12),
            retrained in prop::collection::vec(-5i32..5, 1..12),
        ) {
            let values = |scores: &[i32]| scores.iter().map(|&score| f64::from(score)).collect::<Vec<_>>();
            let scores = LiraScores { unlearned: values(&unlearned), retrained: values(&retrained) };
            let pairs = unlearned.iter().flat_map(|u| retrained.iter().map(move |r| u.cmp(r)));
            let above: f64 = pairs.map(|order| match order {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            }).sum();
            let expected = above / (unlearned.len() * retrained.len()) as f64;
            let path = roc(&scores);
            prop_assert!((area(&path) - expected).abs() < 1e-12);
            prop_assert_eq!((path[0], path[path.len() - 1]), ([0.0, 0.0], [1.0, 1.0]));
            prop_assert!(path.windows(2).all(|pair| pair[0][0] <= pair[1][0] && pair[0][1] <= pair[1][1]));
        }
    }

    #[test]
    fn area_and_operating_point_are_those_of_the_audit() {
        for row in ixi7().results {
            let attacks = row.attacks.unwrap();
            let lira = attacks.lira.unwrap();
            assert!((area(&roc(&lira.scores)) - lira.auc).abs() < 1e-12);
            let found = rates(&lira.scores, standard_threshold(&lira.scores));
            let expected = attacks.operating_point.unwrap().true_positive_rate;
            assert_eq!(found.true_positives as f64 / lira.scores.unlearned.len() as f64, expected);
        }
    }
}
