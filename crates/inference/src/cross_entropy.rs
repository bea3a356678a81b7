//! The training loss of a subject as a score: cross-entropy on the output grid, in `f64`.
//!
//! Dice depends only on which class is the most probable, cross-entropy also on how probable the true class is. The
//! cross-entropy of a memorised subject is near 0 well before its Dice is near 1, so membership inference attacks use
//! it first.

use lacuna_volume::IGNORED;

/// The sum of cross-entropy over the voxels of one subject's scans whose label is not [`IGNORED`], and their number.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CrossEntropy {
    sum: f64,
    voxels: u64,
}

impl CrossEntropy {
    /// Adds one scan: logits `[C, D, H, W]` row-major, and its classes `[D, H, W]`.
    ///
    /// Computed from logits, since a probability in `f32` can be 0, whose logarithm is not finite.
    pub(crate) fn add(&mut self, logits: &[f32], target: &[u8]) {
        let (voxels, classes) = (target.len(), logits.len() / target.len().max(1));
        for (voxel, &class) in target.iter().enumerate().filter(|&(_, &class)| class != IGNORED) {
            let at = |class: usize| f64::from(logits[class * voxels + voxel]);
            self.sum += log_sum_exp((0..classes).map(at)) - at(usize::from(class));
            self.voxels += 1;
        }
    }

    /// Returns the mean over the counted voxels in nats; `None` if there are none.
    pub(crate) fn mean(self) -> Option<f64> {
        (self.voxels > 0).then(|| self.sum / self.voxels as f64)
    }
}

/// Returns `ln sum exp x`, computed relative to the largest x so that nothing overflows.
fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
    largest + values.map(|value| (value - largest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_nn::loss::{Target, cross_entropy};
    use lacuna_nn::{Device, Tensor};

    fn mean(scans: &[(&[f32], &[u8])]) -> Option<f64> {
        let mut sum = CrossEntropy::default();
        scans.iter().for_each(|(logits, target)| sum.add(logits, target));
        sum.mean()
    }

    #[test]
    fn a_case_worked_by_hand() {
        // Voxel 0: logits (0, ln 3), label 1, so p = 3/4. Voxel 1: equal logits, p = 1/2. Voxel 2 is ignored.
        let found = mean(&[(&[0.0, 5.0, 9.0, 3f32.ln(), 5.0, -9.0], &[1, 0, IGNORED])]).unwrap();
        assert!((found - (0.75f64.ln() + 0.5f64.ln()) / -2.0).abs() < 1e-7, "{found}");
    }

    #[test]
    fn it_is_the_training_loss() {
        let logits = [0.3f32, -0.2, 4.0, 0.1, 0.9, -3.0];
        let labels = [1, 0, 0];
        let target = Target::from_labels(&labels, [1, 1, 1, 3], 2, IGNORED, &Device::flex());
        let tensor = Tensor::<1>::from_floats(logits, &Device::flex()).reshape([1, 2, 1, 1, 3]);
        let loss = f64::from(cross_entropy(tensor, &target).into_scalar::<f32>());
        // The loss is computed in f32, so its last digits differ.
        assert!((mean(&[(&logits, &labels)]).unwrap() - loss).abs() < 1e-6);
    }

    #[test]
    fn a_probability_too_small_for_a_float_has_a_cost_all_the_same() {
        let found = mean(&[(&[200.0, 0.0], &[1])]).unwrap();
        assert!((found - 200.0).abs() < 1e-9, "{found}");
    }

    #[test]
    fn scans_are_pooled_voxel_by_voxel_and_nothing_has_no_mean() {
        let found = mean(&[(&[0.0; 2], &[0]), (&[200.0, 200.0, 0.0, 0.0], &[0, 0])]).unwrap();
        assert!((found - 2f64.ln() / 3.0).abs() < 1e-9);
        assert_eq!(mean(&[]), None);
    }
}
