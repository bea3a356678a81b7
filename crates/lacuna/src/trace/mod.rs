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
mod survey;
mod walk;

pub use buckets::{Bucket, in_buckets};
pub use mentions::Mention;
pub use person::Person;
pub use plan::{Plan, Scope};
pub use purge::{delete_quarantined, deletions, finish, purge, quarantines_of, restore};
pub use quarantine::{Quarantine, Receipt, State};

use crate::error::CliError;
use crate::staging::staged;
use lacuna_artefacts::{Kind, PortablePath, Site};
use lacuna_ledger::{Holds, Ledger};
use models::{Models, Saw, may_be_a_model};
use ours::Form;
use person::Said;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use survey::Survey;
use walk::Walked;

/// Documents and tables of ours are smaller.
const TEXT_BYTES_MAX: u64 = 1 << 30;

/// Where to look.
pub struct Places<'a> {
    /// Folders of runs and stores.
    pub roots: &'a [PathBuf],
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
    if let Some(site) = site {
        roots.extend(site.places()?);
    }
    roots.extend(more);
    Ok(roots)
}

/// Look for a person.
///
/// # Errors
/// A folder that was named and cannot be read.
pub fn find(person: &Person, places: &Places) -> Result<Trace, CliError> {
    let removed = removed(places.ledger)?;
    let all: Vec<PathBuf> =
        places.roots.iter().chain(places.data).cloned().chain(places.cache.map(Path::to_path_buf)).collect();
    let walked = walk::walk(&all, places.ledger)?;
    let survey = Survey::read(&walked, person)?;
    let data = places.data.iter().map(|data| walk::shown(data)).collect();
    let (found, trace) = (BTreeMap::new(), Trace::default());
    let mut search = Search { person, places, data, walked: &walked, survey: &survey, found, trace };
    search.sources()?;
    search.pages()?;
    search.tables();
    search.weights();
    search.artefacts();
    search.derived();
    search.prepared(&removed)?;
    search.copies(&removed)?;
    search.mentions();
    search.told(&removed)
}

/// A search under way.
struct Search<'a> {
    person: &'a Person,
    places: &'a Places<'a>,
    data: Vec<PathBuf>,
    walked: &'a Walked,
    survey: &'a Survey,
    found: BTreeMap<PathBuf, Verdict>,
    trace: Trace,
}

