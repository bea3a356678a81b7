//! Voxels on a grid.

use crate::Grid;

/// Voxels on a grid, `i` fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Image<T> {
    grid: Grid,
    voxels: Vec<T>,
}

/// An image of intensities.
pub type Volume = Image<f32>;

/// An image of label numbers, as the file gave them.
pub type LabelMap = Image<u16>;

/// An image of class numbers, as a label table made them of label numbers; [`IGNORED`] is no class.
pub type ClassMap = Image<u8>;

/// The class number of a voxel that counts nowhere: not in a loss, not in a score.
pub const IGNORED: u8 = 255;

impl<T> Image<T> {
    /// # Panics
    /// If the number of voxels is not the grid's.
    pub fn new(grid: Grid, voxels: Vec<T>) -> Image<T> {
        assert_eq!(voxels.len(), grid.len(), "an image has one value per voxel of its grid");
        Image { grid, voxels }
    }

    /// Where the voxels lie.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The values, `i` fastest.
    pub fn voxels(&self) -> &[T] {
        &self.voxels
    }

    /// The values, `i` fastest, to be changed in place.
    pub fn voxels_mut(&mut self) -> &mut [T] {
        &mut self.voxels
    }

    /// The values alone.
    pub fn into_voxels(self) -> Vec<T> {
        self.voxels
    }

    /// The same grid with every value mapped.
    pub fn map<U>(&self, value: impl Fn(&T) -> U) -> Image<U> {
        Image { grid: self.grid, voxels: self.voxels.iter().map(value).collect() }
    }
}

impl<T: Copy> Image<T> {
    /// The value at voxel `(i, j, k)`.
    pub fn at(&self, index: [usize; 3]) -> T {
        self.voxels[self.grid.offset(index)]
    }
}
