//! Voxel types and the conversion of their bytes to numbers.

use super::fields::{ByteOrder, reversed};
use std::fmt;

/// The supported voxel types: every integer and every float of at most 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datatype {
    /// 8-bit unsigned integer.
    Uint8,
    /// 8-bit signed integer.
    Int8,
    /// 16-bit signed integer.
    Int16,
    /// 16-bit unsigned integer.
    Uint16,
    /// 32-bit signed integer.
    Int32,
    /// 32-bit unsigned integer.
    Uint32,
    /// 64-bit signed integer.
    Int64,
    /// 64-bit unsigned integer.
    Uint64,
    /// 32-bit floating-point number.
    Float32,
    /// 64-bit floating-point number.
    Float64,
}

/// Every supported type with its code in the NIfTI standard.
const CODES: [(i16, Datatype); 10] = [
    (2, Datatype::Uint8),
    (4, Datatype::Int16),
    (8, Datatype::Int32),
    (16, Datatype::Float32),
    (64, Datatype::Float64),
    (256, Datatype::Int8),
    (512, Datatype::Uint16),
    (768, Datatype::Uint32),
    (1024, Datatype::Int64),
    (1280, Datatype::Uint64),
];

impl Datatype {
    pub(super) fn from_code(code: i16) -> Option<Datatype> {
        CODES.iter().find(|(known, _)| *known == code).map(|(_, datatype)| *datatype)
    }

    /// Returns the standard's name of an unsupported type, for the error about it.
    pub(super) fn name_of_unread(code: i16) -> &'static str {
        match code {
            1 => "1-bit",
            32 | 1792 | 2048 => "complex",
            128 | 2304 => "colour",
            1536 => "128-bit float",
            _ => "unknown",
        }
    }

    pub(super) fn code(self) -> i16 {
        CODES.iter().find(|(_, known)| *known == self).map(|(code, _)| *code).expect("every type has a code")
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            Datatype::Uint8 | Datatype::Int8 => 1,
            Datatype::Int16 | Datatype::Uint16 => 2,
            Datatype::Int32 | Datatype::Uint32 | Datatype::Float32 => 4,
            Datatype::Int64 | Datatype::Uint64 | Datatype::Float64 => 8,
        }
    }

    pub(super) fn bits(self) -> i16 {
        self.bytes() as i16 * 8
    }

    /// Appends the voxels of `bytes`, up to the first number that the voxel type cannot represent. 64-bit integers
    /// beyond 2^53 are rounded.
    pub(super) fn decode<T: Voxel>(
        self,
        bytes: &[u8],
        order: ByteOrder,
        scaling: Scaling,
        voxels: &mut Vec<T>,
    ) -> Result<(), Unfit> {
        match self {
            Datatype::Uint8 => small(bytes, order, scaling, voxels, |[byte]| i32::from(byte)),
            Datatype::Int8 => small(bytes, order, scaling, voxels, |b| i32::from(i8::from_le_bytes(b))),
            Datatype::Int16 => small(bytes, order, scaling, voxels, |b| i32::from(i16::from_le_bytes(b))),
            Datatype::Uint16 => small(bytes, order, scaling, voxels, |b| i32::from(u16::from_le_bytes(b))),
            Datatype::Int32 => each(bytes, order, scaling, voxels, |b| f64::from(i32::from_le_bytes(b))),
            Datatype::Uint32 => each(bytes, order, scaling, voxels, |b| f64::from(u32::from_le_bytes(b))),
            Datatype::Float32 => each(bytes, order, scaling, voxels, |b| f64::from(f32::from_le_bytes(b))),
            Datatype::Int64 => each(bytes, order, scaling, voxels, |b| i64::from_le_bytes(b) as f64),
            Datatype::Uint64 => each(bytes, order, scaling, voxels, |b| u64::from_le_bytes(b) as f64),
            Datatype::Float64 => each(bytes, order, scaling, voxels, f64::from_le_bytes),
        }
    }
}

/// The factor applied to a stored number, and the value added after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scaling {
    pub slope: f64,
    pub intercept: f64,
    /// Whether a number within [`SNAP`] of an integer is rounded to it.
    pub snaps: bool,
}

/// The largest rounding to an integer: half a step of the slope with which 16 bits store labels up to 65.
const SNAP: f64 = 1e-3;

impl Scaling {
    pub(super) const NONE: Scaling = Scaling { slope: 1.0, intercept: 0.0, snaps: false };

    fn of(self, number: f64) -> f64 {
        let scaled = number * self.slope + self.intercept;
        if self.snaps && (scaled - scaled.round()).abs() <= SNAP { scaled.round() } else { scaled }
    }
}

