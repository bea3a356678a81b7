//! One stage of one shard, as the training loop runs it.

use crate::folder::{during_file, metrics_file};
use lacuna_nn::{BatchNormMode, Network, Pass};
use lacuna_train::{
    Control, EpochRecord, Monitor, Objective, State, StepLoss, Supervised, TrainError, write_checkpoint,
};
use std::path::Path;

/// Where a training stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Counted from 1.
    pub shard: usize,
    /// The slice that the stage entered with, counted from 1.
    pub slice: usize,
    /// Epoch of the stage, counted from 1.
    pub epoch: usize,
    /// Epochs of the stage.
    pub epochs: usize,
    /// Share of the epoch's steps that are done.
    pub share: f64,
    /// The last step's loss.
    pub loss: f64,
}

/// Somebody who watches a training: progress, and the wish to stop.
pub trait Observer {
    /// Called after each optimiser step.
    fn step(&mut self, _place: Place) {}

    /// Asked after each step, epoch and stage: whether to keep what there is and end.
    fn wants_to_stop(&self) -> bool {
        false
    }

    /// Called with a line for people.
    fn note(&mut self, _line: &str) {}
}

/// Lets a training pass in silence.
pub struct NoObserver;

impl Observer for NoObserver {}

/// Ordinary training whose epochs are counted from the shard's beginning.
///
/// The loop counts the epochs of a stage from 0, and the learning rate follows that count. Orders are drawn
/// by the count over all stages, or each stage would repeat the orders of the one before.
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

/// The monitor of one stage: its log, its checkpoint, its observer.
pub(crate) struct StageMonitor<'a> {
    pub folder: &'a Path,
    pub shard: usize,
    pub slice: usize,
    pub epochs: usize,
    /// The name of the state that the stage ends in.
    pub key: &'a str,
    pub checkpoint_epochs: usize,
    pub observer: &'a mut dyn Observer,
}

impl StageMonitor<'_> {
    /// Keep the stage as it stands.
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
        self.observer.step(Place { shard, slice, epoch: epoch + 1, epochs: self.epochs, share, loss });
        self.control()
    }

    fn epoch(&mut self, state: &State) -> Result<Control, TrainError> {
        lacuna_disk::write_bytes(&metrics_file(self.folder, self.shard), lines(&state.history).as_bytes())?;
        if state.epochs_done.is_multiple_of(self.checkpoint_epochs) && state.epochs_done < self.epochs {
            self.checkpoint(state)?;
        }
        // The loop lets an epoch end before it stops, so one of a single step can be stopped only here.
        Ok(self.control())
    }
}

/// One line of JSON per epoch with the number of the shard's stage, which begins with each epoch 1.
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
