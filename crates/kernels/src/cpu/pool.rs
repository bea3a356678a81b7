//! Max pooling over channels-last rows.

use rayon::prelude::*;

use super::geometry::{Geometry, voxel_index, voxels};
use super::simd::{InstructionSet, Kernel, Simd};

/// The maxima, and for each the tap of its window that it came from (the first if there are several).
pub(crate) struct Pooled {
    pub maxima: Vec<f32>,
    pub taps: Vec<u32>,
}

/// Returns the maximum over the voxels that each narrow voxel is tied to; a NaN is larger than every number.
pub(crate) fn max_pool(set: InstructionSet, geometry: &Geometry, x: &[f32], channels: usize) -> Pooled {
    let length = geometry.batch * voxels(geometry.narrow) * channels;
    let mut pooled = Pooled { maxima: vec![f32::NEG_INFINITY; length], taps: vec![0; length] };
    let line = geometry.narrow[2] * channels;
    let lines = pooled.maxima.par_chunks_mut(line).zip(pooled.taps.par_chunks_mut(line));
    lines.enumerate().for_each(|(index, (maxima, taps))| {
        set.run(PoolLine { geometry, x, channels, index, maxima, taps });
    });
    pooled
}

/// One line of narrow voxels along W.
struct PoolLine<'a> {
    geometry: &'a Geometry,
    x: &'a [f32],
    channels: usize,
    /// The index of the line over batch, D and H.
    index: usize,
    maxima: &'a mut [f32],
    taps: &'a mut [u32],
}

impl Kernel for PoolLine<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { geometry, channels, .. } = self;
        let [depth, height, _] = geometry.narrow;
        let (batch, d, h) = (self.index / height / depth, self.index / height % depth, self.index % height);
        let voxels_of_line = self.maxima.chunks_exact_mut(channels).zip(self.taps.chunks_exact_mut(channels));
        for (w, (maxima, winners)) in voxels_of_line.enumerate() {
            let mut first = true;
            for_each_tie(geometry, Geometry::wide_of, [d, h, w], |tap, wide| {
                let row = (batch * voxels(geometry.wide) + voxel_index(geometry.wide, wide)) * channels;
                if std::mem::take(&mut first) {
                    winners.fill(tap as u32);
                }
                keep_larger(maxima, winners, &self.x[row..row + channels], tap as u32);
            });
        }
    }
}

#[inline(always)]
fn keep_larger(maxima: &mut [f32], winners: &mut [u32], values: &[f32], tap: u32) {
    for ((maximum, winner), &value) in maxima.iter_mut().zip(winners).zip(values) {
        let wins = (value > *maximum) | value.is_nan();
        *maximum = if wins { value } else { *maximum };
        *winner = if wins { tap } else { *winner };
    }
}

/// Returns the gradient of the input: each wide voxel sums the gradients of the windows in which it is the maximum.
pub(crate) fn max_pool_gradient(
    set: InstructionSet,
    geometry: &Geometry,
    gradient: &[f32],
    taps: &[u32],
    channels: usize,
) -> Vec<f32> {
    let mut output = vec![0.0; geometry.batch * voxels(geometry.wide) * channels];
    let lines = output.par_chunks_mut(geometry.wide[2] * channels).enumerate();
    lines.for_each(|(index, output)| set.run(GradientLine { geometry, gradient, taps, channels, index, output }));
    output
}

/// One line of wide voxels along W.
struct GradientLine<'a> {
    geometry: &'a Geometry,
    gradient: &'a [f32],
    taps: &'a [u32],
    channels: usize,
    /// The index of the line over batch, D and H.
    index: usize,
    output: &'a mut [f32],
}

impl Kernel for GradientLine<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        let Self { geometry, channels, .. } = self;
        let [depth, height, _] = geometry.wide;
        let (batch, d, h) = (self.index / height / depth, self.index / height % depth, self.index % height);
        for (w, output) in self.output.chunks_exact_mut(channels).enumerate() {
            for_each_tie(geometry, Geometry::narrow_of, [d, h, w], |tap, narrow| {
                let row = (batch * voxels(geometry.narrow) + voxel_index(geometry.narrow, narrow)) * channels;
                let won = self.gradient[row..row + channels].iter().zip(&self.taps[row..row + channels]);
                for (output, (&gradient, &winner)) in output.iter_mut().zip(won) {
                    *output += if winner == tap as u32 { gradient } else { 0.0 };
                }
            });
        }
    }
}

/// Calls `visit(tap, other voxel)` for every tie of `voxel`, taps ascending; `other` returns the tied coordinate on one
/// axis.
#[inline(always)]
fn for_each_tie(
    geometry: &Geometry,
    other: impl Fn(&Geometry, usize, usize, usize) -> Option<usize>,
    voxel: [usize; 3],
    mut visit: impl FnMut(usize, [usize; 3]),
) {
    for tap_d in 0..geometry.kernel[0] {
        let Some(d) = other(geometry, 0, voxel[0], tap_d) else { continue };
        for tap_h in 0..geometry.kernel[1] {
            let Some(h) = other(geometry, 1, voxel[1], tap_h) else { continue };
            for tap_w in 0..geometry.kernel[2] {
                let Some(w) = other(geometry, 2, voxel[2], tap_w) else { continue };
                visit(voxel_index(geometry.kernel, [tap_d, tap_h, tap_w]), [d, h, w]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conv3dOptions;

    #[test]
    fn neither_threads_nor_instruction_set_change_a_byte() {
        let options = Conv3dOptions { stride: [2; 3], padding: [1; 3], dilation: [1; 3] };
        let geometry = Geometry::of_convolution(2, [9, 8, 7], [3; 3], &options);
        let x: Vec<f32> = (0..2 * 504 * 5).map(|i| (i as f32 * 0.77).sin()).collect();
        let passes = |set, threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let Pooled { maxima, taps } = max_pool(set, &geometry, &x, 5);
                let gradient = max_pool_gradient(set, &geometry, &maxima, &taps, 5);
                (maxima, taps, gradient)
            })
        };
        let portable = passes(InstructionSet::Portable, 1);
        assert!([1, 2, 4].into_iter().all(|threads| passes(InstructionSet::detected(), threads) == portable));
    }

    #[test]
    fn a_diverged_voxel_is_not_hidden() {
        let options = Conv3dOptions { stride: [2; 3], padding: [0; 3], dilation: [1; 3] };
        let geometry = Geometry::of_convolution(1, [2; 3], [2; 3], &options);
        let x = [1.0, 2.0, f32::NAN, 3.0, 4.0, 5.0, 6.0, 7.0];
        assert!(max_pool(InstructionSet::chosen(), &geometry, &x, 1).maxima[0].is_nan());
    }
}
