//! Sums per channel over all voxels, in f64.

use rayon::prelude::*;

/// Voxels summed by one task. Fixed, so that the order of the sums does not depend on the number of threads.
const VOXELS_PER_TASK: usize = 512;

/// `sum[c]` over all rows of channels-last `rows`.
pub(crate) fn channel_sums(rows: &[f32], channels: usize) -> Vec<f32> {
    let sums = sum_by_channel(rows.len() / channels, channels, |voxels, [sums]: &mut [Vec<f64>; 1]| {
        for row in rows[voxels.start * channels..voxels.end * channels].chunks_exact(channels) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += f64::from(value);
            }
        }
    });
    let [sums] = sums;
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// `N` sums per channel: `add` adds a range of voxels to zeroed sums; the ranges' sums are added in their order.
pub(crate) fn sum_by_channel<const N: usize>(
    voxels: usize,
    channels: usize,
    add: impl Fn(std::ops::Range<usize>, &mut [Vec<f64>; N]) + Sync,
) -> [Vec<f64>; N] {
    let zero = || std::array::from_fn(|_| vec![0.0; channels]);
    let parts: Vec<[Vec<f64>; N]> = (0..voxels.div_ceil(VOXELS_PER_TASK))
        .into_par_iter()
        .map(|task| {
            let mut sums = zero();
            add(task * VOXELS_PER_TASK..((task + 1) * VOXELS_PER_TASK).min(voxels), &mut sums);
            sums
        })
        .collect();
    let mut total = zero();
    for part in parts {
        for (total, part) in total.iter_mut().zip(part) {
            for (total, part) in total.iter_mut().zip(part) {
                *total += part;
            }
        }
    }
    total
}
