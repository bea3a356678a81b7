//! Errors of networks and their files.

use std::path::PathBuf;

/// An error about an architecture or a weight file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    /// A depth for which no network is published.
    #[error("depth {found} is no MedicalNet depth: expected one of 10, 18, 34, 50, 101, 152, 200")]
    UnknownDepth {
        /// The requested depth.
        found: usize,
    },
    /// A count of classes or channels that is zero or too large.
    #[error("{what} is {found}: expected {expected}")]
    BadCount {
        /// The name of the count.
        what: &'static str,
        /// The value that was found.
        found: usize,
        /// The allowed range.
        expected: &'static str,
    },
    /// A network that cannot be exported as an ONNX graph.
    #[error("{path}: expected MedicalNet's network for an ONNX graph, found {architecture}; fix: write a .pth file")]
    NoGraph {
        /// The path of the file to be written.
        path: PathBuf,
        /// A description of the network.
        architecture: String,
    },
    /// The file could not be read or written.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
    /// The file has no supported format, is damaged, or holds no tensors.
    #[error(transparent)]
    Weights(#[from] lacuna_weights::WeightsError),
    /// The file's tensors are not those of any supported network.
    #[error("{path}: expected the tensors of {supported}, found {first}; fix: {fix}")]
    OtherNetwork {
        /// The path of the weight file.
        path: PathBuf,
        /// The supported networks.
        supported: String,
        /// The file's first tensors, with shapes.
        first: String,
        /// The fix that the message suggests.
        fix: &'static str,
    },
    /// Two tensors have the same name except for a wrapper's prefix.
    #[error(
        "{path}: expected one tensor `{tensor}`, found two, with and without what a wrapper puts in front (`module.`, `model.`); fix: save one model a file"
    )]
    SameName {
        /// The path of the weight file.
        path: PathBuf,
        /// The name without prefixes.
        tensor: String,
    },
    /// A second name of a tensor refers to other values.
    #[error(
        "{path}: expected `{alias}` to be the tensor `{tensor}` under its second name, found another; \
         fix: save the state dict of one network"
    )]
    AliasDiffers {
        /// The path of the weight file.
        path: PathBuf,
        /// The first name of the tensor.
        tensor: String,
        /// The second name of the tensor.
        alias: String,
    },
    /// An nnU-Net checkpoint trained with regions, which overlap, instead of classes.
    #[error(
        "{path}: expected a network whose outputs are classes that exclude each other, found one trained with regions \
         (`regions_class_order` in its dataset.json), which has one sigmoid output per region and none for the background; \
         fix: predict with nnU-Net, or train a network on labels without regions"
    )]
    Regions {
        /// The path of the weight file.
        path: PathBuf,
    },
    /// A U-Net's description contradicts itself or is out of range.
    #[error("{field}: expected {expected}, found {found}")]
    BadPlan {
        /// The field of the description.
        field: String,
        /// The values allowed here.
        expected: String,
        /// The value that was found.
        found: String,
    },
    /// A plans file that is not nnU-Net's, or describes an unsupported network.
    #[error(
        "{path}: {field}: expected {expected}, found {found}; fix: name the plans.json beside the checkpoint's fold"
    )]
    Plans {
        /// The path of the plans file.
        path: PathBuf,
        /// The position in the file.
        field: String,
        /// The value expected there.
        expected: String,
        /// The value that was found.
        found: String,
    },
    /// A weight whose elements are integers or booleans.
    #[error("{path}: tensor `{tensor}`: expected floats, found {found}; fix: save the weights before quantising them")]
    NotFloat {
        /// The path of the weight file.
        path: PathBuf,
        /// The name of the tensor.
        tensor: String,
        /// The type of its elements.
        found: &'static str,
    },
    /// A metadata field of a model file that is missing or invalid.
    #[error("{path}: metadata `{field}`: expected {expected}, found {found}")]
    BadMetadata {
        /// The path of the model file.
        path: PathBuf,
        /// The key of the metadata field.
        field: &'static str,
        /// The value expected there.
        expected: String,
        /// The value that was found.
        found: String,
    },
    /// A tensor holds infinite or NaN values.
    #[error("{path}: tensor `{tensor}` holds a value that is not finite")]
    NotFinite {
        /// The path of the weight file.
        path: PathBuf,
        /// The name of the tensor.
        tensor: String,
    },
    /// The file's tensors are not those of the requested network.
    #[error("{path}: expected the tensors of {architecture}, found {report}; fix: {fix}")]
    Mismatch {
        /// The path of the weight file.
        path: PathBuf,
        /// A description of the requested network.
        architecture: String,
        /// The tensors that matched and those that did not.
        report: String,
        /// What would make it fit.
        fix: String,
    },
}
