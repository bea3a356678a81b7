//! What can go wrong with a volume file, with the evidence and the fix.

use lacuna_disk::DiskError;
use std::path::PathBuf;

/// A volume file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VolumeError {
    /// The operating system refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The file does not begin as a NIfTI file does.
    #[error(
        "{path}: not a NIfTI file: field sizeof_hdr: expected 348 or 540, found {found}; fix: convert the file to .nii or .nii.gz"
    )]
    NotNifti {
        /// The file.
        path: PathBuf,
        /// The first four bytes as a little-endian number.
        found: i32,
    },
    /// A header field that cannot be true, or that asks for what lacuna does not read.
    #[error("{path}: field {field}: expected {expected}, found {found}; fix: {fix}")]
    Field {
        /// The file.
        path: PathBuf,
        /// The field's name in the NIfTI standard.
        field: &'static str,
        /// What it may hold.
        expected: String,
        /// What it holds.
        found: String,
        /// What the user can do.
        fix: &'static str,
    },
    /// The image is larger than the caller is willing to hold.
    #[error(
        "{path}: field dim: expected at most {limit} {unit}, found dimensions {dims:?} = {found} {unit}; fix: raise the limit with --voxels-max or --gib-max if the file is meant to be this large"
    )]
    OverLimit {
        /// The file.
        path: PathBuf,
        /// Numbers of voxels along i, j and k.
        dims: [usize; 3],
        /// "voxels" or "bytes".
        unit: &'static str,
        /// How many the header asks for.
        found: u64,
        /// The caller's limit.
        limit: u64,
    },
    /// The file ends before its header says.
    #[error("{path}: {part} end early: expected {bytes_expected} bytes, found {}{bytes_found}; fix: copy or download the file again", if *.bound { "at most " } else { "" })]
    Truncated {
        /// The file.
        path: PathBuf,
        /// "header" or "voxels".
        part: &'static str,
        /// Bytes from the beginning, after decompression, that the header promises.
        bytes_expected: u64,
        /// Bytes there are.
        bytes_found: u64,
        /// Whether `bytes_found` is an upper bound, computed from the compressed size.
        bound: bool,
    },
    /// The gzip stream is damaged.
    #[error(
        "{path}: gzip stream damaged after {bytes_found} decompressed bytes: {reason}; fix: copy or download the file again"
    )]
    Gzip {
        /// The file.
        path: PathBuf,
        /// Bytes that could be decompressed.
        bytes_found: u64,
        /// What the decompressor said.
        reason: String,
    },
    /// The header is sound, but memory for the voxels could not be had.
    #[error("{path}: no memory for {voxels} voxels; fix: free memory or resample the file to fewer voxels")]
    OutOfMemory {
        /// The file.
        path: PathBuf,
        /// How many voxels were asked for.
        voxels: u64,
    },
    /// A voxel of a label map that is no label number.
    #[error(
        "{path}: voxel {index:?}: expected a whole number from 0 to 65535 as label, found {value}; fix: {}",
        label_fix(*value)
    )]
    NotALabel {
        /// The file.
        path: PathBuf,
        /// The voxel's (i, j, k).
        index: [usize; 3],
        /// Its value after scaling.
        value: f64,
    },
    /// A voxel without a finite intensity.
    #[error(
        "{path}: voxel {index:?}: expected a finite number that fits a float32, found {value}; fix: replace such voxels, usually by 0"
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The voxel's (i, j, k).
        index: [usize; 3],
        /// Its value after scaling.
        value: f64,
    },
    /// A name that says neither how to write nor what.
    #[error("{path}: file name: expected one that ends in .nii or .nii.gz, found {found}; fix: rename the output")]
    FileName {
        /// The file to be written.
        path: PathBuf,
        /// Its last part.
        found: String,
    },
    /// An image to be written with the header of another grid.
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
        /// The largest distance between corners; infinite if the numbers differ.
        by_mm: f64,
    },
}

/// What to do about a label that is no whole number from 0 to 65535.
pub fn label_fix(value: f64) -> &'static str {
    if !value.is_finite() {
        "replace such voxels by the background's value, usually 0"
    } else if value.fract() != 0.0 {
        "resample label maps by nearest neighbour and save them with an integer type and scl_slope 1; probabilities are no labels"
    } else if value < 0.0 {
        "give these voxels a value of their own from 0 to 65535, such as 255, and list it in the label table, as ignored if \
         it means that nobody knows"
    } else {
        "number the regions anew from 0 to 65535, and keep the table of their numbers"
    }
}
