//! The grid of a NIfTI file: from its sform, else its qform, else its voxel sizes only.

use super::header::{NiftiHeader, NiftiVersion};
use super::notice::{Lying, Notice, Sizes};
use crate::geometry::inverse;
use crate::{Affine, Grid};

/// A field with an invalid value; the reader adds the path.
#[derive(Debug, PartialEq)]
pub(super) struct FieldProblem {
    pub(super) field: &'static str,
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) fix: &'static str,
}

pub(super) const FIX_GEOMETRY: &str = "set the geometry anew with a tool that edits NIfTI headers";

/// Grids closer than this are equal, in mm: 32-bit header fields are not more exact.
const SAME_GRID_MM: f64 = 1e-3;

/// Returns the distance in mm up to which grids are equal, for voxels that may be smaller than that: at most a tenth of
/// the shortest voxel edge.
pub(super) fn same_grid_mm(grid: &Grid) -> f64 {
    grid.affine.spacing().0.into_iter().fold(SAME_GRID_MM, |least, edge| least.min(0.1 * edge))
}

/// Cosines up to this are attributed to the rounding of 32-bit header fields.
const RIGHT_ANGLE_COSINE: f64 = 1e-4;

impl NiftiHeader {
    /// Returns a NIfTI-1 header for a grid, its affine in the sform (code 2, aligned).
    pub(super) fn for_grid(grid: &Grid) -> NiftiHeader {
        let [i, j, k] = grid.affine.spacing().0;
        NiftiHeader {
            version: NiftiVersion::One,
            dims: grid.dims,
            pixdim: [1.0, i, j, k],
            xyzt_units: 2,
            qform_code: 0,
            quaternion: [0.0; 3],
            qoffset: [0.0; 3],
            sform_code: 2,
            srow: grid.affine.0,
        }
    }

    /// Returns the grid that the header describes, and notices about its inconsistencies.
    pub(super) fn grid(&self) -> Result<(Grid, Vec<Notice>), FieldProblem> {
        let mut notices = Vec::new();
        let (to_mm, unit_notice) = self.unit_to_mm();
        notices.extend(unit_notice);
        let grid =
            |affine: Affine| Grid { dims: self.dims, affine: Affine(affine.0.map(|row| row.map(|x| x * to_mm))) };
        let affine = if self.sform_code > 0 {
            let sform = invertible(Affine(self.srow), "srow_x, srow_y, srow_z")?;
            let negative: Vec<usize> = (1..4).filter(|&axis| self.pixdim[axis] < 0.0).collect();
            if self.qform_code > 0 {
                // The standard has voxel sizes above 0; their signs do not affect the rotation.
                let sizes = self.pixdim.map(f64::abs);
                let upright = NiftiHeader { pixdim: [self.pixdim[0], sizes[1], sizes[2], sizes[3]], ..self.clone() };
                notices.extend(match upright.qform_and_rounding() {
                    Ok([qform, nearest, farthest]) => {
                        let rounding_mm = grid(nearest).distance_mm(&grid(farthest));
                        differ(&grid(sform), &grid(qform), rounding_mm)
                    }
                    Err(_) => Some(Notice::QformUnusable),
                });
            }
            if !negative.is_empty() {
                notices.push(Notice::NegativePixdim { axes: negative });
            }
            let oblique = oblique_edges(&sform);
            // The lengths of sheared edges are not voxel sizes.
            if oblique.is_none() && self.qform_code <= 0 {
                notices.extend(self.other_sizes(&grid(sform), to_mm));
            }
            notices.extend(oblique);
            sform
        } else if self.qform_code > 0 {
            self.qform()?
        } else {
            notices.push(Notice::AffineFromPixdim);
            self.affine_from_pixdim()?
        };
        Ok((grid(affine), notices))
    }

