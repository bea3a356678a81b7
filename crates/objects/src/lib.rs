//! Named bytes that are made once and read whole: the files of a folder, or the objects of a bucket.
//!
//! What many machines share of a study, its records, models and notes of attempts, lies in a [`Place`]. A place can do
//! four things: read a whole file, make one unless there is one of that name, put one in place of another, and list
//! names. The second is what commits a result, so it must be exact: of several that try at once, one succeeds.
//!
//! A folder is a folder of a file system; its files are written by `lacuna-disk`. An archive, `NAME.tar.xz`, is read as
//! the folder it was made of and never written to. Buckets are there with the feature
//! `cloud` alone: a program that holds images of people has no network code unless it was built to have it.
//!
//! A data set, which is many files in folders, is a [`FileSet`] of a place.
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
#[cfg(any(test, feature = "cloud"))]
mod patience;
mod place;

pub use address::Address;
pub use error::ObjectError;
pub use file_set::{EachFile, FileSet};
pub use place::Place;
