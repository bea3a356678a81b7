//! Dice of two masks, and empty masks.

use serde::{Deserialize, Serialize};

/// The sizes of two masks and of their intersection, in voxels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The number of voxels in both masks.
    pub intersection: u64,
    /// The number of voxels in the predicted mask.
    pub prediction: u64,
    /// The number of voxels in the true mask.
    pub truth: u64,
}

/// The empty ones of two masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Empty {
    /// Neither mask is empty.
    None,
    /// The true mask only: every predicted voxel is wrong.
    Truth,
    /// The predicted mask only: the class was missed completely.
    Prediction,
    /// Both masks: the class is absent and was not predicted.
    Both,
}

/// The Dice of two masks, if it is defined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Overlap {
    /// The Dice, from 0 (disjoint, or one mask empty) to 1 (equal).
    Score(f64),
    /// Undefined, since both masks are empty.
    BothEmpty,
}

impl Overlap {
    /// Returns the score, if it is defined.
    pub fn score(self) -> Option<f64> {
        match self {
            Overlap::Score(score) => Some(score),
            Overlap::BothEmpty => None,
        }
    }
}

impl Counts {
    /// Returns which of the two masks are empty.
    pub fn empty(self) -> Empty {
        match (self.truth, self.prediction) {
            (0, 0) => Empty::Both,
            (0, _) => Empty::Truth,
            (_, 0) => Empty::Prediction,
            _ => Empty::None,
        }
    }

    /// Returns the number of voxels in exactly one of the two masks.
    pub fn disagreement(self) -> u64 {
        self.prediction + self.truth - 2 * self.intersection
    }
}

/// Returns the Dice `2 |P and T| / (|P| + |T|)` of two masks.
///
/// Source: L. R. Dice, "Measures of the Amount of Ecologic Association Between Species", 1945.
pub fn dice(counts: Counts) -> Overlap {
    match counts.prediction + counts.truth {
        0 => Overlap::BothEmpty,
        sizes => Overlap::Score(2.0 * counts.intersection as f64 / sizes as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(prediction: &str, truth: &str) -> Counts {
        let voxels = |mask: &str| mask.bytes().filter(|&voxel| voxel == b'#').count() as u64;
        let both = prediction.bytes().zip(truth.bytes()).filter(|&pair| pair == (b'#', b'#')).count() as u64;
        Counts { intersection: both, prediction: voxels(prediction), truth: voxels(truth) }
    }

    #[track_caller]
    fn check(prediction: &str, truth: &str, expected: Overlap) {
        assert_eq!(dice(counts(prediction, truth)), expected);
        assert_eq!(dice(counts(truth, prediction)), expected, "Dice is symmetric");
    }

    #[test]
    fn identical_masks_score_one() {
        check("##..", "##..", Overlap::Score(1.0));
    }

    #[test]
    fn disjoint_masks_score_zero() {
        check("##..", "..##", Overlap::Score(0.0));
    }

    #[test]
    fn half_the_voxels_shared_scores_a_half() {
        // 2 * 1 / (2 + 2).
        check("##..", ".##.", Overlap::Score(0.5));
    }

    #[test]
    fn one_empty_mask_scores_zero() {
        check("....", ".##.", Overlap::Score(0.0));
    }

    #[test]
    fn two_empty_masks_have_no_score() {
        check("....", "....", Overlap::BothEmpty);
    }

    #[test]
    fn the_empty_mask_is_named() {
        assert_eq!(counts("#...", ".#..").empty(), Empty::None);
        assert_eq!(counts("....", ".#..").empty(), Empty::Prediction);
        assert_eq!(counts("#...", "....").empty(), Empty::Truth);
        assert_eq!(counts("....", "....").empty(), Empty::Both);
    }
}
