//! Everything below some folders that still holds a person.
//!
//! What is found, and by what: scans by the listing of their data set; prepared scans by the digest of their image;
//! what verbs wrote by the registers of their folders; models by `lineage.json`, by the parents in `run.json`, by
//! records of studies and by content; the states of exact training by its own manifest; reports with slices by the file
//! beside them; tables and settings of runs by their own fields. Nothing is decided by searching a text: files of others
//! that mention the person are listed apart ([`mentions`]), and never changed.
//!
//! What cannot be attributed is listed as unknown with the reason: models of which nothing says whom they saw, archives,
//! links that lead elsewhere, registers under another key, what cannot be read.
//!
//! Buckets that plans and runs name are listed too, where this program can reach them; nothing is deleted there.

mod buckets;
mod data_tables;
mod exact;
mod mentions;
mod models;
mod ours;
mod pages;
mod person;
mod plan;
mod purge;
mod quarantine;
mod search;
mod survey;
mod walk;

pub use buckets::{Bucket, in_buckets};
pub use mentions::Mention;
pub use person::Person;
pub use plan::{Plan, Scope};
pub use purge::{delete, deletions, finish, purge, quarantines_of, restore};
pub use quarantine::{Quarantine, Receipt, State};
pub use search::find;

use crate::error::CliError;
use crate::staging::staged;
use lacuna_artefacts::{PortablePath, Site};
use lacuna_cohort::CaseCache;
use lacuna_ledger::{Holds, Ledger};
use ours::Form;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Documents and tables of ours are smaller.
const TEXT_BYTES_MAX: u64 = 1 << 30;

/// Where to look.
pub struct SearchScope<'a> {
    /// Folders of runs and stores.
    pub roots: &'a [PathBuf],
    /// Files elsewhere that registers name.
    pub registered: &'a [PathBuf],
    /// Data sets.
    pub data: &'a [PathBuf],
    /// A cache of prepared scans.
    pub cache: Option<&'a Path>,
    /// The ledger, which is no trace itself and knows what was removed.
    pub ledger: Option<&'a Ledger>,
}

/// Something that holds a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// Where it lies.
    pub path: PortablePath,
    /// What of the person.
    pub holds: Holds,
    /// What says so.
    pub by: Basis,
    /// BLAKE3 of it.
    pub digest: String,
    /// Its size.
    pub bytes: u64,
    /// What a purge does with it.
    pub purge: Remedy,
    /// Whether a file of this very content was removed before and has come back.
    pub returned: bool,
}

/// What says that a file holds a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// A data set lists it.
    Listing,
    /// The register of its folder.
    Register,
    /// `lineage.json`.
    Lineage,
    /// What its run began from.
    Parents,
    /// A record of a study.
    Record,
    /// The manifest of an exact training.
    Manifest,
    /// It has the very content of a file that holds the person, or that was removed before.
    Content,
    /// Its own fields.
    Fields,
    /// The file beside a page.
    Page,
    /// It was made of files that hold the person.
    Derived,
}

/// What a purge does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// Move it into quarantine.
    Quarantine,
    /// Write the pseudonym in the fields that hold the person; the original goes into quarantine.
    Rewrite,
    /// Take the person out of it; the original goes into quarantine.
    TakeOut,
    /// Move it into quarantine only where sources were asked for as well.
    Source,
    /// Take the person's rows out of a table of the data set, only where sources were asked for as well.
    Listing,
    /// Nothing: it is the model that is to stay.
    Keep,
}

/// Something of which nobody can say whether it holds the person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unknown {
    /// Where it lies.
    pub path: PortablePath,
    /// Why.
    pub why: String,
}

impl Unknown {
    fn new(path: &Path, why: impl Into<String>) -> Unknown {
        Unknown { path: path.into(), why: why.into() }
    }
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Trace {
    /// Everything, by path.
    pub files: Vec<Held>,
    /// What may hold the person and cannot be attributed.
    pub unattributed: Vec<Unknown>,
    /// Files of others that mention the person.
    pub mentions: Vec<Mention>,
    /// Folders that were looked into.
    pub looked: Vec<PortablePath>,
    /// Registers that speak of the person, and what a purge does with each entry.
    #[serde(skip)]
    entries: Vec<PathBuf>,
    /// Entries that tell a model's digest, by that digest.
    #[serde(skip)]
    told_models: Vec<(String, PathBuf)>,
    /// Every file of ours, by form, and the run that it lies in.
    #[serde(skip)]
    ours: BTreeMap<PathBuf, (Form, Option<PathBuf>)>,
    /// Run folders that hold the person.
    #[serde(skip)]
    runs: BTreeSet<PathBuf>,
    /// Digests of models that hold the person.
    #[serde(skip)]
    tainted: BTreeSet<String>,
}

/// What a file is to the person, what a purge does with it, and what says so.
type Verdict = (Holds, Remedy, Basis);

/// Where verbs wrote: the folder of runs, the folders outside it that it remembers, and what else was named.
///
/// # Errors
/// A list of places that cannot be read.
pub fn roots(
    runs: &Path,
    site: Option<&Site>,
    more: impl IntoIterator<Item = PathBuf>,
) -> Result<Vec<PathBuf>, CliError> {
    let mut roots = vec![runs.to_path_buf()];
    roots.extend(site.map(Site::stores).transpose()?.into_iter().flatten());
    roots.extend(more);
    Ok(roots)
}

/// Files outside the folder of runs that registers of this site name: what lies beside them is not looked at.
///
/// # Errors
/// A list of places, or a register, that cannot be read.
pub fn registered(site: Option<&Site>) -> Result<Vec<PathBuf>, CliError> {
    let Some(site) = site else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for location in site.locations()? {
        for folder in walk::folders_with_registers(&location) {
            let entries = lacuna_artefacts::Register::of(&folder).entries()?;
            let own = entries.into_iter().filter(|entered| entered.site == site.fingerprint());
            files.extend(own.map(|entered| folder.join(entered.artefact.file.as_path())));
        }
    }
    Ok(files)
}

/// Whether a folder is a cache: it holds prepared scans, or copies of data sets.
pub fn is_cache(folder: &Path) -> bool {
    let holds_scans = || CaseCache::at(folder).usage().is_ok_and(|usage| usage.entries > 0);
    !staged(folder).is_empty() || holds_scans()
}
