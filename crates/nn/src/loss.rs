//! Segmentation losses on the network's output grid.
//!
//! A target is a map of class probabilities with a weight of 0 or 1 per voxel. Hard labels, ignored voxels, noise and a
//! teacher's output all have this form, so there is one formula for each loss.

use crate::deep_supervision::first_voxel;
use crate::parameters::values_of;
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Device, Slice, Tensor, TensorData};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The loss of a prediction against a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SegmentationLoss {
    /// Mean cross-entropy over the voxels that are not ignored.
    CrossEntropy,
    /// 1 minus the soft Dice, averaged over the classes.
    SoftDice,
    /// The sum of cross-entropy and 1 minus the soft Dice.
    Both,
    /// Cross-entropy plus 1 minus the soft Dice averaged over all classes except the background: the training loss of
    /// nnU-Net v2 where Dice sums over the whole batch (`batch_dice`); nnU-Net's own figure is smaller by 1.
    Nnunet,
}

/// The class probabilities that a prediction is compared with, and which voxels are ignored.
#[derive(Clone, Debug)]
pub struct Target {
    /// The class probabilities `[B, C, D, H, W]`, zero at ignored voxels.
    probabilities: Tensor<5>,
    /// The weights `[B, 1, D, H, W]`: 0 at ignored voxels, 1 elsewhere.
    counted: Tensor<5>,
    counted_voxels: usize,
}

impl Target {
    /// Creates a target from hard labels, `[B, D, H, W]` row-major; voxels labelled `ignored` enter no sum.
    ///
    /// # Panics
    /// If a label is neither below `classes` nor `ignored`, or `labels` does not have the size of `shape`; label tables
    /// have checked the labels when the image was read.
    pub fn from_labels(labels: &[u8], shape: [usize; 4], classes: usize, ignored: u8, device: &Device) -> Target {
        let [batch, d, h, w] = shape;
        let voxels = d * h * w;
        assert_eq!(labels.len(), batch * voxels, "one label per voxel of the output grid");
        let mut probabilities = vec![0f32; batch * classes * voxels];
        let mut counted = vec![0f32; batch * voxels];
        for (position, &label) in labels.iter().enumerate().filter(|&(_, &label)| label != ignored) {
            assert!((label as usize) < classes, "label {label} is no class of a {classes}-class network");
            let (item, voxel) = (position / voxels, position % voxels);
            probabilities[(item * classes + label as usize) * voxels + voxel] = 1.0;
            counted[position] = 1.0;
        }
        Target {
            probabilities: Tensor::from_data(TensorData::new(probabilities, [batch, classes, d, h, w]), device),
            counted_voxels: counted.iter().filter(|&&weight| weight > 0.0).count(),
            counted: Tensor::from_data(TensorData::new(counted, [batch, 1, d, h, w]), device),
        }
    }

    /// Creates a target from class probabilities, `[B, C, D, H, W]`; no voxel is ignored.
    pub fn from_probabilities(probabilities: Tensor<5>) -> Target {
        let [b, _, d, h, w] = probabilities.dims();
        let counted = Tensor::ones([b, 1, d, h, w], &probabilities.device());
        Target { probabilities, counted, counted_voxels: b * d * h * w }
    }

    /// Returns the target on a coarser grid, sampled at this stride (D, H, W); `None` if every sampled voxel is
    /// ignored.
    pub(crate) fn at_stride(&self, stride: [usize; 3]) -> Option<Target> {
        let [_, _, size @ ..] = self.counted.dims();
        if (0..3).any(|axis| first_voxel(stride[axis]) >= size[axis]) {
            return None;
        }
        let every = |axis: usize| Slice::new(first_voxel(stride[axis]) as isize, None, stride[axis] as isize);
        let at =
            |volume: &Tensor<5>| volume.clone().slice([Slice::full(), Slice::full(), every(0), every(1), every(2)]);
        let counted = at(&self.counted);
        let counted_voxels = values_of(counted.clone()).iter().filter(|&&weight| weight > 0.0).count();
        (counted_voxels > 0).then(|| Target { probabilities: at(&self.probabilities), counted, counted_voxels })
    }

