//! The voxels of one scan, all on one grid.

use crate::phantom::PhantomSubject;
use crate::{CohortError, Scan, SubjectId};
use lacuna_volume::{
    Grid, Image, LabelMap, NiftiFile, NiftiHeader, Notice, ReadLimits, Sizes, Volume, decimals, read_label_map,
    read_volume,
};
use std::path::{Path, PathBuf};

/// How files are read: how large they may be, and how far grids may lie apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ReadOptions {
    /// How large a file may be before it is refused unread.
    pub limits: ReadLimits,
    /// How far the corners of two grids may lie apart and still count as one grid, in millimetres, if the user says so.
    pub tolerance_mm: Option<f64>,
}

/// A thousandth of a millimetre: far above the rounding of 32-bit affines, far below a voxel.
pub(crate) const TOLERANCE_MM: f64 = 1e-3;

impl ReadOptions {
    /// What is stated, and the usual for the rest.
    ///
    /// # Errors
    /// [`CohortError::Tolerance`] for a tolerance that is no length.
    pub fn of(
        tolerance_mm: Option<f64>,
        voxels_max: Option<u64>,
        gib_max: Option<u64>,
    ) -> Result<ReadOptions, CohortError> {
        if let Some(found) = tolerance_mm.filter(|mm| !(mm.is_finite() && *mm >= 0.0)) {
            return Err(CohortError::Tolerance { found });
        }
        let usual = ReadLimits::default();
        let limits = ReadLimits {
            voxels_max: voxels_max.unwrap_or(usual.voxels_max),
            bytes_max: gib_max.map_or(usual.bytes_max, |gib| gib.saturating_mul(1 << 30)),
        };
        Ok(ReadOptions { limits, tolerance_mm })
    }

    /// How far another grid may lie from this one: what the user says, else the usual, and at most a tenth of the
    /// shortest voxel edge, since voxels may be smaller than the usual.
    pub(crate) fn tolerance_for(&self, grid: &Grid) -> f64 {
        let edges = grid.affine.spacing().0.into_iter();
        self.tolerance_mm.unwrap_or_else(|| edges.fold(TOLERANCE_MM, |least, edge| least.min(0.1 * edge)))
    }
}

/// The voxels of one scan; images and labels share one grid.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanData {
    /// Whose scan it is.
    pub subject: SubjectId,
    /// The scan's name.
    pub name: String,
    /// One image per channel, in the cohort's channel order.
    pub images: Vec<Volume>,
    /// The label map, if there is one.
    pub labels: Option<LabelMap>,
    /// The first image's header, if the scan came from a file: results are written back with it.
    pub header: Option<NiftiHeader>,
    /// Notices about the files, for the user.
    pub notices: Vec<(PathBuf, Notice)>,
}

impl From<PhantomSubject> for ScanData {
    /// The scan takes the subject's name.
    fn from(phantom: PhantomSubject) -> ScanData {
        ScanData {
            name: phantom.id.to_string(),
            subject: phantom.id,
            images: phantom.images,
            labels: Some(phantom.labels),
            header: None,
            notices: Vec::new(),
        }
    }
}

/// Read all files of a scan.
///
/// The first image's grid is the scan's. The others must agree with it within the tolerance and
/// are then put on it exactly, so that later steps never meet two almost equal grids.
///
/// # Errors
/// [`CohortError::Volume`] for a file that cannot be read, [`CohortError::GridMismatch`].
pub fn load(scan: &Scan, read: &ReadOptions) -> Result<ScanData, CohortError> {
    let (first_path, other_paths) = scan.images.split_first().expect("a scan has at least one image");
    let first = read_volume(first_path, &read.limits)?;
    let mut data = ScanData {
        subject: scan.subject.clone(),
        name: scan.name.clone(),
        images: Vec::new(),
        labels: None,
        header: Some(first.header),
        notices: named(first_path, first.notices),
    };
    let scan_grid = GridOf { path: first_path, grid: *first.image.grid() };
    data.images.push(first.image);
    for path in other_paths {
        let image = take(read_volume(path, &read.limits)?, path, &mut data.notices);
        data.images.push(on_grid(image, path, &scan_grid, read)?);
    }
    if let Some(path) = &scan.label {
        let labels = take(read_label_map(path, &read.limits)?, path, &mut data.notices);
        data.labels = Some(on_grid(labels, path, &scan_grid, read)?);
    }
    Ok(data)
}

/// A grid and the file it came from.
struct GridOf<'a> {
    path: &'a Path,
    grid: Grid,
}

fn take<T>(file: NiftiFile<T>, path: &Path, notices: &mut Vec<(PathBuf, Notice)>) -> Image<T> {
    notices.extend(named(path, file.notices));
    file.image
}

fn named(path: &Path, notices: Vec<Notice>) -> Vec<(PathBuf, Notice)> {
    notices.into_iter().map(|notice| (path.to_path_buf(), notice)).collect()
}

fn on_grid<T>(image: Image<T>, path: &Path, scan: &GridOf, read: &ReadOptions) -> Result<Image<T>, CohortError> {
    match grid_difference(&scan.grid, image.grid(), read) {
        None => Ok(Image::new(scan.grid, image.into_voxels())),
        Some(GridDifference { field, expected, found }) => Err(CohortError::GridMismatch(Box::new(GridMismatch {
            path: path.to_path_buf(),
            like: scan.path.to_path_buf(),
            field,
            expected,
            found,
        }))),
    }
}

