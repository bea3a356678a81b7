//! The settings of one training run.

use crate::{Schedule, TrainError};
use lacuna_nn::loss::SegmentationLoss;
use lacuna_nn::{Activations, BatchNormMode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The settings of training. Every key has a default, which is MedicalNet's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Passes over all training subjects.
    pub epochs: usize,
    /// Scans per optimiser step.
    pub batch_size: usize,
    /// The encoder's learning rate at factor 1 of the schedule.
    pub learning_rate: f64,
    /// Factor on the learning rate for the head, which is randomly initialised where the encoder is pre-trained.
    pub head_multiplier: f64,
    /// The update rule of the optimiser.
    pub optimiser: OptimiserConfig,
    /// The learning rate as a function of the epoch.
    pub schedule: Schedule,
    /// The loss that is minimised.
    pub loss: SegmentationLoss,
    /// The statistics that BatchNorm normalises with.
    pub batch_norm: BatchNormMode,
    /// The largest L2 norm of the whole gradient; a larger gradient is scaled down to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient_norm_max: Option<f64>,
    /// The number of epochs between two checkpoints.
    pub checkpoint_epochs: usize,
    /// Whether activations are kept for the backward pass or recomputed. It is not written to files and not part of a
    /// run's name: it changes memory and time, never a result.
    #[serde(skip)]
    pub activations: Activations,
}

/// The update rule of the optimiser, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum OptimiserConfig {
    /// Stochastic gradient descent with momentum, as in PyTorch (no dampening).
    Sgd {
        /// Share of the previous direction that is kept in each step.
        momentum: f64,
        /// Weight decay: this multiple of the weight is added to its gradient.
        weight_decay: f64,
    },
    /// Adam with decoupled weight decay (Loshchilov and Hutter, 2019), betas 0.9 and 0.999.
    Adamw {
        /// Share of the weight that is removed per unit of learning rate.
        weight_decay: f64,
    },
}

impl Default for TrainConfig {
    /// Returns the settings of MedicalNet's public MRBrainS18 example: 200 epochs of batch 1, SGD at 1e-3 (head x100),
    /// momentum 0.9, weight decay 1e-3, learning rate x0.99 per epoch, cross-entropy.
    fn default() -> TrainConfig {
        TrainConfig {
            epochs: 200,
            batch_size: 1,
            learning_rate: 1e-3,
            head_multiplier: 100.0,
            optimiser: OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 1e-3 },
            schedule: Schedule::Exponential { factor: 0.99 },
            loss: SegmentationLoss::CrossEntropy,
            batch_norm: BatchNormMode::Batch,
            gradient_norm_max: None,
            checkpoint_epochs: 10,
            activations: Activations::Kept,
        }
    }
}

impl TrainConfig {
    /// Returns the settings unchanged if every one is in its range.
    ///
    /// # Errors
    /// [`TrainError::BadSetting`] for the first setting out of its range, with the range.
    pub fn checked(self) -> Result<TrainConfig, TrainError> {
        let count = |key, found: usize| match found {
            1..=100_000 => Ok(()),
            _ => Err(TrainError::BadSetting { key, found: found.to_string(), expected: "1 to 100000" }),
        };
        let positive = |key, found: f64| {
            if found > 0.0 && found.is_finite() {
                Ok(())
            } else {
                Err(TrainError::BadSetting { key, found: found.to_string(), expected: "a number above 0" })
            }
        };
        count("epochs", self.epochs)?;
        count("batch_size", self.batch_size)?;
        count("checkpoint_epochs", self.checkpoint_epochs)?;
        positive("learning_rate", self.learning_rate)?;
        positive("head_multiplier", self.head_multiplier)?;
        self.gradient_norm_max.map_or(Ok(()), |norm| positive("gradient_norm_max", norm))?;
        let (momentum, weight_decay) = match self.optimiser {
            OptimiserConfig::Sgd { momentum, weight_decay } => (momentum, weight_decay),
            OptimiserConfig::Adamw { weight_decay } => (0.0, weight_decay),
        };
        share("optimiser.momentum", momentum)?;
        share("optimiser.weight_decay", weight_decay)?;
        Ok(self)
    }
}

fn share(key: &'static str, found: f64) -> Result<(), TrainError> {
    if (0.0..1.0).contains(&found) {
        Ok(())
    } else {
        Err(TrainError::BadSetting { key, found: found.to_string(), expected: "0 or more and below 1" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_in_range() {
        TrainConfig::default().checked().unwrap();
    }

    #[test]
    fn a_setting_out_of_range_is_named_with_its_range() {
        let message = TrainConfig { epochs: 0, ..TrainConfig::default() }.checked().unwrap_err().to_string();
        assert_eq!(message, "epochs is 0: expected 1 to 100000");
        let rate = TrainConfig { learning_rate: f64::NAN, ..TrainConfig::default() };
        assert!(rate.checked().is_err());
    }
}
