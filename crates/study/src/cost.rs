//! The cost of a run, counted and timed.

use lacuna_report::Cost;
use lacuna_train::{Passes, State};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// The cost of a run up to a horizon.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HorizonCost {
    /// The number of optimiser steps.
    pub steps: u64,
    /// The volumes that these steps passed through networks.
    pub passes: Passes,
    /// The volumes passed through networks before the first step.
    pub preparation: Passes,
    /// Seconds of computing without evaluation and file access, over all pieces of an interrupted run.
    pub seconds: f64,
    /// The peak memory of the process in MiB, earlier runs of the process included; `None` where the system does not
    /// state it.
    pub peak_mib: Option<f64>,
}

impl HorizonCost {
    /// Where a run stands, after so many seconds of computing.
    pub fn of(state: &State, preparation: Passes, seconds: f64) -> HorizonCost {
        let peak_mib = crate::peak_bytes().map(|bytes| bytes as f64 / f64::from(1 << 20));
        HorizonCost { steps: state.steps, passes: state.passes, preparation, seconds, peak_mib }
    }

    /// The cost as result rows hold it; `retraining` are the passes of the model retrained without the same subject, if
    /// known.
    pub fn beside(&self, retraining: Option<Passes>) -> Cost {
        let all = Passes {
            training: self.passes.training + self.preparation.training,
            teacher: self.passes.teacher + self.preparation.teacher,
        };
        Cost {
            steps: Some(self.steps),
            training_passes: Some(self.passes.training),
            teacher_passes: Some(self.passes.teacher),
            preparation_training_passes: Some(self.preparation.training),
            preparation_teacher_passes: Some(self.preparation.teacher),
            seconds: Some(self.seconds),
            peak_mib: self.peak_mib,
            retraining_fraction: retraining.map(|retraining| training_passes(all) / training_passes(retraining)),
        }
    }
}

/// All passes in units of a training pass. A forward pass alone counts as a third, since the backward half does the
/// work of two forward ones.
pub(crate) fn training_passes(passes: Passes) -> f64 {
    passes.training as f64 + passes.teacher as f64 / 3.0
}

/// A stopwatch of computing seconds, which is paused during other work.
pub struct Stopwatch {
    seconds: f64,
    since: Option<Instant>,
}

impl Stopwatch {
    /// A running stopwatch that begins at `seconds`, from earlier pieces of the run.
    pub fn running(seconds: f64) -> Stopwatch {
        Stopwatch { seconds, since: Some(Instant::now()) }
    }

    /// Pauses the stopwatch.
    pub fn stop(&mut self) {
        self.seconds += self.since.take().map_or(0.0, |since| since.elapsed().as_secs_f64());
    }

    /// Continues the stopwatch.
    pub fn go_on(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// The seconds of a paused stopwatch.
    ///
    /// # Panics
    /// While it is running.
    pub fn seconds(&self) -> f64 {
        assert!(self.since.is_none(), "a stopwatch is read when it stands still");
        self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_worked_by_hand() {
        // 40 + 6 training passes and 9 + 3 of a teacher, which count a third: 50 of 500.
        let cost = HorizonCost {
            steps: 40,
            passes: Passes { training: 40, teacher: 9 },
            preparation: Passes { training: 6, teacher: 3 },
            seconds: 1.5,
            peak_mib: None,
        };
        let retraining = Passes { training: 500, teacher: 0 };
        assert_eq!(cost.beside(Some(retraining)).retraining_fraction, Some(0.1));
        let alone = cost.beside(None);
        assert_eq!((alone.retraining_fraction, alone.peak_mib, alone.seconds), (None, None, Some(1.5)));
        assert_eq!((alone.preparation_training_passes, alone.preparation_teacher_passes), (Some(6), Some(3)));
    }

    #[test]
    fn a_stopwatch_counts_on_from_earlier_pieces_and_not_while_it_stands() {
        let mut watch = Stopwatch::running(10.0);
        watch.stop();
        let shown = watch.seconds();
        assert!(shown >= 10.0);
        std::thread::sleep(std::time::Duration::from_millis(5));
        watch.stop();
        assert_eq!(watch.seconds(), shown);
        watch.go_on();
        std::thread::sleep(std::time::Duration::from_millis(5));
        watch.stop();
        assert!(watch.seconds() > shown + 0.004);
    }
}
