//! Everything below some folders that still holds a person.
//!
//! What is found, and by what: scans by the listing of their data set or by name; prepared scans by the digest of their
//! image; models by `lineage.json`, by the parents in `run.json`, and by records of studies; checkpoints with their
//! run; the states of exact training by its own manifest; reports with slices by the file beside them; texts by the id
//! as a word of its own.
//!
//! Buckets that plans and runs name are listed too, where this program can reach them; nothing is deleted there.
//!
//! What is made of a person and says so nowhere cannot be found: a model without lineage, a picture without a name, an
//! archive, another machine. Models of which nothing says whom they saw are listed apart.

mod buckets;
mod models;
mod pages;
mod purge;
mod walk;

pub use buckets::{Bucket, in_buckets, named_buckets};
pub use purge::{Purge, Receipt, purge};

use crate::error::CliError;
use crate::redact;
use crate::staging::staged;
use lacuna_cohort::{Cohort, LayoutOptions, Named, SubjectId};
use lacuna_exact::files_that_hold;
use lacuna_ledger::{Holds, Ledger, Record};
use models::Models;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Larger files are tensors or volumes, which name nobody.
const TEXT_BYTES_MAX: u64 = 64 << 20;

/// Where to look.
pub struct Places<'a> {
    /// Folders of runs and stores.
    pub roots: &'a [PathBuf],
    /// Data sets.
    pub data: &'a [PathBuf],
    /// What these say of the subject, by [`Sources::of`]; asked once, since a set that lost files may list nothing more.
    pub sources: &'a Sources,
    /// A cache of prepared scans.
    pub cache: Option<&'a Path>,
    /// The ledger, which is no trace itself and knows what was deleted.
    pub ledger: Option<&'a Ledger>,
}

/// What data sets say of a subject.
pub struct Sources {
    /// The images and label maps that they list.
    files: Vec<PathBuf>,
    /// How the subject is named in texts.
    pub named: Named,
}

/// Something that holds a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// Where it lies.
    pub path: PathBuf,
    /// What of the person.
    pub holds: Holds,
    /// BLAKE3 of it.
    pub digest: String,
    /// Its size.
    pub bytes: u64,
    /// What a purge does with it.
    pub purge: Remedy,
    /// Whether a file of this very content was deleted before and has come back.
    pub returned: bool,
}

/// What a purge does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// Delete it.
    Delete,
    /// Write the pseudonym where the id stands.
    Redact,
    /// Delete it only where sources were asked for as well.
    Source,
    /// Write the pseudonym where the id stands, only where sources were asked for as well.
    Listing,
    /// Nothing: it is not of lacuna's making, or is the model that is to stay.
    Keep,
}

/// What a file is to the subject, and what a purge does with it.
type Verdict = (Holds, Remedy);

/// What was found.
#[derive(Debug, Default, Serialize)]
pub struct Trace {
    /// Everything, by path.
    pub files: Vec<Held>,
    /// Models of which nothing says whom they saw.
    pub unattributed: Vec<PathBuf>,
}

/// Look for a subject.
///
/// # Errors
/// A folder or a file that cannot be read.
pub fn find(subject: &SubjectId, places: &Places) -> Result<Trace, CliError> {
    let deleted = deleted(places.ledger)?;
    let files = walk::files(places)?;
    let named = &places.sources.named;
    let models = Models::read(&files, subject, named)?;
    let mut found: BTreeMap<PathBuf, Verdict> = BTreeMap::new();
    for path in places.sources.files.iter().filter(|path| path.is_file()) {
        found.insert(path.clone(), (Holds::Volume, Remedy::Source));
    }
    // Copies out of a bucket are lacuna's own, to be fetched again; one whose layout needs telling is known by names alone.
    let copies = places.cache.map(staged).unwrap_or_default();
    for copy in &copies {
        let Ok(listed) = Sources::of(subject, std::slice::from_ref(copy)) else { continue };
        let there = listed.files.into_iter().filter(|path| path.is_file());
        found.extend(there.map(|path| (path, (Holds::Volume, Remedy::Delete))));
    }
    let exact: Vec<&Path> =
        files.iter().filter(|path| path.ends_with("exact.json")).filter_map(|path| path.parent()).collect();
    for folder in &exact {
        for held in files_that_hold(folder, &BTreeSet::from([subject.clone()]))? {
            let (holds, remedy) = match held.holds {
                "moments" => (Holds::Checkpoint, Remedy::Delete),
                "weights" => (Holds::Weights, Remedy::Delete),
                "losses" => (Holds::Scores, Remedy::Delete),
                _ => continue,
            };
            found.insert(held.file, (holds, remedy));
        }
    }
    for page in pages::pages_with(subject, &files)? {
        found.insert(page, (Holds::Prediction, Remedy::Delete));
    }
    let mut trace = Trace::default();
    for path in &files {
        // An exact training says of each of its files whom it saw; most shards never saw the subject.
        let told = path.extension().is_some_and(|ending| ending == "safetensors")
            && exact.iter().any(|folder| path.starts_with(folder));
        if told || found.contains_key(path) {
            continue;
        }
        match models.of(path) {
            models::Saw::Subject(holds, remedy) => {
                found.insert(path.clone(), (holds, remedy));
            }
            models::Saw::Unknown => trace.unattributed.push(path.clone()),
            models::Saw::NoModel | models::Saw::Others => {
                found.extend(by_name(path, places)?.map(|verdict| (path.clone(), verdict)));
            }
        }
    }
    for path in prepared(&found, places, &files, &deleted)? {
        found.insert(path, (Holds::PreparedVolume, Remedy::Delete));
    }
    // A file that was deleted and came back may be named otherwise now; only its content tells.
    for path in &files {
        if !found.contains_key(path) && !deleted.is_empty() {
            let digest = lacuna_disk::digest_file(path)?;
            if let Some(holds) = mark(places.ledger, &digest).and_then(|mark| deleted.get(&mark)) {
                found.insert(path.clone(), (*holds, Remedy::Delete));
            }
        }
    }
    for (path, (holds, purge)) in found {
        let digest = lacuna_disk::digest_file(&path)?;
        let bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let purge = if copies.iter().any(|copy| path.starts_with(copy)) { Remedy::Delete } else { purge };
        let returned = mark(places.ledger, &digest).is_some_and(|mark| deleted.contains_key(&mark));
        trace.files.push(Held { path, holds, digest, bytes, purge, returned });
    }
    Ok(trace)
}

