//! Surface distances and volumes of one subject, class by class.

use crate::surface::{Boundary, Distances, Masks, Side, percentile_95};
use crate::{ClassScore, MetricsError, SubjectScores};
use lacuna_volume::ClassMap;
use serde::{Deserialize, Serialize};

/// The tolerance of surface Dice where none is stated, in mm.
pub const SURFACE_TOLERANCE_MM: f64 = 1.0;

/// What whole masks say that voxels one by one do not.
///
/// A voxel whose truth is ignored is in neither mask. With the label table `mrbrains`, which ignores 9 and 10, this is
/// MRBrainS18's own scoring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SurfaceScore {
    /// The field's usual 95 % Hausdorff distance: the 95th percentile of the distances of both directions together,
    /// between voxels with a face outside their mask. Of a missed or an invented structure the image's diagonal, so
    /// that finding less never looks better; `None` if both masks are empty.
    pub hd95_mm: Option<f64>,
    /// MRBrainS18's official one: the larger of the two directions' 95th percentiles, between boundaries of an
    /// erosion within the plane; `None` if either boundary is empty.
    pub hd95_mrbrains_mm: Option<f64>,
    /// `1 - |P - T| / (P + T)` of the volumes; `None` if both masks are empty.
    pub volume_similarity: Option<f64>,
    /// The share of both boundaries that lies within the tolerance of the other, counted in voxels; 0 of a missed or
    /// an invented structure, `None` if both masks are empty.
    pub surface_dice: Option<f64>,
    /// The tolerance of `surface_dice`.
    pub tolerance_mm: f64,
}

/// Gathers one subject's surface distances; several scans are joined distance by distance.
#[derive(Clone, Debug)]
pub struct SurfaceScorer {
    tolerance_mm: f64,
    /// Per class that is not background, in order.
    gathered: Vec<Gathered>,
}

#[derive(Clone, Debug, Default)]
struct Gathered {
    usual: Distances,
    mrbrains: Distances,
    /// Whether MRBrainS18's distance is undefined in a scan.
    undefined: bool,
    prediction_mm3: f64,
    truth_mm3: f64,
}

impl SurfaceScorer {
    /// Nothing gathered yet, for that many classes with the background.
    ///
    /// # Errors
    /// [`MetricsError::Tolerance`] unless the tolerance is a number of mm from 0 on.
    pub fn new(classes: usize, tolerance_mm: f64) -> Result<SurfaceScorer, MetricsError> {
        if !(tolerance_mm.is_finite() && tolerance_mm >= 0.0) {
            return Err(MetricsError::Tolerance { found: tolerance_mm });
        }
        Ok(SurfaceScorer { tolerance_mm, gathered: vec![Gathered::default(); classes.saturating_sub(1)] })
    }

    /// Take in a scan: the true classes, and the predicted ones voxel by voxel.
    ///
    /// # Panics
    /// If there is not one prediction per voxel: masks must share one grid.
    pub fn add(&mut self, truth: &ClassMap, predicted: &[u8]) {
        assert_eq!(truth.voxels().len(), predicted.len(), "masks share one grid");
        for (gathered, class) in self.gathered.iter_mut().zip(1..) {
            gathered.add(&Masks { truth, predicted, class });
        }
    }

    /// Put what was gathered into the scores of the same subject; the mean is over the classes that have a value.
    ///
    /// # Panics
    /// If the scores are of another number of classes.
    pub fn finish(self, scores: &mut SubjectScores) {
        assert_eq!(scores.classes.len(), self.gathered.len() + 1, "scores and surfaces are of the same classes");
        let tolerance_mm = self.tolerance_mm;
        for (class, gathered) in scores.classes[1..].iter_mut().zip(&self.gathered) {
            class.surface = Some(gathered.score(tolerance_mm));
        }
        scores.mean.surface = Some(mean(&scores.classes[1..], tolerance_mm));
    }
}