/// A file that does not lie where its scan's first image lies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {field}: expected {expected} as in {like}, found {found}; fix: {GRID_FIX}")]
pub struct GridMismatch {
    /// The file that differs.
    pub path: PathBuf,
    /// The file it should agree with.
    pub like: PathBuf,
    /// What differs: shape, spacing or affine.
    pub field: &'static str,
    /// The first image's value.
    pub expected: String,
    /// The file's value.
    pub found: String,
}

pub(crate) const GRID_FIX: &str = "resample one onto the other's grid; if they do coincide, say how far they may lie apart \
                                   with --tolerance-mm (in a file: data.options.tolerance_mm)";

/// Where two grids part: the coarsest of shape, spacing and affine.
pub(crate) struct GridDifference {
    pub field: &'static str,
    pub expected: String,
    pub found: String,
}

pub(crate) fn grid_difference(expected: &Grid, found: &Grid, read: &ReadOptions) -> Option<GridDifference> {
    let tolerance_mm = read.tolerance_for(expected);
    let apart_mm = expected.distance_mm(found);
    let spacings = [expected, found].map(|grid| grid.affine.spacing().0);
    let spacings_differ = (0..3).any(|axis| (spacings[0][axis] - spacings[1][axis]).abs() > tolerance_mm);
    if apart_mm <= tolerance_mm {
        None
    } else if expected.dims != found.dims {
        let [expected, found] = [expected, found].map(|grid| format!("{:?} voxels", grid.dims));
        Some(GridDifference { field: "shape", expected, found })
    } else if spacings_differ {
        let [expected, found] = spacings.map(|edges| format!("{} mm", Sizes(edges)));
        Some(GridDifference { field: "spacing", expected, found })
    } else {
        // In 32 bits it has no digits of rounding to show.
        let expected = format!("the same place within {} mm", tolerance_mm as f32);
        Some(GridDifference {
            field: "affine",
            expected,
            found: format!("corners up to {apart_mm:.*} mm apart", decimals(apart_mm, 4)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_volume::{SpacingMm, write_label_map, write_volume};

    fn grid(dims: [usize; 3], spacing_mm: f64, shift_mm: f64) -> Grid {
        let mut grid = Grid::axis_aligned(dims, SpacingMm([spacing_mm; 3]));
        grid.affine.0[0][3] += shift_mm;
        grid
    }

    #[track_caller]
    fn check(found: Grid, expected: Option<&str>) {
        let like = grid([2, 3, 4], 1.0, 0.0);
        assert_eq!(
            grid_difference(&like, &found, &ReadOptions::default()).map(|difference| difference.field),
            expected
        );
    }

    #[test]
    fn float_noise_is_no_difference() {
        check(grid([2, 3, 4], 1.0, 1e-4), None);
    }
    #[test]
    fn another_size_is_a_difference_in_shape() {
        check(grid([2, 3, 5], 1.0, 0.0), Some("shape"));
    }
    #[test]
    fn another_voxel_is_a_difference_in_spacing() {
        check(grid([2, 3, 4], 1.1, 0.0), Some("spacing"));
    }
    #[test]
    fn another_place_is_a_difference_in_affine() {
        check(grid([2, 3, 4], 1.0, 0.5), Some("affine"));
    }

    #[test]
    fn voxels_smaller_than_the_tolerance_are_held_to_their_own_size() {
        // Voxels of 0.3 micrometres, and a label map that lies three of them away: 0.0009 mm.
        let (like, moved) = (grid([2, 3, 4], 3e-4, 0.0), grid([2, 3, 4], 3e-4, 9e-4));
        let difference = grid_difference(&like, &moved, &ReadOptions::default()).unwrap();
        assert_eq!((difference.field, difference.found.as_str()), ("affine", "corners up to 0.000900 mm apart"));
        assert!(grid_difference(&like, &grid([2, 3, 4], 3e-4, 1e-5), &ReadOptions::default()).is_none());
        let stated = ReadOptions::of(Some(1e-3), None, None).unwrap();
        assert!(grid_difference(&like, &moved, &stated).is_none(), "who states a tolerance is believed");
    }

    #[test]
    fn a_tolerance_that_is_no_length_is_refused() {
        for found in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(ReadOptions::of(Some(found), None, None).unwrap_err().is_config());
        }
        let large = ReadOptions::of(None, None, Some(u64::MAX)).unwrap();
        assert_eq!(large.limits.bytes_max, u64::MAX);
    }

    fn load_with_label_grid(label_grid: Grid) -> Result<ScanData, CohortError> {
        let folder = tempfile::tempdir().unwrap();
        let [image, label] = ["image.nii.gz", "label.nii.gz"].map(|name| folder.path().join(name));
        write_volume(&image, &Volume::new(grid([2, 3, 4], 1.0, 0.0), vec![1.0; 24]), None).unwrap();
        write_label_map(&label, &LabelMap::new(label_grid, vec![1; label_grid.len()]), None).unwrap();
        let subject = SubjectId::new("s").unwrap();
        load(&Scan { subject, name: "s".into(), images: vec![image], label: Some(label) }, &ReadOptions::default())
    }

    #[test]
    fn almost_equal_grids_become_one() {
        let data = load_with_label_grid(grid([2, 3, 4], 1.0, 1e-4)).unwrap();
        assert_eq!(data.images[0].grid(), data.labels.unwrap().grid());
    }

    #[test]
    fn a_label_map_elsewhere_is_refused_with_both_files_and_the_distance() {
        let message = load_with_label_grid(grid([2, 3, 4], 1.0, 0.5)).unwrap_err().to_string();
        for part in ["label.nii.gz: affine:", "as in", "image.nii.gz", "0.5000 mm apart", "fix: resample"] {
            assert!(message.contains(part), "{message}");
        }
    }
}
