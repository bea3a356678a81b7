//! Which network a file's tensors belong to.

use crate::architecture::{DEPTHS, Shortcut};
use crate::names::{Renamed, renamed};
use crate::{Architecture, NnError};
use lacuna_weights::WeightFile;

/// How many tensors of a foreign file are named in an error.
const NAMED_MAX: usize = 6;

/// What a file's names and shapes say of its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// MedicalNet's depth.
    pub depth: usize,
    /// How blocks join their input.
    pub shortcut: Shortcut,
    /// Input channels.
    pub channels: usize,
    /// Output classes; `None` of an encoder alone.
    pub classes: Option<usize>,
}

impl Recognised {
    /// The architecture, with these classes where the file has no head.
    ///
    /// # Errors
    /// Counts beyond those of any network.
    pub fn architecture(&self, classes: usize) -> Result<Architecture, NnError> {
        let classes = self.classes.unwrap_or(classes);
        Architecture { depth: self.depth, shortcut: self.shortcut, channels: self.channels, classes }.checked()
    }
}

/// The network of a file, by its names and shapes.
///
/// # Errors
/// [`NnError::OtherNetwork`] if it is none of MedicalNet's; two tensors of one name.
pub fn recognise(file: &WeightFile) -> Result<Recognised, NnError> {
    read(&renamed(file)?).ok_or_else(|| other_network(file))
}

/// The error about a file of a network that is not known here.
pub(crate) fn other_network(file: &WeightFile) -> NnError {
    let named: Vec<String> =
        file.tensors().take(NAMED_MAX).map(|(name, tensor)| format!("`{name}` {:?}", tensor.shape())).collect();
    let more = if file.tensors().count() > named.len() { ", …" } else { "" };
    NnError::OtherNetwork { path: file.path().to_path_buf(), first: named.join(", ") + more }
}

fn read(file: &Renamed) -> Option<Recognised> {
    let shape = |name: &str| file.tensors.get(name).map(|tensor| tensor.shape());
    let [64, channels, 7, 7, 7] = *shape("conv1.weight")? else { return None };
    let blocks = [1, 2, 3, 4].map(|stage| {
        let has = |block: &usize| shape(&format!("layer{stage}.{block}.conv1.weight")).is_some();
        (0..).take_while(has).count()
    });
    let bottleneck = shape("layer1.0.conv3.weight").is_some();
    let depth = DEPTHS.iter().find(|depth| depth.blocks == blocks && depth.bottleneck == bottleneck)?;
    let projects = file.tensors.keys().any(|name| name.contains(".downsample."));
    let shortcut = if projects { Shortcut::B } else { Shortcut::A };
    let classes = shape("conv_seg.6.weight").and_then(|shape| shape.first().copied());
    Some(Recognised { depth: depth.layers, shortcut, channels, classes })
}
