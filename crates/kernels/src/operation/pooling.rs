//! Max pooling and its gradient.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::{Autodiff, Flex};

use super::memory::ChannelsLast;
use super::{accumulate, counts};
use crate::cpu::geometry::Geometry;
use crate::cpu::pool::{max_pool, max_pool_gradient};
use crate::cpu::simd::InstructionSet;

pub(super) fn plain(x: FlexTensor, geometry: Geometry) -> FlexTensor {
    pool(ChannelsLast::new(x), &geometry).0.into_tensor()
}

pub(super) fn tracked<C: CheckpointStrategy>(
    x: burn::backend::tensor::FloatTensor<Autodiff<Flex, C>>,
    geometry: Geometry,
) -> burn::backend::tensor::FloatTensor<Autodiff<Flex, C>> {
    let (x, node) = x.into_parts();
    let (output, taps) = pool(ChannelsLast::new(x), &geometry);
    match MaxPool.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(operation) => {
            counts::keep(taps.len());
            operation.finish((Arc::new(taps), geometry), output.into_tensor())
        }
        OpsKind::UnTracked(operation) => operation.finish(output.into_tensor()),
    }
}

fn pool(x: ChannelsLast, geometry: &Geometry) -> (ChannelsLast, Vec<u32>) {
    let channels = x.shape()[1];
    let pooled = max_pool(InstructionSet::chosen(), geometry, x.elements(), channels);
    let [depth, height, width] = geometry.narrow;
    (ChannelsLast::from_elements(pooled.maxima, [geometry.batch, channels, depth, height, width]), pooled.taps)
}

#[derive(Debug)]
struct MaxPool;

impl Backward<Flex, 1> for MaxPool {
    /// The tap of the maximum of each window, and the geometry.
    type State = (Arc<Vec<u32>>, Geometry);

    fn backward(self, operation: Ops<Self::State, 1>, gradients: &mut Gradients, _: &mut Checkpointer) {
        accumulate::take(operation.node.id);
        let output = ChannelsLast::new(gradients.consume::<Flex>(&operation.node));
        let [node] = operation.parents;
        let (taps, geometry) = operation.state;
        let Some(node) = node else { return };
        counts::input_gradient();
        let channels = output.shape()[1];
        let gradient = max_pool_gradient(InstructionSet::chosen(), &geometry, output.elements(), &taps, channels);
        let [depth, height, width] = geometry.wide;
        let gradient = ChannelsLast::from_elements(gradient, [geometry.batch, channels, depth, height, width]);
        accumulate::register(gradients, node.id, gradient);
    }
}