/// The field's usual 95 % Hausdorff distance of one class of one scan, in the unit of the truth's spacing; see
/// [`SurfaceScore::hd95_mm`]. `None` if both masks are empty.
///
/// # Panics
/// If there is not one prediction per voxel.
pub fn hausdorff_95(truth: &ClassMap, predicted: &[u8], class: u8) -> Option<f64> {
    assert_eq!(truth.voxels().len(), predicted.len(), "masks share one grid");
    let mut gathered = Gathered::default();
    gathered.add(&Masks { truth, predicted, class });
    gathered.score(SURFACE_TOLERANCE_MM).hd95_mm
}

impl Gathered {
    fn add(&mut self, masks: &Masks) {
        let Some(bounds) = masks.bounds() else { return };
        self.prediction_mm3 += masks.count(Side::Prediction, &bounds) as f64 * masks.voxel_mm3();
        self.truth_mm3 += masks.count(Side::Truth, &bounds) as f64 * masks.voxel_mm3();
        let mut usual = masks.distances(Boundary::Faces, &bounds);
        for distance in usual.from_prediction.iter_mut().chain(&mut usual.from_truth) {
            // There is nothing to be near to: as far as can be.
            *distance = distance.min(masks.diagonal_mm());
        }
        self.usual.join(usual);
        let mrbrains = masks.distances(Boundary::InPlane, &bounds);
        self.undefined |= mrbrains.from_prediction.is_empty() || mrbrains.from_truth.is_empty();
        self.mrbrains.join(mrbrains);
    }

    fn score(&self, tolerance_mm: f64) -> SurfaceScore {
        let volumes = self.prediction_mm3 + self.truth_mm3;
        let both: Vec<f64> = self.usual.both().collect();
        let missed = self.prediction_mm3 == 0.0 || self.truth_mm3 == 0.0;
        let near = both.iter().filter(|&&distance| !missed && distance <= tolerance_mm).count();
        let mrbrains = || percentile_95(&self.mrbrains.from_prediction).max(percentile_95(&self.mrbrains.from_truth));
        SurfaceScore {
            hd95_mm: (!both.is_empty()).then(|| percentile_95(&both)),
            hd95_mrbrains_mm: (!both.is_empty() && !self.undefined).then(mrbrains),
            volume_similarity: (volumes > 0.0).then(|| 1.0 - (self.prediction_mm3 - self.truth_mm3).abs() / volumes),
            surface_dice: (!both.is_empty()).then(|| near as f64 / both.len() as f64),
            tolerance_mm,
        }
    }
}

impl Distances {
    fn join(&mut self, other: Distances) {
        self.from_prediction.extend(other.from_prediction);
        self.from_truth.extend(other.from_truth);
    }

    fn both(&self) -> impl Iterator<Item = f64> {
        self.from_prediction.iter().chain(&self.from_truth).copied()
    }
}

