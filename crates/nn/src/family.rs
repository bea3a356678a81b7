//! Families of networks: the traits that each implements, and the list of them.
//!
//! A family is a folder. It has a description (depth, stages, channels, classes) that implements [`Family`], layers
//! built from it that implement [`Layers`], a variant of [`Architecture`], and an entry in [`FAMILIES`]; no other code
//! depends on the family of a network. Unlearning methods refer to stages and the decoder, losses to heads.

use crate::deep_supervision::DeepSupervisionOutputs;
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

/// The description of a network, without its weights. Its `Display` text enters digests and names of runs, so it must
/// hold every setting that changes a result.
pub(crate) trait Family: fmt::Display {
    /// Returns the number of input channels.
    fn channels(&self) -> usize;
    /// Returns the number of output classes, background included.
    fn classes(&self) -> usize;
    /// Returns the size (D, H, W) of the logits' grid for an input size (D, H, W).
    fn output_size(&self, input: [usize; 3]) -> [usize; 3];
    /// Returns the input size (D, H, W) after zero padding at the end of each axis.
    fn padded_size(&self, input: [usize; 3]) -> [usize; 3] {
        input
    }
    /// Returns the short name used in results.
    fn name(&self) -> String;
    /// Returns a description for printed output.
    fn about(&self) -> String;
    /// Returns the entries that describe the network in a model file's metadata, without the family's key.
    fn metadata(&self) -> BTreeMap<String, String>;
    /// Builds the layers of the network.
    fn layers(&self) -> Arc<dyn Layers>;
}

/// The layers of a network: the tensors they own and their forward pass.
pub(crate) trait Layers: Send + Sync {
    /// Returns the name, shape, role and initialisation of every tensor of the network.
    fn specs(&self) -> Vec<TensorSpec>;
    /// Returns the number of parts that the encoder is divided into; activations are recomputed part by part.
    fn encoder_parts(&self) -> usize;
    /// Runs one part of the encoder, counted from 0, on its input `[B, C, D, H, W]`.
    fn encode_part(&self, part: usize, pass: &Pass, x: Tensor<5>) -> Tensor<5>;
    /// Returns the stage that a part of the encoder belongs to.
    fn part_stage(&self, part: usize) -> Stage;
    /// Returns whether the decoder takes the output of a part.
    fn hands_over(&self, part: usize) -> bool;
    /// Returns the logits of the prediction, `[B, classes, D, H, W]`, from the encoder's features.
    fn decode(&self, pass: &Pass, features: &Maps) -> Tensor<5>;
    /// Returns the logits of every trained head from the encoder's features.
    fn heads(&self, pass: &Pass, features: &Maps) -> DeepSupervisionOutputs {
        DeepSupervisionOutputs::one(self.decode(pass, features))
    }
    /// Adds the layers to an ONNX graph: takes the name of the input value, and returns the name of the result and its
    /// channels; `None` if the family has no ONNX export.
    fn graph(&self, _graph: &mut GraphBuilder, _input: String, _part: Part) -> Option<(String, usize)> {
        None
    }
    /// Returns the stage that a tensor belongs to, by its name.
    fn stage(&self, name: &str) -> Stage;
    /// Returns the cost of a pass of one volume of a size (D, H, W).
    fn cost(&self, size: [usize; 3]) -> Cost;
}

/// The entry of a family in [`FAMILIES`].
pub(crate) struct FamilyEntry {
    /// The family's key in metadata.
    pub key: &'static str,
    /// The files of the family that can be read, for the error about an unsupported file.
    pub supported: &'static str,
    /// The first part of the names of the decoder's tensors.
    pub decoder: &'static str,
    /// Recognises a network of the family by the names and shapes of a file's tensors; `None` if it is not one.
    pub recognise: fn(&Renamed) -> Option<Recognised>,
    /// Builds the network from the metadata of [`Family::metadata`].
    pub from_metadata: fn(&mut Metadata) -> Result<Architecture, NnError>,
}

/// All families, in the order of error messages.
pub(crate) static FAMILIES: &[FamilyEntry] = &[medicalnet::FAMILY, plain_unet::FAMILY];

/// The metadata fields that describe a model file's network; each is removed when it is read.
pub(crate) struct Metadata<'a> {
    pub path: &'a Path,
    pub fields: &'a mut BTreeMap<String, String>,
}

impl Metadata<'_> {
    /// Removes a field and returns its text; empty if it is missing.
    pub fn take(&mut self, field: &str) -> String {
        self.fields.remove(field).unwrap_or_default()
    }

    /// Removes a field and returns it as an integer.
    pub fn number(&mut self, field: &'static str) -> Result<usize, NnError> {
        let text = self.take(field);
        text.parse().map_err(|_| self.bad(field, "a whole number", &text))
    }

    /// Returns the error about a field.
    pub fn bad(&self, field: &'static str, expected: &str, found: &str) -> NnError {
        NnError::BadMetadata {
            path: self.path.to_path_buf(),
            field,
            expected: expected.to_string(),
            found: if found.is_empty() { "nothing".to_string() } else { format!("`{found}`") },
        }
    }
}

/// Returns the count if it is within a range, or [`NnError::BadCount`].
pub(crate) fn check_count(
    what: &'static str,
    found: usize,
    allowed: std::ops::RangeInclusive<usize>,
    expected: &'static str,
) -> Result<(), NnError> {
    if allowed.contains(&found) { Ok(()) } else { Err(NnError::BadCount { what, found, expected }) }
}

/// Checks that the numbers of channels and classes are within the limits of all families.
pub(crate) fn check_channels_and_classes(channels: usize, classes: usize) -> Result<(), NnError> {
    check_count("channels", channels, 1..=64, "1 to 64")?;
    check_count("classes", classes, 2..=250, "2 to 250")
}
