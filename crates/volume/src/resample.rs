//! Resampling to a finer or coarser lattice, by nearest voxel or trilinearly.
//!
//! Both are separable: the positions of samples are computed once per axis, and the loop over voxels only reads those
//! tables. Coordinates beyond the first or last voxel are clamped to it. No low-pass filter is applied before
//! downsampling.

use crate::{Grid, Image, SpacingMm, Volume};
use serde::{Deserialize, Serialize};

/// The points that stay in place when the number of samples along an axis changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Convention {
    /// The outer faces of the outer voxels: sample `u` of `n` lies at `(u + 1/2) len / n - 1/2`.
    /// The field of view is kept.
    HalfVoxel,
    /// The centres of the outer voxels: sample `u` of `n` lies at `u (len - 1) / (n - 1)`, as in `scipy.ndimage.zoom`,
    /// which MedicalNet was trained with.
    AlignCorners,
}

impl Convention {
    /// Returns the position of sample `at` of `samples` on an axis of `voxels`, in voxels from the first.
    pub fn coordinate(self, at: usize, samples: usize, voxels: usize) -> f64 {
        let (at, last) = (at as f64, voxels as f64 - 1.0);
        let coordinate = match self {
            Convention::HalfVoxel => (at + 0.5) * (voxels as f64 / samples as f64) - 0.5,
            Convention::AlignCorners if samples == 1 => 0.0,
            Convention::AlignCorners => at * (last / (samples as f64 - 1.0)),
        };
        coordinate.clamp(0.0, last)
    }

    /// Returns the index of the voxel nearest to each of `samples`; of two equally near ones the later.
    pub(crate) fn nearest(self, samples: usize, voxels: usize) -> Vec<usize> {
        (0..samples).map(|at| (self.coordinate(at, samples, voxels) + 0.5).floor() as usize).collect()
    }

    /// Returns the two voxels around each of `samples`, with their weight.
    pub(crate) fn between(self, samples: usize, voxels: usize) -> Vec<Between> {
        (0..samples)
            .map(|at| {
                let coordinate = self.coordinate(at, samples, voxels);
                let low = coordinate.floor() as usize;
                Between { low, high: (low + 1).min(voxels - 1), weight_high: (coordinate - low as f64) as f32 }
            })
            .collect()
    }

    /// Returns the distance between two samples, in voxels.
    fn step(self, samples: usize, voxels: usize) -> f64 {
        match self {
            Convention::HalfVoxel => voxels as f64 / samples as f64,
            Convention::AlignCorners if samples == 1 => 1.0,
            Convention::AlignCorners => (voxels as f64 - 1.0) / (samples as f64 - 1.0),
        }
    }

    /// Returns the position of sample 0 before it is clamped, in voxels.
    fn first(self, samples: usize, voxels: usize) -> f64 {
        match self {
            Convention::HalfVoxel => 0.5 * self.step(samples, voxels) - 0.5,
            Convention::AlignCorners => 0.0,
        }
    }
}

/// A point between two neighbouring voxels of an axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Between {
    low: usize,
    high: usize,
    weight_high: f32,
}

impl Between {
    fn blend(&self, low: f32, high: f32) -> f32 {
        low + self.weight_high * (high - low)
    }
}

/// Returns the numbers of voxels that keep the field of view when the spacing changes.
///
/// `dims` and both spacings are in voxel axis order (i, j, k). Every axis keeps at least one voxel, so a single-slice
/// volume remains valid at a coarse spacing.
pub fn dims_at_spacing(dims: [usize; 3], from: SpacingMm, to: SpacingMm) -> [usize; 3] {
    std::array::from_fn(|axis| {
        let extent_mm = dims[axis] as f64 * from.0[axis];
        ((extent_mm / to.0[axis]).round() as usize).max(1)
    })
}

/// Returns the image at `dims` samples, each the nearest voxel. No new value appears.
///
/// # Panics
/// If the image has no voxels.
pub fn resample_nearest<T: Copy>(image: &Image<T>, dims: [usize; 3], convention: Convention) -> Image<T> {
    let old = image.grid().dims;
    let [along_i, along_j, along_k]: [Vec<usize>; 3] =
        std::array::from_fn(|axis| convention.nearest(dims[axis], old[axis]));
    let mut voxels = Vec::with_capacity(dims.iter().product());
    for &k in &along_k {
        for &j in &along_j {
            let row = &image.voxels()[image.grid().offset([0, j, k])..][..old[0]];
            voxels.extend(along_i.iter().map(|&i| row[i]));
        }
    }
    Image::new(resampled_grid(image.grid(), dims, convention), voxels)
}

