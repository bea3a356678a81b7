//! Attempts at a task: each has a number, a folder and notes of its beginning and end.
//!
//! Notes of an attempt lie in `attempts/` beside the plan, or in the bucket that has the records: `INDEX.NUMBER.json`
//! when it begins, `.offer.json` before its result becomes the task's, `.end.json` when it ends. Each is written once
//! and never changed, so that a missing note shows at which point an attempt was killed.
//!
//! The number is the fencing token: it is taken by creating the first file, which only one process can do. Checkpoints
//! lie in `scratch/INDEX.NUMBER/`, which is named by that number, so an attempt that was given up for dead but is still
//! alive cannot overwrite the checkpoint of a later one. The later attempt continues from hard links to the earlier
//! one's files.

use crate::{LauncherError, Setting};
use lacuna_objects::Location;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const BYTES_MAX: u64 = 1 << 20;

/// All attempts at the tasks of a plan.
#[derive(Clone, Debug)]
pub struct Attempts {
    /// Notes and alarms, which all machines share.
    shared: Location,
    /// The plan's folder on this machine, for checkpoints.
    folder: PathBuf,
}

/// Attempts by task and number: how each began, and how it ended if it has.
pub type AllAttempts = BTreeMap<(usize, usize), (Begun, Option<Ended>)>;

/// An attempt that has begun.
#[derive(Clone, Debug)]
pub struct Attempt {
    attempts: Attempts,
    /// The number of the task in its plan, from 0.
    pub index: usize,
    /// The number of the attempt at this task, from 1.
    pub number: usize,
}

/// The note that an attempt has begun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// The digest that names the run of the task.
    pub key: String,
    /// The time of the beginning, in UTC.
    pub at: String,
    /// The machine and program that make the attempt.
    pub setting: Setting,
}

/// The note that an attempt is about to publish its result as the task's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// The digest of the result's file.
    pub file: String,
    /// The digest of everything that the task determines; time and memory are not part of it.
    pub outcome: String,
}

/// The note that an attempt has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// The kind of ending.
    pub ending: AttemptOutcome,
    /// The time of the end, in UTC.
    pub at: String,
    /// Seconds from the beginning to the end, opening the study included.
    pub seconds: f64,
    /// The exit code of the process.
    pub exit_code: u8,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "how", deny_unknown_fields)]
pub enum AttemptOutcome {
    /// The attempt's result became the task's.
    Committed,
    /// The task had a result when the attempt began.
    Found,
    /// Another attempt published first, with the same result.
    Same,
    /// Another attempt published first, on a machine with different rounding, and the two results agree within the
    /// tolerance.
    Near {
        /// The largest difference of the mean Dice between the two results, over horizons.
        dice: f64,
    },
    /// Another attempt published first, with a different result.
    Mismatch,
    /// The task has no result because the run that it probes diverged.
    LeftOut,
    /// The attempt was stopped; its checkpoint is kept.
    Stopped,
    /// The attempt ended with an error.
    Failed {
        /// The error message, as printed.
        message: String,
    },
}

impl Attempts {
    /// Attempts whose notes and checkpoints all lie in the plan's folder.
    pub fn of(folder: &Path) -> Attempts {
        Attempts::shared_at(Location::folder_at(folder.to_path_buf()), folder)
    }

    /// Attempts whose notes and alarms lie in a location that all machines share; checkpoints stay in the plan's
    /// folder.
    pub fn shared_at(shared: Location, folder: &Path) -> Attempts {
        Attempts { shared, folder: folder.to_path_buf() }
    }

    fn notes(&self) -> Location {
        self.shared.within("attempts")
    }

    /// The location of alarms: results that differ from the accepted ones.
    pub(crate) fn alarms(&self) -> Location {
        self.shared.within("alarms")
    }

    /// Begins the next attempt at a task and writes its first note.
    ///
    /// # Errors
    /// If the note cannot be written.
    pub fn begin(&self, index: usize, begun: &Begun) -> Result<Attempt, LauncherError> {
        let text = line(begun);
        let mut number = 1;
        while !self.notes().create(&name(index, number, "json"), &text)? {
            number += 1;
        }
        Ok(Attempt { attempts: self.clone(), index, number })
    }

    /// Every attempt so far, with its notes.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged.
    pub fn all(&self) -> Result<AllAttempts, LauncherError> {
        let notes = self.notes();
        let names = notes.names()?;
        let mut all = BTreeMap::new();
        for listed in &names {
            let Some(at) = listed.strip_suffix(".json") else { continue };
            let parts: Vec<Option<usize>> = at.split('.').map(|part| part.parse().ok()).collect();
            let [Some(index), Some(number)] = parts[..] else { continue };
            let Some(begun) = read(&notes, listed)? else { continue };
            let end = name(index, number, "end.json");
            let ended = if names.contains(&end) { read(&notes, &end)? } else { None };
            all.insert((index, number), (begun, ended));
        }
        Ok(all)
    }

