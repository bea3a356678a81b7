//! Kinds of networks: what each has to say of itself, and the list of them.
//!
//! A family is a folder. It has a description (depth, stages, channels, classes) that implements [`Family`], layers
//! built from it that implement [`Layers`], a variant of [`Architecture`], and its line in [`FAMILIES`]; nothing else
//! asks which family a network is of. Strategies speak of stages and of the decoder, losses of heads.

use crate::heads::Heads;
use crate::layers::TensorSpec;
use crate::maps::Maps;
use crate::names::Renamed;
use crate::network::Stage;
use crate::onnx::GraphBuilder;
use crate::pass::Pass;
use crate::recognise::Recognised;
use crate::weights::Part;
use crate::{Architecture, Cost, NnError, medicalnet, plain_unet};
use burn::tensor::Tensor;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A network up to its weights. What `Display` says enters digests and names of runs, so it says everything that
/// decides a result.
pub(crate) trait Family: fmt::Display {
    /// Input channels.
    fn channels(&self) -> usize;
    /// Output classes, background included.
    fn classes(&self) -> usize;
    /// The grid of the logits for an input size.
    fn output_size(&self, input: [usize; 3]) -> [usize; 3];
    /// The input size with the zeros that are put behind its voxels on the way in.
    fn padded_size(&self, input: [usize; 3]) -> [usize; 3] {
        input
    }
    /// As results name it, short.
    fn name(&self) -> String;
    /// In words for people.
    fn about(&self) -> String;
    /// What a model file says of it, besides the family's key.
    fn metadata(&self) -> BTreeMap<String, String>;
    /// Its layers.
    fn layers(&self) -> Arc<dyn Layers>;
}

/// The layers of a network: the tensors they own and how an input passes through them.
pub(crate) trait Layers: Send + Sync {
    /// Every tensor of the network.
    fn specs(&self) -> Vec<TensorSpec>;
    /// How many parts the encoder is passed in; activations are recomputed part by part.
    fn encoder_parts(&self) -> usize;
    /// Through one part of the encoder.
    fn encode_part(&self, part: usize, pass: &Pass, x: Tensor<5>) -> Tensor<5>;
    /// The stage that a part of the encoder belongs to.
    fn part_stage(&self, part: usize) -> Stage;
    /// Whether the decoder is given what leaves a part.
    fn hands_over(&self, part: usize) -> bool;
    /// The encoder's features to the logits that predictions are made of.
    fn decode(&self, pass: &Pass, features: &Maps) -> Tensor<5>;
    /// The encoder's features to all logits that are trained.
    fn heads(&self, pass: &Pass, features: &Maps) -> Heads {
        Heads::one(self.decode(pass, features))
    }
    /// The same as a graph, from a value's name to that of the result and its channels; `None` of a family that is not
    /// written so.
    fn graph(&self, _graph: &mut GraphBuilder, _input: String, _part: Part) -> Option<(String, usize)> {
        None
    }
    /// The part of the network that a tensor belongs to.
    fn stage(&self, name: &str) -> Stage;
    /// What one volume of a size (D, H, W) costs.
    fn cost(&self, size: [usize; 3]) -> Cost;
}

/// A family in the list.
pub(crate) struct FamilyEntry {
    /// As metadata name it.
    pub key: &'static str,
    /// Which files of it are read, for the error about any other.
    pub supported: &'static str,
    /// The first part of the names of the decoder's tensors.
    pub decoder: &'static str,
    /// The network of tensors, by their names and shapes.
    pub recognise: fn(&Renamed) -> Option<Recognised>,
    /// The network that [`Family::metadata`] describes.
    pub from_metadata: fn(&mut Metadata) -> Result<Architecture, NnError>,
}

/// Every family; the order is that of error messages.
pub(crate) static FAMILIES: &[FamilyEntry] = &[medicalnet::FAMILY, plain_unet::FAMILY];

/// The fields of a model file that describe its network, each to be taken once.
pub(crate) struct Metadata<'a> {
    pub path: &'a Path,
    pub fields: &'a mut BTreeMap<String, String>,
}

impl Metadata<'_> {
    /// A field's text; empty if there is none.
    pub fn take(&mut self, field: &str) -> String {
        self.fields.remove(field).unwrap_or_default()
    }

    /// A field that is a whole number.
    pub fn number(&mut self, field: &'static str) -> Result<usize, NnError> {
        let text = self.take(field);
        text.parse().map_err(|_| self.bad(field, "a whole number", &text))
    }

    /// The error about a field.
    pub fn bad(&self, field: &'static str, expected: &str, found: &str) -> NnError {
        NnError::BadMetadata {
            path: self.path.to_path_buf(),
            field,
            expected: expected.to_string(),
            found: if found.is_empty() { "nothing".to_string() } else { format!("`{found}`") },
        }
    }
}

/// A count within a range.
pub(crate) fn check_count(
    what: &'static str,
    found: usize,
    allowed: std::ops::RangeInclusive<usize>,
    expected: &'static str,
) -> Result<(), NnError> {
    if allowed.contains(&found) { Ok(()) } else { Err(NnError::BadCount { what, found, expected }) }
}

/// Channels and classes that any network may have.
pub(crate) fn check_channels_and_classes(channels: usize, classes: usize) -> Result<(), NnError> {
    check_count("channels", channels, 1..=64, "1 to 64")?;
    check_count("classes", classes, 2..=250, "2 to 250")
}
