//! The element types of tensors.

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element {
    /// A 64-bit float (IEEE binary64).
    F64,
    /// A 32-bit float (IEEE binary32).
    F32,
    /// A 16-bit float (IEEE binary16).
    F16,
    /// A bfloat16: the upper half of a 32-bit float.
    BF16,
    /// A signed integer of 64 bits.
    I64,
    /// A signed integer of 32 bits.
    I32,
    /// A signed integer of 16 bits.
    I16,
    /// A signed integer of 8 bits.
    I8,
    /// An unsigned integer of 8 bits.
    U8,
    /// A byte that is 0 or 1.
    Bool,
}

/// The names of one type in the file formats.
struct Names {
    element: Element,
    bytes: usize,
    /// The name in messages.
    word: &'static str,
    /// The name of PyTorch's storage class.
    storage: &'static str,
}

static NAMES: &[Names] = &[
    Names { element: Element::F64, bytes: 8, word: "f64", storage: "DoubleStorage" },
    Names { element: Element::F32, bytes: 4, word: "f32", storage: "FloatStorage" },
    Names { element: Element::F16, bytes: 2, word: "f16", storage: "HalfStorage" },
    Names { element: Element::BF16, bytes: 2, word: "bf16", storage: "BFloat16Storage" },
    Names { element: Element::I64, bytes: 8, word: "i64", storage: "LongStorage" },
    Names { element: Element::I32, bytes: 4, word: "i32", storage: "IntStorage" },
    Names { element: Element::I16, bytes: 2, word: "i16", storage: "ShortStorage" },
    Names { element: Element::I8, bytes: 1, word: "i8", storage: "CharStorage" },
    Names { element: Element::U8, bytes: 1, word: "u8", storage: "ByteStorage" },
    Names { element: Element::Bool, bytes: 1, word: "bool", storage: "BoolStorage" },
];

/// Unsupported storages with the bytes of one element: those of complex and quantised tensors, and of types without a
/// storage class of their own.
static UNREAD_STORAGES: &[(&str, usize)] = &[
    ("ComplexFloatStorage", 8),
    ("ComplexDoubleStorage", 16),
    ("QInt8Storage", 1),
    ("QUInt8Storage", 1),
    ("QInt32Storage", 4),
    ("QUInt4x2Storage", 1),
    ("QUInt2x4Storage", 1),
    ("UntypedStorage", 1),
];

impl Element {
    fn names(self) -> &'static Names {
        NAMES.iter().find(|names| names.element == self).expect("every element is listed")
    }

    /// Returns the bytes of one element.
    pub fn bytes(self) -> usize {
        self.names().bytes
    }

    /// Returns the short name of the type: `f32`, `i64`.
    pub fn word(self) -> &'static str {
        self.names().word
    }

    /// Returns whether it is a floating-point type, as weights are.
    pub fn is_float(self) -> bool {
        matches!(self, Element::F64 | Element::F32 | Element::F16 | Element::BF16)
    }

    pub(crate) fn storage(self) -> &'static str {
        self.names().storage
    }

    pub(crate) fn of_storage(class: &str) -> Option<Element> {
        NAMES.iter().find(|names| names.storage == class).map(|names| names.element)
    }

    /// Returns the bytes of one element in a storage of this class, supported or not.
    pub(crate) fn width_of_storage(class: &str) -> Option<usize> {
        let known = Element::of_storage(class).map(Element::bytes);
        known.or_else(|| UNREAD_STORAGES.iter().find(|(name, _)| *name == class).map(|&(_, bytes)| bytes))
    }

    pub(crate) fn of_safetensors(dtype: safetensors::Dtype) -> Option<Element> {
        use safetensors::Dtype;
        match dtype {
            Dtype::F64 => Some(Element::F64),
            Dtype::F32 => Some(Element::F32),
            Dtype::F16 => Some(Element::F16),
            Dtype::BF16 => Some(Element::BF16),
            Dtype::I64 => Some(Element::I64),
            Dtype::I32 => Some(Element::I32),
            Dtype::I16 => Some(Element::I16),
            Dtype::I8 => Some(Element::I8),
            Dtype::U8 => Some(Element::U8),
            Dtype::BOOL => Some(Element::Bool),
            _ => None,
        }
    }

    pub(crate) fn to_safetensors(self) -> safetensors::Dtype {
        use safetensors::Dtype;
        match self {
            Element::F64 => Dtype::F64,
            Element::F32 => Dtype::F32,
            Element::F16 => Dtype::F16,
            Element::BF16 => Dtype::BF16,
            Element::I64 => Dtype::I64,
            Element::I32 => Dtype::I32,
            Element::I16 => Dtype::I16,
            Element::I8 => Dtype::I8,
            Element::U8 => Dtype::U8,
            Element::Bool => Dtype::BOOL,
        }
    }

    /// Returns one element as the nearest `f32`.
    ///
    /// # Panics
    /// If the number of bytes is not that of the type.
    pub(crate) fn to_f32(self, bytes: &[u8]) -> f32 {
        match self {
            Element::F64 => f64::from_le_bytes(exactly(bytes)) as f32,
            Element::F32 => f32::from_le_bytes(exactly(bytes)),
            Element::F16 => half::f16::from_le_bytes(exactly(bytes)).to_f32(),
            Element::BF16 => half::bf16::from_le_bytes(exactly(bytes)).to_f32(),
            Element::I64 => i64::from_le_bytes(exactly(bytes)) as f32,
            Element::I32 => i32::from_le_bytes(exactly(bytes)) as f32,
            Element::I16 => f32::from(i16::from_le_bytes(exactly(bytes))),
            Element::I8 => f32::from(i8::from_le_bytes(exactly(bytes))),
            Element::U8 | Element::Bool => f32::from(exactly::<1>(bytes)[0]),
        }
    }
}

fn exactly<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("an element is read from its own bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_keeps_its_names_and_size_in_both_formats() {
        for names in NAMES {
            let element = names.element;
            assert_eq!(Element::of_storage(element.storage()), Some(element));
            assert_eq!(Element::of_safetensors(element.to_safetensors()), Some(element));
            assert_eq!(element.to_safetensors().bitsize(), 8 * element.bytes(), "{}", element.word());
        }
    }

    #[test]
    fn sixteen_bit_floats_are_read_exactly() {
        // 0x3e00: sign 0, exponent 15 - 15, mantissa 0.5, hence 1.5; 0xfbff is the smallest f16.
        assert_eq!(Element::F16.to_f32(&0x3e00u16.to_le_bytes()), 1.5);
        assert_eq!(Element::F16.to_f32(&0xfbffu16.to_le_bytes()), -65504.0);
        // The smallest positive subnormal is 2^-24.
        assert_eq!(Element::F16.to_f32(&1u16.to_le_bytes()), 2f32.powi(-24));
        // 0x3fc0 are the upper bits of 1.5 as f32.
        assert_eq!(Element::BF16.to_f32(&0x3fc0u16.to_le_bytes()), 1.5);
    }
}
