//! The sessions of a BIDS data set and the images in them.

use super::super::names::{self, Entry, Kind};
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
    /// Behind `sub-`.
    pub subject: String,
    /// Behind `ses-`.
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

    /// The image of a channel; where there is none, the path at which it would lie, so that it is
    /// reported as missing.
    pub fn image(&self, root: &Path, channel: &str) -> PathBuf {
        let absent = || root.join(&self.folder).join(ANATOMY).join(format!("{}_{channel}.nii.gz", self.name()));
        self.images.get(channel).cloned().unwrap_or_else(absent)
    }
}

/// Every session that has an image of the anatomy, by subject and session.
pub(super) fn sessions(root: &Path) -> Result<Vec<Session>, CohortError> {
    let mut found = Vec::new();
    for subject in folders(root, "sub-")? {
        let label = subject.name["sub-".len()..].to_string();
        found.extend(session(&subject.path, &subject.name, &label, None)?);
        for entry in folders(&subject.path, "ses-")? {
            let folder = format!("{}/{}", subject.name, entry.name);
            found.extend(session(&entry.path, &folder, &label, Some(entry.name["ses-".len()..].to_string()))?);
        }
    }
    Ok(found)
}

fn folders(folder: &Path, prefix: &str) -> Result<Vec<Entry>, CohortError> {
    let named = |entry: &Entry| entry.kind == Kind::Folder && entry.name.len() > prefix.len();
    Ok(names::entries(folder)?.into_iter().filter(|entry| named(entry) && entry.name.starts_with(prefix)).collect())
}

fn session(path: &Path, folder: &str, subject: &str, session: Option<String>) -> Result<Option<Session>, CohortError> {
    let anatomy = path.join(ANATOMY);
    if !anatomy.is_dir() {
        return Ok(None);
    }
    let mut found =
        Session { folder: PathBuf::from(folder), subject: subject.to_string(), session, images: BTreeMap::new() };
    for (stem, image) in names::volumes(&anatomy)? {
        if let Some(channel) = found.rest(&stem).map(str::to_string) {
            found.images.insert(channel, image);
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
