//! Is the model still worth having? Dice of those who stay, against retrained models.

use crate::bootstrap;
use crate::measured::MeasuredOf;
use crate::{Arm, AuditError, Interval, Measured, Protocol};
use lacuna_seed::Stream;
use serde::{Deserialize, Serialize};

/// Whether Dice was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// The loss is shown to be within the limit.
    Kept,
    /// It is shown to be beyond.
    Lost,
    /// Neither of the two is shown.
    Unknown,
}

/// A side of the split that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UtilitySide {
    /// Trained on and not forgotten.
    Retain,
    /// Never trained on.
    HeldOut,
}

impl UtilitySide {
    /// As files and tables name it.
    pub fn name(self) -> &'static str {
        match self {
            UtilitySide::Retain => "retain",
            UtilitySide::HeldOut => "held-out",
        }
    }
}

/// The loss of Dice on one side of the split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Utility {
    /// The side that the subjects are on.
    pub side: UtilitySide,
    /// Mean Dice of the retrained models minus the arm's, by seed.
    pub loss: f64,
    /// Of the mean over seeds, at level `1 - 2 alpha`; none if the seeds do not differ.
    pub interval: Option<Interval>,
    /// The most that may be lost.
    pub loss_max: f64,
    /// The conclusion on the utility.
    pub kept: Kept,
}

/// Both sides, as far as they were measured.
///
/// # Errors
/// [`AuditError::Unpaired`] if the arms are not of the same seeds.
pub fn utility(arm: &Arm, retrained: &Arm, protocol: &Protocol, stream: &Stream) -> Result<Vec<Utility>, AuditError> {
    let retain = |model: &Measured| model.retain_dice;
    let held_out = |model: &Measured| model.held_out_dice;
    let sides: [(UtilitySide, MeasuredOf); 2] = [(UtilitySide::Retain, &retain), (UtilitySide::HeldOut, &held_out)];
    let mut found = Vec::new();
    for (side, of) in sides {
        // A cohort may have no held-out subject.
        let (Ok(arm), Ok(retrained)) = (arm.pool(of), retrained.pool(of)) else { continue };
        let losses = retrained.differences(&arm)?;
        let level = 1.0 - 2.0 * protocol.alpha;
        let interval = bootstrap::of_mean(&losses, level, &stream.part("utility").part(side.name()));
        let loss = crate::pool::mean(&losses);
        let (low, high) = interval.map_or((loss, loss), |interval| (interval.low, interval.high));
        let loss_max = protocol.utility_loss_max;
        let kept = match (high <= loss_max, low > loss_max) {
            (true, _) => Kept::Kept,
            (_, true) => Kept::Lost,
            _ => Kept::Unknown,
        };
        found.push(Utility { side, loss, interval, loss_max, kept });
    }
    Ok(found)
}
