//! The voxels of one scan, all on one grid.

use crate::phantom::PhantomSubject;
use crate::{CohortError, Scan, SubjectId};
use lacuna_volume::{
    Grid, Image, LabelMap, NiftiFile, NiftiHeader, Notice, ReadLimits, Volume, read_label_map, read_volume,
};
use std::path::{Path, PathBuf};

/// How files are read: how large they may be, and how far grids may lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadOptions {
    /// How large a file may be before it is refused unread.
    pub limits: ReadLimits,
    /// How far the corners of two grids may lie apart and still count as one grid, in millimetres.
    pub tolerance_mm: f64,
}

impl Default for ReadOptions {
    /// A thousandth of a millimetre: far above the rounding of 32-bit affines, far below a voxel.
    fn default() -> ReadOptions {
        ReadOptions { limits: ReadLimits::default(), tolerance_mm: 1e-3 }
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
    /// What a person should be told of the files.
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
/// are then put on it exactly, so that nobody downstream meets two almost equal grids.
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
    match grid_difference(&scan.grid, image.grid(), read.tolerance_mm) {
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
    /// The file.
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

pub(crate) const GRID_FIX: &str = "resample one onto the other's grid, or raise the tolerance if they do coincide";

/// Where two grids part: the coarsest of shape, spacing and affine.
pub(crate) struct GridDifference {
    pub field: &'static str,
    pub expected: String,
    pub found: String,
}

pub(crate) fn grid_difference(expected: &Grid, found: &Grid, tolerance_mm: f64) -> Option<GridDifference> {
    let apart_mm = expected.distance_mm(found);
    let spacings = [expected, found].map(|grid| grid.affine.spacing().0);
    let spacings_differ = (0..3).any(|axis| (spacings[0][axis] - spacings[1][axis]).abs() > tolerance_mm);
    if apart_mm <= tolerance_mm {
        None
    } else if expected.dims != found.dims {
        let [expected, found] = [expected, found].map(|grid| format!("{:?} voxels", grid.dims));
        Some(GridDifference { field: "shape", expected, found })
    } else if spacings_differ {
        let [expected, found] = spacings.map(|[i, j, k]| format!("{i:.4} x {j:.4} x {k:.4} mm"));
        Some(GridDifference { field: "spacing", expected, found })
    } else {
        let expected = format!("the same place within {tolerance_mm} mm");
        Some(GridDifference { field: "affine", expected, found: format!("corners up to {apart_mm:.4} mm apart") })
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
        assert_eq!(grid_difference(&like, &found, 1e-3).map(|difference| difference.field), expected);
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
