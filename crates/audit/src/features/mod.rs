//! What a model says of a subject, as one number per feature.
//!
//! Everything is arithmetic on the log-probabilities of one scan on the network's output grid, `[C, D, H, W]` row-major,
//! and the labels `[D, H, W]`; ignored voxels count nowhere. A subject of several scans has the mean over them. The maps
//! themselves are not kept: they are as personal as the scan.

mod margin;
mod region;
mod scan;
mod statistic;

pub use region::Region;
pub use scan::Scan;
pub use statistic::{Features, Statistic};
