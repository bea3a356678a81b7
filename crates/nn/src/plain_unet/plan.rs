//! The description of a U-Net: the stages of nnU-Net's plans, channels and classes.

use super::layers::Unet;
use crate::family::{Family, Layers, Metadata, check_channels_and_classes, check_count};
use crate::{Architecture, NnError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The stages of a U-Net, finest first, under the names of nnU-Net's `arch_kwargs`.
///
/// Axes are those of the network's input, D, H and W.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnetPlan {
    /// The number of channels of each stage.
    pub features_per_stage: Vec<usize>,
    /// The kernel size of each stage's convolutions along D, H and W, odd.
    pub kernel_sizes: Vec<[usize; 3]>,
    /// The stride of each stage relative to the one before, along D, H and W; 1 for the first.
    pub strides: Vec<[usize; 3]>,
    /// The number of convolutions of each stage of the encoder.
    pub n_conv_per_stage: Vec<usize>,
    /// The number of convolutions of each stage of the decoder, deepest first: one stage fewer than the encoder.
    pub n_conv_per_stage_decoder: Vec<usize>,
}

/// nnU-Net's plain convolutional U-Net (`PlainConvUNet`), without its weights.
///
/// Source: Isensee, Jaeger, Kohl, Petersen and Maier-Hein, "nnU-Net: a self-configuring method for deep learning-based
/// biomedical image segmentation", 2021, and the public code of `dynamic_network_architectures` for the details.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlainUnet {
    /// The stages of the encoder and the decoder.
    #[serde(flatten)]
    pub plan: UnetPlan,
    /// The number of input channels.
    pub channels: usize,
    /// The number of output classes, background included.
    pub classes: usize,
}

impl UnetPlan {
    /// Returns the plan unchanged if a network can be built from it.
    ///
    /// # Errors
    /// [`NnError::BadPlan`] for lists whose lengths disagree, or numbers out of range.
    pub fn checked(self) -> Result<UnetPlan, NnError> {
        let stages = self.features_per_stage.len();
        check_count("the number of stages of the U-Net", stages, 2..=10, "2 to 10")?;
        for (what, found, expected) in [
            ("kernel_sizes", self.kernel_sizes.len(), stages),
            ("strides", self.strides.len(), stages),
            ("n_conv_per_stage", self.n_conv_per_stage.len(), stages),
            ("n_conv_per_stage_decoder", self.n_conv_per_stage_decoder.len(), stages - 1),
        ] {
            if found != expected {
                return Err(NnError::BadPlan {
                    field: what.to_string(),
                    expected: format!("{expected} entries for {stages} stages"),
                    found: found.to_string(),
                });
            }
        }
        let convolutions = self.n_conv_per_stage.iter().chain(&self.n_conv_per_stage_decoder);
        convolutions.copied().try_for_each(|count| check_count("convolutions of a stage", count, 1..=10, "1 to 10"))?;
        let mut features = self.features_per_stage.iter().copied();
        features.try_for_each(|count| check_count("features of a stage", count, 1..=4096, "1 to 4096"))?;
        let bad = |field: &str, expected: &str, found: [usize; 3]| NnError::BadPlan {
            field: field.to_string(),
            expected: expected.to_string(),
            found: format!("{found:?}"),
        };
        if let Some(kernel) =
            self.kernel_sizes.iter().find(|kernel| kernel.iter().any(|taps| ![1, 3, 5, 7].contains(taps)))
        {
            return Err(bad("kernel_sizes", "1, 3, 5 or 7 along each axis", *kernel));
        }
        if self.strides[0] != [1; 3] {
            return Err(bad("strides", "[1, 1, 1] for the first stage", self.strides[0]));
        }
        if let Some(stride) = self.strides.iter().find(|stride| stride.iter().any(|by| !(1..=4).contains(by))) {
            return Err(bad("strides", "1 to 4 along each axis", *stride));
        }
        Ok(self)
    }

    /// Returns the stride (D, H, W) of the deepest stage relative to the input.
    fn coarsest_stride(&self) -> [usize; 3] {
        self.strides.iter().fold([1; 3], |sum, stride| std::array::from_fn(|axis| sum[axis] * stride[axis]))
    }
}

impl PlainUnet {
    /// Creates the network of a plan.
    ///
    /// # Errors
    /// As [`UnetPlan::checked`]; no channel, or fewer than 2 classes.
    pub fn new(plan: UnetPlan, channels: usize, classes: usize) -> Result<PlainUnet, NnError> {
        check_channels_and_classes(channels, classes)?;
        Ok(PlainUnet { plan: plan.checked()?, channels, classes })
    }
}

