//! The cost of a run up to a horizon.

use serde::Serialize;

/// The cost of a run up to the horizon that a row is about; the same in every row of that horizon. `None` means that it
/// was not measured; it never stands for zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// The number of optimiser steps.
    pub steps: Option<u64>,
    /// The volumes passed forward and backward.
    pub training_passes: Option<u64>,
    /// The volumes passed forward through a frozen teacher during the steps.
    pub teacher_passes: Option<u64>,
    /// The volumes passed forward and backward before the first step, for example to train a teacher.
    pub preparation_training_passes: Option<u64>,
    /// The volumes passed forward before the first step.
    pub preparation_teacher_passes: Option<u64>,
    /// Seconds of computing, without evaluation, over all pieces of an interrupted run.
    pub seconds: Option<f64>,
    /// The peak memory of the process up to then in MiB, earlier runs of the same process included.
    pub peak_mib: Option<f64>,
    /// All passes, a forward pass alone counted as a third, divided by the passes of the model retrained without the
    /// same subject with the same seed.
    pub retraining_fraction: Option<f64>,
}

impl Cost {
    /// The first column with an impossible value, and the value.
    pub(crate) fn fault(&self) -> Option<(&'static str, f64)> {
        let numbers =
            [("seconds", self.seconds), ("peak_mib", self.peak_mib), ("retraining_fraction", self.retraining_fraction)];
        let bad = |value: &f64| !(value.is_finite() && *value >= 0.0);
        numbers.into_iter().find_map(|(column, value)| Some((column, value.filter(bad)?)))
    }
}
