//! A purge as a transaction, and what it sets aside.
//!
//! `RUNS/.lacuna/quarantine/NAME/` holds `journal.json`, the steps, and below `files` the original of each by its number.
//! New contents are written there first. The journal is the decision: before it says `decided`, nothing outside has
//! changed and the folder is thrown away; from then on, each step is one atomic move, and repeating the purge goes on
//! where a killed one was. Nothing is deleted before the request is closed, or the quarantine deleted by its own verb.

use crate::error::{TraceError, refused};
use crate::paths;
use crate::plan::{How, Plan, Step};
use lacuna_artefacts::{FOLDER, PortablePath};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const SCHEMA: &str = "lacuna.quarantine/1";
const JOURNAL: &str = "journal.json";
const JOURNAL_BYTES_MAX: u64 = 1 << 30;

/// What a purge came to.
#[derive(Clone, Debug, Serialize)]
pub struct Receipt {
    /// The name of the quarantine; none if there was nothing to do.
    pub quarantine: Option<String>,
    /// Where the originals lie.
    pub folder: Option<PortablePath>,
    /// Each step, with the digest of the file before.
    pub steps: Vec<Step>,
    /// The word that stands in place of the person.
    pub pseudonym: String,
}

/// The steps of a purge, and how far it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    schema: String,
    /// The stage that the purge has reached.
    pub state: State,
    /// The request that it belongs to, if any.
    pub request: Option<String>,
    /// The word that stands in place of the person.
    pub pseudonym: String,
    /// When it was decided, in UTC.
    pub at: String,
    /// The folder that paths are seen from.
    from: PortablePath,
    /// This quarantine's own folder: a project that was moved has it elsewhere.
    folder: PortablePath,
    /// Folders that were looked into, which stay though they be empty.
    roots: Vec<PortablePath>,
    /// The changes, in the order in which they are made.
    pub steps: Vec<Step>,
}

/// How far a purge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It will be done, and may be done in part.
    Decided,
    /// Every step of the purge is done.
    Done,
}

impl State {
    /// The stage as the command prints it.
    pub fn in_words(self) -> &'static str {
        match self {
            State::Decided => "interrupted",
            State::Done => "whole",
        }
    }
}

/// The quarantine of one purge.
pub struct Quarantine {
    name: String,
    folder: PathBuf,
    journal: Journal,
}

impl Quarantine {
    /// Set a plan aside: new contents are written, and nothing outside the quarantine has changed.
    ///
    /// # Errors
    /// A name that is taken, or a file that cannot be written.
    pub fn prepare(runs: &Path, name: &str, plan: &Plan, request: Option<&str>) -> Result<Quarantine, TraceError> {
        let folder = free_folder(runs, name);
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        discard_undecided(&folder)?;
        for (number, step) in plan.steps.iter().enumerate() {
            if let Some(content) = plan.content(&step.path) {
                lacuna_disk::write_bytes(&new_file(&folder, number), content)?;
            }
        }
        let journal = Journal {
            schema: SCHEMA.to_string(),
            state: State::Decided,
            request: request.map(str::to_string),
            pseudonym: plan.pseudonym.clone(),
            at: lacuna_runs::timestamp(),
            from: std::env::current_dir().unwrap_or_default().into(),
            folder: std::path::absolute(&folder).unwrap_or_else(|_| folder.clone()).into(),
            roots: plan.roots.iter().map(|root| root.as_path().into()).collect(),
            steps: plan.steps.clone(),
        };
        Ok(Quarantine { name, folder, journal })
    }