/// Returns the image at `dims` samples, each interpolated from the eight voxels around it.
///
/// # Panics
/// If the image has no voxels.
pub fn resample_trilinear(image: &Volume, dims: [usize; 3], convention: Convention) -> Volume {
    let old = image.grid().dims;
    let samples = std::array::from_fn(|axis| convention.between(dims[axis], old[axis]));
    let mut voxels = Vec::with_capacity(dims.iter().product());
    Lattice { values: image.voxels(), dims: old, width: 1 }.for_each_sample(&samples, |_, value| voxels.push(value[0]));
    Image::new(resampled_grid(image.grid(), dims, convention), voxels)
}

fn resampled_grid(grid: &Grid, dims: [usize; 3], convention: Convention) -> Grid {
    let mut axes = [[0.0; 3]; 3];
    for (axis, row) in axes.iter_mut().enumerate() {
        row[axis] = convention.step(dims[axis], grid.dims[axis]);
    }
    let first = std::array::from_fn(|axis| convention.first(dims[axis], grid.dims[axis]));
    Grid { dims, affine: grid.affine.of_sublattice(axes, first) }
}

/// Vectors of `width` numbers on a lattice, the numbers of one point contiguous, `i` fastest.
pub(crate) struct Lattice<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) dims: [usize; 3],
    pub(crate) width: usize,
}

