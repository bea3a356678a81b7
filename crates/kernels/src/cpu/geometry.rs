//! The geometry of a convolution: which voxels each tap connects.
//!
//! A convolution connects two grids: the *wide* one it reads and the *narrow* one it writes. Tap `t` ties narrow `o` to
//! wide `i = o stride + t dilation - padding` on each axis. The data gradient and the transposed convolution use the
//! same ties in the opposite direction, and the weight gradient sums over them.

/// The two grids of a convolution and the ties between them; axes in the order (D, H, W).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// The number of volumes in the batch.
    pub batch: usize,
    /// The grid that a convolution reads and a transposed convolution writes.
    pub wide: [usize; 3],
    /// The grid that a convolution writes and a transposed convolution reads.
    pub narrow: [usize; 3],
    /// The number of taps along each axis.
    pub kernel: [usize; 3],
    /// The number of wide voxels between neighbouring narrow voxels.
    pub stride: [usize; 3],
    /// The number of zeros assumed around the wide grid.
    pub padding: [usize; 3],
    /// The number of wide voxels between neighbouring taps.
    pub dilation: [usize; 3],
}

/// The direction of a computation between the two grids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Computes the narrow grid from the wide one: a convolution.
    Correlate,
    /// Computes the wide grid from the narrow one: a data gradient or a transposed convolution.
    Adjoint,
}

impl Direction {
    /// Returns the other direction.
    pub fn reversed(self) -> Self {
        match self {
            Self::Correlate => Self::Adjoint,
            Self::Adjoint => Self::Correlate,
        }
    }
}

impl Geometry {
    /// Returns the geometry of a convolution of the grid `wide`.
    ///
    /// # Panics
    /// If the kernel reaches beyond the padded grid, or a stride or dilation is 0.
    pub fn of_convolution(batch: usize, wide: [usize; 3], kernel: [usize; 3], options: &crate::Conv3dOptions) -> Self {
        let crate::Conv3dOptions { stride, padding, dilation } = *options;
        let narrow = std::array::from_fn(|axis| {
            assert!(stride[axis] > 0 && dilation[axis] > 0, "stride and dilation must be at least 1");
            let reach = dilation[axis] * (kernel[axis] - 1) + 1;
            let padded = wide[axis] + 2 * padding[axis];
            assert!(reach <= padded, "the kernel reaches {reach} voxels, the padded input has {padded}");
            (padded - reach) / stride[axis] + 1
        });
        Self { batch, wide, narrow, kernel, stride, padding, dilation }
    }

    /// Returns the geometry of a transposed convolution of the grid `narrow`, without padding or dilation.
    pub fn of_transposed(batch: usize, narrow: [usize; 3], kernel: [usize; 3], stride: [usize; 3]) -> Self {
        let wide = std::array::from_fn(|axis| (narrow[axis] - 1) * stride[axis] + kernel[axis]);
        Self { batch, wide, narrow, kernel, stride, padding: [0; 3], dilation: [1; 3] }
    }

    /// Returns the number of taps of the whole kernel.
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Returns the grid that `direction` reads.
    pub fn source(&self, direction: Direction) -> [usize; 3] {
        match direction {
            Direction::Correlate => self.wide,
            Direction::Adjoint => self.narrow,
        }
    }

    /// Returns the grid that `direction` writes.
    pub fn target(&self, direction: Direction) -> [usize; 3] {
        match direction {
            Direction::Correlate => self.narrow,
            Direction::Adjoint => self.wide,
        }
    }

    /// Returns the wide coordinate that `tap` ties to coordinate `narrow`; `None` if it lies in the padding.
    pub fn wide_of(&self, axis: usize, narrow: usize, tap: usize) -> Option<usize> {
        let padded = narrow * self.stride[axis] + tap * self.dilation[axis];
        padded.checked_sub(self.padding[axis]).filter(|&wide| wide < self.wide[axis])
    }

    /// Returns the narrow coordinate that `tap` ties to coordinate `wide`, if there is one.
    pub fn narrow_of(&self, axis: usize, wide: usize, tap: usize) -> Option<usize> {
        let scaled = (wide + self.padding[axis]).checked_sub(tap * self.dilation[axis])?;
        let narrow = scaled / self.stride[axis];
        (scaled % self.stride[axis] == 0 && narrow < self.narrow[axis]).then_some(narrow)
    }

    /// Returns the (tap, source coordinate) pairs that target coordinate `target` sums over, source ascending.
    ///
    /// In the adjoint direction taps are counted from the last, so that both ascend.
    pub fn reach(&self, direction: Direction, axis: usize, target: usize) -> Vec<(usize, usize)> {
        let taps = 0..self.kernel[axis];
        match direction {
            Direction::Correlate => taps.filter_map(|tap| Some((tap, self.wide_of(axis, target, tap)?))).collect(),
            Direction::Adjoint => taps
                .filter_map(|flipped| {
                    let tap = self.kernel[axis] - 1 - flipped;
                    Some((flipped, self.narrow_of(axis, target, tap)?))
                })
                .collect(),
        }
    }
}

/// Returns the number of voxels of a grid.
pub fn voxels(grid: [usize; 3]) -> usize {
    grid.iter().product()
}

/// Returns the row-major index of a voxel.
pub fn voxel_index(grid: [usize; 3], [d, h, w]: [usize; 3]) -> usize {
    (d * grid[1] + h) * grid[2] + w
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_state_the_same_ties() {
        for (stride, padding, dilation) in [(1, 1, 1), (2, 1, 1), (1, 4, 4), (3, 2, 2), (2, 0, 1)] {
            let options = crate::Conv3dOptions { stride: [stride; 3], padding: [padding; 3], dilation: [dilation; 3] };
            let geometry = Geometry::of_convolution(1, [7, 8, 9], [3; 3], &options);
            for axis in 0..3 {
                let forward = (0..geometry.narrow[axis]).flat_map(|narrow| {
                    let reach = geometry.reach(Direction::Correlate, axis, narrow);
                    reach.into_iter().map(move |(tap, wide)| (wide, tap, narrow))
                });
                let backward = (0..geometry.wide[axis]).flat_map(|wide| {
                    let reach = geometry.reach(Direction::Adjoint, axis, wide);
                    reach.into_iter().map(move |(flipped, narrow)| (wide, 2 - flipped, narrow))
                });
                let sorted = |ties: Vec<(usize, usize, usize)>| {
                    let mut ties = ties;
                    ties.sort();
                    ties
                };
                assert_eq!(sorted(forward.collect()), sorted(backward.collect()));
            }
        }
    }

    #[test]
    fn a_dilated_kernel_on_a_small_grid_touches_few_voxels() {
        // Dilation 4, padding 4 on 8 voxels: voxel 0 reaches -4, 0, 4; voxel 7 reaches 3, 7, 11.
        let options = crate::Conv3dOptions { stride: [1; 3], padding: [4; 3], dilation: [4; 3] };
        let geometry = Geometry::of_convolution(1, [8; 3], [3; 3], &options);
        assert_eq!(geometry.reach(Direction::Correlate, 0, 0), [(1, 0), (2, 4)]);
        assert_eq!(geometry.reach(Direction::Correlate, 0, 7), [(0, 3), (1, 7)]);
    }
}
