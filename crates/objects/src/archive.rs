//! A location that is an archive, `NAME.tar.xz`: read completely when it is opened, and never written.

use crate::ObjectError;
use crate::location::{Listed, Objects};
use lzma_rust2::XzReader;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The ending of an archive's name.
const ENDING: &str = ".tar.xz";

/// The largest archive that is read, in bytes.
const PACKED_BYTES_MAX: u64 = 256 << 20;

/// The largest total size of an archive's files, in bytes.
const UNPACKED_BYTES_MAX: u64 = 1 << 30;

/// The largest memory for unpacking, in KiB; `xz -9` needs 64 MiB.
const UNPACKING_KIB_MAX: u32 = 128 << 10;

/// The files of an archive whose names begin with a prefix.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    /// Empty, or a folder within the archive, with a `/` at its end.
    prefix: String,
    files: Arc<BTreeMap<String, Vec<u8>>>,
}

/// Returns whether a path is that of an archive: a file whose name ends in `.tar.xz`.
pub fn is_archive(path: &Path) -> bool {
    let named = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(ENDING));
    named && !path.is_dir()
}

impl Archive {
    /// Reads an archive.
    ///
    /// # Errors
    /// [`ObjectError::Archive`] for a file that is not an archive, is damaged, has entries other than files and folders
    /// or names outside the archive, or unpacks to more than 1 GiB.
    pub fn open(path: &Path) -> Result<Archive, ObjectError> {
        let bytes = lacuna_disk::read_bytes(path, PACKED_BYTES_MAX)?;
        match unpack(&bytes) {
            Ok(files) => Ok(Archive { path: path.to_path_buf(), prefix: String::new(), files: Arc::new(files) }),
            Err(found) => Err(ObjectError::Archive { path: path.to_path_buf(), found }),
        }
    }

    fn read_only(&self) -> ObjectError {
        ObjectError::ReadOnly { path: self.path.clone() }
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// Returns the files of an archive by name; an error describes what was found instead.
fn unpack(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let unpacked = XzReader::new_mem_limit(Cursor::new(bytes), true, UNPACKING_KIB_MAX).take(UNPACKED_BYTES_MAX + 1);
    let mut archive = tar::Archive::new(unpacked);
    let mut files = BTreeMap::new();
    let mut left = UNPACKED_BYTES_MAX;
    for entry in archive.entries().map_err(in_words)? {
        let mut entry = entry.map_err(in_words)?;
        if entry.header().entry_type().is_dir() {
            continue;
        }
        let name = inner_name(&entry)?;
        left = left.checked_sub(entry.size()).ok_or("more than 1 GiB of files")?;
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents).map_err(in_words)?;
        if files.insert(name.clone(), contents).is_some() {
            return Err(format!("`{name}` twice"));
        }
    }
    Ok(files)
}

fn in_words(error: std::io::Error) -> String {
    format!("damage: {error}")
}

/// Returns the name of a file within its archive, with `/` between folders.
fn inner_name<R: Read>(entry: &tar::Entry<'_, R>) -> Result<String, String> {
    let path = entry.path().map_err(in_words)?;
    if !entry.header().entry_type().is_file() {
        return Err(format!("`{}`, which is neither a file nor a folder", path.display()));
    }
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            _ => return Err(format!("`{}`, a name outside the archive", path.display())),
        }
    }
    Ok(parts.join("/"))
}

impl Objects for Archive {
    fn within(&self, part: &str) -> Arc<dyn Objects> {
        let prefix = format!("{}{part}/", self.prefix);
        Arc::new(Archive { path: self.path.clone(), prefix, files: self.files.clone() })
    }

    fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, ObjectError> {
        match self.files.get(&self.name(name)) {
            Some(bytes) if bytes.len() as u64 > limit_bytes => {
                Err(ObjectError::TooLarge { object: self.at(name), found_bytes: bytes.len() as u64, limit_bytes })
            }
            found => Ok(found.cloned()),
        }
    }

    fn has(&self, name: &str) -> Result<bool, ObjectError> {
        Ok(self.files.contains_key(&self.name(name)))
    }

    fn create(&self, _name: &str, _bytes: &[u8]) -> Result<bool, ObjectError> {
        Err(self.read_only())
    }

    fn replace(&self, _name: &str, _bytes: &[u8]) -> Result<(), ObjectError> {
        Err(self.read_only())
    }

