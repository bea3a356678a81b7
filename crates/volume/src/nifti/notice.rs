//! Notices: oddities of a file that can be read nevertheless.

use crate::{Affine, axis_codes};
use std::fmt;

/// The directions of a grid's axes, and the position of its first voxel.
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

/// Returns the number of decimals to print a length in millimetres with: `usual`, or as many as give three digits of a
/// small one.
pub fn decimals(length_mm: f64, usual: usize) -> usize {
    let magnitude = length_mm.abs().log10().floor();
    if magnitude.is_finite() && magnitude < 0.0 { usual.max(2 + (-magnitude).min(12.0) as usize) } else { usual }
}

/// Lengths along i, j and k, in millimetres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizes(pub [f64; 3]);

impl fmt::Display for Sizes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [i, j, k] = self.0;
        let shown = |edge: f64| format!("{edge:.*}", decimals(edge, 4));
        write!(formatter, "{} x {} x {}", shown(i), shown(j), shown(k))
    }
}

/// An oddity of a file, reported once per file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// `scl_slope` is not finite, or is 0 while an intercept is set, so the stored numbers are used as values.
    Unscaled {
        /// The slope as stored.
        slope: f64,
        /// The intercept as stored.
        intercept: f64,
    },
    /// Neither sform nor qform is set, so position and handedness are assumed.
    AffineFromPixdim,
    /// sform and qform are both set and differ; the sform was used.
    SformAndQformDiffer {
        /// The largest distance between corners of the two grids.
        by_mm: f64,
        /// The geometry according to the sform.
        sform: Lying,
        /// The geometry according to the qform.
        qform: Lying,
    },
    /// The voxel sizes are not those of the sform, which was used; ITK uses them as the spacing.
    PixdimDiffers {
        /// The voxel sizes along i, j and k.
        pixdim: Sizes,
        /// The lengths of the sform's columns.
        sform: Sizes,
    },
    /// Voxel sizes below 0 are set besides an sform, which was used; ITK reverses these axes.
    NegativePixdim {
        /// The indices of the fields `pixdim[1]` to `pixdim[3]` that are below 0.
        axes: Vec<usize>,
    },
    /// `vox_offset` lies before the first possible offset of voxels in a single file; they were read from that offset.
    EarlyVoxels {
        /// The offset as stored.
        offset: f64,
        /// The offset in bytes that voxels were read from.
        read_from: u64,
    },
    /// `bitpix` differs from that of the datatype, which was used.
    OtherBitpix {
        /// The number of bits as stored.
        bitpix: i16,
        /// The number of bits of the datatype.
        expected: i16,
    },
    /// The file holds numbers that a 32-bit float cannot represent.
    Rounded {
        /// The first of these numbers as stored.
        stored: f64,
        /// The value that it was rounded to.
        read: f32,
    },
    /// Labels are stored with a slope, and were rounded to integers.
    RoundedLabels {
        /// The slope as stored.
        slope: f64,
    },
    /// The qform is set but invalid; the sform was used.
    QformUnusable,
    /// The voxel edges of the sform are not at right angles, which some tools reject.
    NonOrthonormalSform {
        /// The largest cosine between two edges; 0 would be a right angle.
        cosine: f64,
    },
    /// Lengths in another unit were converted to millimetres.
    UnitConverted {
        /// The unit's name.
        unit: &'static str,
    },
    /// Free-text fields are set, which may hold a person's name.
    TextFields {
        /// The names of the fields; their content is not kept.
        fields: Vec<&'static str>,
    },
    /// The file has header extensions, which may hold a person's name.
    Extensions,
    /// The file continues after the last voxel.
    BytesAfterData,
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::Unscaled { slope, intercept } if *slope == 0.0 => {
                write!(formatter, "scl_slope is 0 beside scl_inter {intercept}; read as unscaled, where ITK adds it")
            }
            Notice::Unscaled { slope, .. } => write!(formatter, "scl_slope is {slope}; read as unscaled"),
            Notice::AffineFromPixdim => formatter
                .write_str("neither sform nor qform is set; orientation guessed from pixdim as LAS about the centre"),
            Notice::SformAndQformDiffer { by_mm, .. } => {
                write!(formatter, "qform and sform differ by {by_mm:.3} mm; using sform")
            }
            Notice::PixdimDiffers { pixdim, sform } => {
                write!(formatter, "pixdim says voxels of {pixdim} mm, the sform of {sform} mm; using sform")
            }
            Notice::NegativePixdim { axes } => {
                let fields: Vec<String> = axes.iter().map(|axis| format!("pixdim[{axis}]")).collect();
                write!(
                    formatter,
                    "{} below 0; using sform, where ITK-based tools turn the axis round",
                    fields.join(", ")
                )
            }
            Notice::EarlyVoxels { offset, read_from } => {
                write!(
                    formatter,
                    "vox_offset is {offset}; voxels are read from byte {read_from}, as the standard has it"
                )
            }
            Notice::OtherBitpix { bitpix, expected } => {
                write!(formatter, "bitpix is {bitpix}; the datatype has {expected} bits and decides")
            }
            Notice::Rounded { stored, read } => {
                write!(formatter, "numbers that no 32-bit float holds are rounded, such as {stored} to {read}")
            }
            Notice::RoundedLabels { .. } => {
                formatter.write_str("labels stored with scl_slope are read as the whole numbers next to them")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_lengths_keep_three_digits_and_others_their_usual_decimals() {
        assert_eq!([0.0, 0.958, 3.0, f64::INFINITY].map(|length| decimals(length, 3)), [3; 4]);
        assert_eq!(Sizes([3e-4, 0.958, 3.0]).to_string(), "0.000300 x 0.9580 x 3.0000");
    }
}
