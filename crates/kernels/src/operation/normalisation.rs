//! Batch normalisation with residual and activation, and its gradients.

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};

use super::memory::{ChannelsLast, RowMajor};
use super::{Given, Operands, Residual};
use super::{accumulate, counts};
use crate::Activation;
use crate::cpu::normalise::{self, Affine, Moments, Rectified, moments};
use crate::cpu::simd::InstructionSet;

/// The settings of a normalisation besides its tensors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub activation: Activation,
    pub epsilon: f64,
}

struct Forward {
    x: ChannelsLast,
    affine: Affine,
    output: ChannelsLast,
    mean: FlexTensor,
    variance: FlexTensor,
}

fn forward(operands: Operands<Flex>, rule: Rule) -> Forward {
    let Operands { x, scale, shift, residual, given } = operands;
    let set = InstructionSet::chosen();
    let x = ChannelsLast::new(x);
    let residual = match residual {
        Residual::Added(residual) => Some(ChannelsLast::new(residual)),
        Residual::Absent => None,
    };
    let channels = x.shape()[1];
    let (moments, mean, variance) = match given {
        Given::Nothing => {
            let moments = moments(set, x.elements(), channels);
            let count = (x.elements().len() / channels) as f64;
            let unbiased = moments.variance.iter().map(|biased| (biased * count / (count - 1.0)) as f32).collect();
            let mean = moments.mean.iter().map(|&mean| mean as f32).collect();
            (moments, RowMajor::from_elements(mean, [channels]), RowMajor::from_elements(unbiased, [channels]))
        }
        Given::Moments(mean, variance) => {
            let wide =
                |tensor: &FlexTensor| RowMajor::new(tensor.clone()).elements().iter().map(|&v| f64::from(v)).collect();
            (Moments { mean: wide(&mean), variance: wide(&variance) }, mean, variance)
        }
    };
    let (scale, shift) = (RowMajor::new(scale), RowMajor::new(shift));
    let affine = Affine::new(&moments, scale.elements(), shift.elements(), rule.epsilon);
    let residual = residual.as_ref().map(ChannelsLast::elements);
    let output = normalise::normalise(set, x.elements(), &affine, residual, rule.activation);
    let output = ChannelsLast::from_elements(output, x.shape());
    Forward { x, affine, output, mean, variance }
}

pub(super) fn plain(operands: Operands<Flex>, rule: Rule) -> (FlexTensor, FlexTensor, FlexTensor) {
    let Forward { output, mean, variance, .. } = forward(operands, rule);
    (output.into_tensor(), mean, variance)
}

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

pub(super) fn tracked<C: CheckpointStrategy>(
    operands: Operands<Autodiff<Flex, C>>,
    rule: Rule,
) -> (Tracked<C>, Tracked<C>, Tracked<C>) {
    let Operands { x, scale, shift, residual, given } = operands;
    let ((x, x_node), (scale, scale_node), (shift, shift_node)) =
        (x.into_parts(), scale.into_parts(), shift.into_parts());
    // Without a residual, an operand outside the graph takes its place in the list of parents.
    let (residual, residual_node) = match residual {
        Residual::Added(residual) => {
            let (residual, node) = residual.into_parts();
            (Residual::Added(residual), node)
        }
        Residual::Absent => (Residual::Absent, Tracked::<C>::new(shift.clone()).node()),
    };
    let (given, statistics) = match given {
        Given::Moments(mean, variance) => {
            (Given::Moments(mean.into_primitive(), variance.into_primitive()), Source::Given)
        }
        Given::Nothing => (Given::Nothing, Source::Batch),
    };
    let Forward { x, affine, output, mean, variance } = forward(Operands { x, scale, shift, residual, given }, rule);
    let nodes = [x_node, scale_node, shift_node, residual_node];
    let output = match BatchNorm.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(operation) => {
            let rectified = rule.activation.slope_below().map(|slope| (output.clone(), slope));
            let outputs = rectified.iter().map(|(output, _)| output);
            std::iter::once(&x).chain(outputs).for_each(|tensor| counts::keep(tensor.elements().len()));
            operation.finish(Kept { x, rectified, affine, statistics }, output.into_tensor())
        }
        OpsKind::UnTracked(operation) => operation.finish(output.into_tensor()),
    };
    (output, Tracked::<C>::new(mean), Tracked::<C>::new(variance))
}

/// The source of mean and variance; the gradient flows through them only if it is the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Source {
    Batch,
    Given,
}

#[derive(Clone, Debug)]
struct Kept {
    x: ChannelsLast,
    /// The output, at whose positive elements the gradient passes unchanged, and the slope for the others.
    rectified: Option<(ChannelsLast, f32)>,
    affine: Affine,
    statistics: Source,
}

#[derive(Debug)]
struct BatchNorm;

impl Backward<Flex, 4> for BatchNorm {
    type State = Kept;

    fn backward(self, operation: Ops<Kept, 4>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let set = InstructionSet::chosen();
        accumulate::take(operation.node.id);
        let gradient = ChannelsLast::new(gradients.consume::<Flex>(&operation.node));
        let [x_node, scale_node, shift_node, residual_node] = operation.parents;
        let Kept { x, rectified, affine, statistics } = operation.state;
        let pass = normalise::Backward {
            gradient: gradient.elements(),
            x: x.elements(),
            rectified: rectified
                .as_ref()
                .map(|(output, slope_below)| Rectified { output: output.elements(), slope_below: *slope_below }),
            affine: &affine,
        };
        let through_batch = statistics == Source::Batch && x_node.is_some();
        let sums = (through_batch || scale_node.is_some() || shift_node.is_some()).then(|| pass.parameter_sums(set));
        if let Some(node) = x_node {
            counts::input_gradient();
            let through = sums.as_ref().filter(|_| through_batch);
            let gradient = ChannelsLast::from_elements(pass.input_gradient(set, through), x.shape());
            accumulate::register(gradients, node.id, gradient);
        }
        let per_channel =
            |sums: &[f64]| RowMajor::from_elements(sums.iter().map(|&sum| sum as f32).collect(), [sums.len()]);
        if let (Some(node), Some(sums)) = (scale_node, &sums) {
            counts::weight_gradient();
            gradients.register::<Flex>(node.id, per_channel(&sums.scale));
        }
        if let (Some(node), Some(sums)) = (shift_node, &sums) {
            counts::weight_gradient();
            gradients.register::<Flex>(node.id, per_channel(&sums.shift));
        }
        if let Some(node) = residual_node {
            counts::input_gradient();
            let residual = match pass.rectified {
                Some(_) => ChannelsLast::from_elements(pass.before_activation(), x.shape()),
                None => gradient,
            };
            accumulate::register(gradients, node.id, residual);
        }
    }
}
