//! Every operation in burn's own tensor operations: slower, but differentiable and correct on every device.

mod convolution;
mod normalisation;
mod pooling;
#[cfg(all(test, feature = "vulkan"))]
mod vulkan;

pub use convolution::{conv_transpose3d, conv3d};
pub use normalisation::batch_norm;
pub use pooling::max_pool3d;
