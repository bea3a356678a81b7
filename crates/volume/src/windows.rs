//! Sliding windows over a network's input, and the blending of their predictions.
//!
//! Axes are a network's, (D, H, W), and arrays row-major. The output of a network with strides shifts with its input
//! only if the shift is a multiple of the whole stride, so windows begin at such multiples. Predictions are on the
//! coarser output grid and are blended there, which needs a fraction of the memory of the input's grid.

use crate::VoxelBox;
use std::ops::Range;

/// The sizes of sliding windows over an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tiling {
    /// The size of a window in voxels along (D, H, W).
    pub window: [usize; 3],
    /// The share of a window that overlaps with the next, at least 0 and below 1.
    pub overlap: f64,
}

impl Tiling {
    /// Returns the windows that cover an input of `size`, evenly spread, in row-major order.
    ///
    /// Each begins at a multiple of `stride` along each axis. A window that would extend beyond the input is cut at its
    /// end; an input that fits into one window is returned as one window.
    ///
    /// # Panics
    /// If `stride` or an axis of the window is 0.
    pub fn windows(&self, size: [usize; 3], stride: usize) -> Vec<VoxelBox> {
        assert!(stride > 0 && !self.window.contains(&0), "a window has voxels and a network a stride");
        let [depths, heights, widths] =
            std::array::from_fn(|axis| spans(size[axis], self.window[axis], self.overlap, stride));
        let mut windows = Vec::new();
        for d in &depths {
            for h in &heights {
                for w in &widths {
                    let spans = [d, h, w];
                    windows.push(VoxelBox { start: spans.map(|span| span.start), dims: spans.map(|span| span.len()) });
                }
            }
        }
        windows
    }
}

/// Returns as many spans as steps of at most `window (1 - overlap)` need, evenly spread as in nnU-Net.
///
/// Source: `compute_steps_for_sliding_window` of nnU-Net (Isensee et al., 2021).
fn spans(size: usize, window: usize, overlap: f64, stride: usize) -> Vec<Range<usize>> {
    if size <= window {
        return std::iter::once(0..size).collect();
    }
    let last = (size - window).div_ceil(stride) * stride;
    let step = ((window as f64 * (1.0 - overlap)).floor() as usize).max(stride);
    let steps = last.div_ceil(step);
    let start = |number: usize| (number * last / steps) / stride * stride;
    (0..=steps).map(|number| start(number)..(start(number) + window).min(size)).collect()
}

/// The blend of the predictions of windows, each weighted by a Gaussian about the window's centre, since predictions
/// are less accurate at the edge of a window.
///
/// Source: Isensee et al., "nnU-Net: a self-configuring method for deep learning-based biomedical
/// image segmentation", 2021, online methods, "Inference".
#[derive(Clone, Debug)]
pub struct Blend {
    shape: [usize; 4],
    sums: Vec<f32>,
    weights: Vec<f32>,
}

/// The standard deviation of the Gaussian as a share of the window's length.
const SIGMA: f64 = 1.0 / 8.0;

impl Blend {
    /// Creates an empty blend; `shape` is `[C, D, H, W]` of the whole output.
    pub fn new(shape: [usize; 4]) -> Blend {
        let points = shape[1..].iter().product::<usize>();
        Blend { shape, sums: vec![0.0; shape[0] * points], weights: vec![0.0; points] }
    }

    /// Adds the prediction of a window, row-major `[C, dims]`.
    ///
    /// # Panics
    /// If the window extends beyond the whole output, or `answer` has another length.
    pub fn add(&mut self, window: &VoxelBox, answer: &[f32]) {
        let [classes, _, height, width] = self.shape;
        let [depth_here, height_here, width_here] = window.dims;
        let points_here = depth_here * height_here * width_here;
        assert_eq!(answer.len(), classes * points_here, "a window's answer has one value per class and point");
        let inside = (0..3).all(|axis| window.start[axis] + window.dims[axis] <= self.shape[axis + 1]);
        assert!(inside, "a window lies within the whole");
        let [along_d, along_h, along_w] = window.dims.map(gaussian);
        let points = self.weights.len();
        for (d, along_d) in along_d.iter().enumerate() {
            for (h, along_h) in along_h.iter().enumerate() {
                let row = ((window.start[0] + d) * height + window.start[1] + h) * width + window.start[2];
                let row_here = (d * height_here + h) * width_here;
                for w in 0..width_here {
                    let weight = (along_d * along_h * along_w[w]) as f32;
                    self.weights[row + w] += weight;
                    for class in 0..classes {
                        self.sums[class * points + row + w] += weight * answer[class * points_here + row_here + w];
                    }
                }
            }
        }
    }

