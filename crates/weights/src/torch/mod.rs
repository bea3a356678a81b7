//! PyTorch's files.
//!
//! `torch.save` pickles what it is given and keeps the numbers apart: in the layout of today in
//! entries of a zip archive, before version 1.6 one after the other behind the pickle. A tensor is
//! pickled as the call of a rebuild function with a storage, an offset, sizes and strides; these few
//! functions are read here as what they say, and none is called.
//!
//! What is wanted is a state dict: names and tensors. It may be the whole pickle or lie in a larger
//! dictionary under one of the usual keys ([`state::WRAPPERS`]).

mod archive;
mod legacy;
mod rebuild;
mod state;
mod write;
mod zip;

pub(crate) use state::State;
pub use write::Wrapping;
pub(crate) use write::bytes_of;

/// Read a file of the zip layout.
pub(crate) use archive::read as read_zip;
/// Read a file of the layout before version 1.6.
pub(crate) use legacy::read as read_legacy;

/// The longest pickle: a checkpoint of the largest network with its optimiser takes less than 1 MiB.
const PICKLE_BYTES_MAX: usize = 64 << 20;
