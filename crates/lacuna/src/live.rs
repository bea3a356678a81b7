//! `progress.json`: the state of a run that is under way, for other processes that watch it.
//!
//! Written whole after epochs, at most once a second. It decides nothing and is read by `lacuna watch` alone; the run's
//! results are in its other files. Subjects bear the names that the run writes everywhere.

use crate::error::CliError;
use crate::run_folder::RunFolder;
use lacuna_runs::timestamp;
use lacuna_study::peak_bytes;
use lacuna_train::EpochRecord;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What it is called in a run folder.
pub const FILE: &str = "progress.json";

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Live {
    /// `lacuna.progress/1`.
    pub schema: String,
    /// When this was written, in UTC.
    pub at: String,
    /// The task under way, from 1, and how many there are.
    pub task: [usize; 2],
    /// What it is, in words.
    pub what: String,
    /// Epochs done of how many, of that task.
    pub epochs: [usize; 2],
    /// Seconds left at the pace so far.
    pub seconds_left: Option<f64>,
    /// The most memory held so far.
    pub memory_mib: Option<f64>,
    /// The task's loss and its terms, a value per epoch.
    pub curves: BTreeMap<String, Vec<f64>>,
    /// What was last scored, in words.
    pub scored: String,
    /// Dice of each subject then, on the network's grid.
    pub subjects: Vec<LiveSubject>,
}

/// One subject as last scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveSubject {
    pub name: String,
    /// What the model knows of it, where the run says.
    pub role: String,
    /// Mean over classes.
    pub dice: Option<f64>,
}

/// Writes `progress.json` of a run folder.
pub struct ProgressFile<'a> {
    folder: &'a RunFolder,
    live: Live,
    began: Instant,
    /// Share of all work that was there before this process.
    before: f64,
    written: Option<Instant>,
}

/// Time between two writings.
const INTERVAL: Duration = Duration::from_secs(1);

impl<'a> ProgressFile<'a> {
    /// Of a run in a folder.
    pub fn new(folder: &'a RunFolder) -> ProgressFile<'a> {
        let live = Live { schema: "lacuna.progress/1".to_string(), task: [1, 1], ..Live::default() };
        ProgressFile { folder, live, began: Instant::now(), before: 0.0, written: None }
    }

    /// A task begins, with so many of its epochs done before.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn task(&mut self, task: [usize; 2], what: &str, epochs: [usize; 2]) -> Result<(), CliError> {
        self.live.task = task;
        self.live.what = what.to_string();
        self.live.epochs = epochs;
        self.live.curves.clear();
        if epochs[0] > 0 {
            self.before = self.share();
        }
        self.write()
    }

    /// The task under way was found done, or is no work: it says nothing of the pace.
    pub fn passed_over(&mut self) {
        self.before = self.live.task[0] as f64 / self.live.task[1].max(1) as f64;
        self.began = Instant::now();
    }

    /// After an epoch.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn epoch(&mut self, record: &EpochRecord) -> Result<(), CliError> {
        self.live.epochs[0] = record.epoch;
        let mut push = |name: &str, value: f64| self.live.curves.entry(name.to_string()).or_default().push(value);
        push("loss", record.loss);
        record.terms.iter().for_each(|(name, term)| push(name, term.loss));
        let is_due = self.written.is_none_or(|written| written.elapsed() >= INTERVAL);
        if is_due || record.epoch == self.live.epochs[1] { self.write() } else { Ok(()) }
    }

    /// Subjects were scored.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn scored(&mut self, what: String, subjects: Vec<LiveSubject>) -> Result<(), CliError> {
        self.live.scored = what;
        self.live.subjects = subjects;
        self.write()
    }

    fn share(&self) -> f64 {
        let ([task, tasks], [epoch, epochs]) = (self.live.task, self.live.epochs);
        (task.saturating_sub(1) as f64 + epoch as f64 / epochs.max(1) as f64) / tasks.max(1) as f64
    }

    fn write(&mut self) -> Result<(), CliError> {
        let (share, here) = (self.share(), self.share() - self.before);
        self.live.at = timestamp();
        self.live.seconds_left = (here > 0.0).then(|| self.began.elapsed().as_secs_f64() * (1.0 - share) / here);
        self.live.memory_mib = peak_bytes().map(|bytes| bytes as f64 / f64::from(1 << 20));
        self.written = Some(Instant::now());
        self.folder.write_json(FILE, &self.live)
    }
}
