//! The kernels on plain channels-last slices, independent of burn.

pub(crate) mod gather;
pub(crate) mod geometry;
#[cfg(test)]
mod naive;
pub(crate) mod normalise;
pub(crate) mod pack;
pub(crate) mod peak;
mod plan;
pub(crate) mod pool;
pub(crate) mod reduce;
mod share;
pub(crate) mod simd;
#[cfg(test)]
mod tests;
pub(crate) mod weight_gradient;
