//! The forward passes that predict one prepared scan: sliding window and mirroring.

use crate::mirror::mirrored;
use crate::{Axis, InferenceError, mirrorings};
use lacuna_nn::{Device, Network, Pass, Tensor};
use lacuna_train::{ModelOutput, Prediction, TrainError};
use lacuna_volume::{Blend, Prepared, Tiling, VoxelBox};

/// The number of input voxels by which a window must be shifted for the output to shift by whole voxels: MedicalNet
/// halves the resolution three times. A U-Net that halves it more often pads each window to the size it needs.
pub const STRIDE: usize = 8;

/// The settings of a prediction: the sliding window and the mirrored axes.
pub struct SlidingWindow {
    /// The sliding window; `None` runs the whole input at once.
    pub tiling: Option<Tiling>,
    /// For each pass, whether the input is mirrored along D, H and W; the output is mirrored back, and the passes are
    /// averaged.
    pub mirrorings: Vec<[bool; 3]>,
}

impl SlidingWindow {
    /// Creates the settings: `window` is the size of the sliding window in voxels along D, H and W, each a multiple of
    /// [`STRIDE`], or `None` for the whole input at once; every combination of the axes in `flips` is mirrored once.
    ///
    /// # Errors
    /// [`InferenceError::Overlap`] if the overlap is not in [0, 1); [`InferenceError::Window`] if a length is not a
    /// positive multiple of [`STRIDE`].
    pub fn new(window: Option<[usize; 3]>, overlap: f64, flips: &[Axis]) -> Result<SlidingWindow, InferenceError> {
        if !(0.0..1.0).contains(&overlap) {
            return Err(InferenceError::Overlap { found: overlap });
        }
        let odd = |window: &[usize; 3]| window.iter().any(|size| *size == 0 || !size.is_multiple_of(STRIDE));
        if let Some(found) = window.filter(odd) {
            return Err(InferenceError::Window { found, stride: STRIDE });
        }
        Ok(SlidingWindow { tiling: window.map(|window| Tiling { window, overlap }), mirrorings: mirrorings(flips) })
    }

    /// Returns the windows of an input of shape `[C, D, H, W]`, in input voxels.
    pub fn windows(&self, [_, size @ ..]: [usize; 4]) -> Vec<VoxelBox> {
        match &self.tiling {
            Some(tiling) => tiling.windows(size, STRIDE),
            None => vec![VoxelBox { start: [0; 3], dims: size }],
        }
    }

    /// Returns the number of forward passes that an input of this shape takes.
    pub fn passes(&self, shape: [usize; 4]) -> usize {
        self.windows(shape).len() * self.mirrorings.len()
    }
}

/// Returns the logits `[1, C, D, H, W]` on the network's output grid, BatchNorm with its running statistics.
pub fn logits(network: &Network, input: &Prepared, device: &Device) -> Tensor<5> {
    logits_of(network, &input.voxels, input.shape, device)
}

/// Returns a tensor's values on the host, row-major.
pub fn values(tensor: Tensor<5>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32")
}

/// Returns the output of a network for an input, blended over windows and averaged over the mirrored passes;
/// `after_pass` is called after each pass.
///
/// A single window without mirroring gives the bits of a plain forward pass.
///
/// # Errors
/// Those of `after_pass`.
pub fn predict(
    network: &Network,
    input: &Prepared,
    sliding_window: &SlidingWindow,
    device: &Device,
    after_pass: &mut dyn FnMut() -> Result<(), TrainError>,
) -> Result<ModelOutput, TrainError> {
    let windows = sliding_window.windows(input.shape);
    if let ([_], [[false, false, false]]) = (&windows[..], &sliding_window.mirrorings[..]) {
        let output = ModelOutput::of(logits(network, input, device));
        after_pass()?;
        return Ok(output);
    }
    let [_, size @ ..] = input.shape;
    let classes = network.architecture().classes();
    let [depth, height, width] = network.architecture().output_size(size);
    let shape = [classes, depth, height, width];
    let mut whole = None;
    let mut blend = Blend::new(shape);
    for window in &windows {
        let part = cut(input, window);
        let answer = mirrored_mean(network, &part, sliding_window, device, after_pass)?;
        if windows.len() == 1 {
            whole = Some(answer.probabilities);
        } else {
            blend.add(&on_output_grid(network, window), &answer.probabilities);
        }
    }
    let probabilities = whole.unwrap_or_else(|| blend.finish());
    let logits = probabilities.iter().map(|probability| probability.max(f32::MIN_POSITIVE).ln()).collect();
    Ok(ModelOutput { prediction: Prediction { probabilities, shape }, logits })
}

/// A window of an input, as an input of its own.
struct Part {
    voxels: Vec<f32>,
    shape: [usize; 4],
}

fn cut(input: &Prepared, window: &VoxelBox) -> Part {
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
    Part { voxels, shape: [channels, dims_d, dims_h, dims_w] }
}

/// Returns the mean over the mirrored passes.
fn mirrored_mean(
    network: &Network,
    part: &Part,
    sliding_window: &SlidingWindow,
    device: &Device,
    after_pass: &mut dyn FnMut() -> Result<(), TrainError>,
) -> Result<Prediction, TrainError> {
    let mut sum: Option<Prediction> = None;
    for &axes in &sliding_window.mirrorings {
        let turned = mirrored(&part.voxels, part.shape, axes);
        let output = ModelOutput::of(logits_of(network, &turned, part.shape, device)).prediction;
        let back = mirrored(&output.probabilities, output.shape, axes);
        match &mut sum {
            None => sum = Some(Prediction { probabilities: back, shape: output.shape }),
            Some(sum) => sum.probabilities.iter_mut().zip(back).for_each(|(sum, more)| *sum += more),
        }
        after_pass()?;
    }
    let mut mean = sum.expect("an input is seen from one side at least");
    let share = 1.0 / sliding_window.mirrorings.len() as f32;
    mean.probabilities.iter_mut().for_each(|probability| *probability *= share);
    Ok(mean)
}

/// Returns the position of a window's output on the output grid.
fn on_output_grid(network: &Network, window: &VoxelBox) -> VoxelBox {
    let steps = network.architecture().output_size([STRIDE; 3]);
    VoxelBox {
        start: std::array::from_fn(|axis| window.start[axis] / STRIDE * steps[axis]),
        dims: network.architecture().output_size(window.dims),
    }
}

fn logits_of(network: &Network, voxels: &[f32], [c, d, h, w]: [usize; 4], device: &Device) -> Tensor<5> {
    let tensor = Tensor::<1>::from_floats(voxels, device).reshape([1, c, d, h, w]);
    network.forward(&Pass::evaluation(&network.parameters), tensor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_that_cannot_be_is_refused_with_one_that_can() {
        let output = |window, overlap| SlidingWindow::new(window, overlap, &[]).err().unwrap().to_string();
        assert_eq!(
            output(Some([12, 16, 0]), 0.5),
            "window: expected multiples of 8, found [12, 16, 0]; fix: for example 16x16x8"
        );
        assert_eq!(output(None, 1.0), "overlap: expected 0 or more and below 1, found 1");
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
        let part = cut(&input, &VoxelBox { start: [1, 0, 2], dims: [1, 2, 2] });
        // The axes (D, H, W) are the image axes (i, j, k) in this case.
        let expected = [[1, 0, 2], [1, 0, 3], [1, 1, 2], [1, 1, 3]].map(|index| image.at(index));
        assert_eq!((part.shape, &part.voxels[..4]), ([2, 1, 2, 2], &expected[..]));
        assert_eq!(part.voxels[4..], expected.map(|voxel| -voxel));
    }
}
