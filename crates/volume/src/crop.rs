//! Boxes of voxels: bounding boxes, cropping, and the inverse of cropping.

use crate::{Grid, Image};
use serde::{Deserialize, Serialize};

/// A box of voxels within a grid, in the grid's own axes (i, j, k).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoxelBox {
    /// The index of its first voxel.
    pub start: [usize; 3],
    /// The number of voxels along each axis.
    pub dims: [usize; 3],
}

impl VoxelBox {
    /// Returns the box that covers the whole grid.
    pub fn whole(grid: &Grid) -> VoxelBox {
        VoxelBox { start: [0; 3], dims: grid.dims }
    }

    /// Returns whether voxel `(i, j, k)` lies in the box.
    pub fn contains(&self, index: [usize; 3]) -> bool {
        (0..3).all(|axis| (self.start[axis]..self.start[axis] + self.dims[axis]).contains(&index[axis]))
    }

    /// Returns the smallest box that contains both boxes.
    pub fn union(&self, other: &VoxelBox) -> VoxelBox {
        let start = std::array::from_fn(|axis| self.start[axis].min(other.start[axis]));
        let end = |axis: usize| (self.start[axis] + self.dims[axis]).max(other.start[axis] + other.dims[axis]);
        VoxelBox { start, dims: std::array::from_fn(|axis| end(axis) - start[axis]) }
    }
}

/// Returns the smallest box that contains every voxel for which `inside` is true; `None` if there is none.
pub fn bounding_box<T: Copy>(image: &Image<T>, inside: impl Fn(T) -> bool) -> Option<VoxelBox> {
    let [ni, nj, nk] = image.grid().dims;
    let mut found: Option<VoxelBox> = None;
    for k in 0..nk {
        for j in 0..nj {
            let row = image.grid().offset([0, j, k]);
            let row = &image.voxels()[row..row + ni];
            let Some(first) = row.iter().position(|&voxel| inside(voxel)) else { continue };
            let last = row.iter().rposition(|&voxel| inside(voxel)).unwrap_or(first);
            let span = VoxelBox { start: [first, j, k], dims: [last - first + 1, 1, 1] };
            found = Some(found.map_or(span, |so_far| so_far.union(&span)));
        }
    }
    found
}

/// Returns the voxels of a box as an image whose affine keeps their world positions.
///
/// # Panics
/// If the box reaches beyond the grid.
pub fn crop<T: Copy>(image: &Image<T>, part: &VoxelBox) -> Image<T> {
    const STEPS: [[f64; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let affine = image.grid().affine.of_sublattice(STEPS, part.start.map(|start| start as f64));
    let mut voxels = Vec::with_capacity(part.dims.iter().product());
    for row in rows(image.grid(), part) {
        voxels.extend_from_slice(&image.voxels()[row..row + part.dims[0]]);
    }
    Image::new(Grid { dims: part.dims, affine }, voxels)
}

/// Iterates over the offset in the grid's storage of the first voxel of each row of a box.
fn rows(grid: &Grid, part: &VoxelBox) -> impl Iterator<Item = usize> {
    let fits = (0..3).all(|axis| part.start[axis] + part.dims[axis] <= grid.dims[axis]);
    assert!(fits, "the box must lie within its grid");
    let (grid, [start_i, start_j, start_k], [_, nj, nk]) = (*grid, part.start, part.dims);
    (start_k..start_k + nk)
        .flat_map(move |k| (start_j..start_j + nj).map(move |j| start_i + grid.dims[0] * (j + grid.dims[1] * k)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SpacingMm;

    fn image_with(set: &[[usize; 3]]) -> Image<u8> {
        let grid = Grid::axis_aligned([5, 6, 7], SpacingMm([1.0, 2.0, 3.0]));
        let mut image = Image::new(grid, vec![0; grid.len()]);
        for &index in set {
            image.voxels_mut()[grid.offset(index)] = 9;
        }
        image
    }

    #[test]
    fn a_crop_to_the_foreground_holds_every_voxel_of_its_box() {
        let image = image_with(&[[1, 2, 3], [3, 2, 5]]);
        let part = bounding_box(&image, |voxel| voxel > 0).unwrap();
        assert_eq!(part, VoxelBox { start: [1, 2, 3], dims: [3, 1, 3] });
        let cropped = crop(&image, &part);
        for (index, voxel) in
            (0..3).flat_map(|k| (0..3).map(move |i| [i, 0, k])).map(|index| (index, cropped.at(index)))
        {
            assert_eq!(voxel, image.at([index[0] + 1, 2, index[2] + 3]), "{index:?}");
        }
    }

    #[test]
    fn a_cropped_voxel_keeps_its_place_in_the_world() {
        let image = image_with(&[[1, 2, 3]]);
        let cropped = crop(&image, &VoxelBox { start: [1, 2, 3], dims: [2, 2, 2] });
        assert_eq!(cropped.at([0, 0, 0]), 9);
        assert_eq!(cropped.grid().affine.position_mm([0.0; 3]), image.grid().affine.position_mm([1.0, 2.0, 3.0]));
    }

    #[test]
    fn an_image_without_foreground_has_no_box() {
        assert_eq!(bounding_box(&image_with(&[]), |voxel| voxel > 0), None);
    }

    #[test]
    fn opposite_corners_span_the_whole_grid() {
        let image = image_with(&[[0, 5, 0], [4, 0, 6]]);
        assert_eq!(bounding_box(&image, |voxel| voxel > 0), Some(VoxelBox::whole(image.grid())));
    }
}
