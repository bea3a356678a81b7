//! Logits at several scales, and the loss over them (deep supervision).
//!
//! A U-Net may have a head at every stage of its decoder. In training each is compared with the target on its own grid,
//! so that deep layers receive a gradient on a short path; the prediction uses only the finest head. Source: Lee, Xie,
//! Gallagher, Zhang and Tu, "Deeply-Supervised Nets", 2015; the weights and grids are nnU-Net v2's.

use crate::loss::{SegmentationLoss, Target};
use burn::tensor::Tensor;

/// Logits of every head, finest first, `[B, classes, D, H, W]` each.
#[derive(Clone, Debug)]
pub struct DeepSupervisionOutputs {
    logits: Vec<Tensor<5>>,
    /// The stride (D, H, W) of each head's grid, in voxels of the finest grid.
    strides: Vec<[usize; 3]>,
}

impl DeepSupervisionOutputs {
    /// Wraps the single head of a network without deep supervision.
    pub fn one(logits: Tensor<5>) -> DeepSupervisionOutputs {
        DeepSupervisionOutputs { logits: vec![logits], strides: vec![[1; 3]] }
    }

    /// Creates the heads from logits, finest first, and the stride of each.
    ///
    /// # Panics
    /// If there is no head, or the numbers of logits and strides differ.
    pub(crate) fn new(logits: Vec<Tensor<5>>, strides: Vec<[usize; 3]>) -> DeepSupervisionOutputs {
        assert!(!logits.is_empty() && logits.len() == strides.len(), "each head has its stride");
        DeepSupervisionOutputs { logits, strides }
    }

    /// Returns all logits, finest first.
    pub fn logits(&self) -> &[Tensor<5>] {
        &self.logits
    }

    /// Returns the logits of the prediction.
    pub fn finest(&self) -> &Tensor<5> {
        &self.logits[0]
    }

    /// Returns the heads cropped to an image of this size (D, H, W), which removes the padding at the end of each axis.
    pub(crate) fn cropped(self, size: [usize; 3]) -> DeepSupervisionOutputs {
        let logits = self.logits.into_iter().zip(&self.strides);
        let logits = logits.map(|(logits, stride)| crop(logits, voxels_at(size, *stride))).collect();
        DeepSupervisionOutputs { logits, strides: self.strides }
    }
}

/// Returns the first `size` voxels along D, H and W.
pub(crate) fn crop(volume: Tensor<5>, size: [usize; 3]) -> Tensor<5> {
    let [batch, channels, found @ ..] = volume.dims();
    let [d, h, w] = size;
    if found == size { volume } else { volume.slice([0..batch, 0..channels, 0..d, 0..h, 0..w]) }
}

/// Returns the index on the finest grid of the first sample of a grid with this stride: the voxel nearest to the centre
/// of the coarse voxel, the later of two.
pub(crate) fn first_voxel(stride: usize) -> usize {
    stride / 2
}

/// Returns the number of voxels (D, H, W) of a coarser grid whose sample on the finest grid lies within `size`.
fn voxels_at(size: [usize; 3], stride: [usize; 3]) -> [usize; 3] {
    std::array::from_fn(|axis| size[axis].saturating_sub(first_voxel(stride[axis])).div_ceil(stride[axis]))
}

