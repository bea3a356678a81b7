//! Whole files: round trips, parity with nibabel, scipy and the `nifti` crate, hostile input,
//! and real volumes where they are at hand.

mod builder;
mod hostile;
mod parity;
mod real_data;
mod round_trip;
