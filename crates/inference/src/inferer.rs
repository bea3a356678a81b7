//! The forward passes that predict one prepared scan: a sliding window with mirroring.

use crate::case_tensor::volume_tensor;
use crate::mirror::mirrored;
use crate::{Axis, InferenceError, Prediction, mirrorings};
use lacuna_nn::{Device, Network, Pass, Tensor};
use lacuna_volume::{Blend, Tiling, VoxelBox};

/// The number of input voxels by which a window must be shifted for the output to shift by whole voxels: MedicalNet
/// halves the resolution three times. A U-Net that halves it more often pads each window to the size it needs.
pub const STRIDE: usize = 8;

/// A sliding-window inferer with test-time mirroring. The default runs the whole input at once, without mirroring.
#[derive(Clone, Debug)]
pub struct Inferer {
    /// The sliding window; `None` runs the whole input at once.
    tiling: Option<Tiling>,
    /// For each pass, whether the input is mirrored along D, H and W; the output is mirrored back, and the passes are
    /// averaged.
    mirrorings: Vec<[bool; 3]>,
}

impl Default for Inferer {
    fn default() -> Inferer {
        Inferer { tiling: None, mirrorings: mirrorings(&[]) }
    }
}

/// An input of a network: values `[C, D, H, W]`, row-major, and the lengths of these axes.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The values of all voxels, row-major.
    pub voxels: &'a [f32],
    /// The lengths of the axes C, D, H and W.
    pub shape: [usize; 4],
}

impl<'a> From<&'a lacuna_volume::Prepared> for Input<'a> {
    fn from(prepared: &'a lacuna_volume::Prepared) -> Input<'a> {
        Input { voxels: &prepared.voxels, shape: prepared.shape }
    }
}

impl Inferer {
    /// Creates an inferer: `window` is the size of the sliding window in voxels along D, H and W, each a multiple of
    /// [`STRIDE`], or `None` for the whole input at once; every combination of the axes in `flips` is mirrored once.
    ///
    /// # Errors
    /// [`InferenceError::Overlap`] if the overlap is not in [0, 1); [`InferenceError::Window`] if a length is not a
    /// positive multiple of [`STRIDE`].
    pub fn new(window: Option<[usize; 3]>, overlap: f64, flips: &[Axis]) -> Result<Inferer, InferenceError> {
        if !(0.0..1.0).contains(&overlap) {
            return Err(InferenceError::Overlap { found: overlap });
        }
        let odd = |window: &[usize; 3]| window.iter().any(|size| *size == 0 || !size.is_multiple_of(STRIDE));
        if let Some(found) = window.filter(odd) {
            return Err(InferenceError::Window { found, stride: STRIDE });
        }
        Ok(Inferer { tiling: window.map(|window| Tiling { window, overlap }), mirrorings: mirrorings(flips) })
    }

    /// Returns the number of forward passes that an input of this shape takes.
    pub fn passes(&self, shape: [usize; 4]) -> usize {
        self.windows(shape).len() * self.mirrorings.len()
    }

    /// Returns the prediction of a network, blended over windows and averaged over the mirrored passes; `after_pass` is
    /// called after each pass.
    ///
    /// A single window without mirroring gives the bits of a plain forward pass.
    ///
    /// # Errors
    /// Those of `after_pass`.
    pub fn predict(
        &self,
        network: &Network,
        input: Input<'_>,
        device: &Device,
        after_pass: &mut dyn FnMut() -> Result<(), InferenceError>,
    ) -> Result<Prediction, InferenceError> {
        let windows = self.windows(input.shape);
        if let ([_], [[false, false, false]]) = (&windows[..], &self.mirrorings[..]) {
            let prediction = Prediction::of_logits(logits(network, input, device));
            after_pass()?;
            return Ok(prediction);
        }
        let [_, size @ ..] = input.shape;
        let classes = network.architecture().classes();
        let [depth, height, width] = network.architecture().output_size(size);
        let shape = [classes, depth, height, width];
        let mut whole = None;
        let mut blend = Blend::new(shape);
        for window in &windows {
            let voxels = cut(input, window);
            let [dims_d, dims_h, dims_w] = window.dims;
            let part = Input { voxels: &voxels, shape: [input.shape[0], dims_d, dims_h, dims_w] };
            let probabilities = self.mirrored_mean(network, part, device, after_pass)?;
            if windows.len() == 1 {
                whole = Some(probabilities);
            } else {
                blend.add(&on_output_grid(network, window), &probabilities);
            }
        }
        Ok(Prediction::of_probabilities(whole.unwrap_or_else(|| blend.finish()), shape))
    }