    /// Returns the number of voxels that are not ignored.
    pub fn counted_voxels(&self) -> usize {
        self.counted_voxels
    }

    /// Returns the same target on the device of `logits`.
    fn beside(&self, logits: &Tensor<5>) -> Target {
        let to_device = |tensor: &Tensor<5>| {
            if logits.is_autodiff() && !tensor.is_autodiff() {
                Tensor::from_inner(tensor.clone())
            } else {
                tensor.clone()
            }
        };
        Target { probabilities: to_device(&self.probabilities), counted: to_device(&self.counted), ..*self }
    }
}

impl SegmentationLoss {
    /// Returns the loss of logits `[B, C, D, H, W]` against a target of the same shape; a scalar `[1]`.
    ///
    /// # Panics
    /// If every voxel is ignored; preparing such a case is an error.
    pub fn of(self, logits: Tensor<5>, target: &Target) -> Tensor<1> {
        match self {
            SegmentationLoss::CrossEntropy => cross_entropy(logits, target),
            SegmentationLoss::SoftDice => soft_dice(logits, target, 0),
            SegmentationLoss::Both => cross_entropy(logits.clone(), target) + soft_dice(logits, target, 0),
            SegmentationLoss::Nnunet => cross_entropy(logits.clone(), target) + soft_dice(logits, target, 1),
        }
    }
}

/// Returns `-sum_v sum_c t_vc log p_vc / counted voxels` as `[1]`, PyTorch's `cross_entropy` with `ignore_index`.
pub fn cross_entropy(logits: Tensor<5>, target: &Target) -> Tensor<1> {
    assert!(target.counted_voxels > 0, "a loss needs a voxel that counts");
    let target = target.beside(&logits);
    let voxels = target.counted_voxels as f64;
    ordered_sum(log_softmax(logits, 1) * target.probabilities).neg().div_scalar(voxels)
}

/// Returns `1 - mean_c (2 sum_v p t + s) / (sum_v p + sum_v t + s)` as `[1]`, with s = 1e-5, sums over batch and voxels
/// that are not ignored (Milletari et al., "V-Net", 2016, with plain instead of squared sums), and the mean over the
/// classes from `first_class` on.
pub fn soft_dice(logits: Tensor<5>, target: &Target, first_class: usize) -> Tensor<1> {
    assert!(target.counted_voxels > 0, "a loss needs a voxel that counts");
    const SMOOTH: f64 = 1e-5;
    let target = target.beside(&logits);
    let classes = logits.dims()[1];
    let probabilities = softmax(logits, 1) * target.counted;
    let per_class = |tensor: Tensor<5>| tensor.swap_dims(0, 1).reshape([classes as i32, -1]).sum_dim(1);
    let overlap = per_class(probabilities.clone() * target.probabilities.clone());
    let sizes = per_class(probabilities) + per_class(target.probabilities);
    let dice = overlap.mul_scalar(2.0).add_scalar(SMOOTH) / sizes.add_scalar(SMOOTH);
    let dice = if first_class == 0 { dice } else { dice.narrow(0, first_class, classes - first_class) };
    dice.mean().neg().add_scalar(1.0)
}

/// Returns the class probabilities (softmax) of logits, `[B, C, D, H, W]`.
pub fn probabilities(logits: Tensor<5>) -> Tensor<5> {
    softmax(logits, 1)
}

/// Returns the mean squared difference of two feature maps `[B, C, D, H, W]`; a scalar `[1]`.
pub fn mean_squared(features: Tensor<5>, target: Tensor<5>) -> Tensor<1> {
    let target = if features.is_autodiff() && !target.is_autodiff() { Tensor::from_inner(target) } else { target };
    let voxels = features.dims().iter().product::<usize>();
    let squares = (features - target).powi_scalar(2);
    if voxels < ONE_THREAD { squares.mean() } else { ordered_sum(squares).div_scalar(voxels as f64) }
}

/// The number of values from which on burn adds the partial sums of its threads in the order that they finish.
const ONE_THREAD: usize = 4 << 20;

