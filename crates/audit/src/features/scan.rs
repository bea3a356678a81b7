//! One scan as a model sees it.

use super::margin::{log_sum_exp, margin, trimmed_mean};
use super::{Features, Region, Statistic};
use crate::AuditError;
use crate::pool::quantile;
use lacuna_metrics::hausdorff_95;
use lacuna_volume::{ClassMap, Grid, IGNORED, SpacingMm};

/// Edge of the patches whose cross-entropies are compared, in voxels of the output grid.
const PATCH: usize = 4;

/// The prediction for a scan, and its labels.
#[derive(Clone, Copy, Debug)]
pub struct Scan<'a> {
    logits: &'a [f32],
    labels: &'a [u8],
    shape: [usize; 3],
    classes: usize,
}

impl<'a> Scan<'a> {
    /// Logits or log-probabilities `[C, D, H, W]` and labels `[D, H, W]`, row-major.
    ///
    /// # Errors
    /// [`AuditError::Size`], [`AuditError::UnknownClass`], or [`AuditError::NotFinite`].
    pub fn new(logits: &'a [f32], labels: &'a [u8], shape: [usize; 3], classes: usize) -> Result<Scan<'a>, AuditError> {
        let voxels: usize = shape.iter().product();
        let size = |what, expected, found| {
            if expected == found { Ok(()) } else { Err(AuditError::Size { what, expected, found }) }
        };
        size("labels", voxels, labels.len())?;
        size("logits", voxels * classes, logits.len())?;
        if let Some(&found) = labels.iter().find(|label| **label != IGNORED && usize::from(**label) >= classes) {
            return Err(AuditError::UnknownClass { found, classes });
        }
        match logits.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(AuditError::NotFinite { what: "logits", model: 1, found: f64::from(*value) }),
            None => Ok(Scan { logits, labels, shape, classes }),
        }
    }

    /// Every feature that one pass of the network is enough for.
    ///
    /// # Errors
    /// [`AuditError::NoVoxel`] if the scan has no voxel that counts.
    pub fn features(&self) -> Result<Features, AuditError> {
        let mut features = Features::default();
        features.set(Statistic::BandMargin, self.band_margin()?);
        let regions = [
            (Statistic::CrossEntropyForeground, Region::Foreground),
            (Statistic::CrossEntropyBand, Region::Band),
            (Statistic::CrossEntropyBackground, Region::Background),
        ];
        for (statistic, region) in regions {
            // A scan without background, say, has no such feature; the others stand.
            if let Some(value) = self.cross_entropy(region) {
                features.set(statistic, value);
            }
        }
        features.set(Statistic::Entropy, self.entropy().ok_or(AuditError::NoVoxel { what: "the scan" })?);
        features.set(Statistic::PatchTail, self.patch_tail().ok_or(AuditError::NoVoxel { what: "the scan" })?);
        let of_classes = [
            (Statistic::SoftDice, self.soft_dice()),
            (Statistic::HardDice, self.hard_dice()),
            (Statistic::Hausdorff95, self.hausdorff_95()),
        ];
        for (statistic, value) in of_classes {
            if let Some(value) = value {
                features.set(statistic, value);
            }
        }
        Ok(features)
    }

    /// The trimmed mean of the margins in the boundary band.
    ///
    /// # Errors
    /// [`AuditError::NoVoxel`] if there is no boundary.
    pub fn band_margin(&self) -> Result<f64, AuditError> {
        let within = Region::Band.voxels(self.labels, self.shape);
        let of = |voxel: usize| margin(self.logits_of(voxel), usize::from(self.labels[voxel]));
        trimmed_mean(self.counted().filter(|voxel| within[*voxel]).map(of).collect())
            .ok_or(AuditError::NoVoxel { what: Region::Band.name() })
    }

    /// The mean margin of each patch that holds a voxel that counts, in the order of the grid: for KLoM.
    pub fn patch_margins(&self) -> Vec<f64> {
        self.patch_means(&|voxel| margin(self.logits_of(voxel), usize::from(self.labels[voxel])))
    }

    fn cross_entropy(&self, region: Region) -> Option<f64> {
        let within = region.voxels(self.labels, self.shape);
        mean_of(self.counted().filter(|voxel| within[*voxel]).map(|voxel| self.loss(voxel)))
    }

    fn patch_tail(&self) -> Option<f64> {
        let losses = self.patch_means(&|voxel| self.loss(voxel));
        (!losses.is_empty()).then(|| quantile(&losses, 0.9))
    }

    fn entropy(&self) -> Option<f64> {
        let of = |voxel: usize| {
            let normaliser = log_sum_exp(self.logits_of(voxel));
            let logs = self.logits_of(voxel).map(|value| value - normaliser);
            -logs.map(|log| if log.exp() > 0.0 { log.exp() * log } else { 0.0 }).sum::<f64>()
        };
        mean_of(self.counted().map(of))
    }

    /// The mean over the classes of the foreground that the truth has.
    fn soft_dice(&self) -> Option<f64> {
        let probabilities = |voxel: usize| {
            let normaliser = log_sum_exp(self.logits_of(voxel));
            self.logits_of(voxel).map(|value| (value - normaliser).exp()).collect::<Vec<f64>>()
        };
        self.dice(&probabilities)
    }

    /// The same of the most probable class.
    fn hard_dice(&self) -> Option<f64> {
        let chosen = |voxel: usize| {
            let named = self.most_probable(voxel);
            (0..self.classes).map(|class| if class == named { 1.0 } else { 0.0 }).collect::<Vec<f64>>()
        };
        self.dice(&chosen)
    }

    /// Of the classes of the foreground that the truth has; of one that is not found, the grid's diagonal.
    fn hausdorff_95(&self) -> Option<f64> {
        let [depth, height, width] = self.shape;
        let in_voxels = Grid::axis_aligned([width, height, depth], SpacingMm([1.0; 3]));
        let truth = ClassMap::new(in_voxels, self.labels.to_vec());
        let predicted: Vec<u8> = (0..self.labels.len()).map(|voxel| self.most_probable(voxel) as u8).collect();
        let present = (1..self.classes).filter(|class| self.labels.iter().any(|label| usize::from(*label) == *class));
        mean_of(present.filter_map(|class| hausdorff_95(&truth, &predicted, class as u8)))
    }

    /// The first among equals.
    fn most_probable(&self, voxel: usize) -> usize {
        let mut best = (0, f64::NEG_INFINITY);
        for (class, logit) in self.logits_of(voxel).enumerate() {
            if logit > best.1 {
                best = (class, logit);
            }
        }
        best.0
    }

    /// `2 sum p t / (sum p + sum t)` by class.
    fn dice(&self, said: &dyn Fn(usize) -> Vec<f64>) -> Option<f64> {
        let (mut both, mut predicted, mut truth) =
            (vec![0.0; self.classes], vec![0.0; self.classes], vec![0.0; self.classes]);
        for voxel in self.counted() {
            let label = usize::from(self.labels[voxel]);
            truth[label] += 1.0;
            for (class, part) in said(voxel).into_iter().enumerate() {
                predicted[class] += part;
                both[class] += if class == label { part } else { 0.0 };
            }
        }
        let present = (1..self.classes).filter(|class| truth[*class] > 0.0);
        mean_of(present.map(|class| 2.0 * both[class] / (predicted[class] + truth[class])))
    }

    fn loss(&self, voxel: usize) -> f64 {
        let label = usize::from(self.labels[voxel]);
        log_sum_exp(self.logits_of(voxel)) - f64::from(self.logits[label * self.labels.len() + voxel])
    }

    fn patch_means(&self, of: &dyn Fn(usize) -> f64) -> Vec<f64> {
        let [depth, height, width] = self.shape;
        let patches = self.shape.map(|size| size.div_ceil(PATCH));
        let mut sums = vec![(0.0, 0usize); patches.iter().product()];
        for voxel in self.counted() {
            let coordinates = [voxel / (height * width), voxel / width % height, voxel % width].map(|at| at / PATCH);
            let (sum, count) = &mut sums[(coordinates[0] * patches[1] + coordinates[1]) * patches[2] + coordinates[2]];
            (*sum, *count) = (*sum + of(voxel), *count + 1);
        }
        debug_assert_eq!(depth * height * width, self.labels.len());
        sums.into_iter().filter(|(_, count)| *count > 0).map(|(sum, count)| sum / count as f64).collect()
    }

    fn counted(&self) -> impl Iterator<Item = usize> {
        let labels = self.labels;
        (0..labels.len()).filter(move |voxel| labels[*voxel] != IGNORED)
    }

    fn logits_of(&self, voxel: usize) -> impl Iterator<Item = f64> + Clone {
        let (logits, voxels) = (self.logits, self.labels.len());
        (0..self.classes).map(move |class| f64::from(logits[class * voxels + voxel]))
    }
}