impl Lattice<'_> {
    /// Calls a function with the trilinear interpolation at every sample (i, j, k), `i` fastest.
    pub(crate) fn for_each_sample(&self, samples: &[Vec<Between>; 3], mut visit: impl FnMut([usize; 3], &[f32])) {
        let mut line = vec![0.0; self.dims[0] * self.width];
        let mut value = vec![0.0; self.width];
        for (k, between_k) in samples[2].iter().enumerate() {
            for (j, between_j) in samples[1].iter().enumerate() {
                self.blend_lines(between_j, between_k, &mut line);
                for (i, between_i) in samples[0].iter().enumerate() {
                    let low = &line[between_i.low * self.width..][..self.width];
                    let high = &line[between_i.high * self.width..][..self.width];
                    for ((value, &low), &high) in value.iter_mut().zip(low).zip(high) {
                        *value = between_i.blend(low, high);
                    }
                    visit([i, j, k], &value);
                }
            }
        }
    }

    /// Computes the line along i at a point between lines, from the four lines around it.
    fn blend_lines(&self, between_j: &Between, between_k: &Between, blended: &mut [f32]) {
        let line = |j: usize, k: usize| {
            let length = self.dims[0] * self.width;
            &self.values[(j + self.dims[1] * k) * length..][..length]
        };
        let [low_low, high_low] = [between_j.low, between_j.high].map(|j| line(j, between_k.low));
        let [low_high, high_high] = [between_j.low, between_j.high].map(|j| line(j, between_k.high));
        for (n, blended) in blended.iter_mut().enumerate() {
            let low = between_j.blend(low_low[n], high_low[n]);
            let high = between_j.blend(low_high[n], high_high[n]);
            *blended = between_k.blend(low, high);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONVENTIONS: [Convention; 2] = [Convention::HalfVoxel, Convention::AlignCorners];

    /// Returns an image whose value is a linear function of the world position.
    fn ramp(dims: [usize; 3]) -> Volume {
        let grid = Grid::axis_aligned(dims, SpacingMm([1.0, 2.0, 3.0]));
        let mut image = Image::new(grid, vec![0.0; grid.len()]);
        for k in 0..dims[2] {
            for j in 0..dims[1] {
                for i in 0..dims[0] {
                    image.voxels_mut()[grid.offset([i, j, k])] = height(&grid, [i, j, k]);
                }
            }
        }
        image
    }

    fn height(grid: &Grid, index: [usize; 3]) -> f32 {
        let [x, y, z] = grid.affine.position_mm(index.map(|n| n as f64));
        (x + 10.0 * y - 5.0 * z) as f32
    }

    #[test]
    fn the_same_size_is_the_same_image() {
        let image = ramp([4, 3, 5]);
        for convention in CONVENTIONS {
            assert_eq!(resample_trilinear(&image, [4, 3, 5], convention), image);
            assert_eq!(resample_nearest(&image, [4, 3, 5], convention), image);
        }
    }

    #[test]
    fn a_linear_function_of_position_stays_one() {
        // Trilinear interpolation is exact on it, so this also checks the grid's affine. Samples beyond the outer voxel
        // centres are clamped there and left out.
        let image = ramp([6, 5, 7]);
        for convention in CONVENTIONS {
            for dims in [[3, 9, 4], [12, 5, 13], [5, 2, 7]] {
                let resampled = resample_trilinear(&image, dims, convention);
                let within = |index: [usize; 3]| {
                    (0..3).all(|axis| {
                        let at = convention.first(dims[axis], image.grid().dims[axis])
                            + index[axis] as f64 * convention.step(dims[axis], image.grid().dims[axis]);
                        (0.0..=image.grid().dims[axis] as f64 - 1.0).contains(&at)
                    })
                };
                for index in
                    (0..dims[2]).flat_map(|k| (0..dims[1]).flat_map(move |j| (0..dims[0]).map(move |i| [i, j, k])))
                {
                    if within(index) {
                        assert!((resampled.at(index) - height(resampled.grid(), index)).abs() < 1e-4, "{index:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn half_voxel_keeps_the_field_of_view() {
        let image = ramp([6, 5, 7]);
        let resampled = resample_nearest(&image, [3, 10, 7], Convention::HalfVoxel);
        assert_eq!(resampled.grid().affine.position_mm([-0.5; 3]), image.grid().affine.position_mm([-0.5; 3]));
        assert_eq!(
            resampled.grid().affine.position_mm([2.5, 9.5, 6.5]),
            image.grid().affine.position_mm([5.5, 4.5, 6.5])
        );
    }

    #[test]
    fn align_corners_keeps_the_outer_centres() {
        let image = ramp([6, 5, 7]);
        let resampled = resample_trilinear(&image, [4, 9, 3], Convention::AlignCorners);
        assert_eq!(resampled.at([0, 0, 0]), image.at([0, 0, 0]));
        assert_eq!(resampled.at([3, 8, 2]), image.at([5, 4, 6]));
    }

    #[test]
    fn twice_as_many_nearest_samples_repeat_every_voxel() {
        let image = ramp([2, 1, 1]);
        let doubled = resample_nearest(&image, [4, 1, 1], Convention::HalfVoxel);
        assert_eq!(doubled.voxels(), [0.0, 0.0, 1.0, 1.0]);
    }

    #[test]
    fn four_samples_between_two_voxels() {
        let image = ramp([2, 1, 1]); // values 0 and 1
        let at = |convention| resample_trilinear(&image, [4, 1, 1], convention).into_voxels();
        // Samples at -1/4 (clamped to 0), 1/4, 3/4 and 5/4 (clamped to 1).
        assert_eq!(at(Convention::HalfVoxel), [0.0, 0.25, 0.75, 1.0]);
        // Samples at 0, 1/3, 2/3 and 1.
        for (found, expected) in at(Convention::AlignCorners).into_iter().zip([0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]) {
            assert!((found - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn a_single_slice_can_be_stretched_and_a_stack_flattened() {
        for convention in CONVENTIONS {
            assert_eq!(resample_trilinear(&ramp([2, 2, 1]), [2, 2, 4], convention).at([1, 1, 3]), 21.0);
            assert_eq!(resample_nearest(&ramp([2, 2, 5]), [2, 2, 1], convention).grid().dims, [2, 2, 1]);
        }
    }

    #[test]
    fn the_number_of_voxels_follows_the_spacing() {
        let at = |mm| dims_at_spacing([240, 240, 48], SpacingMm([0.958, 0.958, 3.0]), SpacingMm([mm; 3]));
        // 240 * 0.958 = 229.92 mm; 48 * 3 = 144 mm.
        assert_eq!(at(1.0), [230, 230, 144]);
        assert_eq!(at(1000.0), [1, 1, 1]);
    }
}
