//! Convolution, transposed convolution and their gradients.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use super::memory::{ChannelsLast, RowMajor};
use super::{accumulate, counts};
use crate::cpu::gather::{gather, gather_onto};
use crate::cpu::geometry::{Direction, Geometry};
use crate::cpu::pack::WeightView;
use crate::cpu::reduce::channel_sums;
use crate::cpu::simd::InstructionSet;
use crate::cpu::weight_gradient::weight_gradient;

pub(super) fn plain(
    x: FlexTensor,
    weight: FlexTensor,
    bias: FlexTensor,
    geometry: Geometry,
    direction: Direction,
) -> FlexTensor {
    let (weight, bias) = (ChannelsLast::new(weight), RowMajor::new(bias));
    apply(&ChannelsLast::new(x), &weight, Some(bias.elements()), &geometry, direction).into_tensor()
}

pub(super) fn tracked<C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<Flex, C>>,
    weight: FloatTensor<Autodiff<Flex, C>>,
    bias: FloatTensor<Autodiff<Flex, C>>,
    geometry: Geometry,
    direction: Direction,
) -> FloatTensor<Autodiff<Flex, C>> {
    let (x_moves, weight_moves) = (x.is_tracked(), weight.is_tracked());
    let ((x, x_node), (weight, weight_node), (bias, bias_node)) =
        (x.into_parts(), weight.into_parts(), bias.into_parts());
    let (x, weight, bias) = (ChannelsLast::new(x), ChannelsLast::new(weight), RowMajor::new(bias));
    let output = apply(&x, &weight, Some(bias.elements()), &geometry, direction).into_tensor();
    match Convolution.prepare::<C>([x_node, weight_node, bias_node]).compute_bound().stateful() {
        OpsKind::Tracked(operation) => {
            let kept = Kept { x: weight_moves.then_some(x), weight: x_moves.then_some(weight), geometry, direction };
            kept.x.iter().chain(&kept.weight).for_each(|tensor| counts::keep(tensor.elements().len()));
            operation.finish(kept, output)
        }
        OpsKind::UnTracked(operation) => operation.finish(output),
    }
}

/// The tensors kept for the gradients: the input for the weight's, the weight for the input's.
#[derive(Clone, Debug)]
struct Kept {
    x: Option<ChannelsLast>,
    weight: Option<ChannelsLast>,
    geometry: Geometry,
    direction: Direction,
}

#[derive(Debug)]
struct Convolution;

impl Backward<Flex, 3> for Convolution {
    type State = Kept;

    fn backward(self, operation: Ops<Kept, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        accumulate::take(operation.node.id);
        let output = ChannelsLast::new(gradients.consume::<Flex>(&operation.node));
        let [x_node, weight_node, bias_node] = operation.parents;
        let Kept { x, weight, geometry, direction } = operation.state;
        if let Some(node) = bias_node {
            counts::weight_gradient();
            let sums = channel_sums(output.elements(), output.shape()[1]);
            let length = sums.len();
            gradients.register::<Flex>(node.id, RowMajor::from_elements(sums, [length]));
        }
        if let (Some(node), Some(x)) = (weight_node, x) {
            counts::weight_gradient();
            gradients.register::<Flex>(node.id, gradient_of_weight(&x, &output, &geometry, direction));
        }
        if let (Some(node), Some(weight)) = (x_node, weight) {
            counts::input_gradient();
            let direction = direction.reversed();
            // The gradient of a leaf stays in place for the user, and burn adds to it.
            let is_leaf = node.parents.is_empty();
            let gradient = if !is_leaf && accumulate::take(node.id) {
                let mut sum = ChannelsLast::new(gradients.consume::<Flex>(&node));
                apply_onto(&mut sum, &output, &weight, &geometry, direction);
                sum
            } else {
                apply(&output, &weight, None, &geometry, direction)
            };
            accumulate::register(gradients, node.id, gradient);
        }
    }
}

fn apply(
    x: &ChannelsLast,
    weight: &ChannelsLast,
    bias: Option<&[f32]>,
    geometry: &Geometry,
    direction: Direction,
) -> ChannelsLast {
    let view = view(weight, geometry, direction);
    let output = gather(InstructionSet::chosen(), geometry, direction, x.elements(), view, bias);
    let [depth, height, width] = geometry.target(direction);
    ChannelsLast::from_elements(output, [geometry.batch, view.outputs(), depth, height, width])
}

/// Computes the result of [`apply`] and adds it to the values in `sum`.
fn apply_onto(
    sum: &mut ChannelsLast,
    x: &ChannelsLast,
    weight: &ChannelsLast,
    geometry: &Geometry,
    direction: Direction,
) {
    let view = view(weight, geometry, direction);
    gather_onto(InstructionSet::chosen(), geometry, direction, x.elements(), view, sum.elements_mut());
}

fn view<'a>(weight: &'a ChannelsLast, geometry: &Geometry, direction: Direction) -> WeightView<'a> {
    let [narrow, wide, ..] = weight.shape();
    WeightView::new(weight.elements(), direction, [narrow, wide], geometry.taps())
}

fn gradient_of_weight(
    x: &ChannelsLast,
    output: &ChannelsLast,
    geometry: &Geometry,
    direction: Direction,
) -> FlexTensor {
    let (wide, narrow) = match direction {
        Direction::Correlate => (x, output),
        Direction::Adjoint => (output, x),
    };
    let (wide_channels, narrow_channels) = (wide.shape()[1], narrow.shape()[1]);
    let set = InstructionSet::chosen();
    let gradient = weight_gradient(set, geometry, wide.elements(), wide_channels, narrow.elements(), narrow_channels);
    let [depth, height, width] = geometry.kernel;
    ChannelsLast::from_elements(gradient, [narrow_channels, wide_channels, depth, height, width]).into_tensor()
}