fn mean_of(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two classes: logits (0, x), so that p_1 = e^x / (1 + e^x).
    fn two_classes(logits: &[f32]) -> Vec<f32> {
        vec![0.0; logits.len()].into_iter().chain(logits.iter().copied()).collect()
    }

    #[test]
    fn features_worked_by_hand() {
        // Labels 0 0 1 1 in a row, all in the band. Logits of class 1: -ln 3, -ln 3, ln 3, -ln 3, so p_y = 3/4 but of
        // the last voxel 1/4. Margins ln 3 three times and -ln 3: mean ln 3 / 2.
        let logits = two_classes(&[-1.0, -1.0, 1.0, -1.0].map(|sign: f32| sign * 3f32.ln()));
        let labels = [0, 0, 1, 1];
        let features = Scan::new(&logits, &labels, [1, 1, 4], 2).unwrap().features().unwrap();
        let close = |statistic, expected: f64| {
            let found = features.get(statistic).unwrap();
            assert!((found - expected).abs() < 1e-6, "{statistic:?}: {found} instead of {expected}");
        };
        let (right, wrong) = (-0.75f64.ln(), -0.25f64.ln());
        close(Statistic::BandMargin, 3f64.ln() / 2.0);
        close(Statistic::CrossEntropyForeground, (right + wrong) / 2.0);
        close(Statistic::CrossEntropyBackground, right);
        close(Statistic::CrossEntropyBand, (3.0 * right + wrong) / 4.0);
        close(Statistic::PatchTail, (3.0 * right + wrong) / 4.0);
        close(Statistic::Entropy, 0.75 * right + 0.25 * wrong);
        // Class 1: overlap 3/4 + 1/4 = 1; predicted 3/4 + 3 * 1/4 = 1.5, true 2: soft 2 / 3.5. Hard: 2 * 1 / (1 + 2).
        close(Statistic::SoftDice, 2.0 / 3.5);
        close(Statistic::HardDice, 2.0 / 3.0);
        // Class 1 is found at voxel 2 alone: distances 0 from there, 0 and 1 back; the 95th percentile of (0, 0, 1).
        close(Statistic::Hausdorff95, 0.9);
    }

    #[test]
    fn logits_and_log_probabilities_say_the_same_and_ignored_voxels_nothing() {
        let logits = [0.3f32, -0.2, 4.0, 0.1, 0.9, -3.0, 0.5, 0.5];
        let labels = [1, 0, 0, IGNORED];
        let scan = |logits: &[f32]| Scan::new(logits, &labels, [1, 1, 4], 2).unwrap().features().unwrap();
        let normal = |voxel: usize| (logits[voxel].exp() + logits[voxel + 4].exp()).ln();
        let logs: Vec<f32> = (0..8).map(|index| logits[index] - normal(index % 4)).collect();
        for (statistic, value) in scan(&logits).iter() {
            assert!((value - scan(&logs).get(statistic).unwrap()).abs() < 1e-6, "{statistic:?}");
        }
        let mut other = logits;
        (other[3], other[7]) = (90.0, -90.0);
        assert_eq!(scan(&logits), scan(&other));
    }

    #[test]
    fn a_subject_known_by_heart_has_the_larger_margin_and_the_smaller_loss() {
        let labels = [0, 0, 1, 1];
        let of = |size: f32| {
            let logits = two_classes(&[-size, -size, size, size]);
            Scan::new(&logits, &labels, [1, 1, 4], 2).unwrap().features().unwrap()
        };
        let (unsure, sure) = (of(0.5), of(5.0));
        for (statistic, value) in unsure.iter() {
            let sign = if statistic.is_larger_if_known() { 1.0 } else { -1.0 };
            assert!(sign * (sure.get(statistic).unwrap() - value) >= 0.0, "{statistic:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(Scan::new(&[0.0; 7], &[0; 4], [1, 1, 4], 2).is_err());
        assert!(Scan::new(&[0.0; 8], &[0; 3], [1, 1, 4], 2).is_err());
        assert!(Scan::new(&[0.0; 8], &[0, 1, 2, 0], [1, 1, 4], 2).is_err());
        assert!(Scan::new(&[f32::NAN; 8], &[0, 1, 1, 0], [1, 1, 4], 2).is_err());
        let one_label = Scan::new(&[0.0; 8], &[1; 4], [1, 1, 4], 2).unwrap().features();
        assert_eq!(one_label.unwrap_err(), AuditError::NoVoxel { what: "boundary band" });
    }

    #[test]
    fn patches_cut_the_grid_and_the_last_may_be_smaller() {
        let logits = two_classes(&[0.0; 5 * 4]);
        let labels = [0; 20];
        assert_eq!(Scan::new(&logits, &labels, [5, 4, 1], 2).unwrap().patch_margins(), [0.0, 0.0]);
    }
}