fn mean(classes: &[ClassScore], tolerance_mm: f64) -> SurfaceScore {
    let of = |value: fn(&SurfaceScore) -> Option<f64>| {
        let values: Vec<f64> = classes.iter().filter_map(|class| value(class.surface.as_ref()?)).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    SurfaceScore {
        hd95_mm: of(|surface| surface.hd95_mm),
        hd95_mrbrains_mm: of(|surface| surface.hd95_mrbrains_mm),
        volume_similarity: of(|surface| surface.volume_similarity),
        surface_dice: of(|surface| surface.surface_dice),
        tolerance_mm,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorer::tests::score;
    use lacuna_volume::{Grid, IGNORED, SpacingMm};
    use proptest::prelude::*;

    fn map(dims: [usize; 3], spacing_mm: [f64; 3], classes: &[u8]) -> ClassMap {
        ClassMap::new(Grid::axis_aligned(dims, SpacingMm(spacing_mm)), classes.to_vec())
    }

    /// Scores of the one class of two maps.
    fn surface(truth: &ClassMap, predicted: &[u8], tolerance_mm: f64) -> SurfaceScore {
        let mut scorer = SurfaceScorer::new(2, tolerance_mm).unwrap();
        scorer.add(truth, predicted);
        scorer.gathered[0].score(tolerance_mm)
    }

    /// A line of voxels of 2 mm: `#` is class 1, `?` ignored.
    #[track_caller]
    fn check(prediction: &str, truth: &str, hd95_mm: Option<f64>, similarity: Option<f64>, surface_dice: Option<f64>) {
        let classes = |text: &str| -> Vec<u8> {
            text.bytes().map(|byte| if byte == b'?' { IGNORED } else { u8::from(byte == b'#') }).collect()
        };
        let truth = map([truth.len(), 1, 1], [2.0, 1.0, 1.0], &classes(truth));
        let found = surface(&truth, &classes(prediction), 2.0);
        assert_eq!((found.volume_similarity, found.surface_dice), (similarity, surface_dice));
        // A percentile between two values is rounded.
        let near = |(found, expected): (f64, f64)| (found - expected).abs() < 1e-12;
        assert!(found.hd95_mm.zip(hd95_mm).map_or(found.hd95_mm == hd95_mm, near), "{:?} {hd95_mm:?}", found.hd95_mm);
    }

    #[test]
    fn cases_on_a_line_by_hand() {
        check("..##..", "..##..", Some(0.0), Some(1.0), Some(1.0));
        // In a line every voxel of a mask is boundary. One step apart: distances 2, 0 and 0, 2; the 95th percentile
        // of (0, 0, 2, 2) lies at place 2.85, so it is 2. All are within 2 mm.
        check(".##...", "..##..", Some(2.0), Some(1.0), Some(1.0));
        // Two steps apart: 4, 2, 2, 4; the percentile at 2.85 is 4, and half is within 2 mm.
        check(".##...", "...##.", Some(4.0), Some(1.0), Some(0.5));
        // Volumes of 1 and 3: 1 - 2 / 4.
        // Distances 0 and 0, 2, 4: at place 2.85 between 2 and 4.
        check("#.....", "###...", Some(3.7), Some(0.5), Some(0.75));
    }

    #[test]
    fn a_missed_structure_is_as_far_as_the_image_is_long() {
        // Six voxels of 2 mm: 10 mm from the first to the last.
        check("......", "..##..", Some(10.0), Some(0.0), Some(0.0));
        check("..##..", "......", Some(10.0), Some(0.0), Some(0.0));
        check("......", "......", None, None, None);
    }

    #[test]
    fn finding_less_is_never_nearer_than_finding_nothing_is_far() {
        let truth = map([6, 1, 1], [2.0, 1.0, 1.0], &[1, 0, 0, 0, 0, 0]);
        let [missed, astray] = [[0; 6], [0, 0, 0, 0, 0, 1]].map(|found| surface(&truth, &found, 1.0).hd95_mm.unwrap());
        assert!(missed >= astray);
    }

    #[test]
    fn an_ignored_voxel_is_in_neither_mask() {
        // MRBrainS18 masks infarctions out of both; what is predicted there is nothing.
        check("..###.", "..##?.", Some(0.0), Some(1.0), Some(1.0));
    }

    #[test]
    fn the_boundary_of_mrbrains_does_not_cross_planes() {
        // Two planes of 3 x 3, the mask in the first alone: every voxel has a face to the other plane, but within its
        // plane there is nothing outside the mask, so MRBrainS18's boundary is empty and its distance undefined.
        let one_plane: Vec<u8> = (0..18).map(|voxel| u8::from(voxel < 9)).collect();
        let found = surface(&map([3, 3, 2], [1.0; 3], &one_plane), &one_plane, 1.0);
        assert_eq!((found.hd95_mm, found.hd95_mrbrains_mm), (Some(0.0), None));
    }

    #[test]
    fn several_scans_of_a_subject_are_joined_distance_by_distance() {
        let truth = map([6, 1, 1], [1.0; 3], &[1, 0, 0, 0, 0, 0]);
        let mut scorer = SurfaceScorer::new(2, 1.0).unwrap();
        for predicted in [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0]] {
            scorer.add(&truth, &predicted);
        }
        // Distances 0, 0, 4, 4; volumes 2 and 2.
        let found = scorer.gathered[0].score(1.0);
        assert_eq!((found.hd95_mm, found.volume_similarity, found.surface_dice), (Some(4.0), Some(1.0), Some(0.5)));
    }

    #[test]
    fn the_mean_is_over_the_classes_that_have_a_value() {
        let truth = map([6, 1, 1], [1.0; 3], &[0, 1, 0, 0, 0, 0]);
        let predicted = [0, 1, 0, 0, 2, 0];
        let mut scores = score(4, &predicted, truth.voxels()).unwrap();
        let mut scorer = SurfaceScorer::new(4, 1.0).unwrap();
        scorer.add(&truth, &predicted);
        scorer.finish(&mut scores);
        // Class 1 is met, class 2 was invented (5 mm of diagonal), class 3 is in neither map.
        assert_eq!(scores.mean.surface.unwrap().hd95_mm, Some(2.5));
        assert_eq!(scores.classes[3].surface.as_ref().unwrap().hd95_mm, None);
        assert_eq!(scores.classes[0].surface, None);
    }

    #[test]
    fn a_tolerance_that_is_no_length_is_refused() {
        for tolerance_mm in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(SurfaceScorer::new(2, tolerance_mm).is_err());
        }
    }

    /// The script that made the figures, with scipy and SimpleITK, is `fixtures/make.py`; the tolerance is that of
    /// sums in another order.
    #[test]
    fn figures_are_those_of_scipy_and_simpleitk() {
        let text = include_str!("../fixtures/surface.json");
        let cases: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
        assert!(cases.len() >= 5);
        for case in cases {
            let number = |key: &str| case[key].as_f64().unwrap();
            let three = |key: &str| [0, 1, 2].map(|axis| case[key][axis].as_f64().unwrap());
            let classes = |key: &str| -> Vec<u8> {
                case[key].as_str().unwrap().bytes().map(|byte| u8::from(byte == b'#')).collect()
            };
            let dims = three("dims").map(|size| size as usize);
            let truth = map(dims, three("spacing_mm"), &classes("truth"));
            let found = surface(&truth, &classes("prediction"), 1.0);
            for (key, value) in [
                ("hd95_mm", found.hd95_mm),
                ("hd95_mrbrains_mm", found.hd95_mrbrains_mm),
                ("volume_similarity", found.volume_similarity),
                ("surface_dice", found.surface_dice),
            ] {
                assert!((value.unwrap() - number(key)).abs() < 1e-9, "{dims:?} {key}: {value:?} {}", case[key]);
            }
            let sites: Vec<bool> = truth.voxels().iter().map(|&class| class == 1).collect();
            let squared = crate::distance_transform::squared_distances(&sites, dims, three("spacing_mm"));
            for (found, expected) in squared.iter().step_by(7).zip(case["distance_to_truth_mm"].as_array().unwrap()) {
                assert!((found.sqrt() - expected.as_f64().unwrap()).abs() < 1e-9, "{dims:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn scores_are_symmetric_and_bounded(
            dims in prop::array::uniform3(1usize..6), spacing in prop::array::uniform3(0.5f64..3.0), a in any::<u64>(), b in any::<u64>())
        {
            let voxels = |mut seed: u64| -> Vec<u8> {
                (0..dims.iter().product()).map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    u8::from(seed >> 62 == 0)
                }).collect()
            };
            let (first, second) = (map(dims, spacing, &voxels(a)), map(dims, spacing, &voxels(b)));
            let found = surface(&first, second.voxels(), 1.0);
            prop_assert_eq!(&found, &surface(&second, first.voxels(), 1.0));
            let own = surface(&first, first.voxels(), 1.0);
            if let Some(hd95_mm) = found.hd95_mm {
                let diagonal = dims.iter().zip(spacing).map(|(&n, mm)| ((n - 1) as f64 * mm).powi(2)).sum::<f64>().sqrt();
                prop_assert!((0.0..=diagonal * (1.0 + 1e-12)).contains(&hd95_mm), "{hd95_mm} {diagonal}");
                prop_assert!((0.0..=1.0).contains(&found.surface_dice.unwrap()));
                prop_assert!((0.0..=1.0).contains(&found.volume_similarity.unwrap()));
            }
            prop_assert!(own.hd95_mm.is_none_or(|hd95_mm| hd95_mm == 0.0));
        }
    }
}
