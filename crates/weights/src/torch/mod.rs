//! Reading and writing PyTorch's files.
//!
//! `torch.save` pickles the object and stores the numbers separately: since version 1.6 in entries of a zip archive,
//! before one after the other behind the pickle. A tensor is pickled as the call of a rebuild function with a storage,
//! an offset, sizes and strides; these few functions are interpreted here as descriptions, and none is called.
//!
//! The result is a state dict: names and tensors. It may be the whole pickle or lie in a larger dictionary under one of
//! the usual keys ([`state::WRAPPERS`]).

mod archive;
mod legacy;
mod rebuild;
mod state;
mod write;
mod zip;

pub(crate) use state::State;
pub use write::Wrapping;
pub(crate) use write::bytes_of;

/// Reads a file in the zip format.
pub(crate) use archive::read as read_zip;
/// Reads a file in the format before version 1.6.
pub(crate) use legacy::read as read_legacy;

/// The largest pickle in bytes: a checkpoint of the largest network with its optimiser takes less than 1 MiB.
const PICKLE_BYTES_MAX: usize = 64 << 20;
