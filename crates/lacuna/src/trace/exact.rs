//! What exact trainings hold of a person, by their own manifests.

use super::person::Person;
use super::{Basis, Remedy, Unknown};
use lacuna_exact::{Manifest, files_that_hold};
use lacuna_ledger::Holds;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A file and what it is to the person.
pub type Found = (Holds, Remedy, Basis);

/// What the exact trainings of these folders hold of the person.
#[derive(Debug, Default)]
pub struct Exact {
    /// Files that hold the person, or belong to a model of several shards of which one does.
    pub found: BTreeMap<PathBuf, Found>,
    /// Folders whose manifest says of every file whom it saw.
    pub spoken_for: Vec<PathBuf>,
    /// Manifests that cannot be believed.
    pub damaged: Vec<Unknown>,
}

impl Exact {
    /// Ask each manifest.
    pub fn read(folders: &[PathBuf], files: &BTreeSet<PathBuf>, person: &Person) -> Exact {
        let mut exact = Exact::default();
        for folder in folders {
            match plan_holds(folder, person) {
                Ok(false) => exact.spoken_for.push(folder.clone()),
                Ok(true) => {
                    exact.spoken_for.push(folder.clone());
                    exact.add(folder, files, person);
                }
                Err(why) => exact.damaged.push(Unknown::new(folder, why)),
            }
        }
        exact
    }

    /// A model of several shards is one model: without the manifest, which names the person, none of its files can be
    /// used, so all of them go. What was erased into another run has its own copies.
    fn add(&mut self, folder: &Path, files: &BTreeSet<PathBuf>, person: &Person) {
        let subjects: BTreeSet<_> =
            person.names().into_iter().filter_map(|name| lacuna_cohort::SubjectId::new(name).ok()).collect();
        let held = files_that_hold(folder, &subjects).unwrap_or_default();
        let holds: BTreeMap<PathBuf, &str> = held.into_iter().map(|held| (held.file, held.holds)).collect();
        let below = files.iter().filter(|path| path.starts_with(folder));
        for path in below.filter(|path| path.extension().is_some_and(|ending| ending == "safetensors")) {
            let holds = match holds.get(path) {
                Some(&"moments") => Holds::Checkpoint,
                Some(_) => Holds::Weights,
                // It never saw the person, and is of no use without the manifest.
                None => Holds::Name,
            };
            self.found.insert(path.clone(), (holds, Remedy::Quarantine, Basis::Manifest));
        }
        for path in holds.iter().filter(|(_, holds)| **holds == "losses").map(|(path, _)| path) {
            self.found.insert(path.clone(), (Holds::Scores, Remedy::Quarantine, Basis::Manifest));
        }
    }
}

/// Whether the plan of an exact training holds the person.
fn plan_holds(folder: &Path, person: &Person) -> Result<bool, String> {
    let manifest = Manifest::read(folder).map_err(|error| error.to_string())?;
    let planned = manifest.plan.subjects();
    // Weights that the training began from hand on whom they saw.
    let seen = planned.iter().chain(manifest.init_saw.iter().flatten());
    Ok(person.is_among(seen.map(|subject| subject.as_str())))
}
