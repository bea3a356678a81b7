//! Ordinary training: every case once per epoch, in an order drawn for that epoch.

use crate::{Objective, Passes, StepLoss, TrainConfig, TrainError, input_tensor, targets};
use lacuna_cohort::Case;
use lacuna_nn::loss::SegmentationLoss;
use lacuna_nn::{BatchNormMode, Device, Network, Pass};
use lacuna_seed::{Seed, Stream};

/// The objective of the original and of the retrained reference.
pub struct Supervised<'a> {
    cases: Vec<&'a Case>,
    batch_size: usize,
    loss: SegmentationLoss,
    batch_norm: BatchNormMode,
    order: Stream,
    device: Device,
}

impl<'a> Supervised<'a> {
    /// # Errors
    /// [`TrainError::NoCase`] without a case.
    pub fn new(cases: Vec<&'a Case>, config: &TrainConfig, seed: Seed, device: Device) -> Result<Self, TrainError> {
        if cases.is_empty() {
            return Err(TrainError::NoCase);
        }
        Ok(Supervised {
            cases,
            batch_size: config.batch_size,
            loss: config.loss,
            batch_norm: config.batch_norm,
            order: seed.stream("training order"),
            device,
        })
    }

    /// The cases of an epoch in order.
    ///
    /// Each case draws its own sort key, so that leaving a subject out leaves the others in the
    /// same order: a shuffled list would reorder them all.
    fn order(&self, epoch: usize) -> Vec<&'a Case> {
        let mut keyed: Vec<(f64, &Case)> = self
            .cases
            .iter()
            .map(|case| {
                let stream = self.order.subject(case.subject.as_str()).part(&case.scan).epoch(epoch);
                (stream.draws().uniform(), *case)
            })
            .collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.scan.cmp(&b.1.scan)));
        keyed.into_iter().map(|(_, case)| case).collect()
    }
}

impl Objective for Supervised<'_> {
    fn steps(&self, _epoch: usize) -> usize {
        self.cases.len().div_ceil(self.batch_size)
    }

    fn loss(&self, network: &Network, pass: &Pass, epoch: usize, step: usize) -> Result<StepLoss, TrainError> {
        let order = self.order(epoch);
        let first = step * self.batch_size;
        let batch = &order[first..order.len().min(first + self.batch_size)];
        let logits = network.forward(pass, input_tensor(batch, &self.device));
        let target = targets(batch, network.architecture().classes, &self.device);
        let passes = Passes { training: batch.len() as u64, teacher: 0 };
        Ok(StepLoss { loss: self.loss.of(logits, &target), passes })
    }

    fn batch_norm(&self) -> BatchNormMode {
        self.batch_norm
    }
}
