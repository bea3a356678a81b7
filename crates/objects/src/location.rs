//! The common interface of folders, archives and buckets.

use crate::archive::{Archive, is_archive};
use crate::folder::Folder;
use crate::{Address, ObjectError};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder, an archive or a prefix in a bucket.
#[derive(Clone, Debug)]
pub struct Location(pub(crate) Arc<dyn Objects>);

/// The content of a location, without that of its parts.
pub(crate) struct Listed {
    /// The names of files or objects.
    pub names: BTreeSet<String>,
    /// The names of folders or prefixes.
    pub parts: BTreeSet<String>,
}

/// The operations of a location; the methods of [`Location`] document them.
pub(crate) trait Objects: fmt::Debug + Send + Sync {
    fn within(&self, part: &str) -> Arc<dyn Objects>;
    fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, ObjectError>;
    fn has(&self, name: &str) -> Result<bool, ObjectError>;
    fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, ObjectError>;
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), ObjectError>;
    fn list(&self) -> Result<Listed, ObjectError>;
    fn prove_creating(&self) -> Result<(), ObjectError>;

    /// Checks whether the location can be written, as far as that is known without a try.
    fn prove_writing(&self) -> Result<(), ObjectError> {
        Ok(())
    }

    fn folder(&self) -> Option<&Path>;
    fn at(&self, name: &str) -> String;
}

impl Location {
    /// Opens the location of an address. An archive, `NAME.tar.xz`, is read; a folder or bucket is neither read nor
    /// created.
    ///
    /// # Errors
    /// [`ObjectError::NotBuilt`] for a bucket without the feature `cloud`, [`ObjectError::Address`] for an invalid
    /// address, and [`ObjectError::Archive`] for a file that is not a readable archive.
    pub fn open(address: &Address) -> Result<Location, ObjectError> {
        match address {
            Address::Folder(path) if is_archive(path) => Ok(Location(Arc::new(Archive::open(path)?))),
            Address::Folder(path) => Ok(Location::folder_at(path.clone())),
            #[cfg(feature = "cloud")]
            Address::Url(url) => Ok(Location(Arc::new(crate::cloud::open(url)?))),
            #[cfg(not(feature = "cloud"))]
            Address::Url(url) => Err(ObjectError::NotBuilt { address: url.clone() }),
        }
    }

    /// Returns the location of a folder, which is created by the first write.
    pub fn folder_at(path: PathBuf) -> Location {
        Location(Arc::new(Folder(path)))
    }

    /// Returns a part of the location: a folder in it.
    pub fn within(&self, part: &str) -> Location {
        Location(self.0.within(part))
    }

    /// Returns all bytes of a name, at most `limit_bytes`; `None` if the name does not exist.
    ///
    /// # Errors
    /// If the location does not answer, and in a bucket if the bytes differ from those written.
    pub fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, ObjectError> {
        self.0.read(name, limit_bytes)
    }

    /// Returns whether the name exists, without reading it.
    ///
    /// # Errors
    /// If the location does not answer.
    pub fn has(&self, name: &str) -> Result<bool, ObjectError> {
        self.0.has(name)
    }

    /// Creates `name` unless it exists; returns whether this call created it.
    ///
    /// Of several calls at once, on any machines, one succeeds. If an answer is lost, the object is looked up, so that
    /// the call that created it returns true.
    ///
    /// # Errors
    /// If the location does not answer.
    pub fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, ObjectError> {
        self.0.create(name, bytes)
    }

    /// Writes `bytes` to `name`, and replaces an existing object.
    ///
    /// # Errors
    /// If the location does not answer.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), ObjectError> {
        self.0.replace(name, bytes)
    }

    /// Returns the existing names, without those in parts of the location; none if the location does not exist.
    ///
    /// # Errors
    /// If the location does not answer.
    pub fn names(&self) -> Result<BTreeSet<String>, ObjectError> {
        Ok(self.0.list()?.names)
    }

    /// Returns the existing names, and those in parts of the location as `part/name`.
    ///
    /// # Errors
    /// If the location does not answer.
    pub fn names_below(&self) -> Result<BTreeSet<String>, ObjectError> {
        let Listed { mut names, parts } = self.0.list()?;
        for part in parts {
            let below = self.within(&part).names_below()?;
            names.extend(below.into_iter().map(|name| format!("{part}/{name}")));
        }
        Ok(names)
    }

    /// Tests whether the location creates a name only once; in a bucket this leaves an empty object.
    ///
    /// # Errors
    /// [`ObjectError::Replaces`] if it does not; if the location does not answer.
    pub fn prove_creating(&self) -> Result<(), ObjectError> {
        self.0.prove_creating()
    }

    /// Checks whether the location can be written, before work whose result is to be stored there.
    ///
    /// # Errors
    /// [`ObjectError::ReadOnly`] for an archive.
    pub fn prove_writing(&self) -> Result<(), ObjectError> {
        self.0.prove_writing()
    }

    /// Returns the folder's path, if the location is a folder whose files can be opened by path.
    pub fn folder(&self) -> Option<&Path> {
        self.0.folder()
    }

    /// Returns the address of a name, for messages.
    pub fn at(&self, name: &str) -> String {
        self.0.at(name)
    }
}