impl Family for PlainUnet {
    fn channels(&self) -> usize {
        self.channels
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn output_size(&self, input: [usize; 3]) -> [usize; 3] {
        input
    }

    /// Each axis becomes a multiple of the deepest stage's stride, and the deepest stage has more than one voxel, since
    /// a single voxel cannot be normalised.
    fn padded_size(&self, input: [usize; 3]) -> [usize; 3] {
        let coarsest = self.plan.coarsest_stride();
        let mut size: [usize; 3] = std::array::from_fn(|axis| input[axis].next_multiple_of(coarsest[axis]));
        if size == coarsest {
            size[2] += coarsest[2];
        }
        size
    }

    fn name(&self) -> String {
        format!("unet{}x{}", self.plan.features_per_stage.len(), self.plan.features_per_stage[0])
    }

    fn about(&self) -> String {
        let UnetPlan { features_per_stage, strides, .. } = &self.plan;
        format!("nnU-Net PlainConvUNet, features {features_per_stage:?}, strides {strides:?}")
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("unet".to_string(), serde_json::to_string(self).expect("plain data is JSON"))])
    }

    fn layers(&self) -> Arc<dyn Layers> {
        Arc::new(Unet::new(self))
    }
}

impl fmt::Display for PlainUnet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnetPlan { features_per_stage, kernel_sizes, strides, n_conv_per_stage, n_conv_per_stage_decoder } =
            &self.plan;
        let listed = |numbers: &[usize]| numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(".");
        let sizes =
            |sizes: &[[usize; 3]]| sizes.iter().map(|[d, h, w]| format!("{d}x{h}x{w}")).collect::<Vec<_>>().join(".");
        write!(
            formatter,
            "plainunet-{}to{}-f{}-k{}-s{}-n{}-d{}",
            self.channels,
            self.classes,
            listed(features_per_stage),
            sizes(kernel_sizes),
            sizes(strides),
            listed(n_conv_per_stage),
            listed(n_conv_per_stage_decoder),
        )
    }
}

pub(super) fn from_metadata(metadata: &mut Metadata) -> Result<Architecture, NnError> {
    let text = metadata.take("unet");
    let read: PlainUnet = serde_json::from_str(&text)
        .map_err(|error| metadata.bad("unet", &format!("a U-Net's plan ({error})"), &text))?;
    Ok(Architecture::PlainUnet(PlainUnet::new(read.plan, read.channels, read.classes)?))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns a plan of four stages, of which the second is coarser along two axes only.
    pub(crate) fn tiny() -> UnetPlan {
        UnetPlan {
            features_per_stage: vec![4, 6, 8, 8],
            kernel_sizes: vec![[1, 3, 3], [3; 3], [3; 3], [3; 3]],
            strides: vec![[1; 3], [1, 2, 2], [2; 3], [2; 3]],
            n_conv_per_stage: vec![2, 1, 2, 2],
            n_conv_per_stage_decoder: vec![2, 1, 2],
        }
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut UnetPlan), words: &[&str]) {
        let mut plan = tiny();
        change(&mut plan);
        let message = PlainUnet::new(plan, 1, 2).unwrap_err().to_string();
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }

    #[test]
    fn a_plan_of_no_network_is_refused_by_field() {
        refused(|plan| plan.features_per_stage.truncate(1), &["stages", "2 to 10"]);
        refused(|plan| plan.strides.truncate(3), &["strides", "4 entries", "found 3"]);
        refused(|plan| plan.n_conv_per_stage_decoder.push(1), &["n_conv_per_stage_decoder", "3 entries"]);
        refused(|plan| plan.n_conv_per_stage[1] = 0, &["convolutions of a stage", "0"]);
        refused(|plan| plan.features_per_stage[2] = 0, &["features of a stage", "0"]);
        refused(|plan| plan.kernel_sizes[1] = [3, 2, 3], &["kernel_sizes", "[3, 2, 3]"]);
        refused(|plan| plan.strides[0] = [2; 3], &["strides", "first stage"]);
        refused(|plan| plan.strides[1] = [0, 1, 1], &["strides", "[0, 1, 1]"]);
        assert!(PlainUnet::new(tiny(), 0, 2).is_err() && PlainUnet::new(tiny(), 1, 1).is_err());
    }

    #[test]
    fn plans_that_differ_in_anything_have_different_names_in_digests() {
        let name = |change: &dyn Fn(&mut UnetPlan)| {
            let mut plan = tiny();
            change(&mut plan);
            PlainUnet::new(plan, 1, 2).unwrap().to_string()
        };
        let same = name(&|_| ());
        let changes: [&dyn Fn(&mut UnetPlan); 5] = [
            &|plan| plan.features_per_stage[1] = 7,
            &|plan| plan.kernel_sizes[0] = [3; 3],
            &|plan| plan.strides[1] = [2; 3],
            &|plan| plan.n_conv_per_stage[0] = 1,
            &|plan| plan.n_conv_per_stage_decoder[0] = 1,
        ];
        assert!(changes.iter().all(|change| name(*change) != same));
    }

    #[test]
    fn an_input_is_padded_to_what_the_stages_divide_with_more_than_a_voxel_left() {
        let network = PlainUnet::new(tiny(), 1, 2).unwrap();
        assert_eq!(network.padded_size([4, 16, 24]), [4, 16, 24]);
        assert_eq!(network.padded_size([5, 9, 1]), [8, 16, 8]);
        assert_eq!(network.padded_size([3, 8, 8]), [4, 8, 16]);
    }
}
