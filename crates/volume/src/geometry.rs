//! Where voxels lie: dimensions, affine, spacing.

use serde::{Deserialize, Serialize};

/// Distance between neighbouring voxel centres along i, j and k, in millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpacingMm(pub [f64; 3]);

/// The map from voxel index to RAS+ millimetres: three rows of `[m_i, m_j, m_k, offset]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affine(pub [[f64; 4]; 3]);

impl Affine {
    /// An axis-aligned affine: i to the right, j to the front, k up, voxel (0,0,0) at the origin.
    pub fn from_spacing(spacing: SpacingMm) -> Affine {
        let [i, j, k] = spacing.0;
        Affine([[i, 0.0, 0.0, 0.0], [0.0, j, 0.0, 0.0], [0.0, 0.0, k, 0.0]])
    }

    /// The position of a (possibly fractional) voxel index, in RAS+ millimetres.
    pub fn position_mm(&self, index: [f64; 3]) -> [f64; 3] {
        self.0.map(|row| row[0] * index[0] + row[1] * index[1] + row[2] * index[2] + row[3])
    }

    /// The lengths of the three voxel edges.
    pub fn spacing(&self) -> SpacingMm {
        let edge = |axis: usize| self.0.iter().map(|row| row[axis] * row[axis]).sum::<f64>().sqrt();
        SpacingMm([edge(0), edge(1), edge(2)])
    }
}

/// The lattice an image is sampled on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid {
    /// Number of voxels along i, j and k.
    pub dims: [usize; 3],
    /// Voxel index to RAS+ millimetres.
    pub affine: Affine,
}

impl Grid {
    /// A grid with the given voxel edges and no rotation.
    pub fn axis_aligned(dims: [usize; 3], spacing: SpacingMm) -> Grid {
        Grid { dims, affine: Affine::from_spacing(spacing) }
    }

    /// Number of voxels.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// Whether the grid has no voxel.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where voxel `(i, j, k)` is stored.
    pub fn offset(&self, [i, j, k]: [usize; 3]) -> usize {
        debug_assert!(i < self.dims[0] && j < self.dims[1] && k < self.dims[2]);
        i + self.dims[0] * (j + self.dims[1] * k)
    }
}
