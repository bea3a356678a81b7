//! The geometry of an image: dimensions, affine, spacing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Distance between neighbouring voxel centres along i, j and k, in millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpacingMm(pub [f64; 3]);

/// The map from voxel index to RAS+ millimetres: three rows of `[m_i, m_j, m_k, offset]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affine(pub [[f64; 4]; 3]);

impl Affine {
    /// Returns an axis-aligned affine: i to the right, j to the front, k up, voxel (0,0,0) at the origin.
    pub fn from_spacing(spacing: SpacingMm) -> Affine {
        let [i, j, k] = spacing.0;
        Affine([[i, 0.0, 0.0, 0.0], [0.0, j, 0.0, 0.0], [0.0, 0.0, k, 0.0]])
    }

    /// Returns the position of a (possibly fractional) voxel index, in RAS+ millimetres.
    pub fn position_mm(&self, index: [f64; 3]) -> [f64; 3] {
        self.0.map(|row| row[0] * index[0] + row[1] * index[1] + row[2] * index[2] + row[3])
    }

    /// Returns the lengths of the three voxel edges in millimetres.
    pub fn spacing(&self) -> SpacingMm {
        let edge = |axis: usize| self.0.iter().map(|row| row[axis] * row[axis]).sum::<f64>().sqrt();
        SpacingMm([edge(0), edge(1), edge(2)])
    }

    /// Returns the affine of a lattice whose index `n` lies at `offset + axes * n` of this one's indices.
    ///
    /// `axes[r][c]` is the distance along old axis `r` of a step along new axis `c`, in old voxels.
    pub(crate) fn of_sublattice(&self, axes: [[f64; 3]; 3], offset: [f64; 3]) -> Affine {
        let origin_mm = self.position_mm(offset);
        Affine(std::array::from_fn(|row| {
            let column = |c: usize| (0..3).map(|r| self.0[row][r] * axes[r][c]).sum::<f64>();
            [column(0), column(1), column(2), origin_mm[row]]
        }))
    }

    /// Returns the voxel edges as vectors in mm, one per column, without the offset.
    pub(crate) fn edges(&self) -> [[f64; 3]; 3] {
        self.0.map(|[i, j, k, _]| [i, j, k])
    }
}

/// Returns the inverse of a 3x3 matrix; `None` if a row is not finite or the determinant is negligible.
pub(crate) fn inverse(m: [[f64; 3]; 3]) -> Option<[[f64; 3]; 3]> {
    let minor = |r: usize, c: usize| {
        let [r1, r2, c1, c2] = [(r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3];
        m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
    };
    let determinant: f64 = (0..3).map(|c| m[0][c] * minor(0, c)).sum();
    // Relative to the edges' lengths, so that the result does not depend on the unit of length.
    let lengths: f64 = (0..3).map(|c| (0..3).map(|r| m[r][c] * m[r][c]).sum::<f64>().sqrt()).product();
    let invertible = determinant.is_finite() && lengths.is_finite() && determinant.abs() > 1e-9 * lengths;
    invertible.then(|| std::array::from_fn(|r| std::array::from_fn(|c| minor(c, r) / determinant)))
}

/// The lattice of voxel centres that an image is sampled on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// The numbers of voxels along i, j and k.
    pub dims: [usize; 3],
    /// The map from voxel index to RAS+ millimetres.
    pub affine: Affine,
}

impl Grid {
    /// Returns a grid with the given voxel edges and no rotation.
    pub fn axis_aligned(dims: [usize; 3], spacing: SpacingMm) -> Grid {
        Grid { dims, affine: Affine::from_spacing(spacing) }
    }

    /// Returns the number of voxels.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Returns whether the grid has no voxels.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the largest distance between a corner voxel of this grid and the same corner of another, in millimetres;
    /// infinite if the grids differ in their numbers of voxels.
    pub fn distance_mm(&self, other: &Grid) -> f64 {
        if self.dims != other.dims {
            return f64::INFINITY;
        }
        let corner = |number: usize| {
            std::array::from_fn(|axis| if number >> axis & 1 == 1 { self.dims[axis] as f64 - 1.0 } else { 0.0 })
        };
        (0..8)
            .map(|number| distance(self.affine.position_mm(corner(number)), other.affine.position_mm(corner(number))))
            .fold(0.0, f64::max)
    }

    /// Returns the offset of voxel `(i, j, k)` in storage.
    pub fn offset(&self, [i, j, k]: [usize; 3]) -> usize {
        debug_assert!(i < self.dims[0] && j < self.dims[1] && k < self.dims[2]);
        i + self.dims[0] * (j + self.dims[1] * k)
    }
}

fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_times_its_inverse_is_the_identity() {
        let m = [[0.0, 2.0, 0.5], [-1.5, 0.1, 0.0], [0.2, 0.0, 3.0]];
        let inverted = inverse(m).unwrap();
        for (r, row) in m.iter().enumerate() {
            for c in 0..3 {
                let product: f64 = row.iter().zip(&inverted).map(|(left, right)| left * right[c]).sum();
                assert!((product - if r == c { 1.0 } else { 0.0 }).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_flat_or_unbounded_matrix_has_no_inverse() {
        assert_eq!(inverse([[1.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 1.0]]), None);
        assert_eq!(inverse([[0.0; 3]; 3]), None);
        assert_eq!(inverse([[f64::NAN; 3]; 3]), None);
        assert_eq!(inverse([[1e200, 0.0, 0.0], [0.0, 1e200, 0.0], [0.0, 0.0, 1.0]]), None);
    }

    #[test]
    fn micrometre_voxels_are_not_flat() {
        assert!(inverse([[1e-6, 0.0, 0.0], [0.0, 1e-6, 0.0], [0.0, 0.0, 1e-6]]).is_some());
    }

    #[test]
    fn a_grid_is_no_distance_from_itself_and_far_from_another_size() {
        let grid = Grid::axis_aligned([3, 4, 5], SpacingMm([1.0, 2.0, 3.0]));
        assert_eq!(grid.distance_mm(&grid), 0.0);
        let taller = Grid { dims: [3, 4, 6], ..grid };
        assert_eq!(grid.distance_mm(&taller), f64::INFINITY);
    }

    #[test]
    fn a_coarser_spacing_moves_only_the_far_corner() {
        // Along k: 4 steps of 3 mm and 4 steps of 3.5 mm, so 2 mm apart at the far end.
        let grid = |k_mm| Grid::axis_aligned([3, 4, 5], SpacingMm([1.0, 2.0, k_mm]));
        assert_eq!(grid(3.0).distance_mm(&grid(3.5)), 2.0);
    }
}
