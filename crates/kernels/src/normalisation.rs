//! Batch normalisation, with the addition and the rectifier that follow it in a residual block.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::operation::{Given, KernelBackend, Operands, Residual, Rule, has_kernels};
use crate::reference;

/// Whose mean and variance normalise the activations.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "two handles, made once per layer and call")]
pub enum Statistics {
    /// Those of the batch itself, over its subjects and voxels; gradients flow through them.
    Batch,
    /// Given ones, shape `[C]` each, treated as constants.
    Running {
        /// Mean per channel.
        mean: Tensor<1>,
        /// Variance per channel.
        variance: Tensor<1>,
    },
}

/// What follows the normalisation and the residual addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// `max(0, y)`, whose gradient at 0 is 0.
    Relu,
}

/// The result of [`batch_norm`].
#[derive(Clone, Debug)]
pub struct Normalised {
    /// `activation(normalised + residual)`, of the shape of the input.
    pub output: Tensor<5>,
    /// Mean per channel that was used, `[C]`, without gradient.
    pub mean: Tensor<1>,
    /// Variance per channel for the running statistics, `[C]`, without gradient: the unbiased one of the batch
    /// (divided by n - 1, where n counts subjects and voxels), or the given one.
    pub variance: Tensor<1>,
}

/// Normalises each channel, scales and shifts it, adds the residual and applies the activation.
///
/// `y = activation((x - mean) / sqrt(variance + epsilon) * scale + shift + residual)`, where the batch's variance
/// is the biased one (divided by n), as in PyTorch.
///
/// Shapes: `x` and `residual` `[B, C, D, H, W]`, `scale` and `shift` `[C]`.
///
/// # Panics
/// If the shapes disagree, or a batch with a single value per channel is asked for its own statistics.
pub fn batch_norm(
    x: Tensor<5>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    statistics: Statistics,
    residual: Option<Tensor<5>>,
    activation: Activation,
    epsilon: f64,
) -> Normalised {
    let [batch, channels, depth, height, width] = x.dims();
    assert_eq!(scale.dims(), [channels], "batch_norm: one scale per channel");
    assert_eq!(shift.dims(), [channels], "batch_norm: one shift per channel");
    if let Some(residual) = &residual {
        assert_eq!(residual.dims(), x.dims(), "batch_norm: the residual must have the shape of the input");
    }
    match &statistics {
        Statistics::Batch => assert!(
            batch * depth * height * width > 1,
            "batch_norm: a single value per channel has no variance of its own"
        ),
        Statistics::Running { mean, variance } => {
            assert_eq!(mean.dims(), [channels], "batch_norm: one running mean per channel");
            assert_eq!(variance.dims(), [channels], "batch_norm: one running variance per channel");
        }
    }
    if !has_kernels(&x) {
        return reference::batch_norm(x, scale, shift, statistics, residual, activation, epsilon);
    }
    let operands = Operands {
        x: x.into_dispatch(),
        scale: scale.into_dispatch(),
        shift: shift.into_dispatch(),
        residual: residual.map_or(Residual::Absent, |residual| Residual::Added(residual.into_dispatch())),
        given: match statistics {
            Statistics::Batch => Given::Nothing,
            Statistics::Running { mean, variance } => Given::Moments(mean.into_dispatch(), variance.into_dispatch()),
        },
    };
    let (output, mean, variance) = <Dispatch as KernelBackend>::normalise(operands, Rule { activation, epsilon });
    Normalised {
        output: Tensor::from_dispatch(output),
        mean: Tensor::from_dispatch(mean),
        variance: Tensor::from_dispatch(variance),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    const SHAPE: [usize; 5] = [2, 5, 3, 4, 6];

    /// Output, statistics and all gradients of the output's weighted sum.
    fn passes(
        own_statistics: bool,
        residual: bool,
        activation: Activation,
        plain: bool,
    ) -> Vec<(&'static str, Vec<f32>)> {
        let device = Device::flex().autodiff();
        device.seed(11);
        let random = |mean| Tensor::<5>::random(SHAPE, Distribution::Normal(mean, 1.0), &device);
        let channel = |low, high| Tensor::<1>::random([SHAPE[1]], Distribution::Uniform(low, high), &device);
        let (x, added, weights) = (random(3.0).require_grad(), random(0.0).require_grad(), random(0.0));
        let (scale, shift) = (channel(0.5, 1.5).require_grad(), channel(-0.5, 0.5).require_grad());
        let statistics = match own_statistics {
            true => Statistics::Batch,
            false => Statistics::Running { mean: channel(2.0, 4.0), variance: channel(0.5, 2.0) },
        };
        let operation = if plain { reference::batch_norm } else { batch_norm };
        let residual = residual.then(|| added.clone());
        let result = operation(x.clone(), scale.clone(), shift.clone(), statistics, residual.clone(), activation, 1e-5);
        let gradients = (result.output.clone() * weights).sum().backward();
        let numbers = |tensor: Tensor<1>| tensor.into_data().try_into_vec::<f32>().unwrap();
        let mut found = vec![
            ("y", numbers(result.output.reshape([-1]))),
            ("mean", numbers(result.mean)),
            ("variance", numbers(result.variance)),
            ("dx", numbers(x.grad(&gradients).unwrap().reshape([-1]))),
            ("dscale", numbers(scale.grad(&gradients).unwrap())),
            ("dshift", numbers(shift.grad(&gradients).unwrap())),
        ];
        if residual.is_some() {
            found.push(("dresidual", numbers(added.grad(&gradients).unwrap().reshape([-1]))));
        }
        found
    }

    #[test]
    fn agrees_with_the_reference_in_every_mode() {
        for own_statistics in [true, false] {
            for residual in [true, false] {
                for activation in [Activation::Identity, Activation::Relu] {
                    let found = passes(own_statistics, residual, activation, false);
                    let expected = passes(own_statistics, residual, activation, true);
                    for ((name, found), (_, expected)) in found.iter().zip(&expected) {
                        let scale = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
                        let distance = found.iter().zip(expected).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
                        assert!(
                            distance <= 2e-5 * scale,
                            "{name} (own statistics {own_statistics}, residual {residual}, {activation:?}): {distance} of {scale}"
                        );
                    }
                }
            }
        }
    }
}
