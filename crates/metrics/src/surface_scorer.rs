//! Surface distances and volumes of one subject, class by class.

use crate::surface::{Boundary, Distances, Masks, Side, percentile_95, within_tolerance};
use crate::surface_elements::{ElementAreas, NearAreas};
use crate::{ClassScore, MetricsError, SubjectScores};
use lacuna_volume::ClassMap;
use serde::{Deserialize, Serialize};

/// The default tolerance of surface Dice, in mm.
pub const SURFACE_TOLERANCE_MM: f64 = 1.0;

/// The metrics that need whole masks.
///
/// An ignored voxel is in neither mask. With the label table `mrbrains`, which ignores 9 and 10, this is MRBrainS18's
/// own scoring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SurfaceScore {
    /// The usual 95 % Hausdorff distance in mm: the 95th percentile of the distances of both directions together,
    /// between voxels with a face outside their mask. If only one mask is empty, the image's diagonal, so that a missed
    /// structure never improves the mean; `None` if both masks are empty.
    pub hd95_mm: Option<f64>,
    /// MRBrainS18's official 95 % Hausdorff distance in mm: the larger of the two directions' 95th percentiles, between
    /// boundaries from an erosion within the plane; `None` if either boundary is empty.
    pub hd95_mrbrains_mm: Option<f64>,
    /// `1 - |P - T| / (P + T)` of the volumes; `None` if both masks are empty.
    pub volume_similarity: Option<f64>,
    /// The share of the boundary voxels of both masks that lie within the tolerance of the other boundary, where a
    /// boundary voxel has a face outside its mask; 0 if only one mask is empty, `None` if both are.
    pub surface_dice: Option<f64>,
    /// The share of the area of both surfaces that lies within the tolerance of the other, as Nikolov et al. define
    /// surface Dice; 0 if only one mask is empty, `None` if both are or if it was not computed.
    #[serde(default)]
    pub surface_dice_area: Option<f64>,
    /// The tolerance of both kinds of surface Dice, in mm.
    pub tolerance_mm: f64,
}

/// Collects one subject's surface distances; the distances of several scans are pooled.
#[derive(Clone, Debug)]
pub struct SurfaceScorer {
    tolerance_mm: f64,
    /// For each class except the background, in order.
    gathered: Vec<Gathered>,
}

#[derive(Clone, Debug, Default)]
struct Gathered {
    usual: Distances,
    mrbrains: Distances,
    areas: NearAreas,
    /// Whether MRBrainS18's distance is undefined in one of the scans.
    undefined: bool,
    prediction_mm3: f64,
    truth_mm3: f64,
}

impl SurfaceScorer {
    /// Creates an empty scorer for this number of classes, background included.
    ///
    /// # Errors
    /// [`MetricsError::Tolerance`] unless the tolerance is a finite number of mm, 0 or more.
    pub fn new(classes: usize, tolerance_mm: f64) -> Result<SurfaceScorer, MetricsError> {
        if !(tolerance_mm.is_finite() && tolerance_mm >= 0.0) {
            return Err(MetricsError::Tolerance { found: tolerance_mm });
        }
        Ok(SurfaceScorer { tolerance_mm, gathered: vec![Gathered::default(); classes.saturating_sub(1)] })
    }

    /// Adds a scan: the true classes, and the predicted class of each voxel.
    ///
    /// # Panics
    /// If the number of predictions is not the number of voxels: masks must share one grid.
    pub fn add(&mut self, truth: &ClassMap, predicted: &[u8]) {
        assert_eq!(truth.voxels().len(), predicted.len(), "masks share one grid");
        let elements = ElementAreas::new(truth.grid().affine.spacing().0);
        for (gathered, class) in self.gathered.iter_mut().zip(1..) {
            let masks = Masks { truth, predicted, class };
            gathered.add(&masks);
            gathered.add_areas(&masks, &elements, self.tolerance_mm);
        }
    }

    /// Adds the collected metrics to the scores of the same subject; the mean is over the classes that have a value.
    ///
    /// # Panics
    /// If the scores have another number of classes.
    pub fn finish(self, scores: &mut SubjectScores) {
        assert_eq!(scores.classes.len(), self.gathered.len() + 1, "scores and surfaces are of the same classes");
        let tolerance_mm = self.tolerance_mm;
        for (class, gathered) in scores.classes[1..].iter_mut().zip(&self.gathered) {
            class.surface = Some(gathered.score(tolerance_mm));
        }
        scores.mean.surface = Some(mean(&scores.classes[1..], tolerance_mm));
    }
}

/// Returns the usual 95 % Hausdorff distance of one class of one scan, in the unit of the truth's spacing; see
/// [`SurfaceScore::hd95_mm`]. `None` if both masks are empty.
///
/// # Panics
/// If the number of predictions is not the number of voxels.
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
            // The other boundary is empty, so the distance is infinite and is limited to the diagonal.
            *distance = distance.min(masks.diagonal_mm());
        }
        self.usual.join(usual);
        let mrbrains = masks.distances(Boundary::InPlane, &bounds);
        self.undefined |= mrbrains.from_prediction.is_empty() || mrbrains.from_truth.is_empty();
        self.mrbrains.join(mrbrains);
    }

    fn add_areas(&mut self, masks: &Masks, elements: &ElementAreas, tolerance_mm: f64) {
        let Some(bounds) = masks.bounds() else { return };
        let found = elements.near(masks, &bounds, tolerance_mm);
        self.areas.near_mm2 += found.near_mm2;
        self.areas.all_mm2 += found.all_mm2;
    }

    fn score(&self, tolerance_mm: f64) -> SurfaceScore {
        let volumes = self.prediction_mm3 + self.truth_mm3;
        let both: Vec<f64> = self.usual.both().collect();
        let missed = self.prediction_mm3 == 0.0 || self.truth_mm3 == 0.0;
        let near = both.iter().filter(|&&distance| !missed && within_tolerance(distance, tolerance_mm)).count();
        let mrbrains = || percentile_95(&self.mrbrains.from_prediction).max(percentile_95(&self.mrbrains.from_truth));
        SurfaceScore {
            hd95_mm: (!both.is_empty()).then(|| percentile_95(&both)),
            hd95_mrbrains_mm: (!both.is_empty() && !self.undefined).then(mrbrains),
            volume_similarity: (volumes > 0.0).then(|| 1.0 - (self.prediction_mm3 - self.truth_mm3).abs() / volumes),
            surface_dice: (!both.is_empty()).then(|| near as f64 / both.len() as f64),
            surface_dice_area: (self.areas.all_mm2 > 0.0).then(|| self.areas.near_mm2 / self.areas.all_mm2),
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
        surface_dice_area: of(|surface| surface.surface_dice_area),
        tolerance_mm,
    }
}

#[cfg(test)]
mod tests;
