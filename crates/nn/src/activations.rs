//! Activations for the backward pass, kept in memory or recomputed.
//!
//! A backward pass reads what the forward pass computed, so a step keeps every activation of the network at once, which
//! for large volumes is most of its memory. Recomputing keeps only the input and output of each [`Segment`]: the
//! forward pass runs without an autodiff graph, and when the gradient of a segment's output is known, the segment runs
//! once more, with a graph. Source: Chen, Xu, Zhang and Guestrin, "Training Deep Nets with Sublinear Memory Cost",
//! 2016.
//!
//! Both ways give the same bits, since they run the same operations on the same numbers.

use crate::pass::Pass;
use burn::tensor::Tensor;
use std::collections::BTreeMap;

/// Whether activations are kept between the forward and the backward pass. It changes memory and time, never a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activations {
    /// All activations stay in memory.
    #[default]
    Kept,
    /// Activations within a part of the encoder are computed again for the backward pass.
    Recomputed,
}

/// A function that computes the output of a part of a network from its input.
pub(crate) type Forward = Box<dyn Fn(&Pass, Tensor<5>) -> Tensor<5>>;

/// A part of a network that was run without an autodiff graph.
pub(crate) struct Segment {
    /// The input of the part; its gradient is passed on to the parts before.
    pub input: Tensor<5>,
    /// The output of the part: a leaf, at which the gradient of the later parts is collected.
    pub output: Tensor<5>,
    /// Runs the part again, this time with a graph.
    pub forward: Forward,
}

/// The segments of a pass whose output gradient is not yet known, in the order they were run.
#[derive(Default)]
pub(crate) struct Waiting {
    segments: Vec<(Segment, Option<Tensor<5>>)>,
}

impl Waiting {
    pub(crate) fn of(segments: Vec<Segment>) -> Waiting {
        Waiting { segments: segments.into_iter().map(|segment| (segment, None)).collect() }
    }

    /// Removes and returns the last segment with the gradient of its output. Segments whose output has no gradient are
    /// skipped.
    pub(crate) fn next(&mut self) -> Option<(Segment, Tensor<5>)> {
        while let Some((segment, gradient)) = self.segments.pop() {
            if let Some(gradient) = gradient {
                return Some((segment, gradient));
            }
        }
        None
    }

    /// Adds the gradients found at the segments' outputs, and removes them from `gradients`.
    pub(crate) fn collect(&mut self, gradients: &mut burn::tensor::Gradients) {
        for (segment, sum) in &mut self.segments {
            if let Some(gradient) = segment.output.grad_remove(gradients) {
                *sum = Some(match sum.take() {
                    Some(before) => before.add(gradient),
                    None => gradient,
                });
            }
        }
    }
}

/// Adds the gradients of leaves to those already in `found`, by name.
pub(crate) fn collect_leaves(
    leaves: &BTreeMap<String, Tensor<1>>,
    gradients: &mut burn::tensor::Gradients,
    found: &mut BTreeMap<String, Tensor<1>>,
) {
    for (name, leaf) in leaves {
        // Removed from `gradients`, so that the optimiser holds the only copy.
        if let Some(gradient) = leaf.grad_remove(gradients) {
            let gradient = match found.remove(name) {
                Some(before) => before.add(gradient),
                None => gradient,
            };
            found.insert(name.clone(), gradient);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, BatchNormMode, Network, Trainable};
    use burn::tensor::{Device, Distribution};
    use lacuna_seed::Seed;

    type Numbers = BTreeMap<String, Vec<u32>>;

    /// Returns the gradients and running statistics of a loss over `forwards` volumes, for a bitwise comparison.
    fn passed(
        network: &Network,
        mode: BatchNormMode,
        trainable: Trainable,
        forwards: usize,
        activations: Activations,
    ) -> [Numbers; 2] {
        let device = Device::flex();
        device.seed(5);
        let pass = Pass::training(&network.parameters, mode, trainable).with_activations(activations);
        let forward = |_| {
            let input = Tensor::random([2, 1, 16, 16, 8], Distribution::Normal(0.0, 1.0), &device);
            network.forward(&pass, input).square().mean()
        };
        let loss = (0..forwards).map(forward).reduce(Tensor::add).unwrap();
        let gradients = pass.gradients(&loss);
        [gradients, pass.running_statistics()].map(|tensors| {
            let bits = |tensor: Tensor<1>| {
                tensor.into_data().try_into_vec::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
            };
            tensors.into_iter().map(|(name, tensor)| (name, bits(tensor))).collect()
        })
    }

    #[track_caller]
    fn check(depth: usize, trainable: Trainable, forwards: usize) {
        check_network(
            &Network::new(Architecture::medicalnet(depth, 1, 2).unwrap(), Seed(1), &Device::flex()),
            trainable,
            forwards,
        );
    }

    #[track_caller]
    fn check_network(network: &Network, trainable: Trainable, forwards: usize) {
        for mode in [BatchNormMode::Batch, BatchNormMode::Running] {
            let [kept, recomputed] = [Activations::Kept, Activations::Recomputed]
                .map(|activations| passed(network, mode, trainable, forwards, activations));
            assert!(!kept[0].is_empty(), "something has a gradient");
            assert_eq!(kept[0].keys().collect::<Vec<_>>(), recomputed[0].keys().collect::<Vec<_>>());
            assert!(kept == recomputed, "{}, {mode:?}, {forwards} forwards: some bit differs", network.architecture());
        }
    }

    #[test]
    fn recomputing_changes_no_bit_whatever_the_blocks() {
        // These depths have projections, subsampled shortcuts and bottlenecks.
        for depth in [10, 18, 50] {
            check(depth, &|_| true, 1);
        }
    }

    #[test]
    fn two_volumes_of_one_pass_add_up_and_are_observed_one_after_the_other() {
        check(10, &|_| true, 2);
    }

    #[test]
    fn a_frozen_part_is_not_run_again() {
        for first in ["layer2", "layer4", "conv_seg"] {
            check(10, &|name| name >= first, 1);
        }
        check(10, &|name| !Network::is_head(name), 1);
        check(10, &Network::is_head, 1);
        check(10, &|name| name.starts_with("conv1"), 1);
    }

    #[test]
    fn adapters_move_beside_frozen_kernels() {
        let network = Network::new(Architecture::medicalnet(10, 1, 2).unwrap(), Seed(1), &Device::flex());
        check_network(&network.with_adapters(2, 4.0, Seed(2)), &Network::is_adapter, 1);
    }

    #[test]
    fn nothing_waits_for_a_gradient_below_the_first_trainable_part() {
        let network = Network::new(Architecture::medicalnet(10, 1, 2).unwrap(), Seed(1), &Device::flex());
        let waiting = |first: &str| {
            let trainable = |name: &str| name >= first;
            let pass = Pass::training(&network.parameters, BatchNormMode::Running, &trainable);
            let pass = pass.with_activations(Activations::Recomputed);
            network.forward(&pass, Tensor::ones([1, 1, 16, 16, 16], &Device::flex()));
            pass.segments.borrow().len()
        };
        // In the order of names the stem's tensors come first, then the head's, then those of the four blocks.
        assert_eq!(["bn1", "conv_seg", "layer1", "layer3"].map(waiting), [5, 4, 4, 2]);
    }
}
