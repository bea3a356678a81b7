//! The fields of a NIfTI header that lacuna uses: parsing and encoding.
//!
//! Offsets are those of the NIfTI-1.1 and NIfTI-2 standards. Of text fields only whether they are set is read; their
//! content is never kept.

use super::datatype::Datatype;
use super::fields::{ByteOrder, Fields};

/// The version of the NIfTI standard of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NiftiVersion {
    /// NIfTI-1.1: 348 bytes, 16-bit dimensions, 32-bit floats.
    One,
    /// NIfTI-2: 540 bytes, 64-bit dimensions, 64-bit floats.
    Two,
}

impl NiftiVersion {
    pub(super) const fn header_bytes(self) -> usize {
        match self {
            NiftiVersion::One => 348,
            NiftiVersion::Two => 540,
        }
    }

    /// Returns the smallest offset of voxels in bytes: after the header and the extension flag.
    pub(super) const fn data_offset_min(self) -> u64 {
        self.header_bytes() as u64 + 4
    }

    /// Returns the values of the magic field in a single file, and in the header of a pair.
    pub(super) fn magics(self) -> [&'static [u8]; 2] {
        match self {
            NiftiVersion::One => [b"n+1\0", b"ni1\0"],
            NiftiVersion::Two => [b"n+2\0\r\n\x1a\n", b"ni2\0\r\n\x1a\n"],
        }
    }
}

/// The geometry of a NIfTI file as its header states it: all that is needed to write a result on the same grid. It
/// holds no text, so it cannot hold a person's name.
#[derive(Clone, Debug, PartialEq)]
pub struct NiftiHeader {
    pub(super) version: NiftiVersion,
    /// Numbers of voxels along i, j and k.
    pub(super) dims: [usize; 3],
    /// The handedness `qfac`, then the voxel edges along i, j and k in the header's unit.
    pub(super) pixdim: [f64; 4],
    /// Units of length (lowest three bits) and of time.
    pub(super) xyzt_units: u8,
    pub(super) qform_code: i32,
    /// The components b, c and d of the unit quaternion.
    pub(super) quaternion: [f64; 3],
    pub(super) qoffset: [f64; 3],
    pub(super) sform_code: i32,
    pub(super) srow: [[f64; 4]; 3],
}

impl NiftiHeader {
    /// Returns the version of the standard that the file follows.
    pub fn version(&self) -> NiftiVersion {
        self.version
    }
}

/// All fields read from a header, before they are checked.
pub(super) struct RawHeader {
    pub(super) version: NiftiVersion,
    pub(super) order: ByteOrder,
    pub(super) magic: Vec<u8>,
    pub(super) dim: [i64; 8],
    pub(super) intent_code: i32,
    pub(super) datatype: i16,
    pub(super) bitpix: i16,
    pub(super) vox_offset: f64,
    pub(super) slope: f64,
    pub(super) intercept: f64,
    pub(super) pixdim: [f64; 4],
    pub(super) xyzt_units: u8,
    pub(super) qform_code: i32,
    pub(super) quaternion: [f64; 3],
    pub(super) qoffset: [f64; 3],
    pub(super) sform_code: i32,
    pub(super) srow: [[f64; 4]; 3],
    /// The names of the text fields that are not empty.
    pub(super) text_fields: Vec<&'static str>,
}

/// Returns the version and byte order that the first four bytes indicate; `None` if they are not those of a NIfTI file.
pub(super) fn recognise(first: [u8; 4]) -> Option<(NiftiVersion, ByteOrder)> {
    match (i32::from_le_bytes(first), i32::from_be_bytes(first)) {
        (348, _) => Some((NiftiVersion::One, ByteOrder::Little)),
        (_, 348) => Some((NiftiVersion::One, ByteOrder::Big)),
        (540, _) => Some((NiftiVersion::Two, ByteOrder::Little)),
        (_, 540) => Some((NiftiVersion::Two, ByteOrder::Big)),
        _ => None,
    }
}

/// Parses a whole header of [`NiftiVersion::header_bytes`].
pub(super) fn parse(bytes: &[u8], version: NiftiVersion, order: ByteOrder) -> RawHeader {
    let fields = Fields { bytes, order };
    match version {
        NiftiVersion::One => parse_one(&fields),
        NiftiVersion::Two => parse_two(&fields),
    }
}

fn parse_one(fields: &Fields<'_>) -> RawHeader {
    let floats = |at: usize, n: usize| fields.f32(at + 4 * n);
    RawHeader {
        version: NiftiVersion::One,
        order: fields.order,
        magic: fields.bytes[344..348].to_vec(),
        dim: std::array::from_fn(|n| i64::from(fields.i16(40 + 2 * n))),
        intent_code: i32::from(fields.i16(68)),
        datatype: fields.i16(70),
        bitpix: fields.i16(72),
        pixdim: std::array::from_fn(|n| floats(76, n)),
        vox_offset: fields.f32(108),
        slope: fields.f32(112),
        intercept: fields.f32(116),
        xyzt_units: fields.bytes[123],
        qform_code: i32::from(fields.i16(252)),
        sform_code: i32::from(fields.i16(254)),
        quaternion: std::array::from_fn(|n| floats(256, n)),
        qoffset: std::array::from_fn(|n| floats(268, n)),
        srow: std::array::from_fn(|row| std::array::from_fn(|n| floats(280 + 16 * row, n))),
        text_fields: text_fields(
            fields,
            &[("db_name", 14, 18), ("descrip", 148, 80), ("aux_file", 228, 24), ("intent_name", 328, 16)],
        ),
    }
}

