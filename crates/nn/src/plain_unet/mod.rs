//! nnU-Net v2's plain convolutional U-Net.
//!
//! `plan.rs` describes a U-Net, `layers.rs` computes it, `plans_file.rs` reads nnU-Net's `plans.json`, and `names.rs`
//! handles the names in its checkpoints. nnU-Net's other networks (residual encoders, 2-D, cascades) are errors that
//! name the network.
//!
//! There are no running statistics: each volume is normalised by its own, in training and in prediction.

mod layers;
mod names;
#[cfg(test)]
mod parity;
mod plan;
mod plans_file;
mod recognise;
mod work;

pub use plan::{PlainUnet, UnetPlan};
pub use plans_file::{read_plans, turned_axes};

pub(crate) use names::canonical;

use crate::family::FamilyEntry;

/// The U-Net's entry in the list of families.
pub(crate) const FAMILY: FamilyEntry = FamilyEntry {
    key: "plain-unet",
    supported: "nnU-Net v2's 3-D PlainConvUNet, whole",
    decoder: "decoder",
    recognise: recognise::recognise,
    from_metadata: plan::from_metadata,
};
