//! The monitor of a study's runs: scores at the horizons, checkpoints, progress.

use crate::StudyError;
use crate::store::EpochScores;
use crate::study::{Progress, Study};
use lacuna_cohort::SubjectId;
use lacuna_train::{Control, Monitor, State, TrainError, read_checkpoint, write_checkpoint};
use std::collections::BTreeSet;
use std::path::Path;

pub(crate) struct Watch<'a> {
    study: &'a Study,
    key: &'a str,
    subjects: &'a BTreeSet<SubjectId>,
    horizons: &'a [usize],
    scored: Vec<EpochScores>,
    progress: &'a mut dyn Progress,
}

/// The largest file of partial scores that is read.
const PARTIAL_BYTES_MAX: u64 = 64 << 20;

impl<'a> Watch<'a> {
    /// Watch a run from its beginning, or from its checkpoint if there is one.
    pub(crate) fn resume(
        study: &'a Study,
        key: &'a str,
        subjects: &'a BTreeSet<SubjectId>,
        horizons: &'a [usize],
        state: &mut State,
        progress: &'a mut dyn Progress,
    ) -> Result<Watch<'a>, StudyError> {
        let mut scored: Vec<EpochScores> = Vec::new();
        let checkpoint = study.store().checkpoint_path(key);
        if checkpoint.exists() {
            read_checkpoint(&checkpoint, state, key)?;
            scored = read_partial(&study.store().partial_path(key), &checkpoint)?;
            // A crash between the two files can leave a horizon that the state has not reached.
            scored.retain(|scores| scores.epochs <= state.epochs_done);
        }
        Ok(Watch { study, key, subjects, horizons, scored, progress })
    }

    /// Keep an interrupted run's checkpoint, and hand over the scores.
    pub(crate) fn finish(
        self,
        state: &State,
        outcome: &Result<(), TrainError>,
    ) -> Result<Vec<EpochScores>, StudyError> {
        if matches!(outcome, Err(TrainError::Interrupted { .. })) && state.epochs_done > 0 {
            self.checkpoint(state)?;
        }
        Ok(self.scored)
    }

    /// The scores first: a checkpoint without them could not be resumed.
    fn checkpoint(&self, state: &State) -> Result<(), TrainError> {
        let partial = serde_json::to_vec(&self.scored).expect("plain data is JSON");
        lacuna_disk::write_bytes(&self.study.store().partial_path(self.key), &partial)?;
        write_checkpoint(&self.study.store().checkpoint_path(self.key), state, self.key)
    }

    fn is_checkpoint_due(&self, epochs_done: usize) -> bool {
        epochs_done.is_multiple_of(self.study.config().train.checkpoint_epochs)
    }
}

/// The scores that belong to a checkpoint, which is of no use without them.
fn read_partial(path: &Path, checkpoint: &Path) -> Result<Vec<EpochScores>, StudyError> {
    let unfit = |found: String| {
        let (path, delete) = (path.to_path_buf(), checkpoint.to_path_buf());
        StudyError::Record { path, found, delete }
    };
    if !path.exists() {
        return Err(unfit("none".to_string()));
    }
    let text = lacuna_disk::read_text(path, PARTIAL_BYTES_MAX)?;
    serde_json::from_str(&text).map_err(|error| unfit(format!("damage: {error}")))
}

impl Monitor for Watch<'_> {
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f64) -> Control {
        self.progress.step(epoch, step, steps, loss)
    }

    fn epoch(&mut self, state: &State) -> Result<Control, TrainError> {
        let done = state.epochs_done;
        if self.horizons.contains(&done) {
            self.scored.push(self.study.score(&state.network, self.subjects, done)?);
        }
        if self.is_checkpoint_due(done) && Some(&done) != self.horizons.iter().max() {
            self.checkpoint(state)?;
        }
        if let Some(record) = state.history.last() {
            self.progress.epoch(record);
        }
        Ok(Control::Continue)
    }
}
