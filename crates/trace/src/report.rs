//! What a search found.

use crate::mentions::Mention;
use crate::ours::Form;
use lacuna_artefacts::PortablePath;
use lacuna_ledger::Holds;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Something that holds a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// The path of the file.
    pub path: PortablePath,
    /// What of the person.
    pub holds: Holds,
    /// The evidence that it holds the person.
    pub by: Basis,
    /// The BLAKE3 digest of the file.
    pub digest: String,
    /// The size of the file in bytes.
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
    /// The `lineage.json` of its run folder.
    Lineage,
    /// What its run began from.
    Parents,
    /// A record of a study.
    Record,
    /// The manifest of an exact training.
    Manifest,
    /// It has the very content of a file that holds the person, or that was removed before.
    Content,
    /// The fields of the file itself.
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

/// A file or folder of which nothing says whether it holds the person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unknown {
    /// The path of the file.
    pub path: PortablePath,
    /// The reason, in words.
    pub why: String,
}

impl Unknown {
    pub(crate) fn new(path: &Path, why: impl Into<String>) -> Unknown {
        Unknown { path: path.into(), why: why.into() }
    }
}

/// Everything that a trace found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Everything, by path.
    pub files: Vec<Held>,
    /// What may hold the person and cannot be attributed.
    pub unattributed: Vec<Unknown>,
    /// Files of others that mention the person.
    pub mentions: Vec<Mention>,
    /// Folders that were looked into.
    pub looked: Vec<PortablePath>,
    /// Entries of registers that speak of the person.
    #[serde(skip)]
    pub(crate) entries: Vec<PathBuf>,
    /// The entries that name a model's digest, by that digest.
    #[serde(skip)]
    pub(crate) models_of_entries: Vec<(String, PathBuf)>,
    /// Every file of ours, by form, and the run that it lies in.
    #[serde(skip)]
    pub(crate) ours: BTreeMap<PathBuf, (Form, Option<PathBuf>)>,
    /// Run folders that hold the person.
    #[serde(skip)]
    pub(crate) runs: BTreeSet<PathBuf>,
    /// Digests of models that hold the person.
    #[serde(skip)]
    pub(crate) tainted: BTreeSet<String>,
}

/// What a file is to the person, what a purge does with it, and what says so.
pub(crate) type Verdict = (Holds, Remedy, Basis);
