//! The convolution's three passes by definition, in f64, as a reference for the tests of the kernels.

use super::geometry::{Geometry, voxel_index, voxels};

/// Calls `visit(narrow voxel, wide voxel, tap)` for every tie; voxel indices include the batch.
fn ties(geometry: &Geometry, mut visit: impl FnMut(usize, usize, usize)) {
    let every =
        |grid: [usize; 3]| (0..voxels(grid)).map(move |i| [i / grid[2] / grid[1], i / grid[2] % grid[1], i % grid[2]]);
    for batch in 0..geometry.batch {
        for narrow in every(geometry.narrow) {
            for tap in every(geometry.kernel) {
                let wide: Vec<usize> =
                    (0..3).filter_map(|axis| geometry.wide_of(axis, narrow[axis], tap[axis])).collect();
                if let Ok(wide) = <[usize; 3]>::try_from(wide) {
                    visit(
                        batch * voxels(geometry.narrow) + voxel_index(geometry.narrow, narrow),
                        batch * voxels(geometry.wide) + voxel_index(geometry.wide, wide),
                        voxel_index(geometry.kernel, tap),
                    );
                }
            }
        }
    }
}

/// The operands of a convolution or one of its gradients: the two grids channels-last and the weight `[narrow, taps,
/// wide]`.
pub(crate) struct Naive<'a> {
    pub geometry: &'a Geometry,
    pub wide_channels: usize,
    pub narrow_channels: usize,
}

impl Naive<'_> {
    fn products(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let (wide_channels, narrow_channels, taps) = (self.wide_channels, self.narrow_channels, self.geometry.taps());
        ties(self.geometry, |narrow, wide, tap| {
            for a in 0..narrow_channels {
                for b in 0..wide_channels {
                    visit(narrow * narrow_channels + a, wide * wide_channels + b, (a * taps + tap) * wide_channels + b);
                }
            }
        });
    }

    pub(crate) fn correlate(&self, wide: &[f32], weight: &[f32]) -> Vec<f64> {
        let mut narrow = vec![0.0; self.geometry.batch * voxels(self.geometry.narrow) * self.narrow_channels];
        self.products(|n, w, k| narrow[n] += f64::from(wide[w]) * f64::from(weight[k]));
        narrow
    }

    pub(crate) fn adjoint(&self, narrow: &[f32], weight: &[f32]) -> Vec<f64> {
        let mut wide = vec![0.0; self.geometry.batch * voxels(self.geometry.wide) * self.wide_channels];
        self.products(|n, w, k| wide[w] += f64::from(narrow[n]) * f64::from(weight[k]));
        wide
    }

    pub(crate) fn weight_gradient(&self, wide: &[f32], narrow: &[f32]) -> Vec<f64> {
        let mut weight = vec![0.0; self.narrow_channels * self.wide_channels * self.geometry.taps()];
        self.products(|n, w, k| weight[k] += f64::from(wide[w]) * f64::from(narrow[n]));
        weight
    }
}
