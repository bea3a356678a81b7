//! What a reader should be told of a file that could be read all the same.

use std::fmt;

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
            Notice::SformAndQformDiffer { by_mm } => {
                write!(formatter, "qform and sform differ by {by_mm:.3} mm; using sform")
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
