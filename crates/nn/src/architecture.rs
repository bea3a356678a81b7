//! Which network: one of a family's, up to its weights.

use crate::NnError;
use crate::family::{Family, Layers};
use crate::medicalnet::{ResNet, Shortcut};
use crate::plain_unet::PlainUnet;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A network up to its weights.
///
/// As JSON it is what its family's description is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Architecture {
    /// One of MedicalNet's segmentation networks.
    MedicalNet(ResNet),
    /// nnU-Net's plain convolutional U-Net.
    PlainUnet(PlainUnet),
}

impl Architecture {
    /// MedicalNet's network of a depth with the shortcut of its published weights.
    ///
    /// # Errors
    /// A depth that MedicalNet does not have, no channel, or fewer than 2 classes.
    pub fn medicalnet(depth: usize, channels: usize, classes: usize) -> Result<Architecture, NnError> {
        Ok(Architecture::MedicalNet(ResNet::new(depth, channels, classes)?))
    }

    /// The same network with another shortcut; one without shortcuts as it is.
    pub fn with_shortcut(self, shortcut: Shortcut) -> Architecture {
        match self {
            Architecture::MedicalNet(resnet) => Architecture::MedicalNet(ResNet { shortcut, ..resnet }),
            other => other,
        }
    }

    /// MedicalNet's description, if it is of that family.
    pub fn resnet(&self) -> Option<&ResNet> {
        match self {
            Architecture::MedicalNet(resnet) => Some(resnet),
            Architecture::PlainUnet(_) => None,
        }
    }

    /// The U-Net's description, if it is of that family.
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

    /// The family's key in [`crate::family::FAMILIES`].
    pub(crate) fn family_key(&self) -> &'static str {
        match self {
            Architecture::MedicalNet(_) => crate::medicalnet::FAMILY.key,
            Architecture::PlainUnet(_) => crate::plain_unet::FAMILY.key,
        }
    }

    /// Input channels.
    pub fn channels(&self) -> usize {
        self.family().channels()
    }

    /// Output classes, background included.
    pub fn classes(&self) -> usize {
        self.family().classes()
    }

    /// The size of the grid of logits for an input size, axis by axis.
    pub fn output_size(&self, input: [usize; 3]) -> [usize; 3] {
        self.family().output_size(input)
    }

    /// As results name it: `resnet50`, with the shortcut where it is not that of the published weights, or `unet6x32`
    /// for six stages from 32 features.
    pub fn name(&self) -> String {
        self.family().name()
    }

    /// In words for people, without channels and classes.
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
