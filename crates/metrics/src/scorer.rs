//! The scores of one subject, accumulated from voxels.

use crate::{Confusion, Empty, MetricsError, SurfaceScore, dice};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The name under which the mean over classes is reported; no class may have it.
pub const MEAN: &str = "mean";

/// The scores of one class of one subject, or their mean over its classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScore {
    /// The name of the class, or [`MEAN`].
    pub name: String,
    /// The Dice of the class's masks; `None` exactly if both are empty.
    pub dice: Option<f64>,
    /// The empty masks of the class; for the mean, those of the foreground (all classes but the background).
    pub empty: Empty,
    /// Mean absolute error of label maps: for a class of its 0/1 map, for the mean of the class numbers.
    pub mae: f64,
    /// Mean absolute error of probabilities against the one-hot labels: for a class of its channel, for the mean of all
    /// channels, the background's included.
    pub mae_probability: f64,
    /// Surface distances and volumes, if requested; never for the background or on a network's grid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surface: Option<SurfaceScore>,
}

/// The scores of one subject on one grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubjectScores {
    /// The scores of each class, in class order, background first.
    pub classes: Vec<ClassScore>,
    /// The mean; its Dice is averaged over the classes, without the background, whose Dice is defined.
    pub mean: ClassScore,
    /// The number of classes in the mean Dice.
    pub classes_in_mean: usize,
    /// The number of counted voxels.
    pub voxels: u64,
}

/// Accumulates the scores of one subject on one grid, voxel by voxel in any order.
///
/// The same accumulator serves the volume's grid and the network's output grid; memory does not
/// grow with the number of voxels.
#[derive(Clone, Debug)]
pub struct Scorer {
    names: Vec<String>,
    confusion: Confusion,
    /// For each class, the sum over counted voxels of |probability - one-hot label|.
    distance: Vec<f64>,
}

impl Scorer {
    /// Creates a scorer without voxels; the names are in class order, background first.
    ///
    /// # Errors
    /// [`MetricsError::ClassCount`] unless there are 2 to 255 names;
    /// [`MetricsError::ClassName`] if one occurs twice or is [`MEAN`].
    pub fn new(class_names: &[String]) -> Result<Scorer, MetricsError> {
        let confusion = Confusion::new(class_names.len())?;
        let mut taken = BTreeSet::from([MEAN]);
        if let Some(name) = class_names.iter().find(|name| !taken.insert(name)) {
            return Err(MetricsError::ClassName { name: name.clone() });
        }
        Ok(Scorer { names: class_names.to_vec(), confusion, distance: vec![0.0; class_names.len()] })
    }

    /// Counts one voxel: the probability of each class, the predicted class and the true one.
    ///
    /// A voxel whose true class is [`lacuna_volume::IGNORED`] is not counted.
    ///
    /// # Errors
    /// [`MetricsError::ProbabilityCount`] unless there is one probability per class;
    /// [`MetricsError::UnknownClass`] for a class number without a name.
    pub fn add(&mut self, probabilities: &[f32], predicted: u8, truth: u8) -> Result<(), MetricsError> {
        if probabilities.len() != self.names.len() {
            return Err(MetricsError::ProbabilityCount { found: probabilities.len(), classes: self.names.len() });
        }
        if self.confusion.add(predicted, truth)? {
            for (class, (sum, &probability)) in self.distance.iter_mut().zip(probabilities).enumerate() {
                let one_hot = if class == usize::from(truth) { 1.0 } else { 0.0 };
                *sum += (f64::from(probability) - one_hot).abs();
            }
        }
        Ok(())
    }

