//! Attempts at a task: numbered, each with a folder of its own, and what became of them.
//!
//! Notes of an attempt lie in `attempts/` beside the plan, or in the bucket that has the records: `INDEX.NUMBER.json` when
//! it begins, `.offer.json` before its result is made the task's, `.end.json` when it ends. Each is made once and never
//! changed, so that who was killed where can be read off what is missing.
//!
//! The number is the fencing token: it is taken by making the first file, which only one process can. Checkpoints lie
//! in `scratch/INDEX.NUMBER/`, which is named by that number, so an attempt that was given up for dead and is not cannot
//! overwrite the checkpoint of a later one. The later one begins from a second name of the earlier one's files.

use crate::{EngineError, Setting};
use lacuna_objects::Place;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const BYTES_MAX: u64 = 1 << 20;

/// All attempts at the tasks of a plan.
#[derive(Clone, Debug)]
pub struct Attempts {
    /// What all machines see of them.
    shared: Place,
    /// Of the plan, on this machine.
    folder: PathBuf,
}

/// Attempts by task and number: how each began, and how it ended if it has.
pub type AllAttempts = BTreeMap<(usize, usize), (Begun, Option<Ended>)>;

/// An attempt that has begun.
#[derive(Clone, Debug)]
pub struct Attempt {
    attempts: Attempts,
    /// Of the task.
    pub index: usize,
    /// From 1.
    pub number: usize,
}

/// The beginning of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// The digest that names the task.
    pub key: String,
    /// When, in UTC.
    pub at: String,
    /// Where.
    pub setting: Setting,
}

/// A result that an attempt is about to make its task's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// The digest of the file.
    pub file: String,
    /// The digest of all that the task decides; time and memory are not part of it.
    pub outcome: String,
}

/// The end of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// When, in UTC.
    pub at: String,
    /// How long it took from its beginning, opening the study included.
    pub seconds: f64,
    /// The exit code of the process.
    pub exit_code: u8,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "how", deny_unknown_fields)]
pub enum Ending {
    /// Its result is the task's.
    Committed,
    /// The task had its result before the attempt began.
    Found,
    /// Another attempt was first, with the same result.
    Same,
    /// Another attempt was first, on a machine that rounds otherwise, with a result that is near enough.
    Near {
        /// How far the mean Dice is apart.
        dice: f64,
    },
    /// Another attempt was first, with another result.
    Mismatch,
    /// The task cannot be done and is none: the run that it asks about diverged.
    LeftOut,
    /// Stopped; what was done is kept.
    Stopped,
    /// An error.
    Failed {
        /// In words.
        message: String,
    },
}

impl Attempts {
    /// Those beside the plan in a folder.
    pub fn of(folder: &Path) -> Attempts {
        Attempts::shared_at(Place::folder_at(folder.to_path_buf()), folder)
    }

    /// Those whose notes and alarms lie in a place that all machines see; checkpoints stay beside the plan.
    pub fn shared_at(shared: Place, folder: &Path) -> Attempts {
        Attempts { shared, folder: folder.to_path_buf() }
    }

    fn notes(&self) -> Place {
        self.shared.within("attempts")
    }

    /// Where results lie that should have been another's.
    pub(crate) fn alarms(&self) -> Place {
        self.shared.within("alarms")
    }

    /// Begin the next attempt at a task.
    ///
    /// # Errors
    /// If its file cannot be written.
    pub fn begin(&self, index: usize, begun: &Begun) -> Result<Attempt, EngineError> {
        let text = line(begun);
        let mut number = 1;
        while !self.notes().create(&name(index, number, "json"), &text)? {
            number += 1;
        }
        Ok(Attempt { attempts: self.clone(), index, number })
    }

    /// Every attempt so far.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged.
    pub fn all(&self) -> Result<AllAttempts, EngineError> {
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

    /// Which attempt at a task offered the file with this digest.
    fn who_offered(&self, index: usize, file: &str) -> Result<Option<(Attempt, Offer)>, EngineError> {
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
    /// The folder that nobody else writes to.
    pub fn scratch(&self) -> PathBuf {
        self.attempts.folder.join("scratch").join(format!("{:06}.{}", self.index, self.number))
    }

    /// Give this attempt what the latest earlier one left to go on from: the files of these names, in this order, and
    /// others whose names begin with `prefix`. Nothing if there is none that left all of them.
    ///
    /// # Errors
    /// If a file cannot be shared.
    pub fn adopt(&self, names: &[String], prefix: &str) -> Result<Option<usize>, EngineError> {
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

    /// All of the files or none: the earlier attempt may be alive and tidy up in between.
    fn adopt_from(&self, from: &Path, names: &[String]) -> Result<bool, EngineError> {
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

    /// Say what result is about to be made the task's.
    ///
    /// # Errors
    /// If that cannot be written.
    pub fn offer(&self, offer: &Offer) -> Result<(), EngineError> {
        self.note("offer.json", &line(offer))
    }

    /// The attempt whose result is the task's, and where it was made; `None` where no attempt at this plan made it.
    ///
    /// # Errors
    /// If its files cannot be read.
    pub fn winner(&self, file: &str) -> Result<Option<(Attempt, Offer, Setting)>, EngineError> {
        let Some((attempt, offer)) = self.attempts.who_offered(self.index, file)? else { return Ok(None) };
        let begun: Option<Begun> = read(&self.attempts.notes(), &name(attempt.index, attempt.number, "json"))?;
        Ok(begun.map(|begun| (attempt, offer, begun.setting)))
    }

    /// Say how it ended, and remove its folder unless somebody may go on from there.
    ///
    /// # Errors
    /// If that cannot be written.
    pub fn end(&self, ended: &Ended) -> Result<(), EngineError> {
        self.note("end.json", &line(ended))?;
        if !matches!(ended.ending, Ending::Stopped | Ending::Failed { .. }) {
            self.tidy();
        }
        Ok(())
    }

    fn note(&self, ending: &str, text: &[u8]) -> Result<(), EngineError> {
        self.attempts.notes().create(&name(self.index, self.number, ending), text)?;
        Ok(())
    }

    /// Where alarms of its plan lie.
    pub(crate) fn alarms(&self) -> Place {
        self.attempts.alarms()
    }

    /// Remove its folder.
    pub fn tidy(&self) {
        // What is left costs space and nothing else.
        let _ = std::fs::remove_dir_all(self.scratch());
    }

    /// Remove the folders of earlier attempts that are known to have ended; the others may be alive.
    ///
    /// # Errors
    /// If their files cannot be read.
    pub fn tidy_earlier(&self) -> Result<(), EngineError> {
        for number in 1..self.number {
            if self.attempts.notes().has(&name(self.index, number, "end.json"))? {
                Attempt { number, ..self.clone() }.tidy();
            }
        }
        Ok(())
    }
}

fn names_in(folder: &Path) -> Result<Vec<String>, EngineError> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(Vec::new()) };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

fn read<T: DeserializeOwned>(notes: &Place, name: &str) -> Result<Option<T>, EngineError> {
    let Some(text) = notes.read(name, BYTES_MAX)? else { return Ok(None) };
    let damage = |error: serde_json::Error| EngineError::Attempt { path: notes.at(name), found: error.to_string() };
    serde_json::from_slice(&text).map(Some).map_err(damage)
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(value).expect("plain data is JSON");
    text.push(b'\n');
    text
}

#[cfg(test)]
pub(crate) mod tests;
