//! Which network a file's tensors belong to.

use crate::family::FAMILIES;
use crate::names::renamed;
use crate::{Architecture, NnError};
use lacuna_weights::WeightFile;

/// How many tensors of a foreign file are named in an error.
const NAMED_MAX: usize = 6;

/// The network of so many classes.
type OfClasses = dyn Fn(usize) -> Result<Architecture, NnError>;

/// What a file's names and shapes say of its network.
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

    /// Output classes; `None` of an encoder alone.
    pub fn classes(&self) -> Option<usize> {
        self.classes
    }

    /// The architecture, with these classes where the file has no head.
    ///
    /// # Errors
    /// Counts beyond those of any network.
    pub fn architecture(&self, classes: usize) -> Result<Architecture, NnError> {
        (self.of_classes)(self.classes.unwrap_or(classes))
    }
}

/// The network of a file, by its names and shapes.
///
/// # Errors
/// [`NnError::OtherNetwork`] if it is none that is known here; two different tensors of one name.
pub fn recognise(file: &WeightFile) -> Result<Recognised, NnError> {
    let renamed = renamed(file)?;
    FAMILIES.iter().find_map(|family| (family.recognise)(&renamed)).ok_or_else(|| other_network(file))
}

/// The error about a file of a network that is not known here.
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
