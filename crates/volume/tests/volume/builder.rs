//! A NIfTI writer for tests: any version, byte order and voxel type, and any invalid field.
//!
//! It shares no code with the crate, so that a wrong offset in the crate is detected.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::path::PathBuf;
use tempfile::TempDir;

#[derive(Clone, Copy)]
enum Kind {
    I16,
    I32,
    I64,
    F32,
    F64,
}

/// For each field, the offset and type in NIfTI-1, then in NIfTI-2.
const FIELDS: [(&str, usize, Kind, usize, Kind); 18] = [
    ("sizeof_hdr", 0, Kind::I32, 0, Kind::I32),
    ("dim", 40, Kind::I16, 16, Kind::I64),
    ("intent_code", 68, Kind::I16, 504, Kind::I32),
    ("datatype", 70, Kind::I16, 12, Kind::I16),
    ("bitpix", 72, Kind::I16, 14, Kind::I16),
    ("pixdim", 76, Kind::F32, 104, Kind::F64),
    ("vox_offset", 108, Kind::F32, 168, Kind::I64),
    ("scl_slope", 112, Kind::F32, 176, Kind::F64),
    ("scl_inter", 116, Kind::F32, 184, Kind::F64),
    ("qform_code", 252, Kind::I16, 344, Kind::I32),
    ("sform_code", 254, Kind::I16, 348, Kind::I32),
    ("quatern_b", 256, Kind::F32, 352, Kind::F64),
    ("quatern_c", 260, Kind::F32, 360, Kind::F64),
    ("quatern_d", 264, Kind::F32, 368, Kind::F64),
    ("qoffset_x", 268, Kind::F32, 376, Kind::F64),
    ("srow_x", 280, Kind::F32, 400, Kind::F64),
    ("srow_y", 296, Kind::F32, 432, Kind::F64),
    ("srow_z", 312, Kind::F32, 464, Kind::F64),
];

/// The code, the bits, and the smallest and largest value of every supported voxel type.
pub const DATATYPES: [(i16, i16, f64, f64); 10] = [
    (2, 8, 0.0, 255.0),
    (4, 16, -32768.0, 32767.0),
    (8, 32, -2147483648.0, 2147483647.0),
    (16, 32, -1.5e30, 2.5e-3),
    (64, 64, -1.5e30, 2.5e-3),
    (256, 8, -128.0, 127.0),
    (512, 16, 0.0, 65535.0),
    (768, 32, 0.0, 4294967295.0),
    (1024, 64, -9007199254740992.0, 9007199254740992.0),
    (1280, 64, 0.0, 9007199254740992.0),
];

/// The bytes of a header, valid until changed.
#[derive(Clone)]
pub struct Builder {
    version: u8,
    big_endian: bool,
    pub bytes: Vec<u8>,
}

impl Builder {
    /// A header with an sform of 1, 2 and 3 mm, unscaled.
    pub fn new(version: u8, big_endian: bool, datatype: i16, bits: i16, dims: [usize; 3]) -> Builder {
        let length = if version == 1 { 352 } else { 544 };
        let mut builder = Builder { version, big_endian, bytes: vec![0; length] };
        let [ni, nj, nk] = dims.map(|dim| dim as f64);
        builder.set("sizeof_hdr", 0, length as f64 - 4.0);
        for (n, value) in [3.0, ni, nj, nk, 1.0, 1.0, 1.0, 1.0].into_iter().enumerate() {
            builder.set("dim", n, value);
        }
        for (n, value) in [1.0, 1.0, 2.0, 3.0].into_iter().enumerate() {
            builder.set("pixdim", n, value);
        }
        builder.set("datatype", 0, f64::from(datatype));
        builder.set("bitpix", 0, f64::from(bits));
        builder.set("vox_offset", 0, length as f64);
        builder.set("scl_slope", 0, 1.0);
        builder.set("sform_code", 0, 1.0);
        builder.set("srow_x", 0, 1.0);
        builder.set("srow_y", 1, 2.0);
        builder.set("srow_z", 2, 3.0);
        match version {
            1 => builder.bytes[344..348].copy_from_slice(b"n+1\0"),
            _ => builder.bytes[4..12].copy_from_slice(b"n+2\0\r\n\x1a\n"),
        }
        builder
    }

    /// A NIfTI-1 file of 2 x 3 x 4 bytes counting from 0.
    pub fn small() -> Builder {
        let mut builder = Builder::new(1, false, 2, 8, [2, 3, 4]);
        builder.bytes.extend(0..24);
        builder
    }

    /// Changes the element `index` of a field.
    pub fn set(&mut self, field: &str, index: usize, value: f64) -> &mut Builder {
        let (_, at_one, kind_one, at_two, kind_two) = *FIELDS.iter().find(|(name, ..)| *name == field).unwrap();
        let (at, kind) = if self.version == 1 { (at_one, kind_one) } else { (at_two, kind_two) };
        let mut encoded = match kind {
            Kind::I16 => (value as i16).to_le_bytes().to_vec(),
            Kind::I32 => (value as i32).to_le_bytes().to_vec(),
            Kind::I64 => (value as i64).to_le_bytes().to_vec(),
            Kind::F32 => (value as f32).to_le_bytes().to_vec(),
            Kind::F64 => value.to_le_bytes().to_vec(),
        };
        if self.big_endian {
            encoded.reverse();
        }
        let at = at + index * encoded.len();
        self.bytes[at..at + encoded.len()].copy_from_slice(&encoded);
        self
    }

    /// Appends one voxel to the bytes.
    pub fn push(&mut self, datatype: i16, value: f64) {
        let mut encoded = match datatype {
            2 => (value as u8).to_le_bytes().to_vec(),
            4 => (value as i16).to_le_bytes().to_vec(),
            8 => (value as i32).to_le_bytes().to_vec(),
            16 => (value as f32).to_le_bytes().to_vec(),
            64 => value.to_le_bytes().to_vec(),
            256 => (value as i8).to_le_bytes().to_vec(),
            512 => (value as u16).to_le_bytes().to_vec(),
            768 => (value as u32).to_le_bytes().to_vec(),
            1024 => (value as i64).to_le_bytes().to_vec(),
            1280 => (value as u64).to_le_bytes().to_vec(),
            other => panic!("no such datatype: {other}"),
        };
        if self.big_endian {
            encoded.reverse();
        }
        self.bytes.extend(encoded);
    }
}

/// Returns one gzip member that holds `bytes`.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Writes a file into a temporary folder, and returns the folder and the path.
pub fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan.nii");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}
