//! One stage of one shard, as the training loop runs it.

use crate::folder::{during_file, metrics_file};
use lacuna_nn::{BatchNormMode, Network, Pass};
use lacuna_train::{
    Control, EpochRecord, Monitor, Objective, State, StepLoss, Supervised, TrainError, write_checkpoint,
};
use std::path::Path;

/// The progress of a training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageProgress {
    /// The shard, counted from 1.
    pub shard: usize,
    /// The slice that entered with this stage, counted from 1.
    pub slice: usize,
    /// The epoch of this stage, counted from 1.
    pub epoch: usize,
    /// The number of epochs of this stage.
    pub epochs: usize,
    /// The share of the epoch's steps that are done, from 0 to 1.
    pub share: f64,
    /// The loss of the last step.
    pub loss: f64,
}

/// Receives the progress of a training, and can stop it.
pub trait Observer {
    /// Called after each optimiser step.
    fn step(&mut self, _stage: StageProgress) {}

    /// Called after each step, epoch and stage; if it returns true, the training saves its state and ends.
    fn wants_to_stop(&self) -> bool {
        false
    }

    /// Called with a message for the user.
    fn note(&mut self, _line: &str) {}
}

/// An observer that shows nothing and never stops.
pub struct NoObserver;

impl Observer for NoObserver {}

/// Ordinary training whose epochs are counted from the beginning of the shard.
///
/// The loop counts the epochs of a stage from 0, and the learning rate follows that count. The orders of scans are
/// drawn by the count over all stages, or each stage would repeat the orders of the previous one.
pub(crate) struct StageObjective<'a> {
    pub supervised: Supervised<'a>,
    pub first_epoch: usize,
}

impl Objective for StageObjective<'_> {
    fn steps(&self, epoch: usize) -> usize {
        self.supervised.steps(self.first_epoch + epoch)
    }

    fn loss(&self, network: &Network, pass: &Pass, epoch: usize, step: usize) -> Result<StepLoss, TrainError> {
        self.supervised.loss(network, pass, self.first_epoch + epoch, step)
    }

    fn batch_norm(&self) -> BatchNormMode {
        self.supervised.batch_norm()
    }
}

/// The log, checkpoint and observer of one stage.
pub(crate) struct StageMonitor<'a> {
    pub folder: &'a Path,
    pub shard: usize,
    pub slice: usize,
    pub epochs: usize,
    /// The name of the state at the end of the stage.
    pub key: &'a str,
    pub checkpoint_epochs: usize,
    pub observer: &'a mut dyn Observer,
}

impl StageMonitor<'_> {
    /// Writes a checkpoint of the running stage.
    pub fn checkpoint(&self, state: &State) -> Result<(), TrainError> {
        write_checkpoint(&during_file(self.folder, self.shard, self.slice), state, self.key)
    }

    fn control(&self) -> Control {
        if self.observer.wants_to_stop() { Control::Stop } else { Control::Continue }
    }
}

impl Monitor for StageMonitor<'_> {
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f64) -> Control {
        let share = (step + 1) as f64 / steps as f64;
        let (shard, slice) = (self.shard + 1, self.slice + 1);
        self.observer.step(StageProgress { shard, slice, epoch: epoch + 1, epochs: self.epochs, share, loss });
        self.control()
    }

    fn epoch(&mut self, state: &State) -> Result<Control, TrainError> {
        lacuna_disk::write_bytes(&metrics_file(self.folder, self.shard), lines(&state.history).as_bytes())?;
        if state.epochs_done.is_multiple_of(self.checkpoint_epochs) && state.epochs_done < self.epochs {
            self.checkpoint(state)?;
        }
        // The loop finishes an epoch before it stops, so an epoch of a single step can be stopped only here.
        Ok(self.control())
    }
}

/// One JSON line per epoch, with the number of the stage in the shard; epochs count from 1 in each stage.
fn lines(history: &[EpochRecord]) -> String {
    let mut stage = 0;
    let mut line = |record: &EpochRecord| {
        stage += usize::from(record.epoch == 1);
        let mut line = serde_json::to_value(record).expect("a record is JSON");
        line["stage"] = stage.into();
        format!("{line}\n")
    };
    history.iter().map(&mut line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_counted_by_their_first_epochs() {
        let record = |epoch| EpochRecord {
            epoch,
            learning_rate: 0.1,
            loss: 1.0,
            gradient_norm: 1.0,
            passes: 1,
            terms: Default::default(),
            distance: None,
        };
        let text = lines(&[record(1), record(2), record(1)]);
        let stages: Vec<&str> = text.lines().map(|line| line.split("\"stage\":").nth(1).unwrap()).collect();
        assert_eq!(stages, ["1}", "1}", "2}"]);
    }
}
