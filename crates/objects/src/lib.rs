//! Named bytes that are created once and read completely: the files of a folder, or the objects of a bucket.
//!
//! The parts of a study that several machines share, its records, models and notes of attempts, are in a [`Location`].
//! A location has four operations: read a whole file, create one unless the name exists, replace one, and list names.
//! The second commits a result, so it must be exact: of several that try at once, one succeeds.
//!
//! A folder is a folder of a file system; its files are written by `lacuna-disk`. An archive, `NAME.tar.xz`, is read as
//! the folder it was made from and never written. Buckets need the feature `cloud`: without it, a program that
//! processes images of patients contains no network code.
//!
//! A data set, which is many files in folders, is a [`FileSet`] of a location.
//!
//! Deliberately absent: deleting, and changing a part of a file.

mod address;
mod archive;
#[cfg(any(test, feature = "cloud"))]
mod bucket;
#[cfg(feature = "cloud")]
mod cloud;
mod error;
mod file_set;
mod folder;
mod location;
#[cfg(any(test, feature = "cloud"))]
mod retry_policy;

pub use address::Address;
pub use error::ObjectError;
pub use file_set::{EachFile, FileSet};
pub use location::Location;