impl Sources {
    /// Ask data sets for a subject.
    ///
    /// # Errors
    /// A data set that cannot be listed.
    pub fn of(subject: &SubjectId, data: &[PathBuf]) -> Result<Sources, CliError> {
        let (mut files, mut others) = (Vec::new(), BTreeSet::new());
        for data in data {
            let cohort = Cohort::open(data, &LayoutOptions::default())?;
            redact::hide_cohort(&cohort);
            for scan in cohort.scans_of(subject) {
                files.extend(scan.images.iter().chain(&scan.label).cloned());
            }
            others.extend(cohort.subjects().into_iter().filter(|other| other != subject));
        }
        // `forget-sub-1` names sub-1 if nobody is called otherwise who has it in their id, which only a data set tells.
        let is_sure = !others.is_empty() && !others.iter().any(|other| other.as_str().contains(subject.as_str()));
        let named = if is_sure { Named::joined(subject.as_str()) } else { Named::alone(subject.as_str()) };
        Ok(Sources { files, named })
    }
}

/// A file that has the id in its name or in its text.
fn by_name(path: &Path, places: &Places) -> Result<Option<Verdict>, CliError> {
    let named = &places.sources.named;
    let meant = lacuna_disk::unfinished(path).unwrap_or_else(|| path.to_path_buf());
    let name = meant.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let in_run = path.ancestors().skip(1).any(|folder| folder.join("run.json").is_file());
    let in_data = places.data.iter().any(|data| path.starts_with(data));
    let is_volume = name.ends_with(".nii") || name.ends_with(".nii.gz");
    let verdict = |holds, remedy| Ok(Some((holds, remedy)));
    if named.is_in(name.as_bytes()) {
        return match (is_volume, in_run) {
            (true, false) => verdict(Holds::Volume, Remedy::Source),
            (true, true) => verdict(Holds::Prediction, Remedy::Delete),
            (false, true) => verdict(Holds::Name, Remedy::Delete),
            (false, false) if in_data => verdict(Holds::Name, Remedy::Source),
            (false, false) => verdict(Holds::Name, Remedy::Keep),
        };
    }
    let small = std::fs::metadata(path).is_ok_and(|metadata| metadata.len() <= TEXT_BYTES_MAX);
    if is_volume || !small {
        return Ok(None);
    }
    let bytes = lacuna_disk::read_bytes(path, TEXT_BYTES_MAX)?;
    if !named.is_in(&bytes) {
        return Ok(None);
    }
    let holds = if name.ends_with(".csv") { Holds::Scores } else { Holds::Name };
    let json: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    let says = |key: &str| json.as_ref().and_then(|json| json.get(key)?.as_str());
    let is_ours = in_run || says("schema").is_some_and(|schema| schema.starts_with("lacuna"));
    match (is_ours, says("seal").is_some(), std::str::from_utf8(&bytes)) {
        (false, _, Ok(_)) if in_data => verdict(holds, Remedy::Listing),
        (false, ..) => verdict(holds, Remedy::Keep),
        // What is sealed is nothing any more once a word of it is changed; it can be computed anew.
        (true, true, _) | (true, _, Err(_)) => verdict(Holds::Scores, Remedy::Delete),
        (true, false, Ok(_)) => verdict(holds, Remedy::Redact),
    }
}

/// Prepared scans of the images found, and of images that were deleted.
fn prepared(
    found: &BTreeMap<PathBuf, Verdict>,
    places: &Places,
    files: &[PathBuf],
    deleted: &BTreeMap<lacuna_ledger::Digest, Holds>,
) -> Result<Vec<PathBuf>, CliError> {
    let mut images = BTreeSet::new();
    for (path, _) in found.iter().filter(|(_, (holds, _))| *holds == Holds::Volume) {
        images.insert(lacuna_disk::digest_file(path)?);
    }
    let of_subject = |path: &&PathBuf| {
        let source = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let meant = lacuna_disk::unfinished(path).unwrap_or_else(|| path.to_path_buf());
        meant.extension().is_some_and(|ending| ending == "case")
            && source.is_some_and(|source| {
                images.contains(&source) || mark(places.ledger, &source).is_some_and(|mark| deleted.contains_key(&mark))
            })
    };
    Ok(files.iter().filter(of_subject).cloned().collect())
}

/// What the ledger says was deleted, of anybody.
fn deleted(ledger: Option<&Ledger>) -> Result<BTreeMap<lacuna_ledger::Digest, Holds>, CliError> {
    let Some(ledger) = ledger else { return Ok(BTreeMap::new()) };
    let records = ledger.view().records_of_kind("deletion")?;
    let marks = records.into_iter().filter_map(|record| match record {
        Record::Deletion { artefact, holds, .. } => Some((artefact, holds)),
        _ => None,
    });
    Ok(marks.collect())
}

fn mark(ledger: Option<&Ledger>, digest: &str) -> Option<lacuna_ledger::Digest> {
    ledger.map(|ledger| ledger.keyring().file_mark(digest))
}
