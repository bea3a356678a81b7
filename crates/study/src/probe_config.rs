//! The `[probe]` table of a study file. Probes ask whether the subject is gone from the weights, or only from the
//! predictions.

use crate::StudyError;
use crate::config::bad;
use lacuna_nn::BatchNormMode;
use lacuna_train::{Schedule, TrainConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How models are probed; the same for reference models and unlearned models.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeConfig {
    /// The horizons of an unlearning run whose models are probed.
    pub horizons: ProbeHorizons,
    /// The test whether more training on the retain subjects restores the subject's scores.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebound: Option<ReboundConfig>,
    /// The test of how many passes it takes to learn the subject again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relearn: Option<RelearnConfig>,
}

/// The horizons of an unlearning run whose models are probed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeHorizons {
    /// The model of the longest horizon only.
    #[default]
    Longest,
    /// The models of all horizons.
    Each,
}

/// More supervised training on the retain subjects alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReboundConfig {
    /// The number of passes over the retain subjects.
    pub epochs: usize,
    /// The constant learning rate of encoder and head.
    pub learning_rate: f64,
    /// The statistics that BatchNorm normalises with; by default its running statistics, which stay unchanged.
    #[serde(default = "frozen")]
    pub batch_norm: BatchNormMode,
}

/// Supervised training on the forgotten subject alone, until the subject is learned again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RelearnConfig {
    /// The subject counts as learned once its mean cross-entropy on the output grid, in nats, is at most this.
    #[serde(default = "known")]
    pub cross_entropy_max: f64,
    /// The largest number of passes over the subject's scans.
    pub epochs_max: usize,
    /// The constant learning rate of encoder and head.
    pub learning_rate: f64,
    /// The statistics that BatchNorm normalises with; by default its running statistics, which stay unchanged.
    #[serde(default = "frozen")]
    pub batch_norm: BatchNormMode,
}

fn frozen() -> BatchNormMode {
    BatchNormMode::Running
}

fn known() -> f64 {
    0.1
}

/// A probe of one model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// More training on the retain subjects; see [`ReboundConfig`].
    Rebound(ReboundConfig),
    /// Training on the forgotten subject; see [`RelearnConfig`].
    Relearn(RelearnConfig),
}

impl ProbeConfig {
    /// The probes that the table asks for.
    pub fn probes(&self) -> Vec<Probe> {
        self.rebound.map(Probe::Rebound).into_iter().chain(self.relearn.map(Probe::Relearn)).collect()
    }

    /// # Errors
    /// The first setting that is not allowed.
    pub(crate) fn check(&self, train: &TrainConfig) -> Result<(), StudyError> {
        for probe in self.probes() {
            probe.train_config(train).checked().map_err(|error| match error {
                lacuna_train::TrainError::BadSetting { key, found, expected } => {
                    bad(&format!("probe.{}.{key}", probe.name()), expected, &found)
                }
                other => other.into(),
            })?;
        }
        match self.relearn.map(|relearn| relearn.cross_entropy_max) {
            Some(found) if !(found > 0.0 && found.is_finite()) => {
                Err(bad("probe.relearn.cross_entropy_max", "a number above 0", &found.to_string()))
            }
            _ => Ok(()),
        }
    }
}

impl Probe {
    /// The name in study files and records.
    pub fn name(&self) -> &'static str {
        match self {
            Probe::Rebound(_) => "rebound",
            Probe::Relearn(_) => "relearn",
        }
    }

    /// The largest number of epochs of the probe.
    pub fn epochs(&self) -> usize {
        match self {
            Probe::Rebound(rebound) => rebound.epochs,
            Probe::Relearn(relearn) => relearn.epochs_max,
        }
    }

    /// The training settings of the probe: those of the study's models, with the probe's own epochs, rate and BatchNorm
    /// mode.
    pub(crate) fn train_config(&self, train: &TrainConfig) -> TrainConfig {
        let (learning_rate, batch_norm) = match *self {
            Probe::Rebound(ReboundConfig { learning_rate, batch_norm, .. })
            | Probe::Relearn(RelearnConfig { learning_rate, batch_norm, .. }) => (learning_rate, batch_norm),
        };
        TrainConfig {
            epochs: self.epochs(),
            learning_rate,
            batch_norm,
            // A head that was trained needs no higher learning rate than the encoder.
            head_multiplier: 1.0,
            schedule: Schedule::Constant,
            ..train.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(text: &str) -> ProbeConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_probe_has_two_numbers_at_least_and_leaves_running_statistics_alone() {
        let config = probe(
            "rebound = { epochs = 20, learning_rate = 5e-3 }\nrelearn = { epochs_max = 60, learning_rate = 1e-2 }",
        );
        assert_eq!(config.horizons, ProbeHorizons::Longest);
        let relearn = config.relearn.unwrap();
        assert_eq!((relearn.cross_entropy_max, relearn.batch_norm), (0.1, BatchNormMode::Running));
        let train = TrainConfig { head_multiplier: 100.0, schedule: Schedule::Cosine, ..TrainConfig::default() };
        let rebound = config.probes()[0].train_config(&train);
        assert_eq!((rebound.epochs, rebound.learning_rate, rebound.head_multiplier), (20, 5e-3, 1.0));
        assert_eq!((rebound.schedule, rebound.batch_norm), (Schedule::Constant, BatchNormMode::Running));
        assert_eq!((&rebound.optimiser, rebound.loss), (&train.optimiser, train.loss));
        assert_eq!(probe(&toml::to_string(&config).unwrap()), config);
        assert!(probe("").probes().is_empty());
    }

    #[test]
    fn settings_that_no_probe_can_have_are_named_with_their_table() {
        let refused = |text| probe(text).check(&TrainConfig::default()).unwrap_err().to_string();
        let message = refused("rebound = { epochs = 0, learning_rate = 5e-3 }");
        assert!(message.starts_with("probe.rebound.epochs: expected 1 to"), "{message}");
        let message = refused("relearn = { epochs_max = 9, learning_rate = -1.0 }");
        assert!(message.starts_with("probe.relearn.learning_rate:"), "{message}");
        let message = refused("relearn = { epochs_max = 9, learning_rate = 1.0, cross_entropy_max = 0.0 }");
        assert_eq!(message, "probe.relearn.cross_entropy_max: expected a number above 0, found 0");
    }
}