/// Returns the weights of a number of heads, finest first: 1, 1/2, 1/4, ..., with the last set to 0 where there are
/// several, divided by their sum.
///
/// Source: nnU-Net v2, `_build_loss`.
pub fn head_weights(heads: usize) -> Vec<f64> {
    let mut weights: Vec<f64> = (0..heads).map(|head| 0.5f64.powi(head as i32)).collect();
    if let [_, .., last] = &mut weights[..] {
        *last = 0.0;
    }
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

impl SegmentationLoss {
    /// Returns the weighted loss of all heads against a target on the finest grid; a scalar `[1]`. Each coarser head is
    /// compared with the target sampled at its stride. With a single head this is the plain loss.
    ///
    /// A head on whose grid every voxel is ignored is skipped.
    ///
    /// # Panics
    /// As [`SegmentationLoss::of`].
    pub fn of_heads(self, heads: &DeepSupervisionOutputs, target: &Target) -> Tensor<1> {
        let finest = self.of(heads.finest().clone(), target);
        let [_, coarser @ ..] = &heads.logits[..] else { unreachable!("there is a head") };
        if coarser.is_empty() {
            return finest;
        }
        let weights = head_weights(heads.logits.len());
        let mut sum = finest.mul_scalar(weights[0]);
        for ((logits, stride), weight) in coarser.iter().zip(&heads.strides[1..]).zip(&weights[1..]) {
            let target = if *weight > 0.0 { target.at_stride(*stride) } else { None };
            if let Some(target) = target {
                sum = sum + self.of(logits.clone(), &target).mul_scalar(*weight);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    const IGNORED: u8 = 255;

    #[test]
    fn weights_are_those_of_nnu_net() {
        // numpy: w = 1 / 2 ** arange(n); w[-1] = 0; w / w.sum()
        assert_eq!(head_weights(1), [1.0]);
        assert_eq!(head_weights(2), [1.0, 0.0]);
        assert_eq!(head_weights(3), [2.0 / 3.0, 1.0 / 3.0, 0.0]);
        let five = head_weights(5);
        assert!((five.iter().sum::<f64>() - 1.0).abs() < 1e-15 && five[4] == 0.0 && five[0] == 2.0 * five[1]);
    }

    fn logits(size: [usize; 3]) -> Tensor<5> {
        let [d, h, w] = size;
        Tensor::random([1, 2, d, h, w], Distribution::Normal(0.0, 1.0), &Device::flex())
    }

    fn number(loss: Tensor<1>) -> f64 {
        f64::from(loss.into_scalar::<f32>())
    }

    #[test]
    fn each_head_is_held_to_the_truth_of_its_own_grid() {
        // A row of eight voxels: stride 2 samples voxels 1, 3, 5 and 7, stride 4 voxels 2 and 6.
        let labels = [0, 1, 1, IGNORED, 0, 1, 0, 0];
        let heads = [8, 4, 2].map(|width| logits([1, 1, width]));
        let of = |logits: &Tensor<5>, labels: &[u8]| {
            let target = Target::from_labels(labels, [1, 1, 1, labels.len()], 2, IGNORED, &Device::flex());
            number(SegmentationLoss::CrossEntropy.of(logits.clone(), &target))
        };
        let expected = 2.0 / 3.0 * of(&heads[0], &labels) + 1.0 / 3.0 * of(&heads[1], &[1, IGNORED, 1, 0]);
        let strides = vec![[1; 3], [1, 1, 2], [1, 1, 4]];
        let target = Target::from_labels(&labels, [1, 1, 1, 8], 2, IGNORED, &Device::flex());
        let found =
            SegmentationLoss::CrossEntropy.of_heads(&DeepSupervisionOutputs::new(heads.to_vec(), strides), &target);
        assert!((number(found) - expected).abs() < 1e-6);
    }

    #[test]
    fn a_head_without_a_voxel_that_counts_is_passed_over() {
        let labels = [0, IGNORED, 1, IGNORED];
        let heads = [4, 2, 1].map(|width| logits([1, 1, width]));
        let target = Target::from_labels(&labels, [1, 1, 1, 4], 2, IGNORED, &Device::flex());
        let plain = number(SegmentationLoss::CrossEntropy.of(heads[0].clone(), &target));
        let heads = DeepSupervisionOutputs::new(heads.to_vec(), vec![[1; 3], [1, 1, 2], [1, 1, 4]]);
        let found = number(SegmentationLoss::CrossEntropy.of_heads(&heads, &target));
        assert!((found - 2.0 / 3.0 * plain).abs() < 1e-6);
    }

    #[test]
    fn what_was_padding_is_cut_off_every_head() {
        // 6 of 8 voxels belong to the image: stride 4 samples voxels 2 and 6, of which one is within the image.
        let heads = DeepSupervisionOutputs::new(
            [8, 4, 2].map(|width| logits([1, 1, width])).to_vec(),
            vec![[1; 3], [1, 1, 2], [1, 1, 4]],
        );
        let widths: Vec<usize> = heads.cropped([1, 1, 6]).logits().iter().map(|logits| logits.dims()[4]).collect();
        assert_eq!(widths, [6, 3, 1]);
    }
}
