//! A folder that came from elsewhere and is to be checked: what is no file in it is a finding, never followed.

use crate::LedgerError;
use crate::verify::Finding;
use lacuna_disk::DiskError;
use std::collections::BTreeMap;
use std::path::Path;

/// More files than any bundle or export has.
const FILES_MAX: usize = 256;

/// What a folder holds.
pub struct Folder {
    /// Its files, by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What cannot be one of its files: folders, links, and files that are too large or too many.
    pub findings: Vec<Finding>,
}

impl Folder {
    /// Read a folder, of each file at most so many bytes.
    ///
    /// # Errors
    /// What the system does not let us read.
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
