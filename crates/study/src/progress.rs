//! The receiver of a run's progress.

use crate::{EpochScores, Record};
use lacuna_train::{Control, State, TrainError};

/// Receives the progress of tasks, and can stop them.
pub trait Progress {
    /// A task begins: its number from 1, the number of tasks, its description, and its epochs.
    fn task(&mut self, _number: usize, _total: usize, _what: &str, _epochs: usize) {}

    /// The task goes on from a checkpoint after this many epochs.
    fn resumed(&mut self, _epochs_done: usize) {}

    /// A model that the task needs is missing and is made again: the description of that run, and its epochs, whose
    /// progress is reported as they run. `None` when the model is complete.
    fn made_again(&mut self, _what: Option<(&str, usize)>) {}

    /// A task has its record; `_found` is true if the record existed already.
    fn task_done(&mut self, _record: &Record, _found: bool) {}

    /// A task has no result, for this reason.
    fn task_left_out(&mut self, _why: &str) {}

    /// An optimiser step is done; epoch and step are counted from 0. The returned value can stop the run.
    fn step(&mut self, _epoch: usize, _step: usize, _steps: usize, _loss: f64) -> Control {
        Control::Continue
    }

    /// An epoch is done; the last entry of the state's history is its record.
    ///
    /// # Errors
    /// If the epoch cannot be recorded, which ends the run.
    fn epoch(&mut self, _state: &State) -> Result<(), TrainError> {
        Ok(())
    }

    /// The subjects were scored.
    fn scored(&mut self, _scores: &EpochScores) {}
}

/// A progress receiver that ignores everything.
pub struct Unwatched;

impl Progress for Unwatched {}
