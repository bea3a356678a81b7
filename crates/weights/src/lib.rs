//! Named tensors in files: reading PyTorch's two formats and safetensors as data, and writing them.
//!
//! [`WeightFile::open`] reads a `.pth`, `.pth.tar`, `.pt` or `.safetensors` file according to its content, not its
//! name. A PyTorch file is a pickle, which in Python is a program; here it is data (see the `pickle` module), so
//! untrusted files can be opened. Names, shapes and numbers are returned as they are in the file.
//!
//! Conventions. Shapes are PyTorch's. Elements are in row-major order, little-endian, whatever the strides that they
//! were saved with.
//!
//! Limits. A file is in memory once; tensors are views of it until they are converted, and no tensor has more elements
//! than its storage (except small expanded ones). The pickle machine and all code that walks its values take time and
//! memory proportional to the file. A file that contradicts itself is an error that names file, position, expected,
//! found and fix; it never panics.
//!
//! Deliberately absent: networks, the meaning of names, and the tensor library.

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