fn parse_two(fields: &Fields<'_>) -> RawHeader {
    let floats = |at: usize, n: usize| fields.f64(at + 8 * n);
    RawHeader {
        version: NiftiVersion::Two,
        order: fields.order,
        magic: fields.bytes[4..12].to_vec(),
        datatype: fields.i16(12),
        bitpix: fields.i16(14),
        dim: std::array::from_fn(|n| fields.i64(16 + 8 * n)),
        pixdim: std::array::from_fn(|n| floats(104, n)),
        // Exact: an offset that f64 rounds is far beyond any limit.
        vox_offset: fields.i64(168) as f64,
        slope: fields.f64(176),
        intercept: fields.f64(184),
        qform_code: fields.i32(344),
        sform_code: fields.i32(348),
        quaternion: std::array::from_fn(|n| floats(352, n)),
        qoffset: std::array::from_fn(|n| floats(376, n)),
        srow: std::array::from_fn(|row| std::array::from_fn(|n| floats(400 + 32 * row, n))),
        xyzt_units: fields.i32(500) as u8,
        intent_code: fields.i32(504),
        text_fields: text_fields(fields, &[("descrip", 240, 80), ("aux_file", 320, 24), ("intent_name", 508, 16)]),
    }
}

fn text_fields(fields: &Fields<'_>, ranges: &[(&'static str, usize, usize)]) -> Vec<&'static str> {
    ranges.iter().filter(|(_, at, length)| fields.has_text(*at, *length)).map(|(name, _, _)| *name).collect()
}

/// Returns the little-endian header of an unscaled single file, up to and including the extension flag.
pub(super) fn encode(header: &NiftiHeader, datatype: Datatype) -> Vec<u8> {
    match header.version {
        NiftiVersion::One => encode_one(header, datatype),
        NiftiVersion::Two => encode_two(header, datatype),
    }
}

fn encode_one(header: &NiftiHeader, datatype: Datatype) -> Vec<u8> {
    let mut bytes = vec![0; NiftiVersion::One.data_offset_min() as usize];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    let single = |value: f64| (value as f32).to_le_bytes();
    put(0, &348i32.to_le_bytes());
    // Some old readers check this constant to recognise the header.
    put(38, b"r");
    for (n, dim) in dim_field(header).into_iter().enumerate() {
        put(40 + 2 * n, &(dim as i16).to_le_bytes());
    }
    put(70, &datatype.code().to_le_bytes());
    put(72, &datatype.bits().to_le_bytes());
    for (n, value) in pixdim_field(header).into_iter().enumerate() {
        put(76 + 4 * n, &single(value));
    }
    put(108, &single(352.0));
    put(112, &single(1.0));
    put(123, &[header.xyzt_units]);
    put(252, &(header.qform_code as i16).to_le_bytes());
    put(254, &(header.sform_code as i16).to_le_bytes());
    for (n, &value) in header.quaternion.iter().chain(&header.qoffset).chain(header.srow.as_flattened()).enumerate() {
        put(256 + 4 * n, &single(value));
    }
    put(344, NiftiVersion::One.magics()[0]);
    bytes
}

fn encode_two(header: &NiftiHeader, datatype: Datatype) -> Vec<u8> {
    let mut bytes = vec![0; NiftiVersion::Two.data_offset_min() as usize];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &540i32.to_le_bytes());
    put(4, NiftiVersion::Two.magics()[0]);
    put(12, &datatype.code().to_le_bytes());
    put(14, &datatype.bits().to_le_bytes());
    for (n, dim) in dim_field(header).into_iter().enumerate() {
        put(16 + 8 * n, &dim.to_le_bytes());
    }
    for (n, value) in pixdim_field(header).into_iter().enumerate() {
        put(104 + 8 * n, &value.to_le_bytes());
    }
    put(168, &544i64.to_le_bytes());
    put(176, &1f64.to_le_bytes());
    put(344, &header.qform_code.to_le_bytes());
    put(348, &header.sform_code.to_le_bytes());
    for (n, value) in header.quaternion.iter().chain(&header.qoffset).chain(header.srow.as_flattened()).enumerate() {
        put(352 + 8 * n, &value.to_le_bytes());
    }
    put(500, &i32::from(header.xyzt_units).to_le_bytes());
    bytes
}

/// Returns the `dim` field of three dimensions, the others 1.
fn dim_field(header: &NiftiHeader) -> [i64; 8] {
    let [ni, nj, nk] = header.dims.map(|dim| dim as i64);
    [3, ni, nj, nk, 1, 1, 1, 1]
}

fn pixdim_field(header: &NiftiHeader) -> [f64; 8] {
    let [qfac, i, j, k] = header.pixdim;
    [qfac, i, j, k, 1.0, 1.0, 1.0, 1.0]
}