    /// Returns the windows of an input of shape `[C, D, H, W]`, in input voxels.
    fn windows(&self, [_, size @ ..]: [usize; 4]) -> Vec<VoxelBox> {
        match &self.tiling {
            Some(tiling) => tiling.windows(size, STRIDE),
            None => vec![VoxelBox { start: [0; 3], dims: size }],
        }
    }

    /// Returns the class probabilities of one window, averaged over the mirrored passes.
    fn mirrored_mean(
        &self,
        network: &Network,
        part: Input<'_>,
        device: &Device,
        after_pass: &mut dyn FnMut() -> Result<(), InferenceError>,
    ) -> Result<Vec<f32>, InferenceError> {
        let mut sum: Option<Vec<f32>> = None;
        for &axes in &self.mirrorings {
            let voxels = mirrored(part.voxels, part.shape, axes);
            let passed = Prediction::of_logits(logits(network, Input { voxels: &voxels, ..part }, device));
            let back = mirrored(&passed.probabilities, passed.shape, axes);
            match &mut sum {
                None => sum = Some(back),
                Some(sum) => sum.iter_mut().zip(back).for_each(|(sum, more)| *sum += more),
            }
            after_pass()?;
        }
        let mut mean = sum.expect("the pass without mirroring is always among them");
        let share = 1.0 / self.mirrorings.len() as f32;
        mean.iter_mut().for_each(|probability| *probability *= share);
        Ok(mean)
    }
}

/// Returns the logits `[1, C, D, H, W]` on the network's output grid, from one forward pass with BatchNorm's running
/// statistics and without gradients.
pub fn logits(network: &Network, input: Input<'_>, device: &Device) -> Tensor<5> {
    network.forward(&Pass::evaluation(&network.parameters), volume_tensor(input.voxels, input.shape, device))
}

/// Returns the values `[C, D, H, W]` of an input inside a window.
fn cut(input: Input<'_>, window: &VoxelBox) -> Vec<f32> {
    let [channels, depth, height, width] = input.shape;
    let ([d0, h0, w0], [dims_d, dims_h, dims_w]) = (window.start, window.dims);
    let mut voxels = Vec::with_capacity(channels * dims_d * dims_h * dims_w);
    for c in 0..channels {
        for d in d0..d0 + dims_d {
            for h in h0..h0 + dims_h {
                let row = ((c * depth + d) * height + h) * width + w0;
                voxels.extend_from_slice(&input.voxels[row..row + dims_w]);
            }
        }
    }
    voxels
}

/// Returns the box of a window's output on the output grid.
fn on_output_grid(network: &Network, window: &VoxelBox) -> VoxelBox {
    let steps = network.architecture().output_size([STRIDE; 3]);
    VoxelBox {
        start: std::array::from_fn(|axis| window.start[axis] / STRIDE * steps[axis]),
        dims: network.architecture().output_size(window.dims),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_outside_their_range_are_refused_with_a_fix() {
        let refused = |window, overlap| Inferer::new(window, overlap, &[]).err().unwrap().to_string();
        assert_eq!(
            refused(Some([12, 16, 0]), 0.5),
            "window: expected multiples of 8, found [12, 16, 0]; fix: for example 16x16x8"
        );
        assert_eq!(refused(None, 1.0), "overlap: expected 0 or more and below 1, found 1");
    }

    #[test]
    fn a_window_is_cut_channel_by_channel() {
        let image = lacuna_volume::Volume::new(
            lacuna_volume::Grid::axis_aligned([2, 3, 4], lacuna_volume::SpacingMm([1.0; 3])),
            (0..24).map(|n| n as f32).collect(),
        );
        let negative = image.map(|voxel| -voxel);
        let noise = lacuna_seed::Seed(0).stream("noise");
        let input = lacuna_volume::Preprocessing::None.apply(&[image.clone(), negative], &noise).unwrap();
        let part = cut(Input::from(&input), &VoxelBox { start: [1, 0, 2], dims: [1, 2, 2] });
        // The axes (D, H, W) are the image axes (i, j, k) in this case.
        let expected = [[1, 0, 2], [1, 0, 3], [1, 1, 2], [1, 1, 3]].map(|index| image.at(index));
        assert_eq!(part[..4], expected);
        assert_eq!(part[4..], expected.map(|voxel| -voxel));
    }
}
