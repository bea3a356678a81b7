//! The architecture of a network: one of a family's networks, without its weights.

use crate::NnError;
use crate::family::{Family, Layers};
use crate::medicalnet::{ResNet, Shortcut};
use crate::plain_unet::PlainUnet;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The architecture of a network, without its weights.
///
/// Its JSON form is that of the family's description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Architecture {
    /// One of MedicalNet's segmentation networks, a 3-D ResNet.
    MedicalNet(ResNet),
    /// nnU-Net's plain convolutional U-Net.
    PlainUnet(PlainUnet),
}

impl Architecture {
    /// Returns MedicalNet's network of a depth, with the shortcut of its published weights.
    ///
    /// # Errors
    /// [`NnError`] for a depth that MedicalNet does not have, no channel, or fewer than 2 classes.
    pub fn medicalnet(depth: usize, channels: usize, classes: usize) -> Result<Architecture, NnError> {
        Ok(Architecture::MedicalNet(ResNet::new(depth, channels, classes)?))
    }

    /// Returns the same network with another shortcut; unchanged if its family has no shortcuts.
    pub fn with_shortcut(self, shortcut: Shortcut) -> Architecture {
        match self {
            Architecture::MedicalNet(resnet) => Architecture::MedicalNet(ResNet { shortcut, ..resnet }),
            other => other,
        }
    }

    /// Returns MedicalNet's description, if the network is of that family.
    pub fn resnet(&self) -> Option<&ResNet> {
        match self {
            Architecture::MedicalNet(resnet) => Some(resnet),
            Architecture::PlainUnet(_) => None,
        }
    }

    /// Returns the U-Net's description, if the network is of that family.
    pub fn plain_unet(&self) -> Option<&PlainUnet> {
        match self {
            Architecture::MedicalNet(_) => None,
            Architecture::PlainUnet(unet) => Some(unet),
        }
    }

    pub(crate) fn family(&self) -> &dyn Family {
        match self {
            Architecture::MedicalNet(resnet) => resnet,
            Architecture::PlainUnet(unet) => unet,
        }
    }

    /// Returns the family's key in [`crate::family::FAMILIES`].
    pub(crate) fn family_key(&self) -> &'static str {
        match self {
            Architecture::MedicalNet(_) => crate::medicalnet::FAMILY.key,
            Architecture::PlainUnet(_) => crate::plain_unet::FAMILY.key,
        }
    }

    /// Returns the number of input channels.
    pub fn channels(&self) -> usize {
        self.family().channels()
    }

    /// Returns the number of output classes, background included.
    pub fn classes(&self) -> usize {
        self.family().classes()
    }

    /// Returns the size (D, H, W) of the logits' grid for an input size (D, H, W).
    pub fn output_size(&self, input: [usize; 3]) -> [usize; 3] {
        self.family().output_size(input)
    }

    /// Returns the name used in results: `resnet50`, with the shortcut where it differs from that of the published
    /// weights, or `unet6x32` for six stages with 32 features in the first.
    pub fn name(&self) -> String {
        self.family().name()
    }

    /// Returns a description for printed output, without channels and classes.
    pub fn about(&self) -> String {
        self.family().about()
    }

    pub(crate) fn padded_size(&self, input: [usize; 3]) -> [usize; 3] {
        self.family().padded_size(input)
    }

    pub(crate) fn metadata(&self) -> BTreeMap<String, String> {
        self.family().metadata()
    }

    pub(crate) fn layers(&self) -> Arc<dyn Layers> {
        self.family().layers()
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.family().fmt(formatter)
    }
}