    /// Returns the scores over all counted voxels.
    ///
    /// # Errors
    /// [`MetricsError::NoVoxel`] if none was counted; [`MetricsError::NotFinite`] if a probability was infinite or NaN.
    pub fn finish(self) -> Result<SubjectScores, MetricsError> {
        if let Some(class) = self.distance.iter().position(|sum| !sum.is_finite()) {
            return Err(MetricsError::NotFinite { class: self.names[class].clone() });
        }
        let classes = (0..self.names.len()).map(|class| self.class_score(class)).collect::<Result<Vec<_>, _>>()?;
        let defined: Vec<f64> = classes[1..].iter().filter_map(|class| class.dice).collect();
        let mean = ClassScore {
            name: MEAN.to_string(),
            dice: mean_of(&defined),
            empty: self.confusion.foreground().empty(),
            mae: self.confusion.label_map_mae()?,
            mae_probability: classes.iter().map(|class| class.mae_probability).sum::<f64>() / classes.len() as f64,
            surface: None,
        };
        Ok(SubjectScores { classes, mean, classes_in_mean: defined.len(), voxels: self.confusion.counted() })
    }

    fn class_score(&self, class: usize) -> Result<ClassScore, MetricsError> {
        let counts = self.confusion.of_class(class);
        Ok(ClassScore {
            name: self.names[class].clone(),
            dice: dice(counts).score(),
            empty: counts.empty(),
            mae: self.confusion.class_mae(class)?,
            mae_probability: self.distance[class] / self.confusion.counted() as f64,
            surface: None,
        })
    }
}

