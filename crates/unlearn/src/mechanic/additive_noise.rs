//! Noise on top of an input, and how far a network's outputs follow it.

use lacuna_nn::Tensor;
use lacuna_nn::loss::ordered_sum;
use lacuna_seed::Stream;

/// An input with Gaussian noise of a deviation added, and the L2 norm of that noise.
pub(crate) fn with_noise(input: &[f32], deviation: f64, stream: &Stream) -> (Vec<f32>, f64) {
    let mut draws = stream.draws();
    let noise: Vec<f32> = input.iter().map(|_| (deviation * draws.normal()) as f32).collect();
    let norm = noise.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    (input.iter().zip(noise).map(|(value, noise)| value + noise).collect(), norm)
}

/// `|u - v| / step`, L2 over all voxels and classes: the slope of a function that goes from `u` to `v` over a step.
pub(crate) fn slope(u: Tensor<5>, v: Tensor<5>, step: f64) -> Tensor<1> {
    // Kept off 0, where a norm has no gradient.
    const SMALLEST: f64 = 1e-12;
    ordered_sum((u - v).powi_scalar(2)).add_scalar(SMALLEST).sqrt().div_scalar(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_nn::Device;
    use lacuna_seed::Seed;

    #[test]
    fn noise_has_the_deviation_asked_for_and_its_own_norm() {
        let (noisy, norm) = with_noise(&[5.0; 10_000], 0.3, &Seed(1).stream("noise"));
        let squares: f64 = noisy.iter().map(|&value| f64::from(value - 5.0).powi(2)).sum();
        assert!((squares.sqrt() - norm).abs() < 1e-3 * norm);
        // Four standard errors of a deviation over 10,000 draws: 4 / sqrt(2 n) = 2.8 percent.
        assert!((norm / 100.0 - 0.3).abs() < 0.01, "{norm}");
    }

    #[test]
    fn the_slope_of_a_step_worked_by_hand() {
        // Differences 3 and 4 have the norm 5; over a step of 2 that is 2.5.
        let outputs = |values: [f32; 2]| Tensor::<1>::from_floats(values, &Device::flex()).reshape([1, 2, 1, 1, 1]);
        let found = slope(outputs([3.0, 0.0]), outputs([0.0, 4.0]), 2.0).into_scalar::<f32>();
        assert!((found - 2.5).abs() < 1e-6, "{found}");
    }

    #[test]
    fn outputs_that_do_not_move_have_a_gradient_that_is_a_number() {
        let outputs = Tensor::<1>::from_floats([1.0, 2.0], &Device::flex().autodiff()).require_grad();
        let shaped = outputs.clone().reshape([1, 2, 1, 1, 1]);
        let gradients = slope(shaped.clone(), shaped.detach(), 1.0).backward();
        let gradient = outputs.grad(&gradients).unwrap().into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(gradient, [0.0, 0.0]);
    }
}
