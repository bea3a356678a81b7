//! Directions of the voxel axes, and images with permuted and reversed axes.
//!
//! The closest canonical order follows nibabel's `io_orientation`: shears are removed from the affine by its polar
//! decomposition, then each voxel axis, in the order of how clearly it is aligned, is assigned the world axis that it
//! changes most. No voxel is interpolated.

use crate::geometry::inverse;
use crate::{Affine, Grid, Image};
use serde::{Deserialize, Serialize};

/// A permutation of the three axes with reversals: new axis `a` is old axis `source[a]`, reversed if `reversed[a]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AxisOrder {
    /// For each new axis, the index of the old axis.
    pub source: [usize; 3],
    /// For each new axis, whether it is reversed.
    pub reversed: [bool; 3],
}

impl AxisOrder {
    /// The identity: no axis is permuted or reversed.
    pub const UNCHANGED: AxisOrder = AxisOrder { source: [0, 1, 2], reversed: [false; 3] };

    /// The exchange of the first and the last axis: an image stored as (i, j, k) with i fastest becomes the row-major
    /// array `[i][j][k]`.
    pub const TRANSPOSED: AxisOrder = AxisOrder { source: [2, 1, 0], reversed: [false; 3] };

    /// Returns the inverse of this order.
    pub fn inverse(&self) -> AxisOrder {
        let mut inverse = AxisOrder::UNCHANGED;
        for (new, &old) in self.source.iter().enumerate() {
            inverse.source[old] = new;
            inverse.reversed[old] = self.reversed[new];
        }
        inverse
    }

    /// Returns the numbers of voxels after reordering.
    pub fn dims(&self, dims: [usize; 3]) -> [usize; 3] {
        self.source.map(|old| dims[old])
    }

    /// Returns the old index of a voxel of the reordered image; `dims` are the old ones.
    pub(crate) fn old_index(&self, new_index: [usize; 3], dims: [usize; 3]) -> [usize; 3] {
        let mut old_index = [0; 3];
        for (new, &old) in self.source.iter().enumerate() {
            old_index[old] = if self.reversed[new] { dims[old] - 1 - new_index[new] } else { new_index[new] };
        }
        old_index
    }
}

/// Returns the letters of the directions in which i, j and k increase, for example `RAS` or `PSR`.
pub fn axis_codes(affine: &Affine) -> String {
    const LETTERS: [[char; 2]; 3] = [['R', 'L'], ['A', 'P'], ['S', 'I']];
    let directions = world_directions(affine);
    directions.iter().map(|&(world, backwards)| LETTERS[world][usize::from(backwards)]).collect()
}

/// Returns the order that brings an image as close to RAS as permuting and reversing can.
pub fn canonical_order(affine: &Affine) -> AxisOrder {
    let mut order = AxisOrder::UNCHANGED;
    for (voxel_axis, (world, backwards)) in world_directions(affine).into_iter().enumerate() {
        order.source[world] = voxel_axis;
        order.reversed[world] = backwards;
    }
    order
}

/// Returns the same voxels with permuted and reversed axes; every voxel keeps its world position.
pub fn reorder<T: Copy>(image: &Image<T>, order: &AxisOrder) -> Image<T> {
    if *order == AxisOrder::UNCHANGED {
        return image.clone();
    }
    let grid = reorder_grid(image.grid(), order);
    let old_dims = image.grid().dims;
    let mut voxels = Vec::with_capacity(grid.len());
    for k in 0..grid.dims[2] {
        for j in 0..grid.dims[1] {
            voxels.extend((0..grid.dims[0]).map(|i| image.at(order.old_index([i, j, k], old_dims))));
        }
    }
    Image::new(grid, voxels)
}

fn reorder_grid(grid: &Grid, order: &AxisOrder) -> Grid {
    let mut axes = [[0.0; 3]; 3];
    let mut offset = [0.0; 3];
    for (new, &old) in order.source.iter().enumerate() {
        axes[old][new] = if order.reversed[new] { -1.0 } else { 1.0 };
        offset[old] = if order.reversed[new] { grid.dims[old] as f64 - 1.0 } else { 0.0 };
    }
    Grid { dims: order.dims(grid.dims), affine: grid.affine.of_sublattice(axes, offset) }
}

/// Returns, for each voxel axis, the index of the closest world axis and whether it runs against it.
fn world_directions(affine: &Affine) -> [(usize, bool); 3] {
    let mut rotation = closest_rotation(affine);
    let strength = |m: &[[f64; 3]; 3], axis: usize| m.iter().map(|row| row[axis] * row[axis]).fold(0.0, f64::max);
    let mut voxel_axes = [0, 1, 2];
    // A stable sort: of equally aligned axes the first one chooses first, as in nibabel.
    voxel_axes.sort_by(|&a, &b| strength(&rotation, b).total_cmp(&strength(&rotation, a)));
    let mut directions = [(0, false); 3];
    let mut taken = [false; 3];
    for axis in voxel_axes {
        let world = strongest_row(&rotation, axis, &taken);
        directions[axis] = (world, rotation[world][axis] < 0.0);
        taken[world] = true;
        rotation[world] = [0.0; 3];
    }
    directions
}