    fn list(&self) -> Result<Listed, ObjectError> {
        let mut listed = Listed { names: BTreeSet::new(), parts: BTreeSet::new() };
        for name in self.files.keys().filter_map(|name| name.strip_prefix(&self.prefix)) {
            match name.split_once('/') {
                Some((part, _)) => listed.parts.insert(part.to_string()),
                None => listed.names.insert(name.to_string()),
            };
        }
        Ok(listed)
    }

    fn prove_creating(&self) -> Result<(), ObjectError> {
        Err(self.read_only())
    }

    fn prove_writing(&self) -> Result<(), ObjectError> {
        Err(self.read_only())
    }

    fn folder(&self) -> Option<&Path> {
        None
    }

    fn at(&self, name: &str) -> String {
        self.path.join(self.name(name)).display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, Location};
    use std::io::Write;

    const LINK: u8 = b'2';

    /// Returns an archive of entries with these names and contents, and this type.
    fn packed(files: &[(&str, &[u8])], kind: u8) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, contents) in files {
            let mut header = tar::Header::new_gnu();
            // Set directly, since the builder rejects names outside the archive.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(tar::EntryType::new(kind));
            header.set_size(contents.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            archive.append(&header, *contents).unwrap();
        }
        compressed(&archive.into_inner().unwrap())
    }

    fn compressed(bytes: &[u8]) -> Vec<u8> {
        let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    fn opened(bytes: &[u8]) -> Result<Location, ObjectError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.tar.xz");
        std::fs::write(&path, bytes).unwrap();
        Location::open(&Address::Folder(path))
    }

    #[test]
    fn an_archive_is_read_as_the_folder_it_was_made_of() {
        let location = opened(&packed(&[("./a.json", b"one"), ("audits/b.json", b"two")], b'0')).unwrap();
        assert_eq!(location.names().unwrap(), BTreeSet::from(["a.json".to_string()]));
        let below = BTreeSet::from(["a.json".to_string(), "audits/b.json".to_string()]);
        assert_eq!(location.names_below().unwrap(), below);
        assert_eq!(location.read("a.json", 3).unwrap(), Some(b"one".to_vec()));
        assert!(location.has("audits/b.json").unwrap() && !location.has("b.json").unwrap());
        assert_eq!(location.within("audits").read("b.json", 9).unwrap(), Some(b"two".to_vec()));
        assert_eq!(location.read("c.json", 9).unwrap(), None);
        assert!(matches!(location.read("a.json", 2), Err(ObjectError::TooLarge { found_bytes: 3, .. })));
        assert!(location.folder().is_none());
    }

    #[test]
    fn nothing_is_written_to_an_archive() {
        let location = opened(&packed(&[("a", b"1")], b'0')).unwrap();
        let refused = [
            location.create("b", b"2").map(|_| ()),
            location.replace("a", b"2"),
            location.prove_creating(),
            location.prove_writing(),
        ];
        for refused in refused {
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("records.tar.xz") && error.contains("fix: unpack it"), "{error}");
        }
    }

    #[test]
    fn what_is_no_archive_is_refused_with_what_was_found() {
        let whole = packed(&[("a", &[7; 4096])], b'0');
        let cut = &whole[..whole.len() / 2];
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        let cases: [(&[u8], &str); 7] = [
            (b"no archive", "damage"),
            (cut, "damage"),
            (&flipped, "damage"),
            (&compressed(b"no tar, though it is compressed as one"), "damage"),
            (&packed(&[("../a", b"1")], b'0'), "outside the archive"),
            (&packed(&[("a", b"1"), ("./a", b"2")], b'0'), "`a` twice"),
            (&packed(&[("a", b"")], LINK), "neither a file nor a folder"),
        ];
        for (bytes, found) in cases {
            let error = opened(bytes).unwrap_err().to_string();
            assert!(error.contains(found) && error.contains("fix:"), "{found}: {error}");
        }
    }

    #[test]
    fn an_archive_that_unpacks_to_more_than_the_limit_is_refused_by_what_it_states() {
        let mut archive = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_path("a").unwrap();
        header.set_size(UNPACKED_BYTES_MAX + 1);
        header.set_cksum();
        archive.append(&header, std::io::empty()).unwrap();
        let error = opened(&compressed(&archive.into_inner().unwrap())).unwrap_err().to_string();
        assert!(error.contains("more than 1 GiB"), "{error}");
    }

    #[test]
    fn a_folder_with_the_name_of_an_archive_stays_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.tar.xz");
        std::fs::create_dir(&path).unwrap();
        assert!(!is_archive(&path) && is_archive(Path::new("r/records.tar.xz")) && !is_archive(Path::new("records")));
        assert_eq!(Location::open(&Address::Folder(path.clone())).unwrap().folder(), Some(path.as_path()));
    }
}
