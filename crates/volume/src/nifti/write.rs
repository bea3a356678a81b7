//! Writing an image to a file: a header with the input's geometry, then voxels.
//!
//! The same image gives the same bytes: the gzip header has neither a time nor a name, and free-text fields and
//! extensions are empty.

use super::datatype::Datatype;
use super::geometry::same_grid_mm;
use super::header::{NiftiHeader, NiftiVersion, encode};
use crate::{Image, Volume, VolumeError};
use flate2::{Compression, GzBuilder};
use std::io::{self, Write};
use std::path::Path;

/// A number type that label maps can be written with: `u8` or `u16`.
pub trait LabelNumber: Stored {}
impl LabelNumber for u8 {}
impl LabelNumber for u16 {}

/// Writes a label map as unscaled integers, atomically.
///
/// The end of the name, `.nii` or `.nii.gz`, decides the format. With `like`, the geometry fields are those of that
/// header, which must describe the image's grid; without, the affine is written as the sform.
///
/// # Errors
/// [`VolumeError::FileName`], [`VolumeError::OtherGrid`] or [`VolumeError::Disk`]; an existing file is then unchanged.
pub fn write_label_map<T: LabelNumber>(
    path: &Path,
    labels: &Image<T>,
    like: Option<&NiftiHeader>,
) -> Result<(), VolumeError> {
    write(path, labels, like)
}

/// Writes intensities as float32; otherwise as [`write_label_map`].
///
/// # Errors
/// Those of [`write_label_map`].
pub fn write_volume(path: &Path, volume: &Volume, like: Option<&NiftiHeader>) -> Result<(), VolumeError> {
    write(path, volume, like)
}

/// A type that voxels can be written as.
pub trait Stored: Copy {
    /// The NIfTI type that it is written as.
    const DATATYPE: Datatype;
    /// Appends its little-endian bytes.
    fn store(self, bytes: &mut Vec<u8>);
}

impl Stored for u8 {
    const DATATYPE: Datatype = Datatype::Uint8;
    fn store(self, bytes: &mut Vec<u8>) {
        bytes.push(self);
    }
}

impl Stored for u16 {
    const DATATYPE: Datatype = Datatype::Uint16;
    fn store(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_le_bytes());
    }
}

impl Stored for f32 {
    const DATATYPE: Datatype = Datatype::Float32;
    fn store(self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_le_bytes());
    }
}

fn write<T: Stored>(path: &Path, image: &Image<T>, like: Option<&NiftiHeader>) -> Result<(), VolumeError> {
    let compressed = is_compressed(path)?;
    let header = encode(&header_for(path, image, like)?, T::DATATYPE);
    lacuna_disk::write_atomic(path, |file| {
        if !compressed {
            return write_to(file, &header, image.voxels());
        }
        // 255 is "unknown system", so that the bytes do not depend on the system.
        let mut gzip = GzBuilder::new().mtime(0).operating_system(255).write(file, Compression::default());
        write_to(&mut gzip, &header, image.voxels())?;
        gzip.finish().map(drop)
    })?;
    Ok(())
}

/// Returns whether the end of the name asks for gzip.
fn is_compressed(path: &Path) -> Result<bool, VolumeError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match name.to_ascii_lowercase() {
        lower if lower.ends_with(".nii.gz") => Ok(true),
        lower if lower.ends_with(".nii") => Ok(false),
        _ => Err(VolumeError::FileName { path: path.to_path_buf(), found: name.into_owned() }),
    }
}

fn header_for<T>(path: &Path, image: &Image<T>, like: Option<&NiftiHeader>) -> Result<NiftiHeader, VolumeError> {
    let mut header = match like {
        None => NiftiHeader::for_grid(image.grid()),
        Some(header) => header.clone(),
    };
    // The header of a file that was read has a valid geometry, so this is at most a large distance.
    let by_mm = header.grid().map_or(f64::INFINITY, |(grid, _)| grid.distance_mm(image.grid()));
    if by_mm.is_nan() || by_mm > same_grid_mm(image.grid()) {
        let (expected, found) = (header.dims, image.grid().dims);
        return Err(VolumeError::OtherGrid { path: path.to_path_buf(), expected, found, by_mm });
    }
    header.version = version_for(&header);
    Ok(header.with_unit_quaternion())
}

/// Returns NIfTI-1, which every reader supports, unless it cannot hold the grid: its numbers of voxels have 16 bits,
/// its positions 32. SimpleITK 2.5.7 does not read NIfTI-2.
fn version_for(header: &NiftiHeader) -> NiftiVersion {
    let single = |value: f64| f64::from(value as f32);
    let rounded = NiftiHeader {
        version: NiftiVersion::One,
        pixdim: header.pixdim.map(single),
        quaternion: header.quaternion.map(single),
        qoffset: header.qoffset.map(single),
        srow: header.srow.map(|row| row.map(single)),
        ..header.clone()
    };
    let small = header.dims.iter().all(|&dim| dim <= i16::MAX as usize);
    let same = match (header.grid(), rounded.grid()) {
        (Ok((exact, _)), Ok((rounded, _))) => exact.distance_mm(&rounded) <= same_grid_mm(&exact),
        _ => false,
    };
    if small && same { NiftiVersion::One } else { NiftiVersion::Two }
}

fn write_to<T: Stored>(file: &mut impl Write, header: &[u8], voxels: &[T]) -> io::Result<()> {
    const CHUNK_VOXELS: usize = 16 * 1024;
    file.write_all(header)?;
    let mut bytes = Vec::with_capacity(CHUNK_VOXELS * size_of::<T>());
    for chunk in voxels.chunks(CHUNK_VOXELS) {
        bytes.clear();
        chunk.iter().for_each(|&voxel| voxel.store(&mut bytes));
        file.write_all(&bytes)?;
    }
    Ok(())
}
