//! Reading and writing NIfTI-1 and NIfTI-2 single files, plain or gzipped.
//!
//! One file per step: [`source`] provides bytes (plain or through gzip), [`header`] parses the fields, [`geometry`]
//! derives the grid, [`datatype`] converts bytes to numbers, and `read` and `write` combine the steps.
//!
//! Input is not trusted. Every number of the header is checked before it determines a size, and nothing is allocated
//! beyond what the header requires, the file can hold and [`ReadLimits`] allow.
//!
//! Deliberately absent: `.hdr`/`.img` pairs, complex and colour voxels, more than three
//! dimensions, and header extensions, which are neither kept nor written, since they may name
//! a person.

mod datatype;
mod fields;
mod geometry;
mod header;
mod notice;
mod quaternion;
mod read;
mod rounded;
mod source;
mod write;

pub use datatype::Datatype;
pub use header::{NiftiHeader, NiftiVersion};
pub use notice::{Lying, Notice, Sizes, decimals};
pub use read::{NiftiFile, ReadLimits, read_header, read_label_map, read_volume};
pub use write::{LabelNumber, write_label_map, write_volume};
