//! A small sound data set, and ways to spoil it.

use super::{CheckReport, check};
use crate::{Cohort, LabelTable, LayoutOptions, ReadOptions};
use lacuna_volume::{Grid, LabelMap, SpacingMm, Volume, write_label_map, write_volume};
use std::path::PathBuf;

pub(super) const DIMS: [usize; 3] = [3, 4, 5];

/// A plain data set in a folder of its own.
pub(super) struct DataSet {
    pub folder: tempfile::TempDir,
    pub options: LayoutOptions,
}

impl DataSet {
    pub fn new() -> DataSet {
        DataSet { folder: tempfile::tempdir().unwrap(), options: LayoutOptions::default() }
    }

    /// Two people with one scan each.
    pub fn sound() -> DataSet {
        DataSet::new().scan("a", 0.0, 1).scan("b", 1.0, 2)
    }

    pub fn scan(self, name: &str, first_intensity: f32, labels: u16) -> DataSet {
        self.image(name, first_intensity, 1.0).label(name, DIMS, labels)
    }

    pub fn image(self, name: &str, first_intensity: f32, spacing_mm: f64) -> DataSet {
        let grid = Grid::axis_aligned(DIMS, SpacingMm([spacing_mm; 3]));
        let voxels = (0..grid.len()).map(|n| first_intensity + n as f32).collect();
        write_volume(&self.path("images", name), &Volume::new(grid, voxels), None).unwrap();
        self
    }

    pub fn label(self, name: &str, dims: [usize; 3], value: u16) -> DataSet {
        self.label_on(name, Grid::axis_aligned(dims, SpacingMm([1.0; 3])), value)
    }

    /// The label map somewhere else.
    pub fn shifted_label(self, name: &str, by_mm: f64) -> DataSet {
        let mut grid = Grid::axis_aligned(DIMS, SpacingMm([1.0; 3]));
        grid.affine.0[0][3] += by_mm;
        self.label_on(name, grid, 1)
    }

    fn label_on(self, name: &str, grid: Grid, value: u16) -> DataSet {
        let mut voxels = vec![0; grid.len()];
        voxels[0] = value;
        write_label_map(&self.path("labels", name), &LabelMap::new(grid, voxels), None).unwrap();
        self
    }

    /// A label map of floats, one of which is `number`.
    pub fn label_number(self, name: &str, number: f32) -> DataSet {
        self.floats("labels", name, number)
    }

    /// An image with one voxel of `number`.
    pub fn intensity(self, name: &str, number: f32) -> DataSet {
        self.floats("images", name, number)
    }

    fn floats(self, kind: &str, name: &str, number: f32) -> DataSet {
        let grid = Grid::axis_aligned(DIMS, SpacingMm([1.0; 3]));
        let mut voxels = vec![1.0; grid.len()];
        voxels[0] = number;
        write_volume(&self.path(kind, name), &Volume::new(grid, voxels), None).unwrap();
        self
    }

    pub fn constant(self, name: &str) -> DataSet {
        self.floats("images", name, 1.0)
    }

    pub fn broken(self, name: &str) -> DataSet {
        lacuna_disk::write_bytes(&self.path("images", name), b"not gzip").unwrap();
        self
    }

    pub fn without_label(self, name: &str) -> DataSet {
        std::fs::remove_file(self.path("labels", name)).unwrap();
        self
    }

    /// Set bytes of the header of an image or label map, which is written again without gzip.
    pub fn patch(self, kind: &str, name: &str, patches: &[(usize, &[u8])]) -> DataSet {
        self.edit(kind, name, |bytes| {
            for (at, patch) in patches {
                bytes[*at..*at + patch.len()].copy_from_slice(patch);
            }
        })
    }

    /// Set the same bytes in image and label map, so that both lie at one place.
    pub fn patch_both(self, name: &str, patches: &[(usize, &[u8])]) -> DataSet {
        self.patch("images", name, patches).patch("labels", name, patches)
    }

    /// An extension between header and voxels: 16 bytes of it, of which the first four say so.
    pub fn extended(self, name: &str) -> DataSet {
        self.edit("images", name, |bytes| {
            bytes[108..112].copy_from_slice(&368f32.to_le_bytes());
            bytes[348] = 1;
            let mut extension = vec![0; 16];
            extension[..4].copy_from_slice(&16i32.to_le_bytes());
            bytes.splice(352..352, extension);
        })
    }

    /// More bytes than voxels.
    pub fn lengthened(self, name: &str) -> DataSet {
        self.edit("images", name, |bytes| bytes.push(0))
    }

    fn edit(self, kind: &str, name: &str, change: impl Fn(&mut Vec<u8>)) -> DataSet {
        let gzipped = self.path(kind, name);
        let plain = self.folder.path().join(kind).join(format!("{name}.nii"));
        let limits = lacuna_volume::ReadLimits::default();
        match kind {
            "images" => write_volume(&plain, &lacuna_volume::read_volume(&gzipped, &limits).unwrap().image, None),
            _ => write_label_map(&plain, &lacuna_volume::read_label_map(&gzipped, &limits).unwrap().image, None),
        }
        .unwrap();
        std::fs::remove_file(gzipped).unwrap();
        let mut bytes = std::fs::read(&plain).unwrap();
        change(&mut bytes);
        std::fs::write(&plain, bytes).unwrap();
        self
    }

    /// An empty file of this name in the folder of images or label maps.
    pub fn beside(self, kind: &str, name: &str) -> DataSet {
        lacuna_disk::write_bytes(&self.folder.path().join(kind).join(name), b"").unwrap();
        self
    }

    /// Add a Decathlon index of both scans that declares so many.
    pub fn declaring(mut self, count: usize) -> DataSet {
        let entry = |name| format!(r#"{{"image": "images/{name}.nii.gz", "label": "labels/{name}.nii.gz"}}"#);
        let index = format!(r#"{{"numTraining": {count}, "training": [{}, {}]}}"#, entry("a"), entry("b"));
        lacuna_disk::write_bytes(&self.folder.path().join("dataset.json"), index.as_bytes()).unwrap();
        self.options.layout = Some("msd".into());
        self
    }

    pub fn path(&self, kind: &str, name: &str) -> PathBuf {
        self.folder.path().join(kind).join(format!("{name}.nii.gz"))
    }

    pub fn checked(&self) -> CheckReport {
        let cohort = Cohort::open(self.folder.path(), &self.options).unwrap();
        let table = LabelTable::built_in("brain", None).unwrap();
        check(&cohort, Some(&table), &ReadOptions::default())
    }
}
