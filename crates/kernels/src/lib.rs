//! The operations that take most of the time of a 3-D ResNet or U-Net: convolution, transposed convolution, max
//! pooling, batch and instance normalisation and the SGD step, each forward and backward.
//!
//! Every tensor has the logical shape `[B, C, D, H, W]` on every device; its memory layout is internal to this crate.
//! Each operation has a plain version in [`mod@reference`], composed of burn's own tensor operations, which runs on
//! devices that this crate has no kernels for, and which the kernels are tested against.
//!
//! Shapes that do not fit are a bug of the caller and cause a panic that names the violated condition.

mod convolution;
mod cpu;
mod descent;
mod finite;
mod identity;
mod normalisation;
mod operation;
mod pooling;
pub mod reference;
mod segment;

pub use convolution::{Conv3dOptions, conv_transpose3d, conv3d};
pub use cpu::peak::{MULTIPLY_ADD_CHAIN_FLOPS, multiply_add_chain};
pub use cpu::simd::InstructionSet;
pub use descent::{SgdOptions, sgd_step};
pub use finite::all_finite;
pub use identity::{KERNELS_DIGEST, rounding_class};
pub use normalisation::{Activation, Normalised, Statistics, batch_norm, instance_norm};
pub use operation::{OperationCounts, take_operation_counts};
pub use pooling::max_pool3d;
pub use segment::{begin_segment, end_segment};
