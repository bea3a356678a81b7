//! Batch normalisation, with the addition and the ReLU that follow it in a residual block.

use burn::backend::Dispatch;
use burn::tensor::Tensor;

use crate::operation::{Given, KernelBackend, Operands, Residual, Rule, has_kernels};
use crate::reference;

/// The mean and variance that normalise the activations.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "two handles, made once per layer and call")]
pub enum Statistics {
    /// The statistics of the batch itself, over its subjects and voxels; gradients flow through them.
    Batch,
    /// Given statistics, shape `[C]` each, treated as constants.
    Running {
        /// The mean of each channel.
        mean: Tensor<1>,
        /// The variance of each channel.
        variance: Tensor<1>,
    },
}

/// The activation after the normalisation and the residual addition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// The identity: values are unchanged.
    Identity,
    /// `max(0, y)`, whose gradient at 0 is 0.
    Relu,
    /// `y` above 0 and `0.01 y` below, PyTorch's default slope and nnU-Net's; the gradient at 0 is 0.01.
    LeakyRelu,
}

impl Activation {
    /// Returns the slope applied to values not above 0; `None` if all values are unchanged.
    pub(crate) fn slope_below(self) -> Option<f32> {
        match self {
            Activation::Identity => None,
            Activation::Relu => Some(0.0),
            Activation::LeakyRelu => Some(0.01),
        }
    }
}

/// The result of [`batch_norm`].
#[derive(Clone, Debug)]
pub struct Normalised {
    /// The output `activation(normalised + residual)`, with the shape of the input.
    pub output: Tensor<5>,
    /// The mean of each channel that was used, `[C]`, without gradient.
    pub mean: Tensor<1>,
    /// The variance of each channel for the running statistics, `[C]`, without gradient: the unbiased one of the batch
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
/// If the shapes disagree, or the statistics are those of a batch with a single value per channel.
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

/// Normalises each channel of each subject separately, scales and shifts it, and applies the activation.
///
/// As PyTorch's `InstanceNorm3d` with `affine=True`: mean and biased variance are those of one channel of one subject
/// over its voxels, both in training and in prediction. It equals batch normalisation of each subject as a batch of
/// one.
///
/// Shapes: `x` `[B, C, D, H, W]`, `scale` and `shift` `[C]`; the result has the shape of `x`.
///
/// # Panics
/// If the shapes disagree, or a channel has a single voxel.
pub fn instance_norm(
    x: Tensor<5>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    activation: Activation,
    epsilon: f64,
) -> Tensor<5> {
    let subjects = x.dims()[0];
    let normalised =
        |x| batch_norm(x, scale.clone(), shift.clone(), Statistics::Batch, None, activation, epsilon).output;
    if subjects == 1 {
        return normalised(x);
    }
    Tensor::cat((0..subjects).map(|subject| normalised(x.clone().narrow(0, subject, 1))).collect(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Distribution};

    const SHAPE: [usize; 5] = [2, 5, 3, 4, 6];

    /// Returns the output, the statistics and all gradients for a weighted sum of the output.
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
                for activation in [Activation::Identity, Activation::Relu, Activation::LeakyRelu] {
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

    #[test]
    fn a_subject_is_normalised_as_if_it_were_alone_and_no_other_reaches_its_gradient() {
        let device = Device::flex().autodiff();
        device.seed(3);
        let x = Tensor::<5>::random(SHAPE, Distribution::Normal(1.0, 2.0), &device).require_grad();
        let [scale, shift] =
            [0.5, -0.5].map(|low| Tensor::<1>::random([SHAPE[1]], Distribution::Uniform(low, 1.0), &device));
        let normed = |x| instance_norm(x, scale.clone(), shift.clone(), Activation::LeakyRelu, 1e-5);
        let numbers = |tensor: Tensor<5>| tensor.into_data().try_into_vec::<f32>().unwrap();
        let both = normed(x.clone());
        for subject in 0..2 {
            let alone = normed(x.clone().narrow(0, subject, 1));
            assert_eq!(numbers(both.clone().narrow(0, subject, 1)), numbers(alone));
        }
        let gradients = both.narrow(0, 1, 1).powi_scalar(2).sum().backward();
        let gradient = x.grad(&gradients).unwrap();
        assert!(numbers(gradient.clone().narrow(0, 0, 1)).iter().all(|value| *value == 0.0));
        assert!(numbers(gradient.narrow(0, 1, 1)).iter().any(|value| *value != 0.0));
    }
}
