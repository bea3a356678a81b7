//! What a request has come to, kept between its steps.
//!
//! All of it is typed: what goes into signed evidence is read from here, and a value that is missing is an error.

use crate::EraseError;
use lacuna_audit::{Control, ControlName, Power, Verdict};
use lacuna_ledger::Digest;
use lacuna_report::{Roles, ScoreGrid};
use lacuna_unlearn::Effect;
use serde::{Deserialize, Deserializer, Serialize};
use std::path::{Path, PathBuf};

const FILE: &str = "progress.json";
const SCHEMA: &str = "lacuna.erase-progress/3";
const BYTES_MAX: u64 = 64 << 20;

/// The runs of a request, in the order in which they are made. It lies in the operator's zone and goes at the end.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    schema: String,
    /// The strategy's name.
    pub strategy: String,
    /// The digest of strategy, recipe and settings.
    pub recipe: String,
    /// The digest of what will be measured.
    pub protocol: Digest,
    /// One run for each model.
    pub runs: Vec<Run>,
}

/// One model, and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Its random name.
    pub run: String,
    /// The model that has seen the subject.
    pub from: PathBuf,
    /// SHA-256 of its file.
    pub before: Digest,
    /// What came of it, once it has.
    pub made: Option<Made>,
    /// What an audit of it found, once one has.
    pub audited: Option<Audited>,
}

/// The model that a run made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The path of its file.
    pub model: PathBuf,
    /// SHA-256 of its file.
    pub after: Digest,
    /// The digests of both as lacuna names models.
    pub digests: [String; 2],
    /// How it was made, and what that shows by itself.
    pub how: How,
    /// Scores before and after, by role; no row of a subject.
    pub tables: Vec<ScoreTable>,
    /// The passes that it took.
    pub cost: Cost,
}

/// How a model was made to forget.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum How {
    /// Trained on from the model before.
    Approximate {
        /// What that did to the model's answers on the subject.
        effect: Effect,
    },
    /// Replayed without the subject.
    Exact {
        /// Whether it is the model of a training from the beginning, where that was compared.
        #[serde(deserialize_with = "present")]
        proven: Option<bool>,
    },
}

/// Scores on one grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreTable {
    /// Where prediction and truth were compared.
    pub grid: ScoreGrid,
    /// The name of the network.
    pub network: String,
    /// The label table.
    pub labels: String,
    /// The model before, and the new one at each horizon.
    pub lines: Vec<ScoreLine>,
}

/// Scores of one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreLine {
    /// The strategy, or what stands for the model before.
    pub strategy: String,
    /// How it differs from the named one.
    pub variant: String,
    /// The epochs of the strategy.
    pub epochs: usize,
    /// Means over the subjects of a role.
    pub scores: Roles<RoleScores>,
}

/// Means over the subjects of one role.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoleScores {
    /// Mean Dice over the subjects of the role.
    pub dice: Mean,
    /// Mean absolute error of label maps.
    pub mae: Mean,
}

/// A mean; nothing where no subject has a value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mean {
    /// The mean over subjects.
    #[serde(deserialize_with = "present")]
    pub mean: Option<f64>,
}

/// Passes of one volume.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Passes forward and backward.
    pub training_passes: u64,
    /// Passes forward alone; an exact run has none.
    #[serde(deserialize_with = "present")]
    pub teacher_passes: Option<u64>,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audited {
    /// Whether a control misbehaved.
    pub void: bool,
    /// Its verdict; nothing of an audit that is void.
    #[serde(deserialize_with = "present")]
    pub verdict: Option<Verdict>,
    /// The statistics that led to the verdict.
    pub statistics: Statistics,
    /// What had to come out as known.
    pub controls: Vec<ControlFound>,
    /// What so many models can show, where there are any.
    #[serde(deserialize_with = "present")]
    pub power: Option<PowerFound>,
}

/// The statistics of one subject, as far as they say something in the evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Why, in sentences.
    pub reasons: Vec<String>,
    /// Retrained models that took part.
    pub models: usize,
    /// Whether there was anything to forget.
    #[serde(deserialize_with = "present")]
    pub memory: Option<MemoryFound>,
    /// Where the model lies among retrained ones.
    #[serde(deserialize_with = "present")]
    pub delivered: Option<DeliveredFound>,
    /// Seeds with which models that are alike are mostly shown to be.
    #[serde(deserialize_with = "present")]
    pub seeds_needed: Option<usize>,
}

/// How plainly the originals remember the subject.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryFound {
    /// In deviations of the retrained models.
    pub deviations: f64,
    /// Whether a memory of this size would have been detected.
    pub detectable: bool,
}

