//! Confusion matrix: voxel counts by predicted and true class.

use crate::{Counts, MetricsError};
use lacuna_volume::IGNORED;

/// Voxel counts by predicted and true class; ignored voxels are not counted.
///
/// All overlap measures of two label maps follow from these counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// The counts `[prediction, truth]`, truth fastest.
    voxels: Vec<u64>,
}

impl Confusion {
    /// Creates a matrix of zeros.
    ///
    /// # Errors
    /// [`MetricsError::ClassCount`] unless there are 2 to 255 classes, background included.
    pub fn new(classes: usize) -> Result<Confusion, MetricsError> {
        if !(2..=usize::from(IGNORED)).contains(&classes) {
            return Err(MetricsError::ClassCount { found: classes });
        }
        Ok(Confusion { classes, voxels: vec![0; classes * classes] })
    }

    /// Counts one voxel, unless its true class is ignored. Returns whether it was counted.
    ///
    /// # Errors
    /// [`MetricsError::UnknownClass`] for a class number that is too large. The prediction of an ignored voxel is not
    /// checked.
    pub fn add(&mut self, prediction: u8, truth: u8) -> Result<bool, MetricsError> {
        if truth == IGNORED {
            return Ok(false);
        }
        let row = self.class("the prediction", prediction)?;
        let column = self.class("the truth", truth)?;
        self.voxels[row * self.classes + column] += 1;
        Ok(true)
    }

    /// Returns the number of classes, background included.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Returns the number of counted voxels.
    pub fn counted(&self) -> u64 {
        self.voxels.iter().sum()
    }

    /// Returns the mask sizes of one class, in voxels.
    ///
    /// # Panics
    /// If `class` is not below the number of classes.
    pub fn of_class(&self, class: usize) -> Counts {
        assert!(class < self.classes, "class {class} of {}", self.classes);
        self.masks(|number| number == class)
    }

    /// Returns the mask sizes of all classes but the background taken together, in voxels.
    pub fn foreground(&self) -> Counts {
        self.masks(|number| number != 0)
    }

    /// Returns the mean over the counted voxels of |predicted class number - true class number|.
    ///
    /// It depends on the numbering of the classes; with two classes it is the share of wrong voxels.
    ///
    /// # Errors
    /// [`MetricsError::NoVoxel`] if no voxel was counted.
    pub fn label_map_mae(&self) -> Result<f64, MetricsError> {
        let distance: u64 = self.pairs().map(|(prediction, truth, n)| n * prediction.abs_diff(truth) as u64).sum();
        self.per_voxel(distance)
    }

    /// Returns the mean over the counted voxels of |p - t| for one class's 0/1 maps.
    ///
    /// # Errors
    /// [`MetricsError::NoVoxel`] if no voxel was counted.
    ///
    /// # Panics
    /// If `class` is not below the number of classes.
    pub fn class_mae(&self, class: usize) -> Result<f64, MetricsError> {
        self.per_voxel(self.of_class(class).disagreement())
    }

    fn class(&self, map: &'static str, found: u8) -> Result<usize, MetricsError> {
        match usize::from(found) {
            class if class < self.classes => Ok(class),
            _ => Err(MetricsError::UnknownClass { map, found, classes: self.classes }),
        }
    }

    /// Returns the counts of the two masks that contain the chosen classes.
    fn masks(&self, holds: impl Fn(usize) -> bool) -> Counts {
        let mut counts = Counts::default();
        for (prediction, truth, n) in self.pairs() {
            counts.prediction += if holds(prediction) { n } else { 0 };
            counts.truth += if holds(truth) { n } else { 0 };
            counts.intersection += if holds(prediction) && holds(truth) { n } else { 0 };
        }
        counts
    }

    /// Iterates over all (predicted class, true class, number of voxels).
    fn pairs(&self) -> impl Iterator<Item = (usize, usize, u64)> + '_ {
        self.voxels.iter().enumerate().map(|(cell, &n)| (cell / self.classes, cell % self.classes, n))
    }

    fn per_voxel(&self, sum: u64) -> Result<f64, MetricsError> {
        match self.counted() {
            0 => Err(MetricsError::NoVoxel),
            counted => Ok(sum as f64 / counted as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion(classes: usize, voxels: &[(u8, u8)]) -> Confusion {
        let mut confusion = Confusion::new(classes).unwrap();
        for &(prediction, truth) in voxels {
            confusion.add(prediction, truth).unwrap();
        }
        confusion
    }

    #[test]
    fn every_counted_voxel_is_in_one_class_of_each_map() {
        let found = confusion(3, &[(0, 0), (1, 2), (2, 2), (1, 0), (0, IGNORED)]);
        let sum = |size: fn(Counts) -> u64| (0..3).map(|class| size(found.of_class(class))).sum::<u64>();
        assert_eq!(sum(|counts| counts.prediction), found.counted());
        assert_eq!(sum(|counts| counts.truth), found.counted());
    }

    #[test]
    fn an_ignored_voxel_counts_nowhere() {
        let with = confusion(2, &[(1, 1), (0, 1), (1, IGNORED)]);
        assert_eq!(with, confusion(2, &[(1, 1), (0, 1)]));
    }

    #[test]
    fn label_map_mae_weighs_by_class_number() {
        // |2 - 0| + |1 - 1| + |0 - 1| + |2 - 2| = 3 over four voxels.
        let found = confusion(3, &[(2, 0), (1, 1), (0, 1), (2, 2)]);
        assert_eq!(found.label_map_mae(), Ok(0.75));
        // Class 2: predicted at the 1st and 4th, true at the 4th, so one of four is wrong.
        assert_eq!(found.class_mae(2), Ok(0.25));
    }

    #[test]
    fn foreground_joins_the_classes() {
        // A tissue predicted as another tissue is still foreground.
        let found = confusion(3, &[(1, 2), (2, 1), (0, 1), (0, 0)]);
        assert_eq!(found.foreground(), Counts { intersection: 2, prediction: 2, truth: 3 });
    }

    #[test]
    fn nothing_counted_is_an_error_not_a_zero() {
        assert_eq!(confusion(2, &[(0, IGNORED)]).label_map_mae(), Err(MetricsError::NoVoxel));
    }

    #[test]
    fn a_class_without_a_name_is_refused_with_both_numbers() {
        let mut confusion = Confusion::new(3).unwrap();
        let message = confusion.add(0, 3).unwrap_err().to_string();
        assert_eq!(message, "the truth holds class 3, but there are only 3 classes (0 to 2)");
        assert!(confusion.add(9, 0).is_err());
        assert_eq!(confusion.counted(), 0);
    }
}
