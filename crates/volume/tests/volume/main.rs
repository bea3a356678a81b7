//! Tests on whole files: round trips, parity with nibabel, scipy and the `nifti` crate, hostile input, and real volumes
//! if they are available.

mod builder;
mod hostile;
mod parity;
mod real_data;
mod round_trip;
