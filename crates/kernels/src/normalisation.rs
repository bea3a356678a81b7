//! Batch normalisation, with the addition and the rectifier that follow it in a residual block.

use burn::tensor::Tensor;

use crate::reference;

/// Whose mean and variance normalise the activations.
#[derive(Clone, Debug)]
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
    reference::batch_norm(x, scale, shift, statistics, residual, activation, epsilon)
}
