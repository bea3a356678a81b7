//! How many members an attack finds while it accuses few others.
//!
//! With a handful of models a false-positive rate of a tenth is the least that can be spoken of: with 70 models left
//! out, 0.1 % of them is no model at all.

use crate::Interval;
use crate::law::clopper_pearson;
use serde::{Deserialize, Serialize};

/// A point on the ROC curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperatingPoint {
    /// At most this part of the negatives is accused.
    pub false_positive_rate_max: f64,
    /// The part that is.
    pub false_positive_rate: f64,
    /// The part of the positives that is found.
    pub true_positive_rate: f64,
    /// Of the true-positive rate, by Clopper and Pearson; the threshold taken as given.
    pub interval: Interval,
}

/// The lowest threshold that accuses at most this part of the negatives. `None` if one side is empty.
pub fn true_positives_at(
    false_positive_rate_max: f64,
    positives: &[f64],
    negatives: &[f64],
    level: f64,
) -> Option<OperatingPoint> {
    if positives.is_empty() || negatives.is_empty() {
        return None;
    }
    let mut sorted = negatives.to_vec();
    sorted.sort_by(|one, other| other.total_cmp(one));
    let spared_from = (false_positive_rate_max * sorted.len() as f64 + 1e-9).floor() as usize;
    // Above the highest score that must be spared.
    let threshold = sorted.get(spared_from).copied().unwrap_or(f64::NEG_INFINITY);
    let above = |scores: &[f64]| scores.iter().filter(|score| **score > threshold).count();
    let (found, accused) = (above(positives), above(negatives));
    let (low, high) = clopper_pearson(found as u64, positives.len() as u64, level);
    Some(OperatingPoint {
        false_positive_rate_max,
        false_positive_rate: accused as f64 / negatives.len() as f64,
        true_positive_rate: found as f64 / positives.len() as f64,
        interval: Interval { low, high, level },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_ten_is_one() {
        let negatives: Vec<f64> = (1..=10).map(f64::from).collect();
        // Above 9: the negative 10, and of the positives 9.5, 11 and 12.
        let found = true_positives_at(0.1, &[9.5, 11.0, 3.0, 12.0], &negatives, 0.95).unwrap();
        assert_eq!((found.false_positive_rate, found.true_positive_rate), (0.1, 0.75));
        // scipy.stats.binomtest(3, 4).proportion_ci() -> 0.19412044968324335, 0.9936905367902901
        assert!((found.interval.low - 0.194_120_449_683).abs() < 1e-9, "{found:?}");
        assert!((found.interval.high - 0.993_690_536_790).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn of_five_negatives_none_may_be_accused() {
        let found = true_positives_at(0.1, &[5.0, 6.0], &[1.0, 2.0, 3.0, 4.0, 5.0], 0.95).unwrap();
        assert_eq!((found.false_positive_rate, found.true_positive_rate), (0.0, 0.5));
        assert_eq!(true_positives_at(0.1, &[], &[1.0], 0.95), None);
    }
}
