//! Errors of locations.

use lacuna_disk::DiskError;
use std::path::PathBuf;

/// An error of a location, with the name of the file or object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// An error of the file system.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The address is that of a bucket, but this program was built without network code.
    #[error(
        "{address}: expected a folder, found the address of a bucket, and this lacuna was built without network code; \
         fix: build it with `--features object-store`"
    )]
    NotBuilt {
        /// The address that was given.
        address: String,
    },
    /// An address that cannot be opened.
    #[error("{address}: expected s3://, gs:// or az://, a bucket and a prefix, found {found}; fix: {fix}")]
    Address {
        /// The address that was given.
        address: String,
        /// A description of the address's fault.
        found: String,
        /// The fix that the message suggests.
        fix: &'static str,
    },
    /// The bucket gave no valid answer in any of the tries.
    #[error("{object}: cannot {action}, tried {tries} times: {reason}; fix: try again when the store answers")]
    Unreachable {
        /// The address of the object.
        object: String,
        /// The action that failed, such as "read".
        action: &'static str,
        /// The number of tries.
        tries: usize,
        /// The error of the last try.
        reason: String,
    },
    /// The bucket rejected the request.
    #[error("{object}: cannot {action}: {reason}; fix: are the credentials in the environment those of this bucket?")]
    Refused {
        /// The address of the object.
        object: String,
        /// The action that failed, such as "read".
        action: &'static str,
        /// The store's error message.
        reason: String,
    },
    /// The bytes of an object differ from those written.
    #[error("{object}: expected bytes of digest {expected}, found {found}; fix: delete the object, then try again")]
    Damaged {
        /// The address of the object.
        object: String,
        /// The digest in the object's metadata.
        expected: String,
        /// The digest of the bytes received.
        found: String,
    },
    /// The location has no set of files, or an incompletely sent one.
    #[error(
        "{object}: expected the list of a data set's files, found nothing; fix: `lacuna data send DIR` to there, or write \
         it: `b3sum` of every file by its relative name"
    )]
    NoSet {
        /// The address of the missing manifest.
        object: String,
    },
    /// The location has another set of files, or a file that differs.
    #[error("{object}: expected nothing or the same bytes, found others; fix: send to another prefix")]
    AnotherSet {
        /// The address of the object that differs.
        object: String,
    },
    /// An object that is larger than the limit for its kind.
    #[error(
        "{object}: expected at most {limit_bytes} bytes, found {found_bytes}; fix: another object under that name?"
    )]
    TooLarge {
        /// The address of the object.
        object: String,
        /// The size of the object in bytes.
        found_bytes: u64,
        /// The limit in bytes.
        limit_bytes: u64,
    },
    /// A file that is not a readable archive.
    #[error("{}: expected an archive of files, compressed by xz, found {found}; fix: make it again: `tar -C DIR -cJf FILE .`", path.display())]
    Archive {
        /// The path of the file.
        path: PathBuf,
        /// A description of what was found.
        found: String,
    },
    /// A result cannot be written to an archive.
    #[error("{}: expected a folder to write to, found an archive; fix: unpack it (`mkdir DIR && tar -C DIR -xf FILE`) and name the folder", path.display())]
    ReadOnly {
        /// The path of the archive.
        path: PathBuf,
    },
    /// The store replaces existing objects despite the condition, so that results cannot be committed safely.
    #[error(
        "{address}: expected a store that makes an object only where there is none (If-None-Match), found one that \
         replaces it; fix: use another store, or a newer version of it"
    )]
    Replaces {
        /// The address of the location.
        address: String,
    },
}

impl ObjectError {
    /// Returns whether the same request may succeed later.
    pub fn is_passing(&self) -> bool {
        matches!(self, ObjectError::Unreachable { .. })
    }
}
