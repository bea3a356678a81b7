//! What comes back: rebound and relearning beside the retrained models'.
//!
//! A subject that looks forgotten may return when the model is trained on others alone, or be learnt again in fewer
//! passes than by a model that never saw it. Output scores know nothing of that.

use crate::delivered::{Prediction, beside};
use crate::measured::MeasuredOf;
use crate::{Arm, AuditError, Finding, Measured, Pool};
use serde::{Deserialize, Serialize};

/// What a probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeKind {
    /// Dice regained while training on the others alone.
    Rebound,
    /// Passes until the subject is known again.
    Relearn,
}

impl ProbeKind {
    /// As files and tables name it.
    pub fn name(self) -> &'static str {
        match self {
            ProbeKind::Rebound => "rebound",
            ProbeKind::Relearn => "relearn",
        }
    }
}

/// One probe of an arm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// The kind of probe.
    pub probe: ProbeKind,
    /// The arm's mean; of relearning that was given up, at least this.
    pub mean: f64,
    /// Models of the arm, and retrained ones, that did not know the subject again when relearning was given up: their
    /// passes are too few, by an unknown number.
    pub given_up: [usize; 2],
    /// Over the retrained models' mean: of relearning, about 1 is what one wants and far below means hidden memory.
    pub ratio: Option<f64>,
    /// Where the mean lies in the range of the retrained models.
    pub prediction: Prediction,
    /// Residual or over-forgotten outside that range; undecided within, where nothing speaks against the arm.
    pub finding: Finding,
}

/// The probes that were made of both arms.
///
/// # Errors
/// [`AuditError::NotFinite`].
pub fn probes(arm: &Arm, retrained: &Arm, level: f64) -> Result<Vec<ProbeResult>, AuditError> {
    let rebound = |model: &Measured| model.rebound;
    let relearn = |model: &Measured| model.relearn_passes;
    let given_up = [arm, retrained].map(|arm| arm.models().iter().filter(|model| model.relearn_given_up).count());
    // More regained, or fewer passes: something is left.
    let kinds: [(ProbeKind, MeasuredOf, f64, [usize; 2]); 2] =
        [(ProbeKind::Rebound, &rebound, 1.0, [0, 0]), (ProbeKind::Relearn, &relearn, -1.0, given_up)];
    let mut found = Vec::new();
    for (probe, of, if_left, given_up) in kinds {
        let values: Vec<f64> = arm.models().iter().filter_map(of).collect();
        let (Ok(pool), false) = (retrained.pool(of), values.is_empty()) else { continue };
        // Models that all took the same number of passes have no range.
        let mean = crate::pool::mean(&values);
        let prediction = match beside(mean, &pool, level) {
            Err(AuditError::NoSpread { .. }) => continue,
            other => other?,
        };
        let finding = finding(mean, &pool, &prediction, if_left, given_up);
        let ratio = (pool.mean() != 0.0).then(|| mean / pool.mean());
        found.push(ProbeResult { probe, mean, given_up, ratio, prediction, finding });
    }
    Ok(found)
}

/// On which side of the retrained models' range a mean lies. Passes that were given up are at least so many: an arm
/// that has such models may lie higher than it seems, and so may the range.
fn finding(mean: f64, retrained: &Pool, prediction: &Prediction, if_left: f64, [arm, range]: [usize; 2]) -> Finding {
    if prediction.interval.holds(mean) {
        return Finding::Undecided;
    }
    match (mean - retrained.mean()) * if_left > 0.0 {
        true if arm == 0 => Finding::Residual,
        false if range == 0 => Finding::OverForgotten,
        _ => Finding::Undecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relearning(passes: &[f64], given_up: bool) -> Arm {
        let model = |(seed, passes): (usize, &f64)| Measured {
            seed: seed as u64,
            relearn_passes: Some(*passes),
            relearn_given_up: given_up,
            ..Measured::default()
        };
        Arm::new("models", passes.iter().enumerate().map(model).collect())
    }

    #[test]
    fn what_was_given_up_is_at_least_so_much_and_accuses_nobody_of_less() {
        let found = |arm: &[f64], arm_given_up, retrained_given_up| {
            let retrained = relearning(&[9.0, 10.0, 11.0], retrained_given_up);
            let found = probes(&relearning(arm, arm_given_up), &retrained, 0.95).unwrap();
            (found[0].finding, found[0].given_up)
        };
        assert_eq!(found(&[1.0, 2.0], false, false), (Finding::Residual, [0, 0]));
        assert_eq!(found(&[30.0, 31.0], false, false), (Finding::OverForgotten, [0, 0]));
        // The arm took at least 30; the range is known.
        assert_eq!(found(&[30.0, 30.0], true, false), (Finding::OverForgotten, [2, 0]));
        // The arm took at least 1: it may lie within.
        assert_eq!(found(&[1.0, 1.0], true, false), (Finding::Undecided, [2, 0]));
        // The range may lie higher: below it is below it, above it may be within.
        assert_eq!(found(&[1.0, 2.0], false, true), (Finding::Residual, [0, 3]));
        assert_eq!(found(&[30.0, 31.0], false, true), (Finding::Undecided, [0, 3]));
        assert_eq!(found(&[10.0], false, false), (Finding::Undecided, [0, 0]));
    }
}
