//! One metric over several subjects.

use crate::{ClassScore, Empty, Metric};
use serde::{Deserialize, Serialize};

/// The number of pairs of masks with an empty one, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmptyCounts {
    /// The number of pairs of which only the true mask is empty.
    pub truth: usize,
    /// The number of pairs of which only the predicted mask is empty.
    pub prediction: usize,
    /// The number of pairs of which both masks are empty.
    pub both: usize,
}

impl EmptyCounts {
    /// Adds one pair to the counts.
    pub fn add(&mut self, empty: Empty) {
        match empty {
            Empty::None => {}
            Empty::Truth => self.truth += 1,
            Empty::Prediction => self.prediction += 1,
            Empty::Both => self.both += 1,
        }
    }

    /// Returns the number of pairs with an empty mask.
    pub fn total(&self) -> usize {
        self.truth + self.prediction + self.both
    }
}

/// The mean of one metric over subjects, with the number of subjects and empty masks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The mean over the subjects for which the metric is defined; `None` if there is none.
    pub mean: Option<f64>,
    /// The number of subjects in the mean.
    pub n: usize,
    /// The empty masks of all subjects; a subject with both masks empty is not in a mean of Dice.
    pub empty: EmptyCounts,
}

impl Summary {
    /// Averages one metric over subjects, one score each.
    pub fn over<'a>(scores: impl IntoIterator<Item = &'a ClassScore>, metric: &Metric) -> Summary {
        let (mut sum, mut n, mut empty) = (0.0, 0, EmptyCounts::default());
        for score in scores {
            empty.add(score.empty);
            if let Some(value) = (metric.value)(score) {
                sum += value;
                n += 1;
            }
        }
        Summary { mean: (n > 0).then(|| sum / n as f64), n, empty }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::METRICS;
    use crate::scorer::tests::score;

    fn dice_over(subjects: &[(&[u8], &[u8])]) -> Summary {
        let scores: Vec<_> =
            subjects.iter().map(|(predicted, truth)| score(2, predicted, truth).unwrap().mean).collect();
        Summary::over(&scores, &METRICS[0])
    }

    #[test]
    fn one_subject_is_its_own_mean() {
        let summary = dice_over(&[(&[0, 1, 1, 0], &[0, 0, 1, 1])]);
        assert_eq!(summary, Summary { mean: Some(0.5), n: 1, empty: EmptyCounts::default() });
    }

    #[test]
    fn every_empty_mask_is_counted_and_only_two_of_them_leave_the_mean() {
        // Dice 1, 0 (missed), 0 (predicted but absent), undefined: the mean over three is 1/3.
        let summary = dice_over(&[(&[0, 1], &[0, 1]), (&[0, 0], &[0, 1]), (&[0, 1], &[0, 0]), (&[0, 0], &[0, 0])]);
        assert_eq!(summary.mean, Some(1.0 / 3.0));
        assert_eq!((summary.n, summary.empty.total()), (3, 3));
        assert_eq!(summary.empty, EmptyCounts { truth: 1, prediction: 1, both: 1 });
    }

    #[test]
    fn no_defined_value_has_no_mean() {
        let summary = dice_over(&[(&[0, 0], &[0, 0])]);
        assert_eq!((summary.mean, summary.n, summary.empty.both), (None, 0, 1));
    }
}
