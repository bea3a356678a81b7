//! Recognition of the network that a file's tensors belong to.

use crate::family::FAMILIES;
use crate::names::renamed;
use crate::{Architecture, NnError};
use lacuna_weights::WeightFile;

/// The number of tensors of an unsupported file that an error names.
const NAMED_MAX: usize = 6;

/// A function from the number of classes to the network.
type OfClasses = dyn Fn(usize) -> Result<Architecture, NnError>;

/// The network recognised from a file's names and shapes.
pub struct Recognised {
    classes: Option<usize>,
    of_classes: Box<OfClasses>,
}

impl Recognised {
    pub(crate) fn new(
        classes: Option<usize>,
        of_classes: impl Fn(usize) -> Result<Architecture, NnError> + 'static,
    ) -> Recognised {
        Recognised { classes, of_classes: Box::new(of_classes) }
    }

    /// Returns the number of output classes; `None` if the file holds only an encoder.
    pub fn classes(&self) -> Option<usize> {
        self.classes
    }

    /// Returns the architecture, with `classes` classes if the file has no head.
    ///
    /// # Errors
    /// [`NnError::BadCount`] for counts beyond the limits of any network.
    pub fn architecture(&self, classes: usize) -> Result<Architecture, NnError> {
        (self.of_classes)(self.classes.unwrap_or(classes))
    }
}

/// Recognises the network of a file by its names and shapes.
///
/// # Errors
/// [`NnError::OtherNetwork`] if it is not a supported one; two different tensors of one name.
pub fn recognise(file: &WeightFile) -> Result<Recognised, NnError> {
    let renamed = renamed(file)?;
    FAMILIES.iter().find_map(|family| (family.recognise)(&renamed)).ok_or_else(|| other_network(file))
}

/// Returns the error about a file whose network is not supported.
pub(crate) fn other_network(file: &WeightFile) -> NnError {
    let named: Vec<String> =
        file.tensors().take(NAMED_MAX).map(|(name, tensor)| format!("`{name}` {:?}", tensor.shape())).collect();
    let more = if file.tensors().count() > named.len() { ", …" } else { "" };
    let supported = FAMILIES.iter().map(|family| family.supported).collect::<Vec<_>>().join(", or of ");
    let summary = file.unread_summary();
    let fix = match summary {
        Some(_) => "save these tensors as plain 32-bit floats in PyTorch, or choose a file of such a network",
        None => "choose a file of such a network",
    };
    let unread = summary.map_or(String::new(), |summary| format!(", and {summary}"));
    NnError::OtherNetwork { path: file.path().to_path_buf(), supported, first: named.join(", ") + more + &unread, fix }
}
