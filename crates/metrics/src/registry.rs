//! What is measured: the list that tables and tests loop over.

use crate::ClassScore;

/// Which way a metric improves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// More is better.
    HigherIsBetter,
    /// Less is better.
    LowerIsBetter,
}

/// One thing that is measured per subject and class.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its column in `results.csv`.
    pub name: &'static str,
    /// Its unit; "1" for a pure number.
    pub unit: &'static str,
    /// Which way it improves.
    pub direction: Direction,
    /// What it is, in a sentence for help texts and reports.
    pub about: &'static str,
    /// Its value among the scores of one class, where it is defined.
    pub value: fn(&ClassScore) -> Option<f64>,
}

/// Every metric, in the order of tables.
pub static METRICS: &[Metric] = &[
    Metric {
        name: "dice",
        unit: "1",
        direction: Direction::HigherIsBetter,
        about: "Overlap 2|P and T|/(|P|+|T|) of the predicted and the true mask; undefined when both are empty; \
                the mean leaves the background out.",
        value: |score| score.dice,
    },
    Metric {
        name: "mae",
        unit: "class numbers",
        direction: Direction::LowerIsBetter,
        about: "Mean absolute difference of the label maps per voxel; of one class, of its 0/1 map.",
        value: |score| Some(score.mae),
    },
    Metric {
        name: "mae_probability",
        unit: "1",
        direction: Direction::LowerIsBetter,
        about: "Mean absolute difference of the predicted probabilities and the one-hot truth, per voxel and class.",
        value: |score| Some(score.mae_probability),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorer::tests::score;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_distinct_and_every_metric_is_explained() {
        let names: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
        for metric in METRICS {
            assert!(!metric.unit.is_empty() && metric.about.ends_with('.'), "{}", metric.name);
        }
    }

    #[test]
    fn every_metric_prefers_the_better_prediction() {
        let truth = [0, 1, 1, 2, 2, 2];
        let good = score(3, &[0, 1, 1, 2, 2, 1], &truth).unwrap();
        let bad = score(3, &[2, 0, 0, 2, 0, 0], &truth).unwrap();
        for metric in METRICS {
            let (good, bad) = ((metric.value)(&good.mean).unwrap(), (metric.value)(&bad.mean).unwrap());
            match metric.direction {
                Direction::HigherIsBetter => assert!(good > bad, "{}: {good} {bad}", metric.name),
                Direction::LowerIsBetter => assert!(good < bad, "{}: {good} {bad}", metric.name),
            }
        }
    }
}
