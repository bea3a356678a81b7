//! Removing what was found, with a receipt.
//!
//! What will be removed is written into the ledger first. A crash in between leaves files that the ledger calls
//! deleted; the next trace finds them as such, and the next purge removes them.

use super::{Held, Remedy, Trace};
use crate::error::CliError;
use crate::run_folder::refused;
use lacuna_cohort::Named;
use lacuna_disk::manifest;
use lacuna_ledger::{Ledger, Record};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What was removed.
#[derive(Clone, Debug, Serialize)]
pub struct Receipt {
    /// Each file with its digest before.
    pub removed: Vec<Held>,
    /// The word that stands in place of the id.
    pub pseudonym: String,
}

/// What a purge is to do.
pub struct Purge<'a> {
    /// Whose traces.
    pub named: &'a Named,
    /// The word that takes the place of the id.
    pub pseudonym: String,
    /// Whether images and label maps go as well.
    pub include_sources: bool,
}

/// Remove what a trace found.
///
/// # Errors
/// A file that cannot be removed or written, or a request that is not at a point where anything is.
pub fn purge(trace: &Trace, what: &Purge, ledger: Option<(&mut Ledger, &str)>) -> Result<Receipt, CliError> {
    let goes = |held: &&Held| match held.purge {
        Remedy::Delete | Remedy::Redact => true,
        Remedy::Source | Remedy::Listing => what.include_sources,
        Remedy::Keep => false,
    };
    let removed: Vec<Held> = trace.files.iter().filter(goes).cloned().collect();
    if let Some((ledger, request)) = ledger {
        let records: Vec<Record> = removed.iter().map(|held| deletion(held, request, ledger)).collect();
        ledger.step(request, &records)?;
    }
    let mut runs = BTreeSet::new();
    for held in &removed {
        runs.extend(run_of(&held.path));
        if matches!(held.purge, Remedy::Redact | Remedy::Listing) {
            let text = lacuna_disk::read_text(&held.path, super::TEXT_BYTES_MAX)?;
            lacuna_disk::write_bytes(&held.path, what.named.replaced(&text, &what.pseudonym).as_bytes())?;
        } else {
            lacuna_disk::remove_file(&held.path)?;
            remove_if_empty(held.path.parent());
        }
    }
    for run in runs {
        if run.join("MANIFEST").is_file() {
            manifest::write(&run)?;
        }
        rename(&run, what)?;
    }
    Ok(Receipt { removed, pseudonym: what.pseudonym.clone() })
}

fn deletion(held: &Held, request: &str, ledger: &Ledger) -> Record {
    let artefact = ledger.keyring().file_mark(&held.digest);
    Record::Deletion { request: request.to_string(), artefact, holds: held.holds, bytes: held.bytes }
}

fn run_of(path: &Path) -> Option<PathBuf> {
    path.ancestors().skip(1).find(|folder| folder.join("run.json").is_file()).map(Path::to_path_buf)
}

/// A folder of the cache is named by an image's digest, which is no name to leave behind.
fn remove_if_empty(folder: Option<&Path>) {
    if let Some(folder) = folder {
        // A folder that is not empty is refused by the system, and is meant to stay.
        let _ = std::fs::remove_dir(folder);
    }
}

/// A run folder that was named after the subject is named after the pseudonym.
fn rename(run: &Path, what: &Purge) -> Result<(), CliError> {
    let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // The time before the name is set off by a hyphen, which ids may hold: `20261125-101500-sub-1`.
    let (time, rest) = name.split_at(name.len().min("20261125-101500-".len()));
    if what.named.is_in(rest.as_bytes()) {
        let to = run.with_file_name(format!("{time}{}", what.named.replaced(rest, &what.pseudonym)));
        lacuna_disk::boundary("renaming a run folder")
            .and_then(|()| std::fs::rename(run, &to))
            .map_err(refused(run, "rename"))?;
    }
    Ok(())
}
