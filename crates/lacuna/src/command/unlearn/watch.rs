//! The monitor of an unlearning run: scores at the horizons, checkpoints, progress.

use super::{Job, is_horizon};
use crate::command::train::CHECKPOINT;
use crate::context::Context;
use crate::error::CliError;
use crate::interrupt;
use crate::progress::Progress;
use crate::run_folder::RunFolder;
use lacuna_train::{Control, Monitor, State, TrainError, write_checkpoint};

/// The file in which the rows of one horizon lie.
pub fn rows_file(epochs: usize) -> String {
    format!("horizons/{epochs}.csv")
}

/// Watches one run.
pub struct Horizons<'a> {
    job: &'a Job<'a>,
    context: &'a Context,
    folder: &'a RunFolder,
    progress: Progress,
}

impl<'a> Horizons<'a> {
    pub fn new(job: &'a Job<'a>, context: &'a Context, folder: &'a RunFolder, progress: Progress) -> Horizons<'a> {
        Horizons { job, context, folder, progress }
    }

    /// Keep the last whole epoch.
    pub fn checkpoint(&self, state: &State) -> Result<(), TrainError> {
        write_checkpoint(&self.folder.file(CHECKPOINT), state, &self.job.digest)
    }

    fn record(&self, state: &State) -> Result<(), CliError> {
        let lines: String =
            state.history.iter().map(|epoch| serde_json::to_string(epoch).expect("a record is JSON") + "\n").collect();
        self.folder.write("metrics.jsonl", lines.as_bytes())?;
        if is_horizon(&self.job.run, state.epochs_done) {
            self.job.score(&state.network, &self.job.run.strategy, state.epochs_done, self.context, self.folder)?;
        }
        Ok(())
    }
}

impl Monitor for Horizons<'_> {
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f64) -> Control {
        let share = (step + 1) as f64 / steps as f64;
        self.progress.within(epoch + 1, share, &format!("step={}/{steps} loss={loss:.4}", step + 1));
        if interrupt::requested() { Control::Stop } else { Control::Continue }
    }

    fn epoch(&mut self, state: &State) -> Result<Control, TrainError> {
        let refused = |error: CliError| TrainError::Monitor { epoch: state.epochs_done, reason: error.to_string() };
        self.record(state).map_err(refused)?;
        if state.epochs_done.is_multiple_of(self.job.run.checkpoint_epochs) {
            self.checkpoint(state)?;
        }
        Ok(Control::Continue)
    }
}
