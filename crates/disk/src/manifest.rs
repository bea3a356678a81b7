//! `MANIFEST`: the BLAKE3 digest of every other file of a run folder, except its register of artefacts.

use crate::DiskError;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const MANIFEST: &str = "MANIFEST";
/// The largest manifest that is read, in bytes; it has one line per file.
const BYTES_MAX: u64 = 16 << 20;

/// Writes the manifest of a run folder's current files.
///
/// # Errors
/// If a file cannot be read, or the manifest cannot be written.
pub fn write(path: &Path) -> Result<(), DiskError> {
    let lines = digests(path)?.into_iter().map(|(name, digest)| format!("{digest}  {name}\n"));
    crate::write_bytes(&path.join(MANIFEST), lines.collect::<String>().as_bytes())
}

/// Returns the files of a run that differ from its manifest, by name, with the kind of difference; `None` if there is
/// no manifest.
///
/// # Errors
/// If a file cannot be read, or the manifest is malformed.
pub fn altered_files(path: &Path) -> Result<Option<BTreeMap<String, &'static str>>, DiskError> {
    let Some(mut listed) = listed(path)? else { return Ok(None) };
    let found = digests(path)?;
    let mut altered = BTreeMap::new();
    for (name, digest) in &found {
        match listed.remove(name.as_str()) {
            None => altered.insert(name.clone(), "not in the manifest"),
            Some(promised) if promised != *digest => altered.insert(name.clone(), "changed"),
            Some(_) => None,
        };
    }
    altered.extend(listed.into_keys().map(|name| (name.to_string(), "missing")));
    Ok(Some(altered))
}

/// Returns the digest of a file in the manifest of a run folder, by its name below the folder; `None` if there is no
/// manifest, or it does not list the file.
///
/// # Errors
/// If the manifest cannot be read or is malformed.
pub fn promised(path: &Path, name: &str) -> Result<Option<String>, DiskError> {
    Ok(listed(path)?.and_then(|mut listed| listed.remove(name)))
}

/// Removes the manifest of a run that continues; it is written again at the end of the run.
///
/// # Errors
/// If it cannot be removed.
pub fn remove(path: &Path) -> Result<(), DiskError> {
    crate::remove_file(&path.join(MANIFEST)).map(drop)
}

/// Returns the digests of the manifest by relative name; `None` if there is no manifest.
fn listed(path: &Path) -> Result<Option<BTreeMap<String, String>>, DiskError> {
    let manifest = path.join(MANIFEST);
    if !manifest.exists() {
        return Ok(None);
    }
    let text = crate::read_text(&manifest, BYTES_MAX)?;
    let mut listed = BTreeMap::new();
    for line in text.lines() {
        let (digest, name) = line
            .split_once("  ")
            .ok_or_else(|| DiskError::Manifest { path: manifest.clone(), found: line.to_string() })?;
        listed.insert(name.to_string(), digest.to_string());
    }
    Ok(Some(listed))
}

/// Returns the digest of every file below a run folder except the manifest, by relative name.
fn digests(path: &Path) -> Result<BTreeMap<String, String>, DiskError> {
    let mut digests = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let here = path.join(&folder);
        for entry in fs::read_dir(&here).map_err(DiskError::io(&here, "list"))? {
            let entry = entry.map_err(DiskError::io(&here, "list"))?;
            let relative = folder.join(entry.file_name());
            let name = relative.to_string_lossy().into_owned();
            let kind = entry.file_type().map_err(DiskError::io(&here, "list"))?;
            // A register of artefacts changes when a person's data are removed, after the run.
            if kind.is_dir() && entry.file_name() == crate::OWN_FOLDER {
                continue;
            }
            if kind.is_dir() {
                folders.push(relative);
            } else if name != MANIFEST && !name.ends_with(".tmp") {
                digests.insert(name, crate::digest_file(&path.join(relative))?);
            }
        }
    }
    Ok(digests)
}