    /// Decide: from here on a repeated purge goes on with it.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn decide(&self) -> Result<(), TraceError> {
        self.write()
    }

    /// Do what is left of it.
    ///
    /// # Errors
    /// A file that cannot be moved; the same purge goes on from there.
    pub fn carry_out(&mut self) -> Result<(), TraceError> {
        for number in 0..self.journal.steps.len() {
            self.carry_out_step(number)?;
        }
        self.journal.state = State::Done;
        self.write()
    }

    fn carry_out_step(&self, number: usize) -> Result<(), TraceError> {
        let (step, stored) = (&self.journal.steps[number], stored_file(&self.folder, number));
        let path = self.path_of(&step.path);
        match &step.how {
            How::Quarantine => {
                // A file that changed since the plan was shown is not the one that was agreed to.
                if path.symlink_metadata().is_ok() && lacuna_disk::digest_file(&path)? == step.before {
                    move_over(&path, &stored)?;
                    self.remove_empty(path.parent());
                }
            }
            How::Rewrite { .. } | How::TakeOut { .. } => {
                let new = new_file(&self.folder, number);
                if !stored.exists() && lacuna_disk::digest_file(&path).is_ok_and(|digest| digest == step.before) {
                    lacuna_disk::share(&path, &stored)?;
                }
                if new.exists() && stored.exists() {
                    move_over(&new, &path)?;
                }
            }
            How::Rename { to } => {
                let to = self.path_of(to);
                if path.is_dir() && !to.exists() {
                    lacuna_disk::boundary("renaming a run folder")
                        .and_then(|()| std::fs::rename(&path, &to))
                        .map_err(refused(&path, "rename"))?;
                }
            }
        }
        Ok(())
    }

    /// Put everything back as it was, the last step first, and remove the quarantine.
    ///
    /// # Errors
    /// A file that is there again, or cannot be moved; the same call goes on from there.
    pub fn restore(self) -> Result<Journal, TraceError> {
        self.check_restorable()?;
        for number in (0..self.journal.steps.len()).rev() {
            let (step, stored) = (&self.journal.steps[number], stored_file(&self.folder, number));
            let path = self.path_of(&step.path);
            match &step.how {
                How::Rename { to } => {
                    let to = self.path_of(to);
                    if to.is_dir() && !path.exists() {
                        lacuna_disk::boundary("renaming a run folder back")
                            .and_then(|()| std::fs::rename(&to, &path))
                            .map_err(refused(&to, "rename"))?;
                    }
                }
                _ if stored.exists() => move_over(&stored, &path)?,
                _ => {}
            }
        }
        self.delete()
    }

    /// Whether everything can be put back, before anything is: nothing that was made or changed since is written over.
    pub fn check_restorable(&self) -> Result<(), TraceError> {
        let renamed: Vec<(PathBuf, PathBuf)> =
            self.journal.steps.iter().filter_map(|step| self.renamed(step)).collect();
        // Steps name files by the folder that they lay in before it was renamed.
        let now = |path: PathBuf| {
            let moved = renamed.iter().find(|(from, to)| path.starts_with(from) && !from.exists() && to.exists());
            moved.map_or(path.clone(), |(from, to)| to.join(path.strip_prefix(from).unwrap_or(&path)))
        };
        for (number, step) in self.journal.steps.iter().enumerate() {
            let (path, stored) = (now(self.path_of(&step.path)), stored_file(&self.folder, number));
            let digest = lacuna_disk::digest_file(&path).ok();
            let refused = match &step.how {
                How::Quarantine => stored.exists() && path.exists() && digest.as_ref() != Some(&step.before),
                How::Rewrite { after } | How::TakeOut { after } => {
                    // What is gone loses nothing by being put back.
                    stored.exists() && path.exists() && ![after, &step.before].contains(&&digest.unwrap_or_default())
                }
                How::Rename { to } => self.path_of(&step.path).exists() && self.path_of(to).exists(),
            };
            if refused {
                return Err(TraceError::ChangedSince { path });
            }
        }
        Ok(())
    }

    /// The two names of a folder that a step renamed.
    fn renamed(&self, step: &Step) -> Option<(PathBuf, PathBuf)> {
        match &step.how {
            How::Rename { to } => Some((self.path_of(&step.path), self.path_of(to))),
            _ => None,
        }
    }

    /// Delete what was set aside, for good.
    ///
    /// # Errors
    /// A file that cannot be deleted; the same call goes on from there.
    pub fn delete(self) -> Result<Journal, TraceError> {
        for number in 0..self.journal.steps.len() {
            lacuna_disk::remove_file(&stored_file(&self.folder, number)).map(drop).or_else(not_there)?;
            lacuna_disk::remove_file(&new_file(&self.folder, number)).map(drop).or_else(not_there)?;
        }
        lacuna_disk::remove_file(&self.folder.join(JOURNAL))?;
        lacuna_disk::boundary("removing a quarantine")
            .and_then(|()| std::fs::remove_dir_all(&self.folder))
            .map_err(refused(&self.folder, "remove"))?;
        Ok(self.journal)
    }

    /// Every quarantine of a folder of runs, by name; one that was never decided is none.
    ///
    /// # Errors
    /// A folder or journal that cannot be read.
    pub fn all(runs: &Path) -> Result<Vec<Quarantine>, TraceError> {
        let folder = folder_of(runs);
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(refused(&folder, "list"))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let folder = entry.map_err(refused(&folder, "list"))?.path();
            if folder.join(JOURNAL).is_file() {
                found.push(Quarantine::open(folder)?);
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    fn open(folder: PathBuf) -> Result<Quarantine, TraceError> {
        let path = folder.join(JOURNAL);
        let text = lacuna_disk::read_text(&path, JOURNAL_BYTES_MAX)?;
        let refuse = |found: String| TraceError::Journal { path: path.clone(), found };
        let journal: Journal = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        if journal.schema != SCHEMA {
            return Err(refuse(format!("the format {}", journal.schema)));
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Quarantine { name, folder, journal })
    }

    /// The name of the quarantine.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder that holds the files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The journal of the purge, with its steps.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What came of it.
    pub fn receipt(&self) -> Receipt {
        Receipt {
            quarantine: Some(self.name.clone()),
            folder: Some(self.folder.as_path().into()),
            steps: self.journal.steps.clone(),
            pseudonym: self.journal.pseudonym.clone(),
        }
    }

    /// A path of the journal from wherever the command runs now.
    fn path_of(&self, path: &Path) -> PathBuf {
        let (from, folder) = (self.journal.from.as_path(), self.journal.folder.as_path());
        let here = std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        let below = folder.strip_prefix(from).ok().filter(|below| here != folder && here.ends_with(below));
        match below.and_then(|below| here.ancestors().nth(below.components().count())) {
            Some(moved) => moved.join(path),
            None => from.join(path),
        }
    }

    /// Folders that were left empty, such as those of a person of a BIDS data set; never one that was looked into.
    fn remove_empty(&self, folder: Option<&Path>) {
        let is_root = |folder: &Path| {
            self.journal.roots.iter().any(|root| paths::shown(&self.path_of(root)) == paths::shown(folder))
        };
        let mut folder = folder;
        while let Some(here) = folder.filter(|here| !is_root(here)) {
            // A folder that is not empty is refused by the system, and is meant to stay.
            if std::fs::remove_dir(here).is_err() {
                return;
            }
            folder = here.parent();
        }
    }

    fn write(&self) -> Result<(), TraceError> {
        let text = serde_json::to_vec_pretty(&self.journal).expect("plain data is JSON");
        Ok(lacuna_disk::write_bytes(&self.folder.join(JOURNAL), &text)?)
    }
}

fn folder_of(runs: &Path) -> PathBuf {
    runs.join(FOLDER).join("quarantine")
}

/// The folder of this name, or with a number behind it where a quarantine of the name is there.
fn free_folder(runs: &Path, name: &str) -> PathBuf {
    let numbered =
        |number: usize| folder_of(runs).join(if number == 1 { name.to_string() } else { format!("{name}-{number}") });
    (1..).map(numbered).find(|folder| !folder.join(JOURNAL).exists()).expect("numbers do not end")
}

/// What a purge left that was killed before it was decided.
fn discard_undecided(folder: &Path) -> Result<(), TraceError> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(refused(folder, "remove"))?;
    }
    Ok(())
}

fn stored_file(folder: &Path, number: usize) -> PathBuf {
    folder.join("files").join(number.to_string())
}

fn new_file(folder: &Path, number: usize) -> PathBuf {
    folder.join("new").join(number.to_string())
}

fn move_over(from: &Path, to: &Path) -> Result<(), TraceError> {
    lacuna_disk::boundary("moving a file").map_err(refused(from, "move"))?;
    Ok(lacuna_disk::move_over(from, to)?)
}

/// A folder that was never made holds no file to delete.
fn not_there(error: lacuna_disk::DiskError) -> Result<(), lacuna_disk::DiskError> {
    match &error {
        lacuna_disk::DiskError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

#[cfg(test)]
#[path = "quarantine_tests.rs"]
mod tests;
