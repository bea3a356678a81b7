//! Sums per channel over all voxels, in f64.

use std::ops::Range;

use rayon::prelude::*;

/// The number of voxels summed by one task. Constant, so that the order of the sums does not depend on the number of
/// threads.
const VOXELS_PER_TASK: usize = 512;
/// The number of channels summed by one task: a coarse grid has too few voxels to use every core, but many channels.
const CHANNELS_PER_TASK: usize = 128;

/// Returns `sum[c]` over all rows of channels-last `rows`.
pub(crate) fn channel_sums(rows: &[f32], channels: usize) -> Vec<f32> {
    let [sums] = sum_by_channel(rows.len() / channels, channels, |part, [sums]: &mut [Vec<f64>; 1]| {
        for row in rows[part.elements(channels)].chunks_exact(channels) {
            for (sum, &value) in sums.iter_mut().zip(&row[part.channels.clone()]) {
                *sum += f64::from(value);
            }
        }
    });
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// The voxels and channels that one task sums.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub voxels: Range<usize>,
    pub channels: Range<usize>,
}

impl Part {
    /// Returns the range of elements of these voxels' whole rows, `channels` each.
    pub(crate) fn elements(&self, channels: usize) -> Range<usize> {
        self.voxels.start * channels..self.voxels.end * channels
    }
}

/// Returns `N` sums per channel: `add` adds a part's voxels to the zeroed sums of the part's channels; the partial sums
/// of a channel are added in the order of the voxels.
pub(crate) fn sum_by_channel<const N: usize>(
    voxels: usize,
    channels: usize,
    add: impl Fn(Part, &mut [Vec<f64>; N]) + Sync,
) -> [Vec<f64>; N] {
    let zero = |channels: usize| std::array::from_fn(|_| vec![0.0; channels]);
    let blocks = channels.div_ceil(CHANNELS_PER_TASK);
    let parts: Vec<[Vec<f64>; N]> = (0..voxels.div_ceil(VOXELS_PER_TASK) * blocks)
        .into_par_iter()
        .map(|task| {
            let (range, block) = (task / blocks, task % blocks);
            let part = Part {
                voxels: range * VOXELS_PER_TASK..((range + 1) * VOXELS_PER_TASK).min(voxels),
                channels: block * CHANNELS_PER_TASK..((block + 1) * CHANNELS_PER_TASK).min(channels),
            };
            let mut sums = zero(part.channels.len());
            add(part, &mut sums);
            sums
        })
        .collect();
    let mut total = zero(channels);
    for (task, part) in parts.into_iter().enumerate() {
        let first = task % blocks * CHANNELS_PER_TASK;
        for (total, part) in total.iter_mut().zip(part) {
            for (total, part) in total[first..].iter_mut().zip(part) {
                *total += part;
            }
        }
    }
    total
}
