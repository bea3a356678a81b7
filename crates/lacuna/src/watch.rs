//! The monitor of a run in a run folder: progress, the log of epochs, checkpoints, the wish to stop.

use crate::computing::{self, Clock};
use crate::context::Context;
use crate::error::CliError;
use crate::interrupt;
use crate::live::ProgressFile;
use crate::progress::Progress;
use crate::run_folder::RunFolder;
use lacuna_train::{Control, EpochRecord, Monitor, State, TrainError, read_checkpoint, write_checkpoint};
use std::cell::RefCell;
use std::path::Path;

/// The file of the last checkpoint in a run folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// Watches one run.
pub struct Watch<'a> {
    /// Where the run's files lie.
    pub folder: &'a RunFolder,
    pub progress: Progress,
    /// What others see from elsewhere.
    pub live: &'a RefCell<ProgressFile<'a>>,
    /// The digest that a checkpoint must carry to be resumed.
    pub run: &'a str,
    /// The clock of computing seconds; `None` where they are not recorded.
    pub clock: Option<&'a Clock>,
    /// Epochs between checkpoints.
    pub checkpoint_epochs: usize,
    /// What else is to be done after an epoch.
    pub after_epoch: &'a dyn Fn(&State) -> Result<(), CliError>,
}

/// Bring a fresh state to where the folder's checkpoint is; whether there is one.
pub fn resume(
    context: &Context,
    folder: &RunFolder,
    state: &mut State,
    run: &str,
    epochs: usize,
) -> Result<bool, CliError> {
    let checkpoint = folder.file(CHECKPOINT);
    if !checkpoint.exists() {
        return Ok(false);
    }
    read_checkpoint(&checkpoint, state, run)?;
    context.note(&format!("resume   after epoch {} of {epochs}", state.epochs_done));
    Ok(true)
}

/// Keep where a finished run ended, moments included, so that more epochs can follow.
pub fn keep_checkpoint(folder: &RunFolder, state: &State, run: &str) -> Result<(), CliError> {
    Ok(write_checkpoint(&folder.file(CHECKPOINT), state, run)?)
}

/// Begin a new run where the checkpoint of another stands.
pub fn begin_at_checkpoint(from: &Path, folder: &RunFolder) -> Result<(), CliError> {
    Ok(lacuna_disk::share(&from.join(CHECKPOINT), &folder.file(CHECKPOINT)).map(drop)?)
}

/// A finished run that cannot go on needs no checkpoint: its moments are traces of the data.
pub fn remove_checkpoint(folder: &RunFolder) -> Result<(), CliError> {
    lacuna_disk::remove_file(&folder.file(CHECKPOINT))?;
    computing::forget(folder.path())
}

impl Watch<'_> {
    /// How the run ended. Of an interrupted one the last whole epoch is kept and `again`, to which the
    /// folder is added, goes on from there.
    pub fn ended(
        &self,
        outcome: Result<(), CliError>,
        state: &State,
        epochs: usize,
        again: &str,
    ) -> Result<(), CliError> {
        match outcome {
            Err(CliError::Train(TrainError::Interrupted { epochs_done })) => {
                self.clock.iter().for_each(|clock| clock.stop());
                self.checkpoint(state)?;
                let folder = self.folder.path().display();
                let kept = format!("{epochs_done} of {epochs} epochs are kept in {folder}; fix: {again} {folder}");
                Err(CliError::Interrupted { kept })
            }
            other => other,
        }
    }

    /// Keep the last whole epoch.
    fn checkpoint(&self, state: &State) -> Result<(), TrainError> {
        self.clock.map(Clock::keep).transpose()?;
        write_checkpoint(&self.folder.file(CHECKPOINT), state, self.run)
    }

    fn record(&self, state: &State) -> Result<(), CliError> {
        self.folder.write("metrics.jsonl", lines(&state.history).as_bytes())?;
        if let Some(epoch) = state.history.last() {
            self.live.borrow_mut().epoch(epoch)?;
        }
        (self.after_epoch)(state)
    }
}

impl Monitor for Watch<'_> {
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f64) -> Control {
        let share = (step + 1) as f64 / steps as f64;
        self.progress.within(epoch + 1, share, &format!("step={}/{steps} loss={loss:.4}", step + 1));
        if interrupt::requested() { Control::Stop } else { Control::Continue }
    }

    fn epoch(&mut self, state: &State) -> Result<Control, TrainError> {
        self.clock.iter().for_each(|clock| clock.stop());
        self.record(state).map_err(|error| match error {
            // The loop treats a score that is no number as divergence, if it is reported as such.
            CliError::Train(error) => error,
            error => TrainError::Monitor { epoch: state.epochs_done, reason: error.to_string() },
        })?;
        if state.epochs_done.is_multiple_of(self.checkpoint_epochs) {
            self.checkpoint(state)?;
        }
        self.clock.iter().for_each(|clock| clock.go_on());
        Ok(Control::Continue)
    }
}

/// One line of JSON per epoch.
fn lines(history: &[EpochRecord]) -> String {
    history.iter().map(|record| serde_json::to_string(record).expect("a record is JSON") + "\n").collect()
}
