//! What is seen of one scan: every file read, or why it could not be.

use super::{ImageSummary, ScanSummary};
use crate::{Cohort, LabelTable, ReadOptions, Scan, SubjectId, Target, count_labels};
use lacuna_volume::{
    Grid, NiftiFile, NiftiHeader, Notice, Volume, VolumeError, axis_codes, read_label_map, read_volume,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One scan and what it is held against.
pub(super) struct Seen<'a> {
    pub cohort: &'a Cohort,
    pub table: Option<&'a LabelTable>,
    pub read: &'a ReadOptions,
    /// The images of the scans before.
    pub earlier: &'a Contents,
    /// The scan's position in the cohort.
    pub number: usize,
    pub scan: &'a Scan,
    /// One per channel.
    pub images: Vec<SeenFile<f32>>,
    pub labels: Option<SeenFile<u16>>,
    /// Voxels per label value.
    pub label_counts: Option<BTreeMap<u16, u64>>,
}

/// A file and what became of reading it.
pub(super) struct SeenFile<T> {
    pub path: PathBuf,
    pub read: Result<NiftiFile<T>, VolumeError>,
}

/// Images by the digest of their voxels: it sees through compression, voxel types and headers.
pub(super) type Contents = BTreeMap<[u8; 32], Owner>;

/// The first file with some content.
#[derive(Clone)]
pub(super) struct Owner {
    pub subject: SubjectId,
    pub path: PathBuf,
}

/// A file and the grid of its voxels.
pub type GridOf<'a> = (&'a Path, &'a Grid);

impl<'a> Seen<'a> {
    /// Read all files of one scan.
    pub fn read(
        cohort: &'a Cohort,
        table: Option<&'a LabelTable>,
        read: &'a ReadOptions,
        earlier: &'a Contents,
        number: usize,
    ) -> Seen<'a> {
        let scan = &cohort.scans()[number];
        let image = |path: &PathBuf| SeenFile { path: path.clone(), read: read_volume(path, &read.limits) };
        let label = |path: &PathBuf| SeenFile { path: path.clone(), read: read_label_map(path, &read.limits) };
        let labels = scan.label.as_ref().map(label);
        let label_counts =
            labels.as_ref().and_then(|file| file.read.as_ref().ok()).map(|file| count_labels(&file.image));
        Seen {
            cohort,
            table,
            read,
            earlier,
            number,
            scan,
            images: scan.images.iter().map(image).collect(),
            labels,
            label_counts,
        }
    }

    /// The images that could be read.
    pub fn readable(&self) -> impl Iterator<Item = (&Path, &NiftiFile<f32>)> {
        self.images.iter().filter_map(|file| Some((file.path.as_path(), file.read.as_ref().ok()?)))
    }

    /// What the reader noticed, file after file.
    pub fn notices(&self) -> impl Iterator<Item = (&Path, &Notice)> {
        let images = self.readable().map(|(path, file)| (path, &file.notices));
        let labels =
            self.labels.iter().filter_map(|file| Some((file.path.as_path(), &file.read.as_ref().ok()?.notices)));
        images.chain(labels).flat_map(|(path, notices)| notices.iter().map(move |notice| (path, notice)))
    }

    /// Why files could not be read.
    pub fn errors(&self) -> impl Iterator<Item = (&Path, &VolumeError)> {
        let images = self.images.iter().filter_map(|file| Some((file.path.as_path(), file.read.as_ref().err()?)));
        let labels = self.labels.iter().filter_map(|file| Some((file.path.as_path(), file.read.as_ref().err()?)));
        images.chain(labels)
    }

    /// The first readable image's grid, and the grids that ought to be the same.
    pub fn grids(&self) -> Option<(GridOf<'_>, Vec<GridOf<'_>>)> {
        let mut images = self.readable().map(|(path, file)| (path, file.image.grid()));
        let like = images.next()?;
        let labels = self.labels.iter().filter_map(|file| Some((&*file.path, file.read.as_ref().ok()?.image.grid())));
        Some((like, images.chain(labels).collect()))
    }

    /// The headers of all files that could be read, the first image's first.
    pub fn headers(&self) -> impl Iterator<Item = &NiftiHeader> {
        let labels = self.labels.iter().filter_map(|file| Some(&file.read.as_ref().ok()?.header));
        self.readable().map(|(_, file)| &file.header).chain(labels)
    }

    /// Whether anything says what a label value means.
    pub fn is_known(&self, value: u16) -> bool {
        match (self.table, &self.cohort.classes_in_file) {
            (Some(table), _) => table.target(value).is_some(),
            (None, Some(listed)) => listed.contains_key(&value),
            (None, None) => true,
        }
    }

    /// Whether a label value is a class other than the background.
    pub fn is_foreground(&self, value: u16) -> bool {
        match self.table {
            Some(table) => matches!(table.target(value), Some(Target::Class(class)) if class > 0),
            None => value > 0,
        }
    }

    /// The scan in a few words.
    pub fn summary(&self) -> ScanSummary {
        ScanSummary {
            subject: self.scan.subject.clone(),
            scan: self.scan.name.clone(),
            image: self.readable().next().map(|(_, file)| image_summary(file)),
            label_counts: self.label_counts.clone(),
        }
    }

    /// The scan's images that no earlier scan has, by content.
    pub fn contents(&self) -> Contents {
        let new = self.readable().map(|(path, file)| (digest(&file.image), path));
        let new = new.filter(|(digest, _)| !self.earlier.contains_key(digest));
        let mut contents = Contents::new();
        for (digest, path) in new {
            let owner = Owner { subject: self.scan.subject.clone(), path: path.to_path_buf() };
            contents.entry(digest).or_insert(owner);
        }
        contents
    }
}

/// What tells an image from every other: its voxels and how many there are along each axis.
pub(super) fn digest(image: &Volume) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for dim in image.grid().dims {
        hasher.update(&(dim as u64).to_le_bytes());
    }
    // By slices, so that no second copy of the image is in memory.
    let mut bytes = Vec::new();
    for voxels in image.voxels().chunks(1 << 16) {
        bytes.clear();
        bytes.extend(voxels.iter().flat_map(|voxel| voxel.to_le_bytes()));
        hasher.update(&bytes);
    }
    *hasher.finalize().as_bytes()
}

/// The smallest and the largest intensity.
pub(super) fn range(image: &Volume) -> [f32; 2] {
    let widen = |[low, high]: [f32; 2], value: &f32| [low.min(*value), high.max(*value)];
    image.voxels().iter().fold([f32::INFINITY, f32::NEG_INFINITY], widen)
}

fn image_summary(file: &NiftiFile<f32>) -> ImageSummary {
    let affine = &file.image.grid().affine;
    ImageSummary {
        shape: file.image.grid().dims,
        spacing_mm: affine.spacing().0,
        orientation: axis_codes(affine),
        datatype: file.datatype.to_string(),
        range: range(&file.image),
    }
}