    /// Returns the weighted means, row-major `[C, D, H, W]`.
    ///
    /// # Panics
    /// If a voxel lies in no window.
    pub fn finish(mut self) -> Vec<f32> {
        assert!(self.weights.iter().all(|&weight| weight > 0.0), "windows cover the whole");
        for of_class in self.sums.chunks_mut(self.weights.len()) {
            of_class.iter_mut().zip(&self.weights).for_each(|(sum, weight)| *sum /= weight);
        }
        self.sums
    }
}

/// Returns exp(-x^2 / 2 sigma^2) with x from the centre: 1 at the centre, above 0 at the ends.
fn gaussian(length: usize) -> Vec<f64> {
    let (centre, sigma) = ((length as f64 - 1.0) / 2.0, length as f64 * SIGMA);
    (0..length).map(|at| (-((at as f64 - centre) / sigma).powi(2) / 2.0).exp()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_cover_every_voxel_and_begin_at_the_stride(
            size in prop::array::uniform3(1usize..80), window in prop::array::uniform3(1usize..6),
            overlap in 0.0f64..0.9,
        ) {
            let tiling = Tiling { window: window.map(|eights| 8 * eights), overlap };
            let windows = tiling.windows(size, 8);
            for (axis, size) in size.into_iter().enumerate() {
                let mut spans: Vec<_> = windows.iter().map(|part| (part.start[axis], part.dims[axis])).collect();
                spans.sort_unstable();
                spans.dedup();
                prop_assert_eq!(spans[0].0, 0);
                prop_assert!(spans.iter().all(|(start, length)| start % 8 == 0 && *length <= tiling.window[axis]));
                prop_assert!(spans.windows(2).all(|pair| pair[1].0 <= pair[0].0 + pair[0].1), "no gap: {:?}", spans);
                let (start, length) = spans[spans.len() - 1];
                prop_assert_eq!(start + length, size);
            }
        }

        #[test]
        fn what_all_windows_say_alike_is_said_by_the_blend(
            size in prop::array::uniform3(8usize..40), value in -3.0f32..3.0,
        ) {
            let mut blend = Blend::new([2, size[0], size[1], size[2]]);
            for window in (Tiling { window: [16, 8, 24], overlap: 0.5 }).windows(size, 8) {
                let points: usize = window.dims.iter().product();
                let answer: Vec<f32> = (0..2 * points).map(|at| if at < points { value } else { 1.0 - value }).collect();
                blend.add(&window, &answer);
            }
            let points: usize = size.iter().product();
            for (at, said) in blend.finish().into_iter().enumerate() {
                let expected = if at < points { value } else { 1.0 - value };
                prop_assert!((said - expected).abs() < 1e-5, "{} is not {}", said, expected);
            }
        }
    }

    #[test]
    fn half_an_overlap_is_spread_as_nnunet_spreads_it() {
        // Size 64, window 32: steps of 16 at most, so (64 - 32) / 16 = 2 of them and three windows.
        assert_eq!(spans(64, 32, 0.5, 8), [0..32, 16..48, 32..64]);
        // Size 70: the last begins at 38, rounded up to 40, and ends with the input; three steps.
        assert_eq!(spans(70, 32, 0.5, 8), [0..32, 8..40, 24..56, 40..70]);
    }

    #[test]
    fn an_input_that_fits_is_one_window_whatever_its_size() {
        for size in [1, 31, 32] {
            assert_eq!(spans(size, 32, 0.5, 8), Vec::from_iter(std::iter::once(0..size)));
        }
    }

    #[test]
    fn the_centre_counts_most() {
        // Length 8: sigma 1, centre 3.5; so 3 and 4 weigh exp(-1/8), 0 and 7 weigh exp(-49/8).
        let weights = gaussian(8);
        assert!((weights[3] - (-0.125f64).exp()).abs() < 1e-15 && (weights[0] - (-6.125f64).exp()).abs() < 1e-15);
        assert_eq!(weights[2], weights[5]);
        // Two windows of 8 voxels that share 4 predict 0 and 1; at the middle voxel of the overlap both have the same
        // weight.
        let mut blend = Blend::new([1, 1, 1, 12]);
        blend.add(&VoxelBox { start: [0; 3], dims: [1, 1, 8] }, &[0.0; 8]);
        blend.add(&VoxelBox { start: [0, 0, 4], dims: [1, 1, 8] }, &[1.0; 8]);
        let said = blend.finish();
        assert_eq!((said[3], said[8]), (0.0, 1.0));
        assert!(said[4] < 0.01 && said[7] > 0.99 && (said[5] + said[6] - 1.0).abs() < 1e-6);
    }
}
