//! Prepared scans kept on disk, found again by the content of what they were made of.
//!
//! Nothing in a cache names a person, yet everything in it is made of people, so it must be findable and deletable:
//!
//! - A cache is one folder, which the user names; there is none otherwise.
//! - `FOLDER/SOURCE/KEY.case` is one prepared scan. `SOURCE` is the BLAKE3 digest of the scan's first image file, as
//!   any tool prints it, so that a file leads to everything that was made of it. Deleting any of it is safe at any time.
//! - `FOLDER/data-sets/DIGEST` is a copy of a data set that lies in a bucket.
//! - `KEY` is the digest of everything that decides the bytes of a case: all files of the scan, the label table, the
//!   preprocessing, how files are read, seed and name of the noise, and lacuna's version.
//!
//! An entry that is cut, damaged, or of another key is not believed; the scan is prepared again and the entry
//! replaced. See `entry` for its bytes.

mod entry;

use crate::{Case, CohortError, Preparation, Scan};
use entry::Facts;
use lacuna_disk::{DiskError, digest_file};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of prepared scans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseCache {
    folder: PathBuf,
}

/// How much a cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheUsage {
    /// How many prepared scans.
    pub entries: u64,
    /// The bytes of all of them.
    pub bytes: u64,
}

impl CaseCache {
    /// The cache in a folder, which is made when the first entry is written.
    pub fn at(folder: impl Into<PathBuf>) -> CaseCache {
        CaseCache { folder: folder.into() }
    }

    /// Returns the folder of the cache.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it holds; a folder that does not exist holds nothing.
    ///
    /// # Errors
    /// [`CohortError::Folder`] if it cannot be listed.
    pub fn usage(&self) -> Result<CacheUsage, CohortError> {
        let mut usage = CacheUsage::default();
        for source in listed(&self.folder)? {
            for entry in listed(&source)?.iter().filter(|path| path.extension().is_some_and(|end| end == ENTRY)) {
                let metadata =
                    fs::metadata(entry).map_err(|source| CohortError::Folder { path: entry.to_path_buf(), source })?;
                usage = CacheUsage { entries: usage.entries + 1, bytes: usage.bytes + metadata.len() };
            }
        }
        Ok(usage)
    }

    /// Where data sets of buckets are copied to, each in a folder that the digest of its list of files names.
    pub fn data_sets_folder(&self) -> PathBuf {
        self.folder.join(DATA_SETS)
    }

    /// The data sets that were copied; none in a folder that is no cache.
    pub fn data_sets(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.data_sets_folder()).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    }

    /// The case of a scan: the one kept, or the one that `make` makes, which is then kept.
    ///
    /// # Errors
    /// A file of the scan that cannot be read, an entry that cannot be written, and those of `make`.
    pub(crate) fn find_or_make(
        &self,
        how: &Preparation<'_>,
        scan: &Scan,
        make: impl FnOnce() -> Result<Case, CohortError>,
    ) -> Result<Case, CohortError> {
        let key = Key::of(how, scan)?;
        let path = self.folder.join(&key.source).join(format!("{}.{ENTRY}", key.digest));
        if let Some(case) = read(&path, &key, how, scan) {
            return Ok(case);
        }
        let case = make()?;
        // A file that was replaced meanwhile would be kept under the digest of another.
        if Key::of(how, scan)? == key {
            let facts = Facts::of(&case, scan);
            lacuna_disk::write_bytes(&path, &entry::encode(&key.digest, &facts, &*case.voxels()?))?;
        }
        Ok(case)
    }
}

const ENTRY: &str = "case";
const DATA_SETS: &str = "data-sets";

/// Where an entry lies.
#[derive(PartialEq)]
struct Key {
    source: String,
    digest: String,
}

impl Key {
    fn of(how: &Preparation<'_>, scan: &Scan) -> Result<Key, DiskError> {
        let files = files(scan).map(digest_file).collect::<Result<Vec<String>, _>>()?;
        let limits = how.read.limits;
        let decides = (
            env!("CARGO_PKG_VERSION"),
            entry::FORMAT,
            &files,
            how.labels,
            how.preprocessing,
            (limits.voxels_max, limits.bytes_max, how.read.tolerance_mm.map(f64::to_bits)),
            // Together they name the stream of the noise.
            (how.seed.0, &scan.subject, &scan.name),
        );
        let decides = serde_json::to_vec(&decides).expect("plain data is JSON");
        Ok(Key { source: files[0].clone(), digest: lacuna_disk::digest(&decides) })
    }
}

/// The scan's images, then its label map: the order in which notices count them.
fn files(scan: &Scan) -> impl Iterator<Item = &Path> {
    scan.images.iter().chain(&scan.label).map(PathBuf::as_path)
}

/// What cannot be read is as good as absent: it is made again, and writing it reports what is wrong with the disk.
fn read(path: &Path, key: &Key, how: &Preparation<'_>, scan: &Scan) -> Option<Case> {
    let bytes = lacuna_disk::read_bytes(path, how.read.limits.bytes_max).ok()?;
    let case = entry::decode(&key.digest, &bytes, scan, how.labels.classes().len())?;
    let [_, depth, height, width] = case.shape;
    ((how.output_shape)([depth, height, width]) == case.target_shape).then_some(case)
}

/// What lies in a folder; nothing in one that does not exist, nor in what is no folder.
fn listed(folder: &Path) -> Result<Vec<PathBuf>, CohortError> {
    let refused = |source| CohortError::Folder { path: folder.to_path_buf(), source };
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>().map_err(refused),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
        Err(error) => Err(refused(error)),
    }
}

#[cfg(test)]
mod tests;