    /// The attempt at a task that offered the file with this digest, with its offer.
    fn who_offered(&self, index: usize, file: &str) -> Result<Option<(Attempt, Offer)>, LauncherError> {
        let mut number = 1;
        let notes = self.notes();
        while notes.has(&name(index, number, "json"))? {
            let offer: Option<Offer> = read(&notes, &name(index, number, "offer.json"))?;
            if let Some(offer) = offer.filter(|offer| offer.file == file) {
                return Ok(Some((Attempt { attempts: self.clone(), index, number }, offer)));
            }
            number += 1;
        }
        Ok(None)
    }
}

fn name(index: usize, number: usize, ending: &str) -> String {
    format!("{index:06}.{number}.{ending}")
}

impl Attempt {
    /// The checkpoint folder of this attempt; no other attempt writes to it.
    pub fn scratch(&self) -> PathBuf {
        self.attempts.folder.join("scratch").join(format!("{:06}.{}", self.index, self.number))
    }

    /// Hard-links the checkpoint of the latest earlier attempt that has all files of `names` into this attempt's
    /// folder, in this order, and other files whose names begin with `prefix`. Returns the number of that attempt, or
    /// `None` if no earlier attempt left all of them.
    ///
    /// # Errors
    /// If a file cannot be linked.
    pub fn adopt(&self, names: &[String], prefix: &str) -> Result<Option<usize>, LauncherError> {
        for number in (1..self.number).rev() {
            let from = Attempt { number, ..self.clone() }.scratch();
            if self.adopt_from(&from, names)? {
                for name in names_in(&from)? {
                    let more = name.starts_with(prefix) && !name.ends_with(".tmp") && !names.contains(&name);
                    if more {
                        lacuna_disk::share(&from.join(&name), &self.scratch().join(&name))?;
                    }
                }
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// Links all of the files or none: the earlier attempt may be alive and delete its files at the same time.
    fn adopt_from(&self, from: &Path, names: &[String]) -> Result<bool, LauncherError> {
        for name in names {
            if !lacuna_disk::share(&from.join(name), &self.scratch().join(name))? {
                for name in names {
                    lacuna_disk::remove_file(&self.scratch().join(name))?;
                }
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes the note that this result is about to become the task's.
    ///
    /// # Errors
    /// If the note cannot be written.
    pub fn offer(&self, offer: &Offer) -> Result<(), LauncherError> {
        self.note("offer.json", &line(offer))
    }

    /// The attempt whose result was accepted, its offer and its setting; `None` if no attempt of this plan offered
    /// `file`.
    ///
    /// # Errors
    /// If the notes cannot be read.
    pub fn winner(&self, file: &str) -> Result<Option<(Attempt, Offer, Setting)>, LauncherError> {
        let Some((attempt, offer)) = self.attempts.who_offered(self.index, file)? else { return Ok(None) };
        let begun: Option<Begun> = read(&self.attempts.notes(), &name(attempt.index, attempt.number, "json"))?;
        Ok(begun.map(|begun| (attempt, offer, begun.setting)))
    }

    /// Writes the note of the end, and removes the checkpoint folder unless a later attempt may continue from it.
    ///
    /// # Errors
    /// If the note cannot be written.
    pub fn end(&self, ended: &Ended) -> Result<(), LauncherError> {
        self.note("end.json", &line(ended))?;
        if !matches!(ended.ending, AttemptOutcome::Stopped | AttemptOutcome::Failed { .. }) {
            self.tidy();
        }
        Ok(())
    }

    fn note(&self, ending: &str, text: &[u8]) -> Result<(), LauncherError> {
        self.attempts.notes().create(&name(self.index, self.number, ending), text)?;
        Ok(())
    }

    /// The location of the plan's alarms.
    pub(crate) fn alarms(&self) -> Location {
        self.attempts.alarms()
    }

    /// Removes the attempt's checkpoint folder; errors are ignored.
    pub fn tidy(&self) {
        // A folder that is left costs disk space and has no other effect.
        let _ = std::fs::remove_dir_all(self.scratch());
    }

    /// Removes the checkpoint folders of earlier attempts that have a note of their end; the others may be alive.
    ///
    /// # Errors
    /// If the notes cannot be read.
    pub fn tidy_earlier(&self) -> Result<(), LauncherError> {
        for number in 1..self.number {
            if self.attempts.notes().has(&name(self.index, number, "end.json"))? {
                Attempt { number, ..self.clone() }.tidy();
            }
        }
        Ok(())
    }
}

fn names_in(folder: &Path) -> Result<Vec<String>, LauncherError> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

fn read<T: DeserializeOwned>(notes: &Location, name: &str) -> Result<Option<T>, LauncherError> {
    let Some(text) = notes.read(name, BYTES_MAX)? else { return Ok(None) };
    let damage = |error: serde_json::Error| LauncherError::Attempt { path: notes.at(name), found: error.to_string() };
    serde_json::from_slice(&text).map(Some).map_err(damage)
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(value).expect("plain data is JSON");
    text.push(b'\n');
    text
}

#[cfg(test)]
pub(crate) mod tests;