impl Search<'_> {
    /// Images and label maps that data sets list, their own tables, and copies out of a bucket.
    fn sources(&mut self) -> Result<(), CliError> {
        for path in self.person.files.iter().filter(|path| path.is_file()) {
            self.found.insert(walk::shown(path), (Holds::Volume, Remedy::Source, Basis::Listing));
        }
        for data in &self.data {
            for path in self.walked.files.iter().filter(|path| path.starts_with(data)) {
                if !self.found.contains_key(path) && data_tables::lists(path, self.person) {
                    self.found.insert(path.clone(), (Holds::Name, Remedy::Listing, Basis::Listing));
                }
            }
        }
        let subject = lacuna_cohort::SubjectId::new(self.person.id.clone());
        for copy in self.places.cache.map(staged).unwrap_or_default().iter().map(|copy| walk::shown(copy)) {
            // A copy whose layout cannot be recognised is known by mentions alone.
            let listed = subject
                .as_ref()
                .ok()
                .and_then(|subject| Person::of(subject, std::slice::from_ref(&copy), None, None).ok());
            let there = listed.iter().flat_map(|listed| listed.files.iter()).filter(|path| path.is_file());
            self.found
                .extend(there.map(|path| (walk::shown(path), (Holds::Volume, Remedy::Quarantine, Basis::Listing))));
            for path in self.walked.files.iter().filter(|path| path.starts_with(&copy)) {
                if data_tables::lists(path, self.person) {
                    // It can be fetched again.
                    self.found.entry(path.clone()).or_insert((Holds::Name, Remedy::Quarantine, Basis::Listing));
                }
            }
        }
        Ok(())
    }

    fn pages(&mut self) -> Result<(), CliError> {
        for page in pages::pages_with(self.person, &self.walked.files)? {
            self.found.insert(page, (Holds::Prediction, Remedy::Quarantine, Basis::Page));
        }
        Ok(())
    }

    /// Documents and tables that lacuna wrote, by their own fields.
    fn tables(&mut self) {
        for path in &self.walked.files {
            let run = self.survey.run_of(path).map(Path::to_path_buf);
            if self.is_in_data(path) || !is_small_text(path) {
                continue;
            }
            let Ok(text) = lacuna_disk::read_bytes(path, TEXT_BYTES_MAX) else { continue };
            let Some(form) = ours::form_of(path, run.is_some(), &text) else { continue };
            self.trace.ours.insert(path.clone(), (form, run.clone()));
            if self.found.contains_key(path) || !ours::names(form, &text, self.person) {
                continue;
            }
            self.trace.runs.extend(run);
            let holds = if form == Form::Csv || form == Form::Sealed { Holds::Scores } else { Holds::Name };
            let remedy = if form == Form::Sealed { Remedy::Quarantine } else { Remedy::Rewrite };
            self.found.insert(path.clone(), (holds, remedy, Basis::Fields));
        }
    }

    fn weights(&mut self) {
        let exact = exact::Exact::read(&self.survey.exact, &self.walked.files, self.person);
        self.found.extend(exact.found.iter().map(|(path, found)| (path.clone(), *found)));
        self.trace.unattributed.extend(exact.damaged);
        let digest_of = |path: &Path| lacuna_disk::digest_file(path).ok();
        let models = Models::new(self.survey, self.person, &digest_of);
        for path in &self.walked.files {
            let spoken_for = path.extension().is_some_and(|ending| ending == "safetensors")
                && exact.spoken_for.iter().any(|folder| path.starts_with(folder));
            let is_ours = self.trace.ours.contains_key(path);
            if self.found.contains_key(path) || spoken_for || is_ours || self.is_in_data(path) || !may_be_a_model(path)
            {
                continue;
            }
            match models.of(path) {
                Saw::Person(holds, remedy, by) => drop(self.found.insert(path.clone(), (holds, remedy, by))),
                Saw::Unknown(why) => self.trace.unattributed.push(Unknown::new(path, why)),
                Saw::Others => {}
            }
        }
        self.trace.tainted.clone_from(models.tainted());
    }

    /// What registers say of everything but weights.
    fn artefacts(&mut self) {
        for (folder, entries) in &self.survey.registers {
            for entered in entries {
                let said = self.person.said_by(entered);
                let told = entered.artefact.model.iter().chain(&entered.artefact.digest);
                self.trace.told_models.extend(told.map(|digest| (digest.clone(), entered.entry.clone())));
                if matches!(said, Said::Holds | Said::Forgotten) {
                    self.trace.entries.push(entered.entry.clone());
                    self.trace.runs.extend(self.survey.runs.get_key_value(folder).map(|(run, _)| run.clone()));
                }
                if entered.artefact.kind == Kind::Weights || entered.artefact.kind == Kind::Run {
                    continue;
                }
                let files = self.walked.files.iter().filter(|path| path.parent() == Some(folder));
                for path in files.filter(|path| path.file_name().is_some_and(|name| entered.artefact.speaks_of(name))) {
                    match said {
                        Said::Holds => {
                            // A table of a data set is judged by its rows, which were read before.
                            let is_table = entered.artefact.kind == Kind::Name && self.is_in_data(path);
                            if !is_table {
                                self.found.entry(path.clone()).or_insert(by_kind(entered.artefact.kind));
                            }
                        }
                        Said::Unknown if !self.found.contains_key(path) => {
                            let why = "its register was written under another key, or does not know whom it holds";
                            self.trace.unattributed.push(Unknown::new(path, why));
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    /// Pages and tables for people, made of the files of a run that holds the person, where they mention the person.
    fn derived(&mut self) {
        for (path, (form, run)) in &self.trace.ours {
            let of_run = run.as_ref().is_some_and(|run| self.trace.runs.contains(run));
            if *form != Form::Derived || !of_run || self.found.contains_key(path) {
                continue;
            }
            let text = lacuna_disk::read_bytes(path, TEXT_BYTES_MAX).unwrap_or_default();
            if self.person.is_mentioned_in(&text) {
                self.found.insert(path.clone(), (Holds::Name, Remedy::Quarantine, Basis::Derived));
            }
        }
    }

    /// Prepared scans of the images found, and of images that were removed before.
    fn prepared(&mut self, removed: &BTreeMap<lacuna_ledger::Digest, Holds>) -> Result<(), CliError> {
        let mut images = BTreeSet::new();
        for (path, _) in self.found.iter().filter(|(_, (holds, ..))| *holds == Holds::Volume) {
            images.insert(lacuna_disk::digest_file(path)?);
        }
        let ledger = self.places.ledger;
        for path in &self.walked.files {
            let meant = lacuna_disk::unfinished(path).unwrap_or_else(|| path.to_path_buf());
            let source = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
            let is_case = meant.extension().is_some_and(|ending| ending == "case");
            let Some(source) = source.filter(|_| is_case) else { continue };
            if images.contains(&source) || mark(ledger, &source).is_some_and(|mark| removed.contains_key(&mark)) {
                self.found.insert(path.clone(), (Holds::PreparedVolume, Remedy::Quarantine, Basis::Content));
            }
        }
        Ok(())
    }

    /// Files of the very content of what was found, or of what was removed before and has come back.
    fn copies(&mut self, removed: &BTreeMap<lacuna_ledger::Digest, Holds>) -> Result<(), CliError> {
        let mut sizes: BTreeMap<u64, BTreeMap<String, Holds>> = BTreeMap::new();
        let of_content = |holds: Holds| {
            matches!(
                holds,
                Holds::Weights | Holds::Checkpoint | Holds::Volume | Holds::Prediction | Holds::PreparedVolume
            )
        };
        for (path, (holds, ..)) in self.found.iter().filter(|(_, (holds, ..))| of_content(*holds)) {
            let (bytes, digest) = (size_of(path), lacuna_disk::digest_file(path)?);
            sizes.entry(bytes).or_default().insert(digest, *holds);
        }
        let mut known = Vec::new();
        for path in self.walked.files.iter().filter(|path| !self.found.contains_key(*path)) {
            // Two people may have the same empty label map: what a register attributes to others is theirs.
            if self.survey.entry_of(path).is_some_and(|entered| self.person.said_by(entered) == Said::Others) {
                continue;
            }
            let same_size = sizes.get(&size_of(path)).filter(|_| !self.is_in_data(path));
            if same_size.is_none() && removed.is_empty() {
                continue;
            }
            let Ok(digest) = lacuna_disk::digest_file(path) else { continue };
            let back = mark(self.places.ledger, &digest).and_then(|mark| removed.get(&mark));
            let copied = same_size.and_then(|files| files.get(&digest));
            if let Some(holds) = back.or(copied) {
                let remedy = if self.is_in_data(path) { Remedy::Source } else { Remedy::Quarantine };
                known.push((path.clone(), *holds, remedy));
            }
        }
        for (path, holds, remedy) in known {
            self.trace.unattributed.retain(|unknown| *unknown.path != *path);
            self.found.insert(path, (holds, remedy, Basis::Content));
        }
        Ok(())
    }

    /// The second look, at what nothing else speaks of.
    fn mentions(&mut self) {
        let beside = |path: &PathBuf| !self.found.contains_key(path) && !self.trace.ours.contains_key(path);
        let looked: Vec<&PathBuf> = self.walked.files.iter().filter(|path| beside(path)).collect();
        for path in looked {
            if mentions::is_text(path) && size_of(path) > mentions::TEXT_BYTES_MAX {
                let why = format!("a text of more than {} GiB was not read", mentions::TEXT_BYTES_MAX >> 30);
                self.trace.unattributed.push(Unknown::new(path, why));
            }
            self.trace.mentions.extend(mentions::mention(path, self.person));
        }
    }

    fn told(mut self, removed: &BTreeMap<lacuna_ledger::Digest, Holds>) -> Result<Trace, CliError> {
        for (path, (holds, purge, by)) in &self.found {
            let digest = lacuna_disk::digest_file(path)?;
            let returned = mark(self.places.ledger, &digest).is_some_and(|mark| removed.contains_key(&mark));
            let (path, bytes) = (path.as_path().into(), size_of(path));
            self.trace.files.push(Held { path, holds: *holds, by: *by, digest, bytes, purge: *purge, returned });
        }
        let more = [&self.walked.links, &self.walked.unread, &self.survey.damaged];
        self.trace.unattributed.extend(more.into_iter().flatten().cloned());
        self.trace.unattributed.sort_by(|a, b| a.path.cmp(&b.path));
        self.trace.looked = self.walked.roots.iter().map(|root| root.as_path().into()).collect();
        Ok(self.trace)
    }

    fn is_in_data(&self, path: &Path) -> bool {
        self.data.iter().any(|data| data == Path::new(".") || path.starts_with(data))
    }
}

/// What an entry of a register makes of a file.
fn by_kind(kind: Kind) -> Verdict {
    let (holds, remedy) = match kind {
        Kind::Volume => (Holds::Volume, Remedy::Source),
        Kind::PreparedVolume => (Holds::PreparedVolume, Remedy::Quarantine),
        Kind::Weights | Kind::Run => (Holds::Weights, Remedy::Quarantine),
        Kind::Prediction => (Holds::Prediction, Remedy::Quarantine),
        Kind::Scores => (Holds::Scores, Remedy::Quarantine),
        Kind::Name => (Holds::Name, Remedy::Quarantine),
    };
    (holds, remedy, Basis::Register)
}

fn size_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn is_small_text(path: &Path) -> bool {
    size_of(path) <= TEXT_BYTES_MAX && mentions::is_text(path)
}

/// What the ledger says was removed, of anybody, and was not put back.
fn removed(ledger: Option<&Ledger>) -> Result<BTreeMap<lacuna_ledger::Digest, Holds>, CliError> {
    let Some(ledger) = ledger else { return Ok(BTreeMap::new()) };
    let removed = ledger.view().removed()?;
    Ok(removed.into_iter().map(|(artefact, removed)| (artefact, removed.holds)).collect())
}

fn mark(ledger: Option<&Ledger>, digest: &str) -> Option<lacuna_ledger::Digest> {
    ledger.map(|ledger| ledger.keyring().file_mark(digest))
}
