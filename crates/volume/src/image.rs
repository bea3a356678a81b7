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

/// An image of label numbers, as stored in the file.
pub type LabelMap = Image<u16>;

/// An image of class numbers, which a label table derives from label numbers; [`IGNORED`] is not a class.
pub type ClassMap = Image<u8>;

/// The class number of an ignored voxel, which enters no loss and no score.
pub const IGNORED: u8 = 255;

impl<T> Image<T> {
    /// Creates an image from voxels with `i` fastest.
    ///
    /// # Panics
    /// If the number of voxels is not that of the grid.
    pub fn new(grid: Grid, voxels: Vec<T>) -> Image<T> {
        assert_eq!(voxels.len(), grid.len(), "an image has one value per voxel of its grid");
        Image { grid, voxels }
    }

    /// Returns the grid of the voxels.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Returns the values, `i` fastest.
    pub fn voxels(&self) -> &[T] {
        &self.voxels
    }

    /// Returns the values, `i` fastest, mutably.
    pub fn voxels_mut(&mut self) -> &mut [T] {
        &mut self.voxels
    }

    /// Returns the values, `i` fastest, without the grid.
    pub fn into_voxels(self) -> Vec<T> {
        self.voxels
    }

    /// Returns an image on the same grid with a function applied to every value.
    pub fn map<U>(&self, value: impl Fn(&T) -> U) -> Image<U> {
        Image { grid: self.grid, voxels: self.voxels.iter().map(value).collect() }
    }
}

impl<T: Copy> Image<T> {
    /// Returns the value at voxel `(i, j, k)`.
    pub fn at(&self, index: [usize; 3]) -> T {
        self.voxels[self.grid.offset(index)]
    }
}
