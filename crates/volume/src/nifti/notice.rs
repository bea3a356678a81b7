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

/// The decimals with which a length in millimetres is shown: `usual`, or as many as leave three digits of a small one.
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

/// Something odd about a file, said once per file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// `scl_slope` is not finite, or 0 beside an intercept, so the stored numbers are the values.
    Unscaled {
        /// The slope as stored.
        slope: f64,
        /// The intercept as stored.
        intercept: f64,
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
    /// Voxel sizes below 0 beside an sform, which was used; ITK turns these axes round.
    NegativePixdim {
        /// Which of `pixdim[1]` to `pixdim[3]`.
        axes: Vec<usize>,
    },
    /// `vox_offset` lies before the first place that voxels of a single file may have; they were read from there.
    EarlyVoxels {
        /// The offset as stored.
        offset: f64,
        /// Where voxels were read from.
        read_from: u64,
    },
    /// `bitpix` is not that of the datatype, which decides.
    OtherBitpix {
        /// The number of bits as stored.
        bitpix: i16,
        /// That of the datatype.
        expected: i16,
    },
    /// Numbers of the file that no 32-bit float holds.
    Rounded {
        /// The first of them as stored.
        stored: f64,
        /// What was read.
        read: f32,
    },
    /// Labels stored with a slope, whose rounding was taken off.
    RoundedLabels {
        /// The slope.
        slope: f64,
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
