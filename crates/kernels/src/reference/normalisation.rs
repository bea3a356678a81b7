//! Batch normalisation in tensor operations.

use burn::tensor::Tensor;
use burn::tensor::activation::{leaky_relu, relu};

use crate::{Activation, Normalised, Statistics};

/// Computes [`crate::batch_norm`] in tensor operations; the arguments are checked there.
pub fn batch_norm(
    x: Tensor<5>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    statistics: Statistics,
    residual: Option<Tensor<5>>,
    activation: Activation,
    epsilon: f64,
) -> Normalised {
    let channels = scale.dims()[0];
    let per_channel = |values: Tensor<1>| values.reshape([1, channels, 1, 1, 1]);
    let (mean, biased, unbiased) = match statistics {
        Statistics::Batch => batch_statistics(x.clone()),
        Statistics::Running { mean, variance } => (mean.detach(), variance.clone().detach(), variance.detach()),
    };
    let centred = x - per_channel(mean.clone());
    let normalised = centred / per_channel((biased + epsilon).sqrt());
    let mut output = normalised * per_channel(scale) + per_channel(shift);
    if let Some(residual) = residual {
        output = output + residual;
    }
    output = match activation {
        Activation::Identity => output,
        Activation::Relu => relu(output),
        Activation::LeakyRelu => leaky_relu(output, 0.01),
    };
    Normalised { output, mean: mean.detach(), variance: unbiased.detach() }
}

/// Returns the mean, biased and unbiased variance of each channel, `[C]` each.
fn batch_statistics(x: Tensor<5>) -> (Tensor<1>, Tensor<1>, Tensor<1>) {
    let channels = x.dims()[1];
    let rows: Tensor<2> = x.swap_dims(0, 1).reshape([channels as i32, -1]);
    let count = rows.dims()[1] as f64;
    let mean = rows.clone().mean_dim(1);
    let biased: Tensor<1> = (rows - mean.clone()).powi_scalar(2).mean_dim(1).squeeze_dim(1);
    (mean.squeeze_dim(1), biased.clone(), biased * (count / (count - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn a_channel_of_two_voxels_worked_by_hand() {
        // x = 1, 3: mean 2, biased variance 1, unbiased 2; normalised -1, 1; scaled by 2, shifted by 1: -1, 3;
        // residual 0.5, 1: -0.5, 4; rectified: 0, 4.
        let device = Device::flex();
        let line = |values: [f32; 2]| Tensor::<5>::from_data([[[[values]]]], &device);
        let vector = |value: f32| Tensor::<1>::from_data([value], &device);
        let result = batch_norm(
            line([1.0, 3.0]),
            vector(2.0),
            vector(1.0),
            Statistics::Batch,
            Some(line([0.5, 1.0])),
            Activation::Relu,
            0.0,
        );
        assert_eq!(result.output.into_data().try_into_vec::<f32>().unwrap(), [0.0, 4.0]);
        assert_eq!(result.mean.into_data().try_into_vec::<f32>().unwrap(), [2.0]);
        assert_eq!(result.variance.into_data().try_into_vec::<f32>().unwrap(), [2.0]);
    }
}
