//! The files of a run that still hold a subject after an erase wrote a new model.
//!
//! Erasing makes a new model and leaves the old one in place. To remove the person entirely, the files that are listed
//! here must be deleted too. Files that hold nothing of the subject can stay, under a manifest without the subject.

use crate::folder::{during_file, metrics_file, model_file, start_file, state_file};
use crate::{ExactError, Kept, Manifest};
use lacuna_cohort::SubjectId;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The largest record in bytes that is searched for a name.
const TEXT_BYTES_MAX: u64 = 64 << 20;

/// The kind of data of a person that a file of a run holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileHolds {
    /// Losses that count the person in.
    Losses,
    /// The moments of an optimiser that was trained on the person.
    Moments,
    /// The person's id.
    Name,
    /// Weights trained on the person.
    Weights,
}

impl FileHolds {
    /// The name of the kind in records and tables.
    pub fn name(self) -> &'static str {
        match self {
            FileHolds::Losses => "losses",
            FileHolds::Moments => "moments",
            FileHolds::Name => "name",
            FileHolds::Weights => "weights",
        }
    }
}

/// A file that holds data of a subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Holding {
    /// The path of the file.
    pub file: PathBuf,
    /// The kind of data that the file holds of the subject.
    pub holds: FileHolds,
    /// The BLAKE3 digest of the file.
    pub digest: String,
}

/// The files of a run folder that hold any of `leaving`; files that are already deleted are not listed.
///
/// # Errors
/// If the manifest is damaged or a file cannot be read.
pub fn files_that_hold(folder: &Path, leaving: &BTreeSet<SubjectId>) -> Result<Vec<Holding>, ExactError> {
    let manifest = Manifest::read(folder)?;
    let mut found = Vec::new();
    // Initial weights that were trained on a subject pass its influence on to every state.
    let began_with_them = manifest.init_saw.as_ref().is_some_and(|seen| !seen.is_disjoint(leaving));
    if began_with_them {
        add(&mut found, start_file(folder), FileHolds::Weights)?;
    }
    for (shard, slices) in manifest.plan.shards().iter().enumerate() {
        let entered = slices.iter().position(|slice| !slice.is_disjoint(leaving));
        let Some(first) = entered.filter(|_| !began_with_them).or(began_with_them.then_some(0)) else { continue };
        for slice in first..slices.len() {
            add(&mut found, during_file(folder, shard, slice), FileHolds::Moments)?;
            if slice > first {
                add(&mut found, state_file(folder, shard, slice), FileHolds::Weights)?;
            }
        }
        add(&mut found, model_file(folder, shard), FileHolds::Weights)?;
        add(&mut found, metrics_file(folder, shard), FileHolds::Losses)?;
    }
    for file in records(folder)? {
        let text = lacuna_disk::read_bytes(&file, TEXT_BYTES_MAX)?;
        if leaving.iter().any(|subject| names(&text, subject)) {
            add(&mut found, file, FileHolds::Name)?;
        }
    }
    found.sort();
    Ok(found)
}

/// The manifest of the files that stay after those that hold any of `leaving` are deleted: the plan without these
/// subjects, and every state and model that was never trained on them, under the names that they have in that plan too.
///
/// Returns `None` where nothing can stay: the plan has no other subject, the initial weights were trained on one of
/// `leaving`, or their subjects are unknown.
pub fn without(manifest: &Manifest, leaving: &BTreeSet<SubjectId>) -> Option<Manifest> {
    let saw_nobody_of_them = match (&manifest.init, &manifest.init_saw) {
        (None, _) => true,
        (Some(_), Some(seen)) => seen.is_disjoint(leaving),
        (Some(_), None) => false,
    };
    let planned: BTreeSet<SubjectId> = manifest.plan.subjects().intersection(leaving).cloned().collect();
    let plan = manifest.plan.without(&planned).ok().filter(|_| saw_nobody_of_them)?;
    let mut rest = manifest.clone();
    rest.plan = plan;
    rest.data.retain(|subject, _| !planned.contains(subject));
    for (slices, files) in manifest.plan.shards().iter().zip(&mut rest.shards) {
        if let Some(first) = slices.iter().position(|slice| !slice.is_disjoint(&planned)) {
            // The state before slice N, counted from 1, was trained on slices 1 to N - 1.
            files.states.retain(|slice, _| *slice <= first + 1);
            files.model = None;
        }
    }
    Some(rest)
}

/// The files of a folder that its manifest names, that match it, and that were trained on none of `leaving`; none if
/// the subjects of the initial weights are unknown.
///
/// # Errors
/// If a file cannot be read.
pub fn files_of_others(
    folder: &Path,
    manifest: &Manifest,
    leaving: &BTreeSet<SubjectId>,
) -> Result<BTreeSet<PathBuf>, ExactError> {
    let mut found = BTreeSet::new();
    let Some(rest) = without(manifest, leaving) else { return Ok(found) };
    let mut named: Vec<(PathBuf, &Kept)> = rest.start.iter().map(|kept| (start_file(folder), kept)).collect();
    for (shard, files) in rest.shards.iter().enumerate() {
        named.extend(
            files.states.iter().map(|(slice, kept)| (state_file(folder, shard, slice.saturating_sub(1)), kept)),
        );
        named.extend(files.model.iter().map(|kept| (model_file(folder, shard), kept)));
    }
    for (file, kept) in named {
        if file.is_file() && lacuna_disk::digest_file(&file)? == kept.file {
            found.insert(file);
        }
    }
    // The name of a checkpoint of a running stage gives its slice; the manifest gives the subjects of that slice.
    for (shard, slices) in manifest.plan.shards().iter().enumerate() {
        let until = slices.iter().position(|slice| !slice.is_disjoint(leaving)).unwrap_or(slices.len());
        found.extend((0..until).map(|slice| during_file(folder, shard, slice)).filter(|file| file.is_file()));
    }
    Ok(found)
}

fn add(found: &mut Vec<Holding>, file: PathBuf, holds: FileHolds) -> Result<(), ExactError> {
    if file.is_file() {
        let digest = lacuna_disk::digest_file(&file)?;
        found.push(Holding { file, holds, digest });
    }
    Ok(())
}

/// The files at the top of a run folder that hold no tensors.
fn records(folder: &Path) -> Result<Vec<PathBuf>, ExactError> {
    let refused = |source| lacuna_disk::DiskError::Io { path: folder.to_path_buf(), action: "list", source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(refused)? {
        let path = entry.map_err(refused)?.path();
        if path.is_file() && path.extension().is_none_or(|ending| ending != "safetensors") {
            files.push(path);
        }
    }
    Ok(files)
}

/// Whether a text contains the id as a whole word: `sub-1` is not in `sub-10`.
fn names(text: &[u8], subject: &SubjectId) -> bool {
    let id = subject.as_str().as_bytes();
    let in_id = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte));
    text.windows(id.len()).enumerate().any(|(at, window)| {
        window == id && !in_id(at.checked_sub(1).and_then(|before| text.get(before))) && !in_id(text.get(at + id.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::ids;

    #[test]
    fn an_id_is_found_as_a_word_only() {
        let found = |text: &str| names(text.as_bytes(), &ids(2)[1]);
        assert!(found("sub-1") && found("forget = [\"sub-1\"]") && found("sub-0,sub-1\n"));
        assert!(!found("sub-10") && !found("xsub-1") && !found("sub-0") && !found(""));
    }
}
