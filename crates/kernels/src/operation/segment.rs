//! The two ends of a segment of the graph: an identity at its input, and an operation that supplies its output's
//! gradient.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use super::accumulate;
use super::memory::{ChannelsLast, RowMajor};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

pub(super) fn begin<C: CheckpointStrategy>(x: Tracked<C>) -> Tracked<C> {
    let (x, node) = x.into_parts();
    match Begin.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(operation) => operation.finish((), x),
        OpsKind::UnTracked(operation) => operation.finish(x),
    }
}

pub(super) fn end<C: CheckpointStrategy>(output: Tracked<C>, gradient: Tracked<C>) -> Tracked<C> {
    let (_, node) = output.into_parts();
    let gradient = ChannelsLast::new(gradient.into_primitive());
    match End.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(operation) => operation.finish(gradient, nothing()),
        OpsKind::UnTracked(operation) => operation.finish(nothing()),
    }
}

/// Returns the value of the segment's root, which is not used.
pub(super) fn nothing() -> FlexTensor {
    RowMajor::from_elements(vec![0.0], [1])
}

#[derive(Debug)]
struct Begin;

impl Backward<Flex, 1> for Begin {
    type State = ();

    fn backward(self, operation: Ops<(), 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        accumulate::take(operation.node.id);
        let gradient = ChannelsLast::new(gradients.consume::<Flex>(&operation.node));
        if let [Some(node)] = operation.parents {
            accumulate::register(gradients, node.id, gradient);
        }
    }
}

#[derive(Debug)]
struct End;

impl Backward<Flex, 1> for End {
    type State = ChannelsLast;

    fn backward(self, operation: Ops<ChannelsLast, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        gradients.consume::<Flex>(&operation.node);
        if let [Some(node)] = operation.parents {
            accumulate::register(gradients, node.id, operation.state);
        }
    }
}
