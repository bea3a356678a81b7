//! What forget subjects are pulled to. One mechanic per file; the enum lists them.

mod label_noise;
mod value_noise;

pub use label_noise::{NoiseLaw, noise_labels};
pub(crate) use value_noise::{noise_features, noise_volume};

use serde::{Deserialize, Serialize};

/// What a forget subject is pulled to (or, with `max_loss`, pushed away from).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgetTarget {
    /// Its own labels.
    TrueLabels,
    /// Labels drawn from a [`NoiseLaw`].
    NoiseLabels,
    /// The frozen original's output on a retain subject.
    OthersOutputs,
    /// In feature space: Gaussian noise with the mean and deviation of its own original features.
    NoiseFeatures,
    /// In feature space: the original's features of a volume of pure noise with its own mean and deviation.
    FeaturesOfNoise,
    /// In feature space: the original's features of a retain subject.
    OthersFeatures,
}

impl ForgetTarget {
    /// Whether the loss compares encoder features instead of outputs.
    pub fn is_in_feature_space(self) -> bool {
        matches!(self, ForgetTarget::NoiseFeatures | ForgetTarget::FeaturesOfNoise | ForgetTarget::OthersFeatures)
    }

    /// Whether the retain term holds the network to the frozen original instead of the truth.
    pub fn retains_by_teacher(self) -> bool {
        self.is_in_feature_space() || self == ForgetTarget::OthersOutputs
    }
}

/// How often noise is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Redraw {
    /// Anew each time the subject is passed.
    EveryEpoch,
    /// Once per run: noise that can be learned by heart.
    Once,
}
