//! The sessions of a BIDS data set and the images in them.

use super::super::names::{self, Entry, Kind};
use super::super::volumes::{PassedOver, volumes};
use super::entities::parse;
use super::{ANATOMY, Bids, Layout};
use crate::CohortError;
use crate::error::{all_of, in_words};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The kind of image that is read unless others are asked for.
const USUAL: &str = "T1w";

/// One session of a subject, or the subject itself where it has none, with images in `anat`.
pub(super) struct Session {
    /// Relative to the data set.
    pub folder: PathBuf,
    /// The subject's label, without `sub-`.
    pub subject: String,
    /// The session's label, without `ses-`.
    session: Option<String>,
    /// The files of `anat` by what stands in their names behind subject and session.
    images: BTreeMap<String, PathBuf>,
}

impl Session {
    /// What the scan is called unless a table says otherwise.
    pub fn name(&self) -> String {
        match &self.session {
            Some(session) => format!("sub-{}_ses-{session}", self.subject),
            None => format!("sub-{}", self.subject),
        }
    }

    /// The rest of a file's name behind the session's own, if it begins so.
    pub fn rest<'a>(&self, stem: &'a str) -> Option<&'a str> {
        stem.strip_prefix(&self.name())?.strip_prefix('_')
    }

    /// Whether the session has another image of the channel's kind that differs in its run.
    pub fn has_other_runs(&self, channel: &str) -> bool {
        let (entities, suffix) = parse(channel);
        let run = entities.of_source.get("run");
        let others = self.images.keys().map(|other| parse(other));
        run.is_some() && others.into_iter().any(|(other, kind)| kind == suffix && other.of_source.get("run") != run)
    }

    /// The image of a channel; where there is none, the path at which it would lie, so that it is
    /// reported as missing.
    pub fn image(&self, root: &Path, channel: &str) -> PathBuf {
        let absent = || root.join(&self.folder).join(ANATOMY).join(format!("{}_{channel}.nii.gz", self.name()));
        self.images.get(channel).cloned().unwrap_or_else(absent)
    }
}

/// Every session that has an image of the anatomy, by subject and session.
pub(super) fn sessions(root: &Path, passed_over: &mut Vec<PassedOver>) -> Result<Vec<Session>, CohortError> {
    let mut found = Vec::new();
    for subject in folders(root, "sub-")? {
        let label = subject.name["sub-".len()..].to_string();
        let before = found.len();
        found.extend(session(&subject.path, &subject.name, &label, None, passed_over)?);
        for entry in folders(&subject.path, "ses-")? {
            let folder = format!("{}/{}", subject.name, entry.name);
            let name = Some(entry.name["ses-".len()..].to_string());
            found.extend(session(&entry.path, &folder, &label, name, passed_over)?);
        }
        if found.len() == before {
            let found = "a subject without images in anat/";
            passed_over.push(PassedOver::new(&subject.path, found, "add the images if they are missing"));
        }
    }
    Ok(found)
}

fn folders(folder: &Path, prefix: &str) -> Result<Vec<Entry>, CohortError> {
    let named = |entry: &Entry| entry.kind == Kind::Folder && entry.name.len() > prefix.len();
    Ok(names::entries(folder)?.into_iter().filter(|entry| named(entry) && entry.name.starts_with(prefix)).collect())
}

/// Endings of label maps, which a derivative has beside its images.
const OF_LABELS: [&str; 2] = ["dseg", "probseg"];

fn session(
    path: &Path,
    folder: &str,
    subject: &str,
    session: Option<String>,
    passed_over: &mut Vec<PassedOver>,
) -> Result<Option<Session>, CohortError> {
    let anatomy = path.join(ANATOMY);
    if !anatomy.is_dir() {
        return Ok(None);
    }
    let mut found =
        Session { folder: PathBuf::from(folder), subject: subject.to_string(), session, images: BTreeMap::new() };
    let volumes = volumes(&anatomy)?;
    passed_over.extend(volumes.passed_over);
    for (stem, image) in volumes.named {
        match found.rest(&stem).map(str::to_string) {
            Some(channel) if OF_LABELS.contains(&parse(&channel).1) => {}
            Some(channel) => {
                found.images.insert(channel, image);
            }
            None => {
                let (what, fix) = (format!("a volume whose name does not begin with {}_", found.name()), "rename it");
                passed_over.push(PassedOver::new(&image, what, fix));
            }
        }
    }
    Ok((!found.images.is_empty()).then_some(found))
}

/// The channels asked for, or the usual one, or the only one there is.
pub(super) fn channels(sessions: &[Session], asked: Option<&[String]>) -> Result<Vec<String>, CohortError> {
    let known: BTreeSet<&String> = sessions.iter().flat_map(|session| session.images.keys()).collect();
    let refuse = |found: String, fix: &str| CohortError::Channels {
        layout: Bids.name(),
        expected: format!("some of {}", all_of(&known)),
        found,
        fix: fix.into(),
    };
    match asked {
        Some(names) => {
            // `T1` for `T1w`, as the other layouts call it.
            let channel = |name: &String| {
                let weighted = format!("{name}w");
                let found = [name, &weighted].into_iter().find(|name| known.contains(name));
                found.cloned().ok_or_else(|| refuse(name.clone(), "name channels by what follows subject and session"))
            };
            names.iter().map(channel).collect()
        }
        None if known.contains(&USUAL.to_string()) => Ok(vec![USUAL.to_string()]),
        None if known.len() > 1 => Err(refuse(in_words(&known), "choose with --channels")),
        None => Ok(known.into_iter().cloned().collect()),
    }
}
