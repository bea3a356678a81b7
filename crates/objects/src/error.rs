//! What can be wrong with places.

use lacuna_disk::DiskError;
use std::path::PathBuf;

/// An error of a place, with the file or object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// The disk's own.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A bucket is named and this program cannot reach any.
    #[error(
        "{address}: expected a folder, found the address of a bucket, and this lacuna was built without network code; \
         fix: build it with `--features object-store`"
    )]
    NotBuilt {
        /// As given.
        address: String,
    },
    /// The address cannot be opened.
    #[error("{address}: expected s3://, gs:// or az://, a bucket and a prefix, found {found}; fix: {fix}")]
    Address {
        /// As given.
        address: String,
        /// What is wrong with it.
        found: String,
        /// What to do.
        fix: &'static str,
    },
    /// The bucket does not answer as it should, however often it is asked.
    #[error("{object}: cannot {action}, tried {tries} times: {reason}; fix: try again when the store answers")]
    Unreachable {
        /// Where.
        object: String,
        /// What was tried.
        action: &'static str,
        /// How often.
        tries: usize,
        /// The last answer.
        reason: String,
    },
    /// The bucket refuses.
    #[error("{object}: cannot {action}: {reason}; fix: are the credentials in the environment those of this bucket?")]
    Refused {
        /// Where.
        object: String,
        /// What was tried.
        action: &'static str,
        /// In the store's words.
        reason: String,
    },
    /// The bytes are not those that were written.
    #[error("{object}: expected bytes of digest {expected}, found {found}; fix: delete the object, then try again")]
    Damaged {
        /// Where.
        object: String,
        /// As written beside it.
        expected: String,
        /// Of what came.
        found: String,
    },
    /// No set of files lies there, or one that was not sent to its end.
    #[error(
        "{object}: expected the list of a data set's files, found nothing; fix: `lacuna data send DIR` to there, or write \
         it: `b3sum` of every file by its relative name"
    )]
    NoSet {
        /// The manifest.
        object: String,
    },
    /// Another set of files, or a file of another, lies there.
    #[error("{object}: expected nothing or the same bytes, found others; fix: send to another prefix")]
    AnotherSet {
        /// What differs.
        object: String,
    },
    /// An object is larger than anything of its kind.
    #[error(
        "{object}: expected at most {limit_bytes} bytes, found {found_bytes}; fix: another object under that name?"
    )]
    TooLarge {
        /// Where.
        object: String,
        /// What it has.
        found_bytes: u64,
        /// What is read at most.
        limit_bytes: u64,
    },
    /// A file that is no archive that can be read.
    #[error("{}: expected an archive of files, compressed by xz, found {found}; fix: make it again: `tar -C DIR -cJf FILE .`", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// A result that is to be written to an archive.
    #[error("{}: expected a folder to write to, found an archive; fix: unpack it (`mkdir DIR && tar -C DIR -xf FILE`) and name the folder", path.display())]
    ReadOnly {
        /// The archive.
        path: PathBuf,
    },
    /// A store that replaces where it was told to make anew: no result could be committed there.
    #[error(
        "{address}: expected a store that makes an object only where there is none (If-None-Match), found one that \
         replaces it; fix: use another store, or a newer version of it"
    )]
    Replaces {
        /// Where.
        address: String,
    },
}

impl ObjectError {
    /// Whether the same may succeed later.
    pub fn is_passing(&self) -> bool {
        matches!(self, ObjectError::Unreachable { .. })
    }
}