/// Returns the first free row in which a column is largest.
fn strongest_row(m: &[[f64; 3]; 3], column: usize, taken: &[bool; 3]) -> usize {
    let free = (0..3).filter(|&row| !taken[row]);
    free.reduce(|best, row| if m[row][column].abs() > m[best][column].abs() { row } else { best })
        .expect("three axes choose among three rows")
}

/// Returns the orthogonal factor of the affine's polar decomposition, voxel edges scaled to length 1.
///
/// Newton's iteration `X <- (X + X^-T) / 2`. Source: Higham, "Computing the Polar Decomposition", 1986. It converges
/// quadratically; 60 steps reach f64's precision from any matrix that [`inverse`] accepts.
fn closest_rotation(affine: &Affine) -> [[f64; 3]; 3] {
    let spacing = affine.spacing().0;
    let mut x = affine.edges().map(|row| std::array::from_fn(|axis| row[axis] / spacing[axis]));
    for _ in 0..60 {
        let Some(inverted) = inverse(x) else { return x };
        let next: [[f64; 3]; 3] = std::array::from_fn(|r| std::array::from_fn(|c| 0.5 * (x[r][c] + inverted[c][r])));
        let change = (0..9).map(|n| (next[n / 3][n % 3] - x[n / 3][n % 3]).abs()).fold(0.0, f64::max);
        x = next;
        if change < 1e-15 {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SpacingMm;

    fn orders() -> impl Iterator<Item = AxisOrder> {
        let permutations = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        permutations.into_iter().flat_map(|source| {
            (0..8).map(move |bits: usize| AxisOrder { source, reversed: [bits & 1 == 1, bits & 2 == 2, bits & 4 == 4] })
        })
    }

    fn numbered(dims: [usize; 3]) -> Image<u16> {
        let grid = Grid::axis_aligned(dims, SpacingMm([1.0, 2.0, 3.0]));
        Image::new(grid, (0..grid.len() as u16).collect())
    }

    #[test]
    fn every_order_is_undone_by_its_inverse() {
        let image = numbered([2, 3, 4]);
        for order in orders() {
            assert_eq!(reorder(&reorder(&image, &order), &order.inverse()), image, "{order:?}");
        }
    }

    #[test]
    fn every_reordered_image_comes_back_to_ras() {
        let image = numbered([2, 3, 4]);
        for order in orders() {
            let turned = reorder(&image, &order);
            assert_eq!(reorder(&turned, &canonical_order(&turned.grid().affine)), image, "{order:?}");
        }
    }

    #[test]
    fn a_reordered_voxel_keeps_its_place_in_the_world() {
        let image = numbered([2, 3, 4]);
        let coordinates_of = |image: &Image<u16>, value: u16| {
            let at = image.voxels().iter().position(|&voxel| voxel == value).unwrap();
            let [ni, nj, _] = image.grid().dims;
            image.grid().affine.position_mm([(at % ni) as f64, (at / ni % nj) as f64, (at / (ni * nj)) as f64])
        };
        for order in orders() {
            let turned = reorder(&image, &order);
            for value in 0..24 {
                assert_eq!(coordinates_of(&turned, value), coordinates_of(&image, value), "{order:?}");
            }
        }
    }

    #[test]
    fn letters_name_the_direction_in_which_an_index_grows() {
        // i to the back, j up, k to the right.
        let affine = Affine([[0.0, 0.0, 2.0, 0.0], [-2.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]]);
        assert_eq!(axis_codes(&affine), "PSR");
        assert_eq!(canonical_order(&affine), AxisOrder { source: [2, 0, 1], reversed: [false, true, false] });
    }

    #[test]
    fn a_tilted_affine_takes_the_nearest_axes() {
        // Rotated by 30 degrees about x: j still runs mostly to the front, k mostly up.
        let (sin, cos) = 30f64.to_radians().sin_cos();
        let affine = Affine([[-1.0, 0.0, 0.0, 9.0], [0.0, cos, -sin, 0.0], [0.0, sin, cos, 0.0]]);
        assert_eq!(axis_codes(&affine), "LAS");
    }

    #[test]
    fn the_last_axis_becomes_the_fastest_when_transposed() {
        let image = numbered([2, 3, 4]);
        let rows = reorder(&image, &AxisOrder::TRANSPOSED).into_voxels();
        for i in 0..2 {
            for j in 0..3 {
                for k in 0..4 {
                    assert_eq!(rows[(i * 3 + j) * 4 + k], image.at([i, j, k]));
                }
            }
        }
    }
}
