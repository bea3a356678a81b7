//! Voxel types and how their bytes become numbers.

use super::fields::ByteOrder;
use std::fmt;

/// The voxel types lacuna reads: every integer and every float of at most 64 bits.
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

/// Every readable type with its code in the NIfTI standard.
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

    /// The standard's name of a type that is not read, for the error that says so.
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

    /// Append the numbers that `bytes` hold. 64-bit integers beyond 2^53 are rounded.
    pub(super) fn decode(self, bytes: &[u8], order: ByteOrder, numbers: &mut Vec<f64>) {
        match self {
            Datatype::Uint8 => numbers.extend(bytes.iter().map(|&byte| f64::from(byte))),
            Datatype::Int8 => numbers.extend(bytes.iter().map(|&byte| f64::from(byte as i8))),
            Datatype::Int16 => each(bytes, order, numbers, |b| f64::from(i16::from_le_bytes(b))),
            Datatype::Uint16 => each(bytes, order, numbers, |b| f64::from(u16::from_le_bytes(b))),
            Datatype::Int32 => each(bytes, order, numbers, |b| f64::from(i32::from_le_bytes(b))),
            Datatype::Uint32 => each(bytes, order, numbers, |b| f64::from(u32::from_le_bytes(b))),
            Datatype::Float32 => each(bytes, order, numbers, |b| f64::from(f32::from_le_bytes(b))),
            Datatype::Int64 => each(bytes, order, numbers, |b| i64::from_le_bytes(b) as f64),
            Datatype::Uint64 => each(bytes, order, numbers, |b| u64::from_le_bytes(b) as f64),
            Datatype::Float64 => each(bytes, order, numbers, f64::from_le_bytes),
        }
    }
}

impl fmt::Display for Datatype {
    /// The name as nibabel and NumPy have it: `uint16`, `float32`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&format!("{self:?}").to_lowercase())
    }
}

fn each<const N: usize>(bytes: &[u8], order: ByteOrder, numbers: &mut Vec<f64>, number: impl Fn([u8; N]) -> f64) {
    let (values, _) = bytes.as_chunks::<N>();
    numbers.extend(values.iter().map(|&value| number(order.to_little(value))));
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

    #[test]
    fn both_byte_orders_give_the_same_numbers() {
        let check = |datatype: Datatype, bytes: &[u8], expected: f64| {
            let mut reversed = bytes.to_vec();
            reversed.reverse();
            let mut numbers = Vec::new();
            datatype.decode(bytes, ByteOrder::Little, &mut numbers);
            datatype.decode(&reversed, ByteOrder::Big, &mut numbers);
            assert_eq!(numbers, [expected, expected], "{datatype:?}");
        };
        check(Datatype::Int8, &(-5i8).to_le_bytes(), -5.0);
        check(Datatype::Uint16, &65_000u16.to_le_bytes(), 65_000.0);
        check(Datatype::Int32, &(-70_000i32).to_le_bytes(), -70_000.0);
        check(Datatype::Uint64, &u64::MAX.to_le_bytes(), 18_446_744_073_709_551_615.0);
        check(Datatype::Float64, &0.1f64.to_le_bytes(), 0.1);
    }
}