fn mean_of(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use lacuna_volume::IGNORED;
    use proptest::prelude::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|class| format!("class{class}")).collect()
    }

    /// Scores a prediction whose probabilities are 0 or 1.
    pub(crate) fn score(classes: usize, predicted: &[u8], truth: &[u8]) -> Result<SubjectScores, MetricsError> {
        let mut scorer = Scorer::new(&names(classes))?;
        for (&predicted, &truth) in predicted.iter().zip(truth) {
            let mut probabilities = vec![0.0; classes];
            probabilities[usize::from(predicted)] = 1.0;
            scorer.add(&probabilities, predicted, truth)?;
        }
        scorer.finish()
    }

    proptest! {
        #[test]
        fn a_perfect_prediction_scores_one_and_errs_nowhere(truth in prop::collection::vec(0u8..4, 1..60)) {
            let scores = score(4, &truth, &truth).unwrap();
            for class in scores.classes.iter().chain([&scores.mean]) {
                prop_assert!(class.dice.is_none_or(|dice| dice == 1.0));
                prop_assert_eq!((class.mae, class.mae_probability), (0.0, 0.0));
                prop_assert_eq!(class.dice.is_none(), class.empty == Empty::Both);
            }
        }

        #[test]
        fn exchanging_prediction_and_truth_changes_no_score(
            voxels in prop::collection::vec((0u8..3, 0u8..3), 1..60)
        ) {
            let (predicted, truth): (Vec<u8>, Vec<u8>) = voxels.into_iter().unzip();
            let there = score(3, &predicted, &truth).unwrap();
            let back = score(3, &truth, &predicted).unwrap();
            prop_assert_eq!(there.mean.dice, back.mean.dice);
            prop_assert_eq!(there.mean.mae, back.mean.mae);
        }

        #[test]
        fn ignored_voxels_change_nothing(voxels in prop::collection::vec((0u8..3, 0u8..3), 1..60), extra in 0u8..3) {
            let (mut predicted, mut truth): (Vec<u8>, Vec<u8>) = voxels.into_iter().unzip();
            let without = score(3, &predicted, &truth).unwrap();
            predicted.insert(0, extra);
            truth.insert(0, IGNORED);
            prop_assert_eq!(score(3, &predicted, &truth).unwrap(), without);
        }

        #[test]
        fn a_prediction_certain_of_itself_has_one_error_for_maps_and_probabilities(
            voxels in prop::collection::vec((0u8..3, 0u8..3), 1..60)
        ) {
            let (predicted, truth): (Vec<u8>, Vec<u8>) = voxels.into_iter().unzip();
            for class in score(3, &predicted, &truth).unwrap().classes {
                prop_assert_eq!(class.mae, class.mae_probability);
            }
        }
    }

    #[test]
    fn a_small_case_worked_by_hand() {
        // truth      0 1 1 2 2, prediction 0 1 2 2 0.
        // class 1: 2*1/(1+2) = 2/3; class 2: 2*1/(2+2) = 1/2; mean 7/12; background: 2*1/(2+1) = 2/3.
        // label maps: 0 + 0 + 1 + 0 + 2 over five voxels = 0.6.
        let scores = score(3, &[0, 1, 2, 2, 0], &[0, 1, 1, 2, 2]).unwrap();
        let dice: Vec<f64> = scores.classes.iter().filter_map(|class| class.dice).collect();
        assert_eq!(dice, [2.0 / 3.0, 2.0 / 3.0, 0.5]);
        assert!((scores.mean.dice.unwrap() - 7.0 / 12.0).abs() < 1e-15);
        assert_eq!(scores.mean.mae, 0.6);
        assert_eq!((scores.classes_in_mean, scores.voxels), (2, 5));
    }

    #[test]
    fn probabilities_are_compared_with_the_one_hot_truth() {
        // |0.75 - 1|, |0.25 - 0| at the first voxel, |0.5 - 0|, |0.5 - 1| at the second.
        let mut scorer = Scorer::new(&names(2)).unwrap();
        scorer.add(&[0.75, 0.25], 0, 0).unwrap();
        scorer.add(&[0.5, 0.5], 0, 1).unwrap();
        let scores = scorer.finish().unwrap();
        assert_eq!(scores.classes[0].mae_probability, 0.375);
        assert_eq!(scores.classes[1].mae_probability, 0.375);
        assert_eq!(scores.mean.mae_probability, 0.375);
    }

    #[test]
    fn a_class_in_neither_map_stays_out_of_the_mean() {
        let scores = score(3, &[0, 1, 1], &[0, 1, 1]).unwrap();
        assert_eq!(scores.classes[2].dice, None);
        assert_eq!(scores.classes[2].empty, Empty::Both);
        assert_eq!((scores.mean.dice, scores.classes_in_mean), (Some(1.0), 1));
    }

    #[test]
    fn a_missed_class_pulls_the_mean_down() {
        let scores = score(3, &[0, 1, 0], &[0, 1, 2]).unwrap();
        assert_eq!((scores.classes[2].dice, scores.classes[2].empty), (Some(0.0), Empty::Prediction));
        assert_eq!(scores.mean.dice, Some(0.5));
    }

    #[test]
    fn background_everywhere_has_no_mean_dice() {
        let scores = score(3, &[0, 0], &[0, 0]).unwrap();
        assert_eq!((scores.mean.dice, scores.mean.empty, scores.classes_in_mean), (None, Empty::Both, 0));
    }

    #[test]
    fn no_counted_voxel_is_an_error() {
        assert_eq!(score(2, &[], &[]), Err(MetricsError::NoVoxel));
        assert_eq!(score(2, &[1], &[IGNORED]), Err(MetricsError::NoVoxel));
    }

    #[test]
    fn a_probability_that_is_not_a_number_names_its_class() {
        let mut scorer = Scorer::new(&names(2)).unwrap();
        scorer.add(&[0.5, f32::NAN], 0, 0).unwrap();
        assert_eq!(scorer.finish(), Err(MetricsError::NotFinite { class: "class1".into() }));
    }

    #[test]
    fn class_names_must_be_told_apart() {
        let twice = ["background", "csf", "csf"].map(String::from);
        assert_eq!(Scorer::new(&twice).unwrap_err(), MetricsError::ClassName { name: "csf".into() });
        let reserved = ["background", "mean"].map(String::from);
        assert_eq!(Scorer::new(&reserved).unwrap_err(), MetricsError::ClassName { name: "mean".into() });
        assert_eq!(Scorer::new(&names(1)).unwrap_err(), MetricsError::ClassCount { found: 1 });
        assert_eq!(Scorer::new(&names(256)).unwrap_err(), MetricsError::ClassCount { found: 256 });
    }
}