    /// Returns the grid that ITK derives, and the uncertainty of its qform by rounding, in millimetres; `None` if ITK
    /// rejects the file.
    ///
    /// ITK uses the sform if `sform_code` is 1 and its edges are at right angles, or if there is no qform; the lengths
    /// of edges are those of `pixdim`, with their signs. Measured with SimpleITK 2.5.7 (ITK 5.4).
    pub fn itk_grid(&self) -> Option<(Grid, f64)> {
        let (to_mm, _) = self.unit_to_mm();
        let grid =
            |affine: Affine| Grid { dims: self.dims, affine: Affine(affine.0.map(|row| row.map(|x| x * to_mm))) };
        let sform = (self.sform_code > 0).then(|| invertible(Affine(self.srow), "srow_x").ok()).flatten();
        let upright = sform.filter(|sform| oblique_edges(sform).is_none());
        match (upright, self.qform_code > 0) {
            (Some(sform), with_qform) if self.sform_code == 1 || !with_qform => {
                let edges = sform.spacing().0;
                let sized = |row: [f64; 4]| {
                    let edge = |axis: usize| row[axis] / edges[axis] * self.pixdim[axis + 1];
                    [edge(0), edge(1), edge(2), row[3]]
                };
                Some((grid(Affine(sform.0.map(sized))), 0.0))
            }
            (_, true) => {
                let [qform, nearest, farthest] = self.qform_and_rounding().ok()?;
                Some((grid(qform), grid(nearest).distance_mm(&grid(farthest))))
            }
            (_, false) if self.sform_code > 0 => None,
            _ => {
                let [i, j, k] = self.voxel_sizes().ok()?;
                Some((grid(Affine([[-i, 0.0, 0.0, 0.0], [0.0, -j, 0.0, 0.0], [0.0, 0.0, k, 0.0]])), 0.0))
            }
        }
    }

    /// Returns the millimetres per unit of length; an unset or unknown unit is interpreted as millimetres.
    fn unit_to_mm(&self) -> (f64, Option<Notice>) {
        match self.xyzt_units & 7 {
            1 => (1e3, Some(Notice::UnitConverted { unit: "metres" })),
            3 => (1e-3, Some(Notice::UnitConverted { unit: "micrometres" })),
            _ => (1.0, None),
        }
    }

    /// Returns the affine of voxel sizes only: i to the left, j to the front, k up, the centre at the origin.
    ///
    /// The standard does not define position and handedness here. This is nibabel's interpretation, which keeps
    /// ANALYZE's radiological order.
    fn affine_from_pixdim(&self) -> Result<Affine, FieldProblem> {
        let [i, j, k] = self.voxel_sizes()?;
        let edges = [-i, j, k];
        let affine = Affine(std::array::from_fn(|row| {
            let mut values = [0.0; 4];
            values[row] = edges[row];
            values[3] = -edges[row] * (self.dims[row] as f64 - 1.0) / 2.0;
            values
        }));
        invertible(affine, "pixdim")
    }

    /// Returns a notice if the voxel sizes are not those of the grid. If a qform is set, it contains them and is
    /// compared instead.
    fn other_sizes(&self, grid: &Grid, to_mm: f64) -> Option<Notice> {
        let pixdim = [1, 2, 3].map(|axis| self.pixdim[axis].abs() * to_mm);
        let sform = grid.affine.spacing().0;
        let same = (0..3).all(|axis| (pixdim[axis] - sform[axis]).abs() <= same_grid_mm(grid));
        (!same).then_some(Notice::PixdimDiffers { pixdim: Sizes(pixdim), sform: Sizes(sform) })
    }

    pub(super) fn voxel_sizes(&self) -> Result<[f64; 3], FieldProblem> {
        let sizes = [self.pixdim[1], self.pixdim[2], self.pixdim[3]];
        for (axis, size) in sizes.into_iter().enumerate() {
            if !(size.is_finite() && size > 0.0) {
                return Err(FieldProblem {
                    field: ["pixdim[1]", "pixdim[2]", "pixdim[3]"][axis],
                    expected: "a finite voxel size above 0".into(),
                    found: size.to_string(),
                    fix: FIX_GEOMETRY,
                });
            }
        }
        Ok(sizes)
    }
}

pub(super) fn invertible(affine: Affine, field: &'static str) -> Result<Affine, FieldProblem> {
    let finite = affine.0.as_flattened().iter().all(|x| x.is_finite());
    if finite && inverse(affine.edges()).is_some() {
        return Ok(affine);
    }
    let found = format!("{:?}", affine.0);
    Err(FieldProblem { field, expected: "a finite, invertible affine".into(), found, fix: FIX_GEOMETRY })
}

