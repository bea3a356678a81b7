//! The monitor of a training run: progress, the log of epochs, checkpoints.

use crate::error::CliError;
use crate::interrupt;
use crate::progress::Progress;
use crate::run_folder::RunFolder;
use lacuna_train::{Control, EpochRecord, Monitor, State, TrainError, write_checkpoint};

/// The file of the last checkpoint in a run folder.
pub const CHECKPOINT: &str = "checkpoint.safetensors";

/// Watches one run.
pub struct Watch<'a> {
    /// Where the run's files lie.
    pub folder: &'a RunFolder,
    /// What is shown.
    pub progress: Progress,
    /// The digest that a checkpoint must carry to be resumed.
    pub run: &'a str,
    /// Epochs between checkpoints.
    pub checkpoint_epochs: usize,
}

impl Watch<'_> {
    /// Keep the last whole epoch.
    pub fn checkpoint(&self, state: &State) -> Result<(), TrainError> {
        write_checkpoint(&self.folder.file(CHECKPOINT), state, self.run)
    }
}

impl Monitor for Watch<'_> {
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f64) -> Control {
        let share = (step + 1) as f64 / steps as f64;
        self.progress.within(epoch + 1, share, &format!("step={}/{steps} loss={loss:.4}", step + 1));
        if interrupt::requested() { Control::Stop } else { Control::Continue }
    }

    fn epoch(&mut self, state: &State) -> Result<Control, TrainError> {
        let refused = |error: CliError| TrainError::Monitor { epoch: state.epochs_done, reason: error.to_string() };
        self.folder.write("metrics.jsonl", lines(&state.history).as_bytes()).map_err(refused)?;
        if state.epochs_done.is_multiple_of(self.checkpoint_epochs) {
            self.checkpoint(state)?;
        }
        Ok(Control::Continue)
    }
}

/// One line of JSON per epoch.
fn lines(history: &[EpochRecord]) -> String {
    history.iter().map(|record| serde_json::to_string(record).expect("a record is JSON") + "\n").collect()
}