/// A scaled number that the voxel type cannot represent, and its index among the numbers to be decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unfit {
    pub at: usize,
    pub number: f64,
}

/// The voxel type of an image, converted from scaled numbers or from integers as stored.
pub(super) trait Voxel: Default + Standing<f64> + Standing<i32> {
    /// Whether the voxel is an intensity; otherwise it is a label.
    const IS_INTENSITY: bool;
}

impl Voxel for f32 {
    const IS_INTENSITY: bool = true;
}

impl Voxel for u16 {
    const IS_INTENSITY: bool = false;
}

/// Conversion of a number to a voxel. Both functions are total, so that the loop over voxels has no branch.
pub(super) trait Standing<N>: Copy {
    /// Returns the voxel nearest to a number.
    fn nearest(number: N) -> Self;
    /// Returns whether the voxel nearest to a number represents it.
    fn stands_for(self, number: N) -> bool;
}

impl Standing<f64> for f32 {
    fn nearest(number: f64) -> f32 {
        number as f32
    }

    fn stands_for(self, _number: f64) -> bool {
        self.is_finite()
    }
}

/// Exact, since the integers converted here have at most 16 bits.
impl Standing<i32> for f32 {
    fn nearest(number: i32) -> f32 {
        number as f32
    }

    fn stands_for(self, _number: i32) -> bool {
        true
    }
}

impl Standing<f64> for u16 {
    /// The cast truncates towards 0 and limits the result to 0 and 65535; NaN becomes 0.
    fn nearest(number: f64) -> u16 {
        (number + 0.5) as u16
    }

    /// Accepts integers to the precision of the 32-bit `scl_slope`.
    fn stands_for(self, number: f64) -> bool {
        let whole = f64::from(self);
        (number - whole).abs() <= f64::from(f32::EPSILON) * whole
    }
}

impl Standing<i32> for u16 {
    fn nearest(number: i32) -> u16 {
        number as u16
    }

    fn stands_for(self, number: i32) -> bool {
        i32::from(self) == number
    }
}

impl fmt::Display for Datatype {
    /// Writes the name as in nibabel and NumPy: `uint16`, `float32`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&format!("{self:?}").to_lowercase())
    }
}

/// Converts integers of at most 16 bits. Unscaled, as in most images, they need no conversion to `f64`, which halves
/// the work.
fn small<const N: usize, T: Voxel>(
    bytes: &[u8],
    order: ByteOrder,
    scaling: Scaling,
    voxels: &mut Vec<T>,
    number: impl Fn([u8; N]) -> i32,
) -> Result<(), Unfit> {
    match scaling == Scaling::NONE {
        true => ordered(bytes, order, voxels, number),
        false => each(bytes, order, scaling, voxels, |stored| f64::from(number(stored))),
    }
}

fn each<const N: usize, T: Voxel>(
    bytes: &[u8],
    order: ByteOrder,
    scaling: Scaling,
    voxels: &mut Vec<T>,
    number: impl Fn([u8; N]) -> f64,
) -> Result<(), Unfit> {
    ordered(bytes, order, voxels, |stored| scaling.of(number(stored)))
}

/// Selects the byte order outside the loop, so that the loop has no branch.
fn ordered<const N: usize, M: Copy + Into<f64>, T: Standing<M>>(
    bytes: &[u8],
    order: ByteOrder,
    voxels: &mut Vec<T>,
    number: impl Fn([u8; N]) -> M,
) -> Result<(), Unfit> {
    let (stored, _) = bytes.as_chunks::<N>();
    match order {
        ByteOrder::Little => append(stored.iter().map(|&bytes| number(bytes)), voxels),
        ByteOrder::Big => append(stored.iter().map(|&bytes| number(reversed(bytes))), voxels),
    }
}

