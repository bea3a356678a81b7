//! Recognition of a U-Net by its tensors.

use super::plan::{PlainUnet, UnetPlan};
use crate::Architecture;
use crate::names::Renamed;
use crate::recognise::Recognised;

/// The largest number of stages, and of convolutions in one, that is recognised.
const MOST: usize = 64;

/// Returns the whole plan from the shapes: a transposed convolution has the kernel size of the stride that it undoes.
/// The instance norm's constant and the leaky ReLU's slope are not visible in shapes, but are the same in all of
/// nnU-Net's networks.
pub(super) fn recognise(file: &Renamed) -> Option<Recognised> {
    let shape = |name: String| file.tensors.get(&name).map(|tensor| tensor.shape());
    let kernel = |name: String| match *shape(name)? {
        [a, b, d, h, w] => Some(([a, b], [d, h, w])),
        _ => None,
    };
    // Batch norms would have running statistics, and no supported U-Net has them.
    if file.tensors.keys().any(|name| name.ends_with(".running_mean")) {
        return None;
    }
    let convolutions = |of: &dyn Fn(usize) -> String| (0..MOST).take_while(|&index| shape(of(index)).is_some()).count();
    let encoder = |stage: usize, index: usize| format!("encoder.stages.{stage}.0.convs.{index}.conv.weight");
    let stages = convolutions(&|stage| encoder(stage, 0));
    let ([_, channels], _) = kernel(encoder(0, 0))?;
    let firsts: Vec<([usize; 2], [usize; 3])> =
        (0..stages).map(|stage| kernel(encoder(stage, 0))).collect::<Option<_>>()?;
    let up: Vec<([usize; 2], [usize; 3])> = (0..stages.checked_sub(1)?)
        .map(|position| kernel(format!("decoder.transpconvs.{position}.weight")))
        .collect::<Option<_>>()?;
    let ([classes, _], _) = kernel(format!("decoder.seg_layers.{}.weight", up.len().checked_sub(1)?))?;
    let strides = std::iter::once([1; 3]).chain(up.iter().rev().map(|(_, stride)| *stride));
    let decoder =
        |position: usize| convolutions(&|index| format!("decoder.stages.{position}.convs.{index}.conv.weight"));
    let plan = UnetPlan {
        features_per_stage: firsts.iter().map(|([features, _], _)| *features).collect(),
        kernel_sizes: firsts.iter().map(|(_, kernel)| *kernel).collect(),
        strides: strides.collect(),
        n_conv_per_stage: (0..stages).map(|stage| convolutions(&|index| encoder(stage, index))).collect(),
        n_conv_per_stage_decoder: (0..up.len()).map(decoder).collect(),
    };
    let plan = plan.checked().ok()?;
    Some(Recognised::new(Some(classes), move |classes| {
        Ok(Architecture::PlainUnet(PlainUnet::new(plan.clone(), channels, classes)?))
    }))
}
