//! What forget subjects are pulled to, and what strangers are made of, as functions of data and a stream. One mechanic
//! per file; which there are of the first kind is listed in [`ForgetTarget`](crate::ForgetTarget).

mod additive_noise;
mod atlas;
mod augment;
mod error_noise;
mod label_noise;
mod mirror;
mod value_noise;

pub(crate) use additive_noise::{slope, with_noise};
pub use atlas::Sharpness;
pub(crate) use atlas::{atlas, confidence, exponent_of_confidence, sharpened};
pub(crate) use augment::augmented;
pub(crate) use error_noise::{ErrorMaximising, error_maximising_noise};
pub use label_noise::{NoiseLaw, noise_labels};
pub(crate) use mirror::{logits_of_mirrored, mirrored_back};
pub(crate) use value_noise::{noise_features, noise_volume};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often noise is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Redraw {
    /// Anew each time the subject is passed.
    EveryEpoch,
    /// Once per run: noise that can be learned by heart.
    Once,
}
