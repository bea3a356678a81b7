//! Stored numbers that a 32-bit float cannot represent.

use super::datatype::Datatype;
use super::fields::{ByteOrder, reversed};

impl Datatype {
    /// Returns the first stored number that a 32-bit float cannot represent: an integer beyond 2^24 that would change,
    /// or a fraction that would become 0. The rounding of other fractions is not reported.
    pub(super) fn first_rounded(self, bytes: &[u8], order: ByteOrder) -> Option<f64> {
        match self {
            Datatype::Int32 => first(bytes, order, i32::from_le_bytes, |n| n as f32 as i64 != i64::from(n), f64::from),
            Datatype::Uint32 => first(bytes, order, u32::from_le_bytes, |n| n as f32 as i64 != i64::from(n), f64::from),
            Datatype::Int64 => {
                first(bytes, order, i64::from_le_bytes, |n| n as f32 as i128 != i128::from(n), |n| n as f64)
            }
            Datatype::Uint64 => {
                first(bytes, order, u64::from_le_bytes, |n| n as f32 as i128 != i128::from(n), |n| n as f64)
            }
            Datatype::Float64 => first(bytes, order, f64::from_le_bytes, |n| n != 0.0 && n as f32 == 0.0, |n| n),
            _ => None,
        }
    }
}

fn first<const N: usize, M: Copy>(
    bytes: &[u8],
    order: ByteOrder,
    number: impl Fn([u8; N]) -> M,
    is_rounded: impl Fn(M) -> bool,
    shown: impl Fn(M) -> f64,
) -> Option<f64> {
    let (stored, _) = bytes.as_chunks::<N>();
    let ordered = |bytes: &[u8; N]| match order {
        ByteOrder::Little => number(*bytes),
        ByteOrder::Big => number(reversed(*bytes)),
    };
    stored.iter().map(ordered).find(|&number| is_rounded(number)).map(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_32_bit_float_holds_are_found() {
        let first = |datatype: Datatype, bytes: &[u8]| datatype.first_rounded(bytes, ByteOrder::Little);
        let exact = 1i32 << 24;
        assert_eq!(first(Datatype::Int32, &exact.to_le_bytes()), None);
        assert_eq!(first(Datatype::Int32, &[exact, -exact - 1].map(i32::to_le_bytes).concat()), Some(-16_777_217.0));
        assert_eq!(first(Datatype::Uint32, &u32::MAX.to_le_bytes()), Some(4_294_967_295.0));
        assert_eq!(first(Datatype::Int64, &((1i64 << 53) + 1).to_le_bytes()), Some(9_007_199_254_740_992.0));
        assert_eq!(first(Datatype::Uint64, &(1u64 << 63).to_le_bytes()), None);
        assert_eq!(first(Datatype::Float64, &[0.0f64, 0.1].map(f64::to_le_bytes).concat()), None);
        assert_eq!(first(Datatype::Float64, &1e-300f64.to_le_bytes()), Some(1e-300));
        assert_eq!(Datatype::Int32.first_rounded(&(-exact - 1).to_be_bytes(), ByteOrder::Big), Some(-16_777_217.0));
    }
}
