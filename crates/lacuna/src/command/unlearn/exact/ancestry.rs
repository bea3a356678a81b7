//! Files that still hold the erased subjects, in the run that was erased from and in those before it.

use super::config::parent_of;
use crate::error::CliError;
use lacuna_cohort::SubjectId;
use lacuna_exact::{Holding, MANIFEST, Manifest, files_that_hold};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Files to delete where more is promised than a new model.
#[derive(Serialize)]
pub struct Purge {
    schema: &'static str,
    pub forget: BTreeSet<SubjectId>,
    /// Every file that was found, of the parent and of all runs that it was erased from itself.
    pub files: Vec<Holding>,
    /// Runs before it that are not where they were, or no longer what they were.
    pub not_found: Vec<PathBuf>,
}

impl Purge {
    /// Go from the parent up to the training.
    pub fn list(parent: &Path, manifest: &Manifest, leaving: &BTreeSet<SubjectId>) -> Result<Purge, CliError> {
        let mut files = files_that_hold(parent, leaving)?;
        let (mut folder, mut expected) = (parent.to_path_buf(), manifest.parent.clone());
        let mut not_found = Vec::new();
        while let (Some(digest), Some(before)) = (expected, parent_of(&folder)?) {
            match before.join(MANIFEST).is_file().then(|| Manifest::read(&before)).transpose()? {
                Some(manifest) if manifest.digest() == digest => {
                    files.extend(files_that_hold(&before, leaving)?);
                    expected = manifest.parent.clone();
                    folder = before;
                }
                _ => {
                    not_found.push(before);
                    expected = None;
                }
            }
        }
        Ok(Purge { schema: "lacuna.purge/1", forget: leaving.clone(), files, not_found })
    }
}
