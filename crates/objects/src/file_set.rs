//! The files of a folder under a prefix, sent once and fetched whole: how a data set comes to lie in a bucket.
//!
//! `MANIFEST` beside the files lists the BLAKE3 digest and the name of each, as `b3sum` prints them, so a set that
//! another tool has put there needs that one file more. It is written last and made once: a set that has its manifest
//! is whole, and stays what it is. The digest of the manifest names the set.

use crate::{ObjectError, Place};
use lacuna_disk::{DiskError, digest, digest_file, read_bytes, write_bytes};
use std::collections::BTreeMap;
use std::path::{Component, Path};

/// The list of a set's files: `DIGEST  NAME`, a line each.
const MANIFEST: &str = "MANIFEST";
const MANIFEST_BYTES_MAX: u64 = 16 << 20;

/// The largest file; a store takes no more in one request.
const FILE_BYTES_MAX: u64 = 5 << 30;

/// A set that lies whole in a place.
#[derive(Clone, Debug)]
pub struct FileSet {
    place: Place,
    digest: String,
    /// By name, with `/` between folders.
    files: BTreeMap<String, String>,
}

/// What is called after each file: how many are done, and of how many.
pub type EachFile<'a> = &'a mut dyn FnMut(usize, usize);

impl FileSet {
    /// Send every file of a folder, then the manifest; what an earlier call sent is not sent again.
    ///
    /// # Errors
    /// [`ObjectError::AnotherSet`] where another set, or a file of one, lies there; a file that cannot be read; a place
    /// that does not answer.
    pub fn send(folder: &Path, place: &Place, each: EachFile) -> Result<FileSet, ObjectError> {
        let files = digests(folder)?;
        let text: String = files.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect();
        let found = place.read(MANIFEST, MANIFEST_BYTES_MAX)?;
        // Before anything is sent to where it does not belong.
        if found.is_some_and(|found| found != text.as_bytes()) {
            return Err(ObjectError::AnotherSet { object: place.at(MANIFEST) });
        }
        for (done, (name, digest_there)) in files.iter().enumerate() {
            let bytes = read_bytes(&folder.join(name), FILE_BYTES_MAX)?;
            let found = if place.create(name, &bytes)? { None } else { place.read(name, FILE_BYTES_MAX)? };
            let digest_sent = digest(found.as_deref().unwrap_or(&bytes));
            if digest_sent != *digest_there {
                return Err(ObjectError::AnotherSet { object: place.at(name) });
            }
            each(done + 1, files.len());
        }
        if !place.create(MANIFEST, text.as_bytes())? {
            let set = FileSet::find(place)?;
            if set.files != files {
                return Err(ObjectError::AnotherSet { object: place.at(MANIFEST) });
            }
        }
        Ok(FileSet { place: place.clone(), digest: digest(text.as_bytes()), files })
    }

    /// The set that lies in a place; none of its files is read yet.
    ///
    /// # Errors
    /// [`ObjectError::NoSet`] where there is no manifest, one that is none or that names a file outside, and a place
    /// that does not answer.
    pub fn find(place: &Place) -> Result<FileSet, ObjectError> {
        let object = place.at(MANIFEST);
        let bytes = place.read(MANIFEST, MANIFEST_BYTES_MAX)?;
        let bytes = bytes.ok_or_else(|| ObjectError::NoSet { object: object.clone() })?;
        let file = |line: &str| {
            let (digest, name) = line.split_once("  ").filter(|(_, name)| is_inside(name))?;
            Some((name.to_string(), digest.to_string()))
        };
        let refused = |line: &str| DiskError::Manifest { path: object.clone().into(), found: line.to_string() };
        let text = String::from_utf8_lossy(&bytes);
        let files = text.lines().map(|line| file(line).ok_or_else(|| refused(line))).collect::<Result<_, _>>()?;
        Ok(FileSet { place: place.clone(), digest: digest(&bytes), files })
    }

    /// What names the set: the digest of its manifest.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The names of its files.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Have all files in a folder; how many had to be fetched. One that is there with its bytes is left, any other is
    /// put right. Several processes may do so at once.
    ///
    /// # Errors
    /// [`ObjectError::Damaged`] for bytes that are not those of the manifest, a place that does not answer, a folder
    /// that cannot be written.
    pub fn fetch(&self, folder: &Path, each: EachFile) -> Result<usize, ObjectError> {
        let mut fetched = 0;
        for (done, (name, expected)) in self.files.iter().enumerate() {
            let path = folder.join(name);
            if !path.is_file() || digest_file(&path)? != *expected {
                let bytes = self.place.read(name, FILE_BYTES_MAX)?;
                let found = bytes.as_ref().map_or_else(|| "nothing".to_string(), |bytes| digest(bytes));
                let Some(bytes) = bytes.filter(|_| found == *expected) else {
                    return Err(ObjectError::Damaged {
                        object: self.place.at(name),
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

/// Every file below a folder by its relative name; a manifest of its own is not one of the set's.
fn digests(folder: &Path) -> Result<BTreeMap<String, String>, ObjectError> {
    let names = Place::folder_at(folder.to_path_buf()).names_below()?.into_iter().filter(|name| name != MANIFEST);
    names.map(|name| Ok((name.clone(), digest_file(&folder.join(name))?))).collect()
}

/// A relative name without a way out of its folder.
fn is_inside(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests;
