//! The files of a folder stored under a prefix, sent once and fetched completely: data sets in a bucket.
//!
//! `MANIFEST`, stored with the files, lists the BLAKE3 digest and the name of each, in the format of `b3sum`, so a set
//! sent by another tool needs only this additional file. It is written last and never replaced: a set with a manifest
//! is complete and does not change. The digest of the manifest identifies the set.

use crate::{Location, ObjectError};
use lacuna_disk::{DiskError, digest, digest_file, read_bytes, write_bytes};
use std::collections::BTreeMap;
use std::path::{Component, Path};

/// The name of the list of a set's files, with a line `DIGEST  NAME` for each.
const MANIFEST: &str = "MANIFEST";
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

/// The largest file in bytes; stores accept no larger one in a single request.
const FILE_BYTES_MAX: u64 = 5 << 30;

/// A complete set of files in a location.
#[derive(Clone, Debug)]
pub struct FileSet {
    location: Location,
    digest: String,
    /// The digest of each file by name, with `/` between folders.
    files: BTreeMap<String, String>,
}

/// A function called after each file with the number of files done and the total number.
pub type EachFile<'a> = &'a mut dyn FnMut(usize, usize);

impl FileSet {
    /// Sends every file of a folder, then the manifest; files sent by an earlier call are not sent again.
    ///
    /// # Errors
    /// [`ObjectError::AnotherSet`] if the location has another set or a file that differs; if a file cannot be read, or
    /// the location does not answer.
    pub fn send(folder: &Path, location: &Location, each: EachFile) -> Result<FileSet, ObjectError> {
        let files = digests(folder)?;
        let text: String = files.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
        let found = location.read(MANIFEST, MANIFEST_BYTES_MAX)?;
        // Checked before any file is sent.
        if found.is_some_and(|found| found != text.as_bytes()) {
            return Err(ObjectError::AnotherSet { object: location.at(MANIFEST) });
        }
        for (done, (name, digest_there)) in files.iter().enumerate() {
            let bytes = read_bytes(&folder.join(name), FILE_BYTES_MAX)?;
            let found = if location.create(name, &bytes)? { None } else { location.read(name, FILE_BYTES_MAX)? };
            let digest_sent = digest(found.as_deref().unwrap_or(&bytes));
            if digest_sent != *digest_there {
                return Err(ObjectError::AnotherSet { object: location.at(name) });
            }
            each(done + 1, files.len());
        }
        if !location.create(MANIFEST, text.as_bytes())? {
            let set = FileSet::find(location)?;
            if set.files != files {
                return Err(ObjectError::AnotherSet { object: location.at(MANIFEST) });
            }
        }
        Ok(FileSet { location: location.clone(), digest: digest(text.as_bytes()), files })
    }

    /// Returns the set in a location, from its manifest; no other file is read.
    ///
    /// # Errors
    /// [`ObjectError::NoSet`] if there is no manifest, it is malformed, or it names a file outside the set; if the
    /// location does not answer.
    pub fn find(location: &Location) -> Result<FileSet, ObjectError> {
        let object = location.at(MANIFEST);
        let bytes = location.read(MANIFEST, MANIFEST_BYTES_MAX)?;
        let bytes = bytes.ok_or_else(|| ObjectError::NoSet { object: object.clone() })?;
        let file = |line: &str| {
            let (digest, name) = line.split_once("  ").filter(|(_, name)| is_inside(name))?;
            Some((name.to_string(), digest.to_string()))
        };
        let refused = |line: &str| DiskError::Manifest { path: object.clone().into(), found: line.to_string() };
        let text = String::from_utf8_lossy(&bytes);
        let files = text.lines().map(|line| file(line).ok_or_else(|| refused(line))).collect::<Result<_, _>>()?;
        Ok(FileSet { location: location.clone(), digest: digest(&bytes), files })
    }

    /// Returns the digest of the manifest, which identifies the set.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Returns the names of its files.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Fetches all files into a folder, and returns the number of files fetched. An existing file with the right bytes
    /// is kept, any other is replaced. Several processes may do so at once.
    ///
    /// # Errors
    /// [`ObjectError::Damaged`] for bytes that differ from the manifest; if the location does not answer, or the folder
    /// cannot be written.
    pub fn fetch(&self, folder: &Path, each: EachFile) -> Result<usize, ObjectError> {
        let mut fetched = 0;
        for (done, (name, expected)) in self.files.iter().enumerate() {
            let path = folder.join(name);
            if !path.is_file() || digest_file(&path)? != *expected {
                let bytes = self.location.read(name, FILE_BYTES_MAX)?;
                let found = bytes.as_ref().map_or_else(|| "nothing".to_string(), |bytes| digest(bytes));
                let Some(bytes) = bytes.filter(|_| found == *expected) else {
                    return Err(ObjectError::Damaged {
                        object: self.location.at(name),
                        expected: expected.clone(),
                        found,
                    });
                };
                write_bytes(&path, &bytes)?;
                fetched += 1;
            }
            each(done + 1, self.files.len());
        }
        Ok(fetched)
    }
}

/// Returns the digest of every file below a folder by relative name, without a manifest at the top.
fn digests(folder: &Path) -> Result<BTreeMap<String, String>, ObjectError> {
    let names = Location::folder_at(folder.to_path_buf()).names_below()?.into_iter().filter(|name| name != MANIFEST);
    names.map(|name| Ok((name.clone(), digest_file(&folder.join(name))?))).collect()
}

/// Returns whether a name is relative and stays inside its folder.
fn is_inside(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests;
