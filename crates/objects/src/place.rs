//! The one interface of folders, archives and buckets.

use crate::archive::{Archive, is_archive};
use crate::folder::Folder;
use crate::{Address, ObjectError};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where named bytes lie.
#[derive(Clone, Debug)]
pub struct Place(pub(crate) Arc<dyn Objects>);

/// What lies in a place, one level of it.
pub(crate) struct Listed {
    /// Of files or objects.
    pub names: BTreeSet<String>,
    /// Of folders, or of prefixes.
    pub parts: BTreeSet<String>,
}

/// What a place can do; the methods of [`Place`] say what each promises.
pub(crate) trait Objects: fmt::Debug + Send + Sync {
    fn within(&self, part: &str) -> Arc<dyn Objects>;
    fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, ObjectError>;
    fn has(&self, name: &str) -> Result<bool, ObjectError>;
    fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, ObjectError>;
    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), ObjectError>;
    fn list(&self) -> Result<Listed, ObjectError>;
    fn prove_creating(&self) -> Result<(), ObjectError>;

    /// Whether anything can be written, as far as that is known without a try.
    fn prove_writing(&self) -> Result<(), ObjectError> {
        Ok(())
    }

    fn folder(&self) -> Option<&Path>;
    fn at(&self, name: &str) -> String;
}

impl Place {
    /// The place of an address. An archive, `NAME.tar.xz`, is read; of others nothing is read or made yet.
    ///
    /// # Errors
    /// [`ObjectError::NotBuilt`] for a bucket without the feature `cloud`, an address that no store has, and
    /// [`ObjectError::Archive`] for a file that is no archive.
    pub fn open(address: &Address) -> Result<Place, ObjectError> {
        match address {
            Address::Folder(path) if is_archive(path) => Ok(Place(Arc::new(Archive::open(path)?))),
            Address::Folder(path) => Ok(Place::folder_at(path.clone())),
            #[cfg(feature = "cloud")]
            Address::Url(url) => Ok(Place(Arc::new(crate::cloud::open(url)?))),
            #[cfg(not(feature = "cloud"))]
            Address::Url(url) => Err(ObjectError::NotBuilt { address: url.clone() }),
        }
    }

    /// The place that is a folder, which is made when first written to.
    pub fn folder_at(path: PathBuf) -> Place {
        Place(Arc::new(Folder(path)))
    }

    /// A part of the place: a folder in it.
    pub fn within(&self, part: &str) -> Place {
        Place(self.0.within(part))
    }

    /// All bytes of a name, at most `limit_bytes`; `None` if there is nothing of that name.
    ///
    /// # Errors
    /// A place that does not answer, and in a bucket bytes of another digest than those written.
    pub fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, ObjectError> {
        self.0.read(name, limit_bytes)
    }

    /// Whether there is something of that name; it is not read.
    ///
    /// # Errors
    /// A place that does not answer.
    pub fn has(&self, name: &str) -> Result<bool, ObjectError> {
        self.0.has(name)
    }

    /// Make `name` unless it is there already; whether it was made by this call.
    ///
    /// Of several that try at once, on whatever machines, one succeeds. An answer that was lost on its way is looked
    /// up: whoever made the object is told so.
    ///
    /// # Errors
    /// A place that does not answer.
    pub fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, ObjectError> {
        self.0.create(name, bytes)
    }

    /// Put `bytes` in place of what is at `name`, if anything is.
    ///
    /// # Errors
    /// A place that does not answer.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), ObjectError> {
        self.0.replace(name, bytes)
    }

    /// The names that are there, without those in parts of it; none where nothing was ever made.
    ///
    /// # Errors
    /// A place that does not answer.
    pub fn names(&self) -> Result<BTreeSet<String>, ObjectError> {
        Ok(self.0.list()?.names)
    }

    /// The names that are there and in all parts of it, as `part/name`.
    ///
    /// # Errors
    /// A place that does not answer.
    pub fn names_below(&self) -> Result<BTreeSet<String>, ObjectError> {
        let Listed { mut names, parts } = self.0.list()?;
        for part in parts {
            let below = self.within(&part).names_below()?;
            names.extend(below.into_iter().map(|name| format!("{part}/{name}")));
        }
        Ok(names)
    }

    /// Try whether the place makes a name once only; in a bucket this leaves an empty object.
    ///
    /// # Errors
    /// [`ObjectError::Replaces`] if it does not, and a place that does not answer.
    pub fn prove_creating(&self) -> Result<(), ObjectError> {
        self.0.prove_creating()
    }

    /// Whether the place can be written to, asked before work whose result is to lie there.
    ///
    /// # Errors
    /// [`ObjectError::ReadOnly`] for an archive.
    pub fn prove_writing(&self) -> Result<(), ObjectError> {
        self.0.prove_writing()
    }

    /// The folder, where its files can be opened by their paths.
    pub fn folder(&self) -> Option<&Path> {
        self.0.folder()
    }

    /// Where a name lies, for messages.
    pub fn at(&self, name: &str) -> String {
        self.0.at(name)
    }
}