/// Converts all voxels first and checks them together; only if the check fails is the first failing one searched for.
fn append<M: Copy + Into<f64>, T: Standing<M>>(
    numbers: impl ExactSizeIterator<Item = M> + Clone,
    voxels: &mut Vec<T>,
) -> Result<(), Unfit> {
    let mut all_stand = true;
    voxels.extend(numbers.clone().map(|number| {
        let voxel = T::nearest(number);
        all_stand &= voxel.stands_for(number);
        voxel
    }));
    if all_stand {
        return Ok(());
    }
    let unfit = numbers.enumerate().find(|(_, number)| !T::nearest(*number).stands_for(*number));
    Err(unfit.map(|(at, number)| Unfit { at, number: number.into() }).expect("one was found wanting above"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_types_are_one_to_one() {
        for (code, datatype) in CODES {
            assert_eq!(Datatype::from_code(code), Some(datatype));
            assert_eq!(datatype.code(), code);
        }
        assert_eq!(Datatype::from_code(128), None);
    }

    fn decoded<T: Voxel>(
        datatype: Datatype,
        bytes: &[u8],
        order: ByteOrder,
        scaling: Scaling,
    ) -> Result<Vec<T>, Unfit> {
        let mut voxels = Vec::new();
        datatype.decode(bytes, order, scaling, &mut voxels).map(|()| voxels)
    }

    #[test]
    fn both_byte_orders_give_the_same_numbers() {
        let check = |datatype: Datatype, bytes: &[u8], expected: f64| {
            let mut reversed = bytes.to_vec();
            reversed.reverse();
            for (bytes, order) in [(bytes, ByteOrder::Little), (&*reversed, ByteOrder::Big)] {
                let voxels = decoded::<f32>(datatype, bytes, order, Scaling::NONE);
                assert_eq!(voxels, Ok(vec![expected as f32]), "{datatype:?}");
            }
        };
        check(Datatype::Int8, &(-5i8).to_le_bytes(), -5.0);
        check(Datatype::Uint16, &65_000u16.to_le_bytes(), 65_000.0);
        check(Datatype::Int32, &(-70_000i32).to_le_bytes(), -70_000.0);
        check(Datatype::Uint64, &u64::MAX.to_le_bytes(), 18_446_744_073_709_551_615.0);
        check(Datatype::Float64, &0.1f64.to_le_bytes(), 0.1);
    }

    #[test]
    fn a_label_is_a_whole_number_and_rounds_nothing_else() {
        let label =
            |number: f64| decoded::<u16>(Datatype::Float64, &number.to_le_bytes(), ByteOrder::Little, Scaling::NONE);
        for whole in [0.0, 1.0, 2.0, 255.0, 65_534.0, 65_535.0] {
            let precision = f64::from(f32::EPSILON) * whole;
            for number in [whole - precision, whole, whole + precision] {
                assert_eq!(label(number), Ok(vec![whole as u16]), "{number}");
            }
            for number in [whole - 2.0 * precision - 1e-9, whole + 2.0 * precision + 1e-9, whole + 0.5, whole - 0.5] {
                assert_eq!(label(number), Err(Unfit { at: 0, number }));
            }
        }
        for number in [-1.0, 65_536.0, 1e300, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(label(number), Err(Unfit { at: 0, number }));
        }
        assert!(label(f64::NAN).is_err());
        assert_eq!(label(-0.0), Ok(vec![0]));
    }

    #[test]
    fn scaled_labels_snap_to_whole_numbers_where_asked_and_others_do_not() {
        // nibabel 5.4.2 stores the labels 0, 1, 2 as int16 with a slope of 2 / 65535: 1 becomes 32768 * slope = 1.0000153.
        let slope = f64::from(2.0f32 / 65535.0);
        let label = |stored: u16, snaps| {
            let scaling = Scaling { slope, intercept: 0.0, snaps };
            decoded::<u16>(Datatype::Uint16, &stored.to_le_bytes(), ByteOrder::Little, scaling)
        };
        assert_eq!(label(32768, true), Ok(vec![1]));
        assert!(label(32768, false).is_err());
        assert!(label(16000, true).is_err(), "0.488 is an interpolated label");
    }

    #[test]
    fn every_whole_number_of_16_bits_is_the_same_scaled_and_as_stored() {
        let bytes: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
        // This intercept changes no `f32`, but makes every number take the path of scaled ones.
        let scaled = Scaling { slope: 1.0, intercept: f64::MIN_POSITIVE, snaps: false };
        for datatype in [Datatype::Int16, Datatype::Uint16, Datatype::Int8, Datatype::Uint8] {
            let [stored, scaled] = [Scaling::NONE, scaled]
                .map(|scaling| decoded::<f32>(datatype, &bytes, ByteOrder::Little, scaling).unwrap());
            assert!(stored == scaled, "{datatype:?}");
        }
    }

    #[test]
    fn the_first_of_several_unfit_numbers_is_told() {
        let bytes: Vec<u8> = [3i16, 7, -2, -9].iter().flat_map(|number| number.to_le_bytes()).collect();
        let scaling = Scaling { slope: 2.0, intercept: 1.0, snaps: false };
        let unfit = |scaling| decoded::<u16>(Datatype::Int16, &bytes, ByteOrder::Little, scaling);
        assert_eq!(unfit(scaling), Err(Unfit { at: 2, number: -3.0 }));
        assert_eq!(unfit(Scaling::NONE), Err(Unfit { at: 2, number: -2.0 }));
        assert_eq!(
            decoded::<f32>(Datatype::Int16, &bytes, ByteOrder::Little, scaling),
            Ok(vec![7.0, 15.0, -3.0, -17.0])
        );
    }
}
