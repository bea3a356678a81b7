//! The qform: a rotation stored as three of the four components of a quaternion.

use super::geometry::{FIX_GEOMETRY, FieldProblem, invertible};
use super::header::{NiftiHeader, NiftiVersion};
use crate::Affine;

impl NiftiHeader {
    /// Returns the affine of the quaternion, the voxel sizes, qfac and the offset.
    ///
    /// Source: NIfTI-1.1 standard, "METHOD 2".
    pub(super) fn qform(&self) -> Result<Affine, FieldProblem> {
        self.qform_and_rounding().map(|[qform, ..]| qform)
    }

    /// Returns that affine, and those of the smallest and the largest rotation that round to the same header fields.
    pub(super) fn qform_and_rounding(&self) -> Result<[Affine; 3], FieldProblem> {
        let [i, j, k] = self.voxel_sizes()?;
        let handedness = if self.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
        let sizes = [i, j, k * handedness];
        let [itself, nearest, farthest] = self.rotations()?.map(|rotation| {
            let affine = Affine(std::array::from_fn(|row| {
                let edge = |axis: usize| rotation[row][axis] * sizes[axis];
                [edge(0), edge(1), edge(2), self.qoffset[row]]
            }));
            invertible(affine, "qoffset_x, qoffset_y, qoffset_z")
        });
        Ok([itself?, nearest?, farthest?])
    }

    /// Returns the relative uncertainty of the squared length of (b, c, d) due to rounding.
    fn rounding(&self) -> f64 {
        match self.version {
            NiftiVersion::One => f64::from(f32::EPSILON),
            NiftiVersion::Two => f64::EPSILON,
        }
    }

    /// Returns the rotation of the unit quaternion (a, b, c, d), whose a >= 0 is not stored; then those of the smallest
    /// and the largest a that rounding allows, since a is the root of a difference of almost equal numbers where it is
    /// small.
    ///
    /// A half turn has a = 0, and rounding makes b, c, d slightly too long or too short: below 1e-7, a squared is taken
    /// as 0. Source: `nifti_quatern_to_mat44` of nifti1_io.c, which ITK uses; nibabel 5.4.2 does so below 3.6e-7.
    fn rotations(&self) -> Result<[[[f64; 3]; 3]; 3], FieldProblem> {
        const HALF_TURN: f64 = 1e-7;
        let length_squared = self.quaternion_length_squared();
        if !length_squared.is_finite() || length_squared > 1.0 + 1e-5 {
            return Err(FieldProblem {
                field: "quatern_b, quatern_c, quatern_d",
                expected: "a vector no longer than 1".into(),
                found: format!("{:?}", self.quaternion),
                fix: FIX_GEOMETRY,
            });
        }
        let a_squared = 1.0 - length_squared;
        let itself = if a_squared < HALF_TURN { 0.0 } else { a_squared };
        let rounding = self.rounding() * length_squared;
        let open = [itself, a_squared - rounding, a_squared + rounding];
        Ok(open.map(|a_squared| rotation(a_squared.max(0.0), self.quaternion)))
    }

    fn quaternion_length_squared(&self) -> f64 {
        self.quaternion.iter().map(|x| x * x).sum()
    }

    /// Returns the header with a quaternion that every reader accepts. nibabel 5.4.2 rejects one whose squared length
    /// exceeds 1 by 3.6e-7.
    pub(super) fn with_unit_quaternion(mut self) -> NiftiHeader {
        let length_squared = self.quaternion_length_squared();
        if length_squared > 1.0 {
            self.quaternion = self.quaternion.map(|x| x / length_squared.sqrt());
        }
        self
    }
}

/// Returns the rotation of the quaternion with this a squared, the others scaled so that its length is 1.
pub(super) fn rotation(a_squared: f64, others: [f64; 3]) -> [[f64; 3]; 3] {
    let length_squared: f64 = others.iter().map(|x| x * x).sum();
    let scale = if length_squared > 0.0 { ((1.0 - a_squared).max(0.0) / length_squared).sqrt() } else { 0.0 };
    let a = if length_squared > 0.0 { a_squared.min(1.0).sqrt() } else { 1.0 };
    let [b, c, d] = others.map(|x| x * scale);
    [
        [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
        [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b)],
        [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Grid, SpacingMm, axis_codes};

    fn header() -> NiftiHeader {
        NiftiHeader::for_grid(&Grid::axis_aligned([10, 20, 30], SpacingMm([1.0, 2.0, 3.0])))
    }

    /// Returns the 32-bit quaternion of a rotation about the diagonal of the first two axes by half a turn minus a
    /// small angle.
    fn near_half_turn(angle: f64) -> NiftiHeader {
        let half = (std::f64::consts::PI - angle) / 2.0;
        let b = f64::from((half.sin() * 0.5f64.sqrt()) as f32);
        NiftiHeader { sform_code: 0, qform_code: 1, quaternion: [b, b, 0.0], dims: [250, 6, 6], ..header() }
    }

    #[test]
    fn a_half_turn_is_one_though_its_rounded_quaternion_is_too_short() {
        // 0.70710677 twice: the squared length is 1 minus 1.4e-8, whose root would move the far end by 0.05 mm.
        let affine = near_half_turn(0.0).grid().unwrap().0.affine;
        assert_eq!(axis_codes(&affine), "ARI");
        let far = affine.position_mm([249.0, 0.0, 0.0]);
        assert!(far[0].abs() < 1e-9 && (far[1] - 249.0).abs() < 1e-9 && far[2].abs() < 1e-9, "{far:?}");
    }

    #[test]
    fn a_qform_rounded_from_the_sform_is_no_other_place_near_a_half_turn_either() {
        for step in 0..200 {
            let angle = f64::from(step) * 2e-5;
            let header = near_half_turn(angle);
            let (sine, cosine) =
                (((std::f64::consts::PI - angle) / 2.0).sin(), ((std::f64::consts::PI - angle) / 2.0).cos());
            let exact = rotation(cosine * cosine, [sine * 0.5f64.sqrt(), sine * 0.5f64.sqrt(), 0.0]);
            let srow = std::array::from_fn(|row| {
                [exact[row][0], exact[row][1] * 2.0, exact[row][2] * 3.0, 0.0].map(|x| f64::from(x as f32))
            });
            let both = NiftiHeader { sform_code: 1, srow, ..header };
            assert_eq!(both.grid().unwrap().1, [], "{angle}");
            let moved = NiftiHeader { qoffset: [1.0, 0.0, 0.0], ..both };
            assert_eq!(moved.grid().unwrap().1.len(), 1, "{angle}");
        }
    }

    #[test]
    fn a_written_quaternion_is_no_longer_than_nibabel_allows() {
        let long = NiftiHeader { quaternion: [0.0, 0.0, 1.000_002], ..header() }.with_unit_quaternion();
        let stored: f64 = long.quaternion.iter().map(|&x| f64::from(x as f32).powi(2)).sum();
        assert!(stored - 1.0 < 3.0 * f64::from(f32::EPSILON));
        let short = NiftiHeader { quaternion: [0.1, 0.2, 0.3], ..header() };
        assert_eq!(short.clone().with_unit_quaternion(), short);
    }
}
