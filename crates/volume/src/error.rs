//! Errors of volume files, with the value found and the fix.

use lacuna_disk::DiskError;
use std::path::PathBuf;

/// A volume file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VolumeError {
    /// An operating system error when the file was opened, read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The first four bytes are not those of a NIfTI file.
    #[error(
        "{path}: not a NIfTI file: field sizeof_hdr: expected 348 or 540, found {found}; fix: convert the file to .nii or .nii.gz"
    )]
    NotNifti {
        /// The path of the volume file.
        path: PathBuf,
        /// The first four bytes as a little-endian number.
        found: i32,
    },
    /// A header field with an invalid or unsupported value.
    #[error("{path}: field {field}: expected {expected}, found {found}; fix: {fix}")]
    Field {
        /// The path of the volume file.
        path: PathBuf,
        /// The field's name in the NIfTI standard.
        field: &'static str,
        /// The values allowed in the field.
        expected: String,
        /// The value found in the field.
        found: String,
        /// The fix that the message suggests.
        fix: &'static str,
    },
    /// The image is larger than the caller's [`crate::ReadLimits`].
    #[error(
        "{path}: field dim: expected at most {limit} {unit}, found dimensions {dims:?} = {found} {unit}; fix: raise the limit with --voxels-max or --gib-max if the file is meant to be this large"
    )]
    OverLimit {
        /// The path of the volume file.
        path: PathBuf,
        /// Numbers of voxels along i, j and k.
        dims: [usize; 3],
        /// "voxels" or "bytes".
        unit: &'static str,
        /// The number of voxels or bytes that the header states.
        found: u64,
        /// The caller's limit.
        limit: u64,
    },
    /// The file is shorter than its header states.
    #[error("{path}: {part} end early: expected {bytes_expected} bytes, found {}{bytes_found}; fix: copy or download the file again", if *.bound { "at most " } else { "" })]
    Truncated {
        /// The path of the volume file.
        path: PathBuf,
        /// "header" or "voxels".
        part: &'static str,
        /// The number of bytes from the beginning, after decompression, that the header requires.
        bytes_expected: u64,
        /// The number of bytes that the file holds.
        bytes_found: u64,
        /// Whether `bytes_found` is an upper bound, computed from the compressed size.
        bound: bool,
    },
    /// The gzip stream is damaged.
    #[error(
        "{path}: gzip stream damaged after {bytes_found} decompressed bytes: {reason}; fix: copy or download the file again"
    )]
    Gzip {
        /// The path of the volume file.
        path: PathBuf,
        /// The number of bytes that could be decompressed.
        bytes_found: u64,
        /// The decompressor's error message.
        reason: String,
    },
    /// The header is valid, but the memory for the voxels could not be allocated.
    #[error("{path}: no memory for {voxels} voxels; fix: free memory or resample the file to fewer voxels")]
    OutOfMemory {
        /// The path of the volume file.
        path: PathBuf,
        /// The number of voxels of the image.
        voxels: u64,
    },
    /// A voxel of a label map whose value is not a label number.
    #[error(
        "{path}: voxel {index:?}: expected a whole number from 0 to 65535 as label, found {value}; fix: {}",
        label_fix(*value)
    )]
    NotALabel {
        /// The path of the volume file.
        path: PathBuf,
        /// The index (i, j, k) of the voxel.
        index: [usize; 3],
        /// The voxel's value after scaling.
        value: f64,
    },
    /// A voxel whose intensity is infinite or NaN, or too large for a float32.
    #[error(
        "{path}: voxel {index:?}: expected a finite number that fits a float32, found {value}; fix: replace such voxels, usually by 0"
    )]
    NotFinite {
        /// The path of the volume file.
        path: PathBuf,
        /// The index (i, j, k) of the voxel.
        index: [usize; 3],
        /// The voxel's value after scaling.
        value: f64,
    },
    /// The name of a file to be written that ends neither in `.nii` nor in `.nii.gz`.
    #[error("{path}: file name: expected one that ends in .nii or .nii.gz, found {found}; fix: rename the output")]
    FileName {
        /// The file to be written.
        path: PathBuf,
        /// The last component of the path.
        found: String,
    },
    /// An image that is to be written with a header of another grid.
    #[error(
        "{path}: expected an image on the header's grid of {expected:?} voxels, found {found:?} voxels, {by_mm} mm apart; fix: bring the image back to the input's grid first"
    )]
    OtherGrid {
        /// The file to be written.
        path: PathBuf,
        /// The header's numbers of voxels.
        expected: [usize; 3],
        /// The image's numbers of voxels.
        found: [usize; 3],
        /// The largest distance between corners in mm; infinite if the numbers differ.
        by_mm: f64,
    },
}

/// Returns the fix for a label that is not an integer from 0 to 65535.
pub fn label_fix(value: f64) -> &'static str {
    if !value.is_finite() {
        "replace such voxels by the background's value, usually 0"
    } else if value.fract() != 0.0 {
        "resample label maps by nearest neighbour and save them with an integer type and scl_slope 1; probabilities are no labels"
    } else if value < 0.0 {
        "give these voxels a value of their own from 0 to 65535, such as 255, and list it in the label table, as ignored if \
         its meaning is unknown"
    } else {
        "number the regions anew from 0 to 65535, and keep the table of their numbers"
    }
}
