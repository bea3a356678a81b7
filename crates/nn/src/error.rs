//! What can go wrong with networks and their files.

use std::path::PathBuf;

/// An error about an architecture or a weight file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    /// A depth for which no network is published.
    #[error("depth {found} is no MedicalNet depth: expected one of 10, 18, 34, 50, 101, 152, 200")]
    UnknownDepth {
        /// The depth as given.
        found: usize,
    },
    /// A class or channel count of zero or beyond any use.
    #[error("{what} is {found}: expected {expected}")]
    BadCount {
        /// Which count.
        what: &'static str,
        /// As given.
        found: usize,
        /// The allowed range.
        expected: &'static str,
    },
    /// A network whose graph is not written.
    #[error("{path}: expected MedicalNet's network for an ONNX graph, found {architecture}; fix: write a .pth file")]
    NoGraph {
        /// The file to be written.
        path: PathBuf,
        /// The network.
        architecture: String,
    },
    /// The file could not be read or written.
    #[error(transparent)]
    Disk(#[from] lacuna_disk::DiskError),
    /// The file is in no format that is read, is damaged, or holds no tensors.
    #[error(transparent)]
    Weights(#[from] lacuna_weights::WeightsError),
    /// The file's tensors are not those of any network here.
    #[error("{path}: expected the tensors of {supported}, found {first}; fix: {fix}")]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// Every network that is known.
        supported: String,
        /// Its first tensors, with shapes.
        first: String,
        /// What to do.
        fix: &'static str,
    },
    /// Two tensors differ only in what a wrapper put before their names.
    #[error(
        "{path}: expected one tensor `{tensor}`, found two, with and without what a wrapper puts in front (`module.`, `model.`); fix: save one model a file"
    )]
    SameName {
        /// The file.
        path: PathBuf,
        /// The name without what wrappers put before it.
        tensor: String,
    },
    /// A tensor that has a second name holds something else under it.
    #[error(
        "{path}: expected `{alias}` to be the tensor `{tensor}` under its second name, found another; \
         fix: save the state dict of one network"
    )]
    AliasDiffers {
        /// The file.
        path: PathBuf,
        /// The first name.
        tensor: String,
        /// The second name.
        alias: String,
    },
    /// A network of nnU-Net's that answers for each region by itself.
    #[error(
        "{path}: expected a network whose outputs are classes that exclude each other, found one trained with regions \
         (`regions_class_order` in its dataset.json), which has one sigmoid output per region and none for the background; \
         fix: predict with nnU-Net, or train a network on labels without regions"
    )]
    Regions {
        /// The file.
        path: PathBuf,
    },
    /// What is said of a U-Net contradicts itself.
    #[error("{field}: expected {expected}, found {found}")]
    BadPlan {
        /// Which list.
        field: String,
        /// What would do.
        expected: String,
        /// As given.
        found: String,
    },
    /// A plans file is none of nnU-Net's, or describes another network.
    #[error(
        "{path}: {field}: expected {expected}, found {found}; fix: name the plans.json beside the checkpoint's fold"
    )]
    Plans {
        /// The file.
        path: PathBuf,
        /// Where in it.
        field: String,
        /// What would do.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A weight of whole numbers or truth values.
    #[error("{path}: tensor `{tensor}`: expected floats, found {found}; fix: save the weights before quantising them")]
    NotFloat {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its elements' type.
        found: &'static str,
    },
    /// A metadata field is missing or contradicts itself.
    #[error("{path}: metadata `{field}`: expected {expected}, found {found}")]
    BadMetadata {
        /// The file.
        path: PathBuf,
        /// The metadata key.
        field: &'static str,
        /// What would do.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A tensor holds values that are not numbers.
    #[error("{path}: tensor `{tensor}` holds a value that is not finite")]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// The file's tensors are not those of the network asked for.
    #[error("{path}: expected the tensors of {architecture}, found {report}; fix: {fix}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The network, in words.
        architecture: String,
        /// What matched and what did not.
        report: String,
        /// What would make it fit.
        fix: String,
    },
}
