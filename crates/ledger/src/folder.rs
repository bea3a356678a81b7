//! Reading an untrusted folder: entries that are no regular file are findings and are never followed.

use crate::LedgerError;
use crate::finding::Finding;
use lacuna_disk::DiskError;
use std::collections::BTreeMap;
use std::path::Path;

/// The largest number of files; bundles and exports have fewer.
const FILES_MAX: usize = 256;

/// The contents of an untrusted folder.
pub struct Folder {
    /// The regular files, by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Folders, links, and files that are too large or too many.
    pub findings: Vec<Finding>,
}

impl Folder {
    /// Reads a folder; `bytes_max` returns the size limit of the file with a given name.
    ///
    /// # Errors
    /// If the folder or a file cannot be read.
    pub fn read(folder: &Path, bytes_max: impl Fn(&str) -> u64) -> Result<Folder, LedgerError> {
        let refused = |source| DiskError::Io { path: folder.to_path_buf(), action: "list", source };
        let mut read = Folder { files: BTreeMap::new(), findings: Vec::new() };
        for entry in std::fs::read_dir(folder).map_err(refused)? {
            let entry = entry.map_err(refused)?;
            let Ok(name) = entry.file_name().into_string() else {
                let name = entry.file_name().to_string_lossy().into_owned();
                read.findings.push(Finding::new(&name, "a name of UTF-8", "another"));
                continue;
            };
            if !entry.file_type().map_err(refused)?.is_file() {
                read.findings.push(Finding::new(&name, "a file", "a folder, a link or the like"));
                continue;
            }
            if read.files.len() == FILES_MAX {
                read.findings.push(Finding::new(&name, &format!("at most {FILES_MAX} files"), "more"));
                break;
            }
            match lacuna_disk::read_bytes(&entry.path(), bytes_max(&name)) {
                Ok(bytes) => drop(read.files.insert(name, bytes)),
                Err(DiskError::TooLarge { found_bytes, limit_bytes, .. }) => {
                    let expected = format!("at most {limit_bytes} bytes");
                    read.findings.push(Finding::new(&name, &expected, &format!("{found_bytes}")));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(read)
    }
}
