//! What a reader should be told of a file that could be read all the same.

use crate::{Affine, axis_codes};
use std::fmt;

/// Which way the axes of a grid lead, and where its first voxel lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Lying {
    axes: String,
    origin_mm: [f64; 3],
}

impl Lying {
    pub(super) fn of(affine: &Affine) -> Lying {
        Lying { axes: axis_codes(affine), origin_mm: affine.position_mm([0.0; 3]) }
    }
}

impl fmt::Display for Lying {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.origin_mm;
        write!(formatter, "{} from ({x:.3}, {y:.3}, {z:.3})", self.axes)
    }
}

/// Lengths along i, j and k, in millimetres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizes(pub [f64; 3]);

impl fmt::Display for Sizes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [i, j, k] = self.0;
        write!(formatter, "{i:.4} x {j:.4} x {k:.4}")
    }
}

/// Something odd about a file, said once per file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// `scl_slope` is 0 or not finite, so the stored numbers are the values.
    Unscaled {
        /// The slope as stored.
        slope: f64,
    },
    /// Neither sform nor qform is set: position and handedness are a guess.
    AffineFromPixdim,
    /// sform and qform are both set and put voxels at different places; the sform was used.
    SformAndQformDiffer {
        /// The largest distance between corners of the two grids.
        by_mm: f64,
        /// Where the sform puts the voxels.
        sform: Lying,
        /// Where the qform puts them.
        qform: Lying,
    },
    /// The voxel sizes are not those of the sform, which was used; ITK takes them for the spacing.
    PixdimDiffers {
        /// The voxel sizes.
        pixdim: Sizes,
        /// The lengths of the sform's columns.
        sform: Sizes,
    },
    /// The qform is set and cannot be read; the sform was used.
    QformUnusable,
    /// The voxel edges of the sform are not at right angles, which some tools refuse.
    NonOrthonormalSform {
        /// The largest cosine between two edges; 0 would be a right angle.
        cosine: f64,
    },
    /// Lengths were given in another unit and were converted to millimetres.
    UnitConverted {
        /// The unit's name.
        unit: &'static str,
    },
    /// Free-text fields are set and may name a person.
    TextFields {
        /// The fields' names; never their content.
        fields: Vec<&'static str>,
    },
    /// The file carries header extensions, which may name a person.
    Extensions,
    /// The file goes on after the last voxel.
    BytesAfterData,
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Unscaled { slope } => write!(formatter, "scl_slope is {slope}; read as unscaled"),
            Notice::AffineFromPixdim => formatter
                .write_str("neither sform nor qform is set; orientation guessed from pixdim as LAS about the centre"),
            Notice::SformAndQformDiffer { by_mm, .. } => {
                write!(formatter, "qform and sform differ by {by_mm:.3} mm; using sform")
            }
            Notice::PixdimDiffers { pixdim, sform } => {
                write!(formatter, "pixdim says voxels of {pixdim} mm, the sform of {sform} mm; using sform")
            }
            Notice::QformUnusable => formatter.write_str("qform is set but is no rotation; using sform"),
            Notice::NonOrthonormalSform { cosine } => {
                write!(
                    formatter,
                    "sform axes are not at right angles (cosine {cosine:.4}); ITK-based tools may refuse it"
                )
            }
            Notice::UnitConverted { unit } => write!(formatter, "lengths are in {unit}; converted to millimetres"),
            Notice::TextFields { fields } => {
                write!(formatter, "text fields that may name a person are set: {}", fields.join(", "))
            }
            Notice::Extensions => formatter.write_str("header extensions are present and may name a person; not kept"),
            Notice::BytesAfterData => formatter.write_str("bytes follow the last voxel; ignored"),
        }
    }
}
