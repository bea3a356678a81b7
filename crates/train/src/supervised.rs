//! Supervised training: every case once per epoch, in an order drawn for that epoch.

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
    /// Creates the objective; the order of each epoch is drawn from `seed`.
    ///
    /// # Errors
    /// [`TrainError::NoCase`] if `cases` is empty.
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

    /// Returns the cases of an epoch in order.
    ///
    /// Each case draws its own sort key, so that leaving a subject out leaves the others in the same order; shuffling
    /// the list would reorder them all.
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

impl Supervised<'_> {
    /// Requests that the cases of the next step be fetched during this one.
    fn expect_next(&self, order: &[&Case], from: usize, epoch: usize) {
        let fetch = |order: &[&Case]| order.iter().take(self.batch_size).for_each(|case| case.prefetch());
        match order.get(from..) {
            Some(next) if !next.is_empty() => fetch(next),
            _ => fetch(&self.order(epoch + 1)),
        }
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
        // Held until both tensors are made: with little memory, fetching one case could evict another of the batch.
        let in_use = batch.iter().map(|case| case.voxels()).collect::<Result<Vec<_>, _>>()?;
        let input = input_tensor(batch, &self.device)?;
        let target = targets(batch, network.architecture().classes(), &self.device)?;
        drop(in_use);
        self.expect_next(&order, first + batch.len(), epoch);
        let heads = network.heads(pass, input);
        let passes = Passes { training: batch.len() as u64, teacher: 0 };
        Ok(StepLoss { loss: self.loss.of_heads(&heads, &target), terms: Vec::new(), gradient_of: None, passes })
    }

    fn batch_norm(&self) -> BatchNormMode {
        self.batch_norm
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_cases::heads;
    use lacuna_cohort::SubjectId;

    fn order(cases: &[&Case], epoch: usize) -> Vec<SubjectId> {
        let supervised = Supervised::new(cases.to_vec(), &TrainConfig::default(), Seed(3), Device::flex()).unwrap();
        supervised.order(epoch).into_iter().map(|case| case.subject.clone()).collect()
    }

    #[test]
    fn leaving_a_subject_out_leaves_the_others_in_order() {
        let cases = heads(5);
        for epoch in 0..20 {
            for out in &cases {
                let all = order(&cases.iter().collect::<Vec<_>>(), epoch);
                let others: Vec<&Case> = cases.iter().filter(|case| case.subject != out.subject).collect();
                let expected: Vec<_> = all.into_iter().filter(|subject| *subject != out.subject).collect();
                assert_eq!(order(&others, epoch), expected, "epoch {epoch} without {}", out.subject);
            }
        }
    }

    #[test]
    fn each_epoch_passes_everybody_once_in_an_order_of_its_own() {
        let cases = heads(5);
        let cases: Vec<&Case> = cases.iter().collect();
        let mut first_epoch = order(&cases, 0);
        assert!((1..20).any(|epoch| order(&cases, epoch) != first_epoch));
        first_epoch.sort();
        assert_eq!(first_epoch, cases.iter().map(|case| case.subject.clone()).collect::<Vec<_>>());
    }

    #[test]
    fn scans_of_one_person_take_places_of_their_own() {
        let first = heads(1).remove(0);
        let scans: Vec<Case> = (0..4).map(|scan| Case { scan: format!("visit-{scan}"), ..first.clone() }).collect();
        let cases: Vec<&Case> = scans.iter().collect();
        let supervised = Supervised::new(cases, &TrainConfig::default(), Seed(3), Device::flex()).unwrap();
        let orders = (0..20).map(|epoch| supervised.order(epoch).iter().map(|case| &case.scan).collect::<Vec<_>>());
        let orders: std::collections::BTreeSet<_> = orders.collect();
        assert!(orders.len() > 10, "{} orders of 24 in 20 epochs", orders.len());
    }

    #[test]
    fn batches_round_up() {
        let cases = heads(5);
        for (batch_size, steps) in [(1, 5), (2, 3), (4, 2), (5, 1), (9, 1)] {
            let config = TrainConfig { batch_size, ..TrainConfig::default() };
            let supervised = Supervised::new(cases.iter().collect(), &config, Seed(3), Device::flex()).unwrap();
            assert_eq!(supervised.steps(0), steps, "batches of {batch_size}");
        }
    }

    #[test]
    fn nobody_to_train_on_is_refused() {
        let refused = Supervised::new(Vec::new(), &TrainConfig::default(), Seed(3), Device::flex());
        assert!(matches!(refused, Err(TrainError::NoCase)));
    }
}
