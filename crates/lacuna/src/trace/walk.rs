//! The files below the places, by name. Links are not followed: what they lead to is looked for where it lies.

use super::Places;
use crate::error::CliError;
use crate::run_folder::refused;
use lacuna_ledger::{Keyring, Ledger};
use std::fs;
use std::path::{Path, PathBuf};

/// Every file once, in order; the ledger's own are left out.
pub fn files(places: &Places) -> Result<Vec<PathBuf>, CliError> {
    let mut folders: Vec<PathBuf> = places.roots.iter().chain(places.data).cloned().collect();
    folders.extend(places.cache.map(Path::to_path_buf));
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        if !folder.exists() || places.ledger.is_some_and(|ledger| Keyring::folder_of(ledger.path()) == folder) {
            continue;
        }
        for entry in fs::read_dir(&folder).map_err(refused(&folder, "list"))? {
            let entry = entry.map_err(refused(&folder, "list"))?;
            let kind = entry.file_type().map_err(refused(&folder, "list"))?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && places.ledger.is_none_or(|ledger| !is_of_ledger(&entry.path(), ledger)) {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn is_of_ledger(path: &Path, ledger: &Ledger) -> bool {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    path.parent() == ledger.path().parent()
        && ["", "-wal", "-shm"].iter().any(|end| name(path) == format!("{}{end}", name(ledger.path())))
}
