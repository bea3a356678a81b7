//! nnU-Net v2's plain convolutional U-Net.
//!
//! `plan.rs` says which U-Net, `layers.rs` how it computes, `plans_file.rs` reads nnU-Net's `plans.json`, `names.rs`
//! its checkpoints' names. nnU-Net's other networks (residual encoders, 2-D, cascades) are refused by name.
//!
//! There are no running statistics: an instance is normalised by itself, in training as afterwards.

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

/// The U-Net in the list of families.
pub(crate) const FAMILY: FamilyEntry = FamilyEntry {
    key: "plain-unet",
    supported: "nnU-Net v2's 3-D PlainConvUNet, whole",
    decoder: "decoder",
    recognise: recognise::recognise,
    from_metadata: plan::from_metadata,
};
