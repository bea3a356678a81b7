//! The description of one of MedicalNet's networks: depth, shortcut, channels, classes.

use super::{FAMILY, MedicalNet};
use crate::family::{Family, Layers, Metadata, check_channels_and_classes};
use crate::names::Renamed;
use crate::recognise::Recognised;
use crate::{Architecture, NnError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The connection from a residual block's input to its output where stride or width change (He et al., 2016, section
/// 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Shortcut {
    /// Subsampling and channels of zeros; as in MedicalNet, no gradient flows through it.
    A,
    /// A 1x1x1 convolution and BatchNorm.
    B,
}

/// The configuration of one of MedicalNet's depths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// The number in the network's name.
    pub layers: usize,
    /// Residual blocks in each of the four stages.
    pub blocks: [usize; 4],
    /// Whether a block is 1x1x1, 3x3x3, 1x1x1 (true) or two 3x3x3 (false).
    pub bottleneck: bool,
    /// The shortcut of the published weights.
    pub shortcut: Shortcut,
}

/// All depths for which MedicalNet publishes weights.
pub static DEPTHS: &[Depth] = &[
    Depth { layers: 10, blocks: [1, 1, 1, 1], bottleneck: false, shortcut: Shortcut::B },
    Depth { layers: 18, blocks: [2, 2, 2, 2], bottleneck: false, shortcut: Shortcut::A },
    Depth { layers: 34, blocks: [3, 4, 6, 3], bottleneck: false, shortcut: Shortcut::A },
    Depth { layers: 50, blocks: [3, 4, 6, 3], bottleneck: true, shortcut: Shortcut::B },
    Depth { layers: 101, blocks: [3, 4, 23, 3], bottleneck: true, shortcut: Shortcut::B },
    Depth { layers: 152, blocks: [3, 8, 36, 3], bottleneck: true, shortcut: Shortcut::B },
    Depth { layers: 200, blocks: [3, 24, 36, 3], bottleneck: true, shortcut: Shortcut::B },
];

/// A MedicalNet segmentation network, up to its weights.
///
/// Source: Chen, Ma and Zheng, "Med3D: Transfer Learning for 3D Medical Image Analysis", 2019, and
/// its public code for the details the paper leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ResNet {
    /// The depth: 10, 18, 34, 50, 101, 152 or 200.
    pub depth: usize,
    /// The shortcut of the blocks that change stride or width.
    pub shortcut: Shortcut,
    /// Input channels; 1 for MedicalNet's own weights.
    pub channels: usize,
    /// Output classes, background included.
    pub classes: usize,
}

impl ResNet {
    /// Creates the description of a depth, with the shortcut of its published weights.
    ///
    /// # Errors
    /// [`NnError`] for a depth that MedicalNet does not have, no channel, or fewer than 2 classes.
    pub fn new(depth: usize, channels: usize, classes: usize) -> Result<ResNet, NnError> {
        let known = find_depth(depth)?;
        check_channels_and_classes(channels, classes)?;
        Ok(ResNet { depth, shortcut: known.shortcut, channels, classes })
    }

    /// Returns the configuration of the depth.
    pub(crate) fn depth_entry(&self) -> &'static Depth {
        find_depth(self.depth).expect("a ResNet holds a known depth")
    }
}

impl Family for ResNet {
    fn channels(&self) -> usize {
        self.channels
    }

    fn classes(&self) -> usize {
        self.classes
    }

    /// Returns a quarter of the input size, rounded as the three strided layers round.
    fn output_size(&self, input: [usize; 3]) -> [usize; 3] {
        input.map(|size| 2 * size.div_ceil(2).div_ceil(2).div_ceil(2))
    }

    fn name(&self) -> String {
        let ResNet { depth, shortcut, .. } = self;
        if self.depth_entry().shortcut == *shortcut {
            format!("resnet{depth}")
        } else {
            format!("resnet{depth}{shortcut:?}")
        }
    }

    fn about(&self) -> String {
        format!("MedicalNet ResNet-{}, shortcut {:?}", self.depth, self.shortcut)
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            ("depth".to_string(), self.depth.to_string()),
            ("shortcut".to_string(), format!("{:?}", self.shortcut)),
            ("channels".to_string(), self.channels.to_string()),
            ("classes".to_string(), self.classes.to_string()),
        ])
    }

    fn layers(&self) -> Arc<dyn Layers> {
        Arc::new(MedicalNet::new(self))
    }
}

impl fmt::Display for ResNet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "resnet{}{:?}-{}to{}", self.depth, self.shortcut, self.channels, self.classes)
    }
}

pub(super) fn from_metadata(metadata: &mut Metadata) -> Result<Architecture, NnError> {
    let [depth, channels, classes] = ["depth", "channels", "classes"].map(|field| metadata.number(field));
    let shortcut = match metadata.take("shortcut").as_str() {
        "A" => Shortcut::A,
        "B" => Shortcut::B,
        other => return Err(metadata.bad("shortcut", "`A` or `B`", other)),
    };
    Ok(Architecture::medicalnet(depth?, channels?, classes?)?.with_shortcut(shortcut))
}

pub(super) fn recognise(file: &Renamed) -> Option<Recognised> {
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
    let classes = shape(&format!("{}.6.weight", FAMILY.decoder)).and_then(|shape| shape.first().copied());
    let depth = depth.layers;
    Some(Recognised::new(classes, move |classes| {
        Ok(Architecture::medicalnet(depth, channels, classes)?.with_shortcut(shortcut))
    }))
}

fn find_depth(layers: usize) -> Result<&'static Depth, NnError> {
    DEPTHS.iter().find(|depth| depth.layers == layers).ok_or(NnError::UnknownDepth { found: layers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_depth_is_refused_with_the_known_ones() {
        let message = Architecture::medicalnet(51, 1, 2).unwrap_err().to_string();
        assert!(message.contains("51") && message.contains("50, 101"), "{message}");
    }

    #[test]
    fn output_is_a_quarter_of_the_input() {
        let network = Architecture::medicalnet(10, 1, 2).unwrap();
        assert_eq!(network.output_size([64, 48, 448]), [16, 12, 112]);
        // 90 -> 45 -> 23 -> 12 by the three strides, doubled by the head: 24.
        assert_eq!(network.output_size([90, 56, 8]), [24, 14, 2]);
    }

    #[test]
    fn a_network_is_named_with_its_shortcut_only_where_that_is_not_the_published_one() {
        let name = |depth, shortcut| Architecture::medicalnet(depth, 1, 2).unwrap().with_shortcut(shortcut).name();
        assert_eq!([name(50, Shortcut::B), name(50, Shortcut::A)], ["resnet50", "resnet50A"]);
        assert_eq!([name(18, Shortcut::A), name(18, Shortcut::B)], ["resnet18", "resnet18B"]);
    }
}