/// Returns a notice if the grids differ; `rounding_mm` is the largest effect of rounding on the qform.
fn differ(sform: &Grid, qform: &Grid, rounding_mm: f64) -> Option<Notice> {
    let by_mm = sform.distance_mm(qform);
    let lying = |grid: &Grid| Lying::of(&grid.affine);
    (by_mm > same_grid_mm(sform) + rounding_mm).then(|| Notice::SformAndQformDiffer {
        by_mm,
        sform: lying(sform),
        qform: lying(qform),
    })
}

/// Returns a notice if two voxel edges are not at right angles.
fn oblique_edges(affine: &Affine) -> Option<Notice> {
    let spacing = affine.spacing().0;
    let edges = affine.edges();
    let cosine = |a: usize, b: usize| {
        let dot: f64 = edges.iter().map(|row| row[a] * row[b]).sum();
        (dot / (spacing[a] * spacing[b])).abs()
    };
    let largest = cosine(0, 1).max(cosine(0, 2)).max(cosine(1, 2));
    (largest > RIGHT_ANGLE_COSINE).then_some(Notice::NonOrthonormalSform { cosine: largest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SpacingMm, axis_codes};

    fn header() -> NiftiHeader {
        NiftiHeader::for_grid(&Grid::axis_aligned([10, 20, 30], SpacingMm([1.0, 2.0, 3.0])))
    }

    #[test]
    fn a_grid_written_as_sform_is_read_back() {
        let grid = Grid::axis_aligned([10, 20, 30], SpacingMm([1.0, 2.0, 3.0]));
        assert_eq!(header().grid(), Ok((grid, vec![])));
    }

    #[test]
    fn a_zero_quaternion_is_no_rotation() {
        let header = NiftiHeader { sform_code: 0, qform_code: 1, qoffset: [4.0, 5.0, 6.0], ..header() };
        let (grid, notices) = header.grid().unwrap();
        assert_eq!(grid.affine.0, [[1.0, 0.0, 0.0, 4.0], [0.0, 2.0, 0.0, 5.0], [0.0, 0.0, 3.0, 6.0]]);
        assert_eq!(notices, []);
    }

    #[test]
    fn a_negative_qfac_turns_k_around() {
        let header = NiftiHeader { sform_code: 0, qform_code: 1, pixdim: [-1.0, 1.0, 2.0, 3.0], ..header() };
        assert_eq!(axis_codes(&header.grid().unwrap().0.affine), "RAI");
    }

    #[test]
    fn half_a_turn_about_z_reverses_i_and_j() {
        // The quaternion has a = 0 and d = 1.
        let header = NiftiHeader { sform_code: 0, qform_code: 1, quaternion: [0.0, 0.0, 1.0], ..header() };
        assert_eq!(axis_codes(&header.grid().unwrap().0.affine), "LPS");
    }

    #[test]
    fn a_negative_voxel_size_beside_the_sform_is_said_and_breaks_no_qform() {
        let alone = NiftiHeader { pixdim: [1.0, 1.0, -2.0, 3.0], ..header() };
        assert_eq!(alone.grid().unwrap().1, [Notice::NegativePixdim { axes: vec![2] }]);
        let both = NiftiHeader { qform_code: 1, ..alone };
        assert_eq!(both.grid().unwrap().1, [Notice::NegativePixdim { axes: vec![2] }]);
    }

    #[test]
    fn itk_chooses_the_form_by_its_code_and_by_its_angles() {
        let origin = |header: &NiftiHeader| header.itk_grid().map(|(grid, _)| grid.affine.position_mm([0.0; 3]));
        let both = NiftiHeader { qform_code: 1, qoffset: [9.0, 0.0, 0.0], ..header() };
        assert_eq!(origin(&NiftiHeader { sform_code: 1, ..both.clone() }), Some([0.0; 3]));
        assert_eq!(origin(&NiftiHeader { sform_code: 2, ..both.clone() }), Some([9.0, 0.0, 0.0]));
        let mut sheared = NiftiHeader { sform_code: 1, ..both };
        sheared.srow[0][1] = 0.5;
        assert_eq!(origin(&sheared), Some([9.0, 0.0, 0.0]));
        assert_eq!(origin(&NiftiHeader { qform_code: 0, ..sheared }), None, "it refuses such a file");
        let turned = NiftiHeader { pixdim: [1.0, 1.0, -2.0, 3.0], ..header() };
        assert_eq!(turned.itk_grid().unwrap().0.affine.0[1], [0.0, -2.0, 0.0, 0.0]);
        let (guessed, _) = NiftiHeader { sform_code: 0, ..header() }.itk_grid().unwrap();
        assert_eq!(axis_codes(&guessed.affine), "LPS");
    }

    #[test]
    fn voxels_of_micrometres_are_held_to_their_own_size() {
        let tiny = NiftiHeader::for_grid(&Grid::axis_aligned([4, 4, 4], SpacingMm([3e-4; 3])));
        let moved = NiftiHeader { qform_code: 1, qoffset: [9e-4, 0.0, 0.0], ..tiny };
        assert_eq!(moved.grid().unwrap().1.len(), 1);
    }

    #[test]
    fn sizes_alone_put_the_centre_at_the_origin() {
        let header = NiftiHeader { sform_code: 0, ..header() };
        let (grid, notices) = header.grid().unwrap();
        assert_eq!(grid.affine.position_mm([4.5, 9.5, 14.5]), [0.0; 3]);
        assert_eq!(axis_codes(&grid.affine), "LAS");
        assert_eq!(notices, [Notice::AffineFromPixdim]);
    }

    #[test]
    fn a_moved_qform_is_said_and_not_used() {
        let header = NiftiHeader { qform_code: 1, qoffset: [0.0, 0.0, 1.5], ..header() };
        let (grid, notices) = header.grid().unwrap();
        assert_eq!(grid.affine.0[2][3], 0.0);
        let [Notice::SformAndQformDiffer { by_mm, sform, qform }] = &notices[..] else { panic!("{notices:?}") };
        assert_eq!((*by_mm, sform.to_string().as_str()), (1.5, "RAS from (0.000, 0.000, 0.000)"));
        assert_eq!(qform.to_string(), "RAS from (0.000, 0.000, 1.500)");
    }

    #[test]
    fn a_sheared_sform_is_said() {
        let mut header = header();
        header.srow[0][1] = 2.0; // edges i = (1, 0, 0) and j = (2, 2, 0): cosine of 45 degrees
        let (_, notices) = header.grid().unwrap();
        let [Notice::NonOrthonormalSform { cosine }] = notices[..] else { panic!("{notices:?}") };
        assert!((cosine - 0.5f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn voxel_sizes_that_are_not_the_sforms_are_said() {
        let header = NiftiHeader { pixdim: [1.0, 1.0, 2.5, 3.0], ..header() };
        let (grid, notices) = header.grid().unwrap();
        assert_eq!(grid.affine.spacing().0, [1.0, 2.0, 3.0]);
        let [Notice::PixdimDiffers { pixdim: Sizes(pixdim), .. }] = notices[..] else { panic!("{notices:?}") };
        assert_eq!(pixdim, [1.0, 2.5, 3.0]);
    }

    #[test]
    fn micrometres_become_millimetres() {
        let header = NiftiHeader { xyzt_units: 3, ..header() };
        let (grid, notices) = header.grid().unwrap();
        let spacing = grid.affine.spacing().0;
        assert!((spacing[2] - 0.003).abs() < 1e-15);
        assert_eq!(notices, [Notice::UnitConverted { unit: "micrometres" }]);
    }

    #[test]
    fn impossible_geometry_names_its_field() {
        let check = |header: NiftiHeader, field: &str| assert_eq!(header.grid().unwrap_err().field, field);
        check(NiftiHeader { srow: [[0.0; 4]; 3], ..header() }, "srow_x, srow_y, srow_z");
        check(NiftiHeader { sform_code: 0, pixdim: [1.0, 1.0, 0.0, 1.0], ..header() }, "pixdim[2]");
        check(NiftiHeader { sform_code: 0, pixdim: [1.0, 1.0, 1.0, f64::NAN], ..header() }, "pixdim[3]");
        let turned = NiftiHeader { sform_code: 0, qform_code: 1, quaternion: [1.0, 1.0, 0.0], ..header() };
        check(turned, "quatern_b, quatern_c, quatern_d");
        let lost = NiftiHeader { sform_code: 0, qform_code: 1, qoffset: [f64::INFINITY, 0.0, 0.0], ..header() };
        check(lost, "qoffset_x, qoffset_y, qoffset_z");
    }
}