/// One model among retrained ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveredFound {
    /// In deviations, the scatter of the mean counted.
    pub t: f64,
    /// The p-value by Student's law.
    pub p: f64,
    /// The p-value by rank.
    pub rank_p: f64,
}

/// A control, without the name of its subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlFound {
    /// The name of the control.
    pub name: ControlName,
    /// What it must show.
    pub expected: String,
    /// What the control showed, in words.
    pub observed: String,
    /// Whether that is as it must be; nothing where it was not tried.
    #[serde(deserialize_with = "present")]
    pub behaved: Option<bool>,
}

/// What so many seeds can show.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PowerFound {
    /// Models of each kind.
    pub seeds: usize,
    /// The chance that models that are alike are shown to be.
    pub of_equivalence: f64,
    /// The shift of one model that is found with 80 % power, in deviations.
    pub detectable_delivered: f64,
}

impl From<lacuna_audit::Statistics> for Statistics {
    fn from(found: lacuna_audit::Statistics) -> Statistics {
        let lacuna_audit::Statistics { reasons, models, memory, delivered, seeds_needed, .. } = found;
        let memory = memory.map(|found| MemoryFound { deviations: found.deviations, detectable: found.detectable });
        let delivered = delivered.map(|found| DeliveredFound { t: found.t, p: found.p, rank_p: found.rank_p });
        Statistics { reasons, models, memory, delivered, seeds_needed }
    }
}

impl From<Control> for ControlFound {
    fn from(Control { name, expected, observed, behaved, .. }: Control) -> ControlFound {
        ControlFound { name, expected, observed, behaved }
    }
}

impl From<Power> for PowerFound {
    fn from(Power { seeds, of_equivalence, detectable_delivered, .. }: Power) -> PowerFound {
        PowerFound { seeds, of_equivalence, detectable_delivered }
    }
}

/// A value that may be nothing and has to be there: a field that is missing is an error.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

impl Progress {
    /// Nothing done yet.
    pub fn new(strategy: String, recipe: String, protocol: Digest, runs: Vec<Run>) -> Progress {
        Progress { schema: SCHEMA.to_string(), strategy, recipe, protocol, runs }
    }

    /// The progress that a folder keeps, if it keeps one.
    ///
    /// # Errors
    /// A file that cannot be read, or is of another format.
    pub fn read(folder: &Path) -> Result<Option<Progress>, EraseError> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let refuse = |found: String| EraseError::Progress { path: path.clone(), found };
        let text = lacuna_disk::read_text(&path, BYTES_MAX)?;
        let progress: Progress = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        if progress.schema != SCHEMA {
            return Err(refuse(format!("schema: expected {SCHEMA}, found {}", progress.schema)));
        }
        Ok(Some(progress))
    }

    /// Keeps it in a folder.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), EraseError> {
        Ok(lacuna_disk::write_bytes(&folder.join(FILE), &serde_json::to_vec(self).expect("plain data is JSON"))?)
    }

    /// Removes it from a folder, once the evidence is signed.
    ///
    /// # Errors
    /// A file that cannot be removed.
    pub fn remove(folder: &Path) -> Result<(), EraseError> {
        lacuna_disk::remove_file(&folder.join(FILE))?;
        Ok(())
    }

    /// The models that were made.
    pub fn made(&self) -> impl Iterator<Item = (&Run, &Made)> {
        self.runs.iter().filter_map(|run| Some((run, run.made.as_ref()?)))
    }
}

#[cfg(test)]
impl Audited {
    /// With a verdict and nothing else.
    pub fn of_verdict(verdict: Option<Verdict>) -> Audited {
        let statistics =
            Statistics { reasons: Vec::new(), models: 0, memory: None, delivered: None, seeds_needed: None };
        Audited { void: verdict.is_none(), verdict, statistics, controls: Vec::new(), power: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_missing_is_an_error_and_one_that_is_nothing_is_not() {
        let audited = serde_json::to_value(Audited::of_verdict(None)).unwrap();
        assert_eq!(serde_json::from_value::<Audited>(audited.clone()).unwrap(), Audited::of_verdict(None));
        let fields = ["void", "verdict", "controls", "power", "statistics"];
        assert_eq!(audited.as_object().unwrap().len(), fields.len());
        for field in fields {
            let mut less = audited.clone();
            less.as_object_mut().unwrap().remove(field);
            assert!(serde_json::from_value::<Audited>(less).is_err(), "{field}");
        }
        for field in ["reasons", "models", "memory", "delivered", "seeds_needed"] {
            let mut less = audited.clone();
            less["statistics"].as_object_mut().unwrap().remove(field);
            assert!(serde_json::from_value::<Audited>(less).is_err(), "statistics.{field}");
        }
    }
}
