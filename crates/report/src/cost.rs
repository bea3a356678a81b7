//! What a run had cost when it was scored.

use serde::Serialize;

/// What a run had cost by the horizon that a row is about; the same in every row of that horizon. A blank is something
/// that nobody measured, never a zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Optimiser steps.
    pub steps: Option<u64>,
    /// Volumes passed forward and backward.
    pub training_passes: Option<u64>,
    /// Volumes passed forward through a frozen teacher, along the way.
    pub teacher_passes: Option<u64>,
    /// Volumes passed forward and backward before the first step, to make a teacher for example.
    pub preparation_training_passes: Option<u64>,
    /// Volumes passed forward before the first step.
    pub preparation_teacher_passes: Option<u64>,
    /// Seconds of computing, without evaluation, over all pieces of an interrupted run.
    pub seconds: Option<f64>,
    /// The most memory that the process had held by then, in MiB; earlier runs of the same process included.
    pub peak_mib: Option<f64>,
    /// All passes, those forward alone counted as a third, over the passes of the model retrained without the same
    /// subject by the same seed.
    pub retraining_fraction: Option<f64>,
}

impl Cost {
    /// What is wrong with it, if anything: the column and what it holds.
    pub(crate) fn fault(&self) -> Option<(&'static str, f64)> {
        let numbers =
            [("seconds", self.seconds), ("peak_mib", self.peak_mib), ("retraining_fraction", self.retraining_fraction)];
        let bad = |value: &f64| !(value.is_finite() && *value >= 0.0);
        numbers.into_iter().find_map(|(column, value)| Some((column, value.filter(bad)?)))
    }
}
