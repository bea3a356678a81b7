//! MedicalNet's 3-D segmentation networks, their losses, and their weights in files.
//!
//! A [`Network`] is data: an [`Architecture`] and named tensors under MedicalNet's own names.
//! It has no hidden state and no mode; a clone is a deep copy. What a forward pass needs besides
//! (which tensors move, how BatchNorm behaves, the running statistics that it observed) belongs to
//! a [`Pass`]. So optimisers, checkpoints, weight edits and digests are loops over named tensors.
//!
//! Tensors have the logical shape `[B, C, D, H, W]`; how they lie in memory is the kernels' affair.
//!
//! Deliberately absent: datasets, optimisers, and any idea of forgetting.

mod activations;
mod adapters;
mod architecture;
mod cost;
mod device;
mod error;
pub mod loss;
mod medicalnet;
mod memory_order;
mod names;
mod network;
mod parameters;
mod pass;
mod recognise;
mod weights;

pub use activations::Activations;
pub use architecture::{Architecture, DEPTHS, Depth, Shortcut};
pub use cost::Cost;
pub use device::{Adapter, DEVICE_KINDS, DeviceError, DeviceKind, device_identity};
pub use error::NnError;
pub use memory_order::{to_memory_order, to_row_major};
pub use network::{Network, Stage};
pub use parameters::{Parameter, Parameters, Role};
pub use pass::{BatchNormMode, Pass, Trainable};
pub use recognise::{Recognised, recognise};
pub use weights::{MatchReport, ModelFile, Part, arrays, load_matching, match_file, read_model, write_model};

pub use burn::tensor::{Device, Tensor, TensorData};
