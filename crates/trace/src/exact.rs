//! What exact trainings hold of a person, by their own manifests.

use crate::person::Person;
use crate::report::{Basis, Remedy, Unknown, Verdict};
use lacuna_exact::{ExactError, FileHolds, Manifest, files_of_others, files_that_hold};
use lacuna_ledger::Holds;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What the exact trainings of these folders hold of the person.
#[derive(Debug, Default)]
pub struct Exact {
    /// Files that hold the person; where nothing of a model could be used without the person, all of its files.
    pub found: BTreeMap<PathBuf, Verdict>,
    /// Files that are as their manifest says, and that never saw the person.
    pub others: BTreeSet<PathBuf>,
    /// Folders whose manifest or files cannot be read.
    pub damaged: Vec<Unknown>,
}

impl Exact {
    /// Ask each manifest.
    pub fn read(folders: &[PathBuf], files: &BTreeSet<PathBuf>, person: &Person) -> Exact {
        let mut exact = Exact::default();
        for folder in folders {
            if let Err(error) = exact.add(folder, files, person) {
                exact.damaged.push(Unknown::new(folder, error.to_string()));
            }
        }
        exact
    }

    fn add(&mut self, folder: &Path, files: &BTreeSet<PathBuf>, person: &Person) -> Result<(), ExactError> {
        let (manifest, subjects) = (Manifest::read(folder)?, person.subjects());
        let others = files_of_others(folder, &manifest, &subjects)?;
        if holds_person(&manifest, person) {
            let held = files_that_hold(folder, &subjects)?;
            let holds: BTreeMap<PathBuf, FileHolds> = held.into_iter().map(|held| (held.file, held.holds)).collect();
            let can_stay = lacuna_exact::without(&manifest, &subjects).is_some();
            let below = files.iter().filter(|path| path.starts_with(folder));
            for path in below.filter(|path| path.extension().is_some_and(|ending| ending == "safetensors")) {
                let holds = match holds.get(path) {
                    Some(FileHolds::Moments) => Holds::Checkpoint,
                    Some(FileHolds::Weights) => Holds::Weights,
                    Some(FileHolds::Losses) => Holds::Scores,
                    Some(FileHolds::Name) => Holds::Name,
                    None if can_stay => continue,
                    // Without a manifest, which only names the person, nothing says any more what it is.
                    None => Holds::Name,
                };
                self.found.insert(path.clone(), (holds, Remedy::Quarantine, Basis::Manifest));
            }
            for path in holds.iter().filter(|(_, holds)| **holds == FileHolds::Losses).map(|(path, _)| path) {
                self.found.insert(path.clone(), (Holds::Scores, Remedy::Quarantine, Basis::Manifest));
            }
        }
        self.others.extend(others);
        Ok(())
    }
}

/// Whether an exact training saw the person; weights that it began from hand on whom they saw.
fn holds_person(manifest: &Manifest, person: &Person) -> bool {
    let planned = manifest.plan.subjects();
    let seen = planned.iter().chain(manifest.init_saw.iter().flatten());
    person.is_among(seen.map(|subject| subject.as_str()))
}
