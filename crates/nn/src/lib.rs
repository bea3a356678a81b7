//! 3-D segmentation networks, their losses, and their weights in files: MedicalNet's ResNets and nnU-Net's plain U-Net.
//!
//! A [`Network`] is data: an [`Architecture`] and tensors under the names of the family's own PyTorch code. It has no
//! hidden state and no mode; a clone is a deep copy. Everything else that a forward pass needs (which tensors are
//! trainable, how BatchNorm behaves, the running statistics that it observed) belongs to a [`Pass`]. So optimisers,
//! checkpoints, weight edits and digests are loops over named tensors.
//!
//! Tensors have the logical shape `[B, C, D, H, W]`; their memory layout is internal to the kernels.
//!
//! Deliberately absent: datasets, optimisers and unlearning.

mod activations;
mod adapters;
mod architecture;
mod cost;
mod deep_supervision;
mod device;
mod error;
mod family;
mod layers;
pub mod loss;
mod maps;
mod medicalnet;
mod memory_order;
mod names;
mod network;
mod onnx;
mod parameters;
mod pass;
mod plain_unet;
mod recognise;
mod weights;

pub use activations::Activations;
pub use architecture::Architecture;
pub use cost::Cost;
pub use deep_supervision::{DeepSupervisionOutputs, head_weights};
pub use device::{Adapter, DEVICE_KINDS, DeviceError, DeviceKind, device_identity, kernels_digest};
pub use error::NnError;
pub use maps::Maps;
pub use medicalnet::{DEPTHS, Depth, ResNet, Shortcut};
pub use memory_order::{to_memory_order, to_row_major};
pub use network::{Network, Stage};
pub use onnx::write_onnx;
pub use parameters::{Parameter, Parameters, Role};
pub use pass::{BatchNormMode, Pass, Trainable};
pub use plain_unet::{PlainUnet, UnetPlan, read_plans, turned_axes};
pub use recognise::{Recognised, recognise};
pub use weights::{MatchReport, ModelFile, Part, arrays, load_matching, match_file, read_model, write_model};

pub use burn::tensor::{Device, Tensor, TensorData};
