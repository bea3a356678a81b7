//! A location that is a folder of a file system.

use crate::ObjectError;
use crate::location::{Listed, Objects};
use lacuna_disk::DiskError;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug)]
pub struct Folder(pub PathBuf);

impl Objects for Folder {
    fn within(&self, part: &str) -> Arc<dyn Objects> {
        Arc::new(Folder(self.0.join(part)))
    }

    fn read(&self, name: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, ObjectError> {
        match lacuna_disk::read_bytes(&self.0.join(name), limit_bytes) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(DiskError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn has(&self, name: &str) -> Result<bool, ObjectError> {
        Ok(self.0.join(name).exists())
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, ObjectError> {
        Ok(lacuna_disk::write_new(&self.0.join(name), bytes)?)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), ObjectError> {
        Ok(lacuna_disk::write_bytes(&self.0.join(name), bytes)?)
    }

    fn list(&self) -> Result<Listed, ObjectError> {
        let refused = |source| DiskError::Io { path: self.0.clone(), action: "list", source };
        let mut listed = Listed { names: BTreeSet::new(), parts: BTreeSet::new() };
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(listed),
            Err(error) => return Err(refused(error).into()),
        };
        for entry in entries {
            let entry = entry.map_err(refused)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().map_err(refused)?.is_dir() {
                listed.parts.insert(name);
            } else if !name.ends_with(".tmp") {
                // An unfinished file, left by a killed process.
                listed.names.insert(name);
            }
        }
        Ok(listed)
    }

    fn prove_creating(&self) -> Result<(), ObjectError> {
        // `lacuna-disk` creates files by hard links; a file system without them returns an error.
        Ok(())
    }

    fn folder(&self) -> Option<&Path> {
        Some(&self.0)
    }

    fn at(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}
