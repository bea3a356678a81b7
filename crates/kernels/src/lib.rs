//! The operations a 3-D ResNet or U-Net spends its time in: convolution, transposed convolution, max pooling,
//! batch and instance normalisation and the SGD step, each forward and backward.
//!
//! Every tensor has the logical shape `[B, C, D, H, W]` on every device; how its memory is laid out is this
//! crate's own business. Each operation has a plain version in [`mod@reference`], made of burn's own tensor
//! operations, which is what runs on a device that this crate has no kernel for, and what the kernels are
//! tested against.
//!
//! A shape that does not fit is a bug of the caller and panics with the law it breaks.

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
pub use descent::{SgdOptions, sgd_step, sgd_update};
pub use finite::all_finite;
pub use identity::{KERNELS_DIGEST, rounding_class};
pub use normalisation::{Activation, Normalised, Statistics, batch_norm, instance_norm};
pub use operation::{Tally, take_tally};
pub use pooling::max_pool3d;
pub use segment::{begin_segment, end_segment};
