//! The list of metrics, over which tables and tests loop.

use crate::ClassScore;

/// Whether a larger or a smaller value of a metric is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A larger value is better.
    HigherIsBetter,
    /// A smaller value is better.
    LowerIsBetter,
}

/// The data that a metric is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Single voxels on any grid: every score has it.
    Voxels,
    /// Whole masks on the image's own grid: computed only by a [`crate::SurfaceScorer`].
    Surfaces,
}

/// A metric that is computed per subject and class.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name of its column in `results.csv`.
    pub name: &'static str,
    /// Its unit; "1" for a dimensionless number.
    pub unit: &'static str,
    /// Whether larger or smaller is better.
    pub direction: Direction,
    /// The data that it is computed from.
    pub needs: Needs,
    /// A description in one sentence, for help texts and reports.
    pub about: &'static str,
    /// Returns its value from the scores of one class, if it is defined.
    pub value: fn(&ClassScore) -> Option<f64>,
}

/// All metrics, in the order of tables.
pub static METRICS: &[Metric] = &[
    Metric {
        name: "dice",
        unit: "1",
        direction: Direction::HigherIsBetter,
        needs: Needs::Voxels,
        about: "Overlap 2|P and T|/(|P|+|T|) of the predicted and the true mask; undefined when both are empty; \
                the mean leaves the background out.",
        value: |score| score.dice,
    },
    Metric {
        name: "mae",
        unit: "class numbers",
        direction: Direction::LowerIsBetter,
        needs: Needs::Voxels,
        about: "Mean absolute difference of the label maps per voxel; of one class, of its 0/1 map.",
        value: |score| Some(score.mae),
    },
    Metric {
        name: "mae_probability",
        unit: "1",
        direction: Direction::LowerIsBetter,
        needs: Needs::Voxels,
        about: "Mean absolute difference of the predicted probabilities and the one-hot truth, per voxel and class.",
        value: |score| Some(score.mae_probability),
    },
    Metric {
        name: "hd95_mm",
        unit: "mm",
        direction: Direction::LowerIsBetter,
        needs: Needs::Surfaces,
        about: "The 95 % Hausdorff distance as MedPy has it: one percentile over the boundary voxels of both masks (a \
                voxel is boundary if a face leads outside); the image's diagonal \
                when one mask is empty, undefined when both are.",
        value: |score| score.surface.as_ref()?.hd95_mm,
    },
    Metric {
        name: "hd95_mrbrains_mm",
        unit: "mm",
        direction: Direction::LowerIsBetter,
        needs: Needs::Surfaces,
        about: "MRBrainS18's official 95 % Hausdorff distance: the larger of two percentiles, boundaries within the \
                plane; undefined when either mask is empty.",
        value: |score| score.surface.as_ref()?.hd95_mrbrains_mm,
    },
    Metric {
        name: "volume_similarity",
        unit: "1",
        direction: Direction::HigherIsBetter,
        needs: Needs::Surfaces,
        about: "1 - |P - T| / (P + T) of the volumes; 0 when one mask is empty, undefined when both are.",
        value: |score| score.surface.as_ref()?.volume_similarity,
    },
    Metric {
        name: "surface_dice",
        unit: "1",
        direction: Direction::HigherIsBetter,
        needs: Needs::Surfaces,
        about: "Share of the boundary voxels of both masks within a tolerance in mm of the other's (a voxel is boundary \
                if a face leads outside); 0 when one mask is empty, undefined when both are.",
        value: |score| score.surface.as_ref()?.surface_dice,
    },
    Metric {
        name: "surface_dice_area",
        unit: "1",
        direction: Direction::HigherIsBetter,
        needs: Needs::Surfaces,
        about: "Share of the surface area of both masks within a tolerance in mm of the other's surface (Nikolov et al., \
                surface-distance); 0 when one mask is empty, undefined when both are.",
        value: |score| score.surface.as_ref()?.surface_dice_area,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SurfaceScorer;
    use crate::scorer::tests::score;
    use lacuna_volume::{ClassMap, Grid, SpacingMm};
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
        let with_surfaces = |predicted: &[u8]| {
            let mut scores = score(3, predicted, &truth).unwrap();
            let map = ClassMap::new(Grid::axis_aligned([6, 1, 1], SpacingMm([1.0; 3])), truth.to_vec());
            let mut surfaces = SurfaceScorer::new(3, 0.0).unwrap();
            surfaces.add(&map, predicted);
            surfaces.finish(&mut scores);
            scores
        };
        let good = with_surfaces(&[0, 1, 1, 2, 2, 1]);
        let bad = with_surfaces(&[2, 1, 0, 0, 0, 0]);
        for metric in METRICS {
            let (good, bad) = ((metric.value)(&good.mean).unwrap(), (metric.value)(&bad.mean).unwrap());
            match metric.direction {
                Direction::HigherIsBetter => assert!(good > bad, "{}: {good} {bad}", metric.name),
                Direction::LowerIsBetter => assert!(good < bad, "{}: {good} {bad}", metric.name),
            }
        }
    }
}
