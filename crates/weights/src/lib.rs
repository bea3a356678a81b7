//! Named tensors in files: PyTorch's two layouts and safetensors, read as data and written.
//!
//! [`WeightFile::open`] reads a `.pth`, `.pth.tar`, `.pt` or `.safetensors` file by what it is, not by what it is
//! called. A PyTorch file is a pickle, which in Python is a program; here it is data (see the `pickle` module), so a
//! file from anybody can be opened. Names, shapes and numbers are given as they stand in the file.
//!
//! Conventions. Shapes are PyTorch's. Elements come in row-major order, bytes least first, whatever the strides
//! under which they were saved.
//!
//! Bounds. A file is held once; tensors are views of it until asked for, and no tensor has more elements than its
//! storage (but for small expanded ones). The pickle machine and everything that walks its values take time and
//! memory in proportion to the file. A file that contradicts itself is an error that names file, place, expected,
//! found and fix; it never panics.
//!
//! Deliberately absent: networks, what a name means, and the tensor library.

mod array;
mod element;
mod error;
mod file;
mod kind;
mod pickle;
mod safe;
mod tensor;
mod torch;

pub use array::Array;
pub use element::Element;
pub use error::WeightsError;
pub use file::{FILE_BYTES_MAX, Format, WeightFile, write_pth, write_safetensors};
pub use tensor::Tensor;
pub use torch::Wrapping;
