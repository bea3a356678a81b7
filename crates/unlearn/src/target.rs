//! What the forget subjects are pulled to.

use crate::UnlearnError;
use crate::mechanic::Sharpness;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a forget subject is pulled to (or, with `max_loss`, pushed away from).
///
/// The first six are what the paper's four switches can say; the others are named in a recipe by `forget_target`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum ForgetTarget {
    /// Its own labels.
    TrueLabels,
    /// Labels drawn from a [`NoiseLaw`](crate::NoiseLaw).
    NoiseLabels,
    /// The frozen original's output on a retain subject.
    OthersOutputs,
    /// In feature space: Gaussian noise with the mean and deviation of its own original features.
    NoiseFeatures,
    /// In feature space: the original's features of a volume of pure noise with its own mean and deviation.
    FeaturesOfNoise,
    /// In feature space: the original's features of a retain subject.
    OthersFeatures,
    /// Nothing: the forget subject is not passed.
    Nothing,
    /// Every class alike.
    Uniform,
    /// The frozen original's own output on it; of use with `max_loss`, which pushes away from it.
    OriginalOutputs,
    /// The output of networks with fresh weights.
    RandomNetwork,
    /// The mean output of networks trained for it from fresh weights on the retain subjects alone.
    UntaughtNetworks {
        /// How many.
        models: usize,
        /// For how many epochs each.
        epochs: usize,
        /// At which learning rate, falling to 0 as a cosine.
        learning_rate: f64,
    },
    /// The label atlas of the retain subjects.
    Atlas {
        /// How sure it is made to be.
        sharpness: Sharpness,
    },
    /// The frozen original's output on the mirrored subject, mirrored back.
    MirroredOutputs,
    /// Its own labels, of a volume of noise that the original is as wrong about as can be; the subject itself is not
    /// passed.
    ErrorMaximisingNoise {
        /// Steps in which the noise is learnt, a pass forward and backward each.
        steps: usize,
        /// Adam's learning rate on the noise.
        learning_rate: f64,
        /// The weight of the noise's mean square.
        decay: f64,
    },
    /// What the network itself says of the subject under Gaussian noise, both sides moving.
    OwnOutputsInNoise {
        /// The noise's deviation; intensities have deviation 1 over the foreground.
        deviation: f64,
        /// Noisy volumes per step, each of which is a pass of its own.
        draws: usize,
    },
}

impl ForgetTarget {
    /// Whether the loss compares encoder features instead of outputs.
    pub fn is_in_feature_space(&self) -> bool {
        matches!(self, ForgetTarget::NoiseFeatures | ForgetTarget::FeaturesOfNoise | ForgetTarget::OthersFeatures)
    }

    /// Whether the retain term holds the network to the frozen original instead of the truth.
    pub fn retains_by_teacher(&self) -> bool {
        self.is_in_feature_space() || *self == ForgetTarget::OthersOutputs
    }

    /// Whether it is made of retain subjects, so that there must be some and of one shape with the forget subjects.
    pub fn is_made_of_others(&self) -> bool {
        matches!(self, ForgetTarget::OthersOutputs | ForgetTarget::OthersFeatures | ForgetTarget::Atlas { .. })
    }

    /// Whether retain subjects are needed to make it.
    pub fn needs_others(&self) -> bool {
        self.is_made_of_others() || matches!(self, ForgetTarget::UntaughtNetworks { .. })
    }

    /// Volumes that go forward and backward for one forget case.
    pub(crate) fn volumes(&self) -> usize {
        match self {
            ForgetTarget::OwnOutputsInNoise { draws, .. } => 1 + draws,
            _ => 1,
        }
    }

    /// # Errors
    /// A setting outside its range.
    pub(crate) fn check(&self) -> Result<(), UnlearnError> {
        let bad = |key, found: String, expected| Err(UnlearnError::BadSetting { key, found, expected });
        match self {
            ForgetTarget::UntaughtNetworks { models, .. } if !(1..=100).contains(models) => {
                bad("forget_target.models", models.to_string(), "1 to 100")
            }
            ForgetTarget::UntaughtNetworks { epochs, .. } if !(1..=100_000).contains(epochs) => {
                bad("forget_target.epochs", epochs.to_string(), "1 to 100000")
            }
            ForgetTarget::UntaughtNetworks { learning_rate, .. } if !(*learning_rate > 0.0 && *learning_rate < 1e6) => {
                bad("forget_target.learning_rate", learning_rate.to_string(), "a number above 0")
            }
            ForgetTarget::ErrorMaximisingNoise { steps, .. } if !(1..=100_000).contains(steps) => {
                bad("forget_target.steps", steps.to_string(), "1 to 100000")
            }
            ForgetTarget::ErrorMaximisingNoise { learning_rate: found, .. } if !(*found > 0.0 && *found < 1e6) => {
                bad("forget_target.learning_rate", found.to_string(), "a number above 0")
            }
            ForgetTarget::ErrorMaximisingNoise { decay, .. } if !(0.0..1e6).contains(decay) => {
                bad("forget_target.decay", decay.to_string(), "0 or more")
            }
            ForgetTarget::Atlas { sharpness: Sharpness::Exponent(found) } if !(*found > 0.0 && *found <= 100.0) => {
                bad("forget_target.sharpness.exponent", found.to_string(), "above 0, 100 at most")
            }
            ForgetTarget::Atlas { sharpness: Sharpness::Confidence(found) } if !(*found > 0.0 && *found < 1.0) => {
                bad("forget_target.sharpness.confidence", found.to_string(), "between 0 and 1")
            }
            ForgetTarget::OwnOutputsInNoise { deviation, .. } if !(*deviation > 0.0 && *deviation <= 100.0) => {
                bad("forget_target.deviation", deviation.to_string(), "above 0, 100 at most")
            }
            ForgetTarget::OwnOutputsInNoise { draws, .. } if !(1..=100).contains(draws) => {
                bad("forget_target.draws", draws.to_string(), "1 to 100")
            }
            _ => Ok(()),
        }
    }
}