/// Returns the sum of all values as `[1]`, always added in the same order, whatever the number of threads.
pub fn ordered_sum<const D: usize>(values: Tensor<D>) -> Tensor<1> {
    let is_large = |values: &Tensor<D>| values.dims().iter().product::<usize>() >= ONE_THREAD;
    // A sum along one axis is computed row by row.
    (0..D).rev().fold(values, |values, axis| if is_large(&values) { values.sum_dim(axis) } else { values }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IGNORED: u8 = 255;

    fn logits(values: &[f32], voxels: usize) -> Tensor<5> {
        let classes = values.len() / voxels;
        Tensor::from_data(TensorData::new(values.to_vec(), [1, classes, 1, 1, voxels]), &Device::flex())
    }

    fn labels(values: &[u8]) -> Target {
        Target::from_labels(values, [1, 1, 1, values.len()], 2, IGNORED, &Device::flex())
    }

    #[track_caller]
    fn check(found: Tensor<1>, expected: f64) {
        let found = f64::from(found.into_scalar::<f32>());
        assert!((found - expected).abs() < 1e-5, "found {found}, expected {expected}");
    }

    #[test]
    fn equal_logits_cost_the_logarithm_of_the_class_count() {
        check(cross_entropy(logits(&[0.0; 4], 2), &labels(&[0, 1])), 2f64.ln());
    }

    #[test]
    fn ignored_voxels_change_neither_sum_nor_divisor() {
        // Voxel 0: logits (0, ln 3), label 1, so p = 3/4. Voxel 1 would have a large loss and is ignored.
        let one = logits(&[0.0, 9.0, 3f32.ln(), -9.0], 2);
        check(cross_entropy(one, &labels(&[1, IGNORED])), -(0.75f64.ln()));
    }

    #[test]
    fn a_perfect_prediction_has_no_dice_loss() {
        let sure = logits(&[50.0, -50.0, -50.0, 50.0], 2);
        check(soft_dice(sure, &labels(&[0, 1]), 0), 0.0);
    }

    #[test]
    fn soft_dice_of_an_undecided_prediction() {
        // p = 1/2 everywhere, one voxel of each class: (2 * 0.5) / (1 + 1) = 1/2 for both classes.
        check(soft_dice(logits(&[0.0; 4], 2), &labels(&[0, 1]), 0), 0.5);
    }

    #[test]
    fn both_is_the_sum() {
        let x = logits(&[0.3, -0.2, 0.1, 0.9], 2);
        let target = labels(&[1, 0]);
        let parts = cross_entropy(x.clone(), &target) + soft_dice(x.clone(), &target, 0);
        check(SegmentationLoss::Both.of(x, &target), f64::from(parts.into_scalar::<f32>()));
    }

    #[test]
    fn nnu_nets_dice_leaves_the_background_out() {
        // p = 3/4 of class 1 at voxel 0 (label 1), 1/4 at voxel 1 (label 0): 2 * 0.75 / (1 + 1) = 0.75.
        let x = logits(&[0.0, 3f32.ln(), 3f32.ln(), 0.0], 2);
        let target = labels(&[1, 0]);
        check(soft_dice(x.clone(), &target, 1), 0.25);
        check(SegmentationLoss::Nnunet.of(x, &target), 0.25 - 0.75f64.ln());
    }

    #[test]
    fn a_large_sum_is_taken_in_one_order() {
        let values =
            Tensor::<1>::from_data(TensorData::new(vec![0.1f32; ONE_THREAD + 64], [ONE_THREAD + 64]), &Device::flex());
        let volume: Tensor<5> = values.reshape([1, 1, 1, (ONE_THREAD + 64) / 64, 64]);
        let rows = volume.clone().sum_dim(4).sum().into_scalar::<f32>();
        assert_eq!(ordered_sum(volume).into_scalar::<f32>(), rows);
    }

    #[test]
    fn hard_labels_and_their_one_hot_probabilities_cost_the_same() {
        let x = logits(&[0.3, -0.2, 0.1, 0.9], 2);
        let one_hot = Target::from_probabilities(logits(&[0.0, 1.0, 1.0, 0.0], 2));
        let hard = cross_entropy(x.clone(), &labels(&[1, 0])).into_scalar::<f32>();
        check(cross_entropy(x, &one_hot), f64::from(hard));
    }
}
