//! Dice of two masks, and which of them is empty.

use serde::{Deserialize, Serialize};

/// The sizes of two masks and of their intersection, in voxels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Voxels in both masks.
    pub intersection: u64,
    /// Voxels in the predicted mask.
    pub prediction: u64,
    /// Voxels in the true mask.
    pub truth: u64,
}

/// Which of two masks holds no voxel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Empty {
    /// Neither.
    None,
    /// The truth alone: whatever was predicted is wrong.
    Truth,
    /// The prediction alone: the class was missed altogether.
    Prediction,
    /// Both: there was nothing to find and nothing was found.
    Both,
}

/// The overlap of two masks, where it is defined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Overlap {
    /// From 0 (disjoint, or one mask empty) to 1 (equal).
    Score(f64),
    /// Two empty masks have no overlap to speak of.
    BothEmpty,
}

impl Overlap {
    /// The score, where there is one.
    pub fn score(self) -> Option<f64> {
        match self {
            Overlap::Score(score) => Some(score),
            Overlap::BothEmpty => None,
        }
    }
}

impl Counts {
    /// Which of the two masks is empty.
    pub fn empty(self) -> Empty {
        match (self.truth, self.prediction) {
            (0, 0) => Empty::Both,
            (0, _) => Empty::Truth,
            (_, 0) => Empty::Prediction,
            _ => Empty::None,
        }
    }

    /// Voxels in exactly one of the two masks.
    pub fn disagreement(self) -> u64 {
        self.prediction + self.truth - 2 * self.intersection
    }
}

/// `2 |P and T| / (|P| + |T|)`.
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
