//! Numbers at fixed offsets of a header, in either byte order.

/// The byte order of a number in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// Returns the bytes of one number in little-endian order.
    fn to_little<const N: usize>(self, bytes: [u8; N]) -> [u8; N] {
        match self {
            ByteOrder::Little => bytes,
            ByteOrder::Big => reversed(bytes),
        }
    }
}

/// Returns the bytes of one number in reverse order.
pub(super) fn reversed<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    bytes.reverse();
    bytes
}

/// The bytes of a header; an offset beyond them is a bug of lacuna's.
pub(super) struct Fields<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) order: ByteOrder,
}

impl Fields<'_> {
    fn take<const N: usize>(&self, at: usize) -> [u8; N] {
        let bytes = self.bytes[at..].first_chunk().expect("every field lies within the header");
        self.order.to_little(*bytes)
    }

    pub(super) fn i16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.take(at))
    }

    pub(super) fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.take(at))
    }

    pub(super) fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.take(at))
    }

    pub(super) fn f32(&self, at: usize) -> f64 {
        f64::from(f32::from_le_bytes(self.take(at)))
    }

    pub(super) fn f64(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.take(at))
    }

    /// Returns whether a text field holds anything but zeros and blanks.
    pub(super) fn has_text(&self, at: usize, length: usize) -> bool {
        self.bytes[at..at + length].iter().any(|&byte| byte != 0 && byte != b' ')
    }
}
