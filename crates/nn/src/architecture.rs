//! Which network: depth, shortcut, channels, classes.

use crate::NnError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a residual block joins its input where stride or width change (He et al., 2016, section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shortcut {
    /// Subsampling and zero-filled channels, cut off from the gradient as in MedicalNet.
    A,
    /// A 1x1x1 convolution and BatchNorm.
    B,
}

/// One of MedicalNet's depths and what it stands for.
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

/// Every depth that MedicalNet publishes.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// 10, 18, 34, 50, 101, 152 or 200.
    pub depth: usize,
    /// How blocks join their input where the width changes.
    pub shortcut: Shortcut,
    /// Input channels; 1 for MedicalNet's own weights.
    pub channels: usize,
    /// Output classes, background included.
    pub classes: usize,
}

impl Architecture {
    /// The network of a depth with the shortcut of its published weights.
    ///
    /// # Errors
    /// A depth that MedicalNet does not have, no channel, or fewer than 2 classes.
    pub fn new(depth: usize, channels: usize, classes: usize) -> Result<Architecture, NnError> {
        let known = find_depth(depth)?;
        Architecture { depth, shortcut: known.shortcut, channels, classes }.checked()
    }

    /// The same network with another shortcut.
    pub fn with_shortcut(self, shortcut: Shortcut) -> Architecture {
        Architecture { shortcut, ..self }
    }

    /// The architecture itself if a network can be built from it.
    ///
    /// # Errors
    /// As [`Architecture::new`]; needed where an architecture was read from a file.
    pub fn checked(self) -> Result<Architecture, NnError> {
        find_depth(self.depth)?;
        check_count("channels", self.channels, 1..=64, "1 to 64")?;
        check_count("classes", self.classes, 2..=250, "2 to 250")?;
        Ok(self)
    }

    /// What the depth stands for.
    pub(crate) fn depth_entry(&self) -> &'static Depth {
        find_depth(self.depth).expect("an Architecture holds a known depth")
    }

    /// The size of the output grid for an input size, axis by axis: a quarter, rounded as the
    /// three strided layers round.
    pub fn output_size(&self, input: [usize; 3]) -> [usize; 3] {
        input.map(|size| 2 * size.div_ceil(2).div_ceil(2).div_ceil(2))
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "resnet{}{:?}-{}to{}", self.depth, self.shortcut, self.channels, self.classes)
    }
}

fn find_depth(layers: usize) -> Result<&'static Depth, NnError> {
    DEPTHS.iter().find(|depth| depth.layers == layers).ok_or(NnError::UnknownDepth { found: layers })
}

fn check_count(
    what: &'static str,
    found: usize,
    allowed: std::ops::RangeInclusive<usize>,
    expected: &'static str,
) -> Result<(), NnError> {
    if allowed.contains(&found) { Ok(()) } else { Err(NnError::BadCount { what, found, expected }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_depth_is_refused_with_the_known_ones() {
        let message = Architecture::new(51, 1, 2).unwrap_err().to_string();
        assert!(message.contains("51") && message.contains("50, 101"), "{message}");
    }

    #[test]
    fn output_is_a_quarter_of_the_input() {
        let network = Architecture::new(10, 1, 2).unwrap();
        assert_eq!(network.output_size([64, 48, 448]), [16, 12, 112]);
        // 90 -> 45 -> 23 -> 12 by the three strides, doubled by the head: 24.
        assert_eq!(network.output_size([90, 56, 8]), [24, 14, 2]);
    }
}
