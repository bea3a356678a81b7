//! The `[probe]` table of a study file: is the subject gone from memory, or only from what the network says?

use crate::StudyError;
use crate::config::bad;
use lacuna_nn::BatchNormMode;
use lacuna_train::{Schedule, TrainConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How models are probed, references and unlearned ones alike.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProbeConfig {
    /// After which horizons of an unlearning run.
    pub horizons: ProbeHorizons,
    /// Whether more training on the others brings the subject back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebound: Option<ReboundConfig>,
    /// How soon the subject is learned again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relearn: Option<RelearnConfig>,
}

/// Which models of an unlearning run are probed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeHorizons {
    /// The last.
    #[default]
    Longest,
    /// That of each horizon.
    Each,
}

/// More supervised training on the retain subjects alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReboundConfig {
    /// Passes over the retain subjects.
    pub epochs: usize,
    /// Of encoder and head alike, constant.
    pub learning_rate: f64,
    /// What BatchNorm normalises with; running statistics stay as they are if unsaid.
    #[serde(default = "frozen")]
    pub batch_norm: BatchNormMode,
}

/// Supervised training on the forgotten subject alone, until it is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RelearnConfig {
    /// The subject is known from this mean cross-entropy on the output grid downwards.
    #[serde(default = "known")]
    pub cross_entropy_max: f64,
    /// The most passes over the subject's scans.
    pub epochs_max: usize,
    /// Of encoder and head alike, constant.
    pub learning_rate: f64,
    /// What BatchNorm normalises with; running statistics stay as they are if unsaid.
    #[serde(default = "frozen")]
    pub batch_norm: BatchNormMode,
}

fn frozen() -> BatchNormMode {
    BatchNormMode::Running
}

fn known() -> f64 {
    0.1
}

/// One question to a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// Does the subject come back?
    Rebound(ReboundConfig),
    /// How soon is it learned again?
    Relearn(RelearnConfig),
}

impl ProbeConfig {
    /// The probes asked for.
    pub fn probes(&self) -> Vec<Probe> {
        self.rebound.map(Probe::Rebound).into_iter().chain(self.relearn.map(Probe::Relearn)).collect()
    }

    /// # Errors
    /// The first setting that no probe can have.
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
    /// As study files and records name it.
    pub fn name(&self) -> &'static str {
        match self {
            Probe::Rebound(_) => "rebound",
            Probe::Relearn(_) => "relearn",
        }
    }

    /// The most epochs it takes.
    pub fn epochs(&self) -> usize {
        match self {
            Probe::Rebound(rebound) => rebound.epochs,
            Probe::Relearn(relearn) => relearn.epochs_max,
        }
    }

    /// How it trains: as the study's models were trained, but for what the probe says.
    pub(crate) fn train_config(&self, train: &TrainConfig) -> TrainConfig {
        let (learning_rate, batch_norm) = match *self {
            Probe::Rebound(ReboundConfig { learning_rate, batch_norm, .. })
            | Probe::Relearn(RelearnConfig { learning_rate, batch_norm, .. }) => (learning_rate, batch_norm),
        };
        TrainConfig {
            epochs: self.epochs(),
            learning_rate,
            batch_norm,
            // A trained head is no newer than its encoder.
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
