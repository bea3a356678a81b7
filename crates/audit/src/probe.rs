//! What comes back: rebound and relearning beside the retrained models'.
//!
//! A subject that looks forgotten may return when the model is trained on others alone, or be learnt again in fewer
//! passes than by a model that never saw it. Output scores know nothing of that.

use crate::delivered::{Prediction, beside};
use crate::measured::MeasuredOf;
use crate::{Arm, AuditError, Finding, Measured, Pool};
use serde::Serialize;

/// One probe of an arm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ProbeResult {
    /// `rebound`, Dice regained, or `relearn`, passes.
    pub probe: &'static str,
    /// The arm's mean.
    pub mean: f64,
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
    // More regained, or fewer passes: something is left.
    let kinds: [(&'static str, MeasuredOf, f64); 2] = [("rebound", &rebound, 1.0), ("relearn", &relearn, -1.0)];
    let mut found = Vec::new();
    for (probe, of, if_left) in kinds {
        let values: Vec<f64> = arm.models().iter().filter_map(of).collect();
        let (Ok(pool), false) = (retrained.pool(of), values.is_empty()) else { continue };
        found.extend(judged(probe, crate::pool::mean(&values), &pool, if_left, level)?);
    }
    Ok(found)
}

fn judged(
    probe: &'static str,
    mean: f64,
    retrained: &Pool,
    if_left: f64,
    level: f64,
) -> Result<Option<ProbeResult>, AuditError> {
    let prediction = match beside(mean, retrained, level) {
        // Models that all took the same number of passes have no range.
        Err(AuditError::NoSpread { .. }) => return Ok(None),
        other => other?,
    };
    let finding = match (prediction.interval.holds(mean), (mean - retrained.mean()) * if_left > 0.0) {
        (true, _) => Finding::Undecided,
        (false, true) => Finding::Residual,
        (false, false) => Finding::OverForgotten,
    };
    let ratio = (retrained.mean() != 0.0).then(|| mean / retrained.mean());
    Ok(Some(ProbeResult { probe, mean, ratio, prediction, finding }))
}
