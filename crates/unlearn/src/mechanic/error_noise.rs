//! A volume of noise that a network is as wrong about as can be.
//!
//! Source: Tarun, Chundawat, Mandal and Kankanhalli, "Fast Yet Effective Machine Unlearning", IEEE TNNLS 2023 (UNSIR),
//! equation 2: `min_N -L(f(N), y) + l |N|^2` over the noise alone, the network fixed. The mean square stands for the
//! sum, since a loss that is a mean over voxels has gradients that fall with their number, and the sum's do not: *our
//! reading* for volumes.

use crate::tally;
use lacuna_nn::loss::{SegmentationLoss, Target};
use lacuna_nn::{BatchNormMode, Network, Pass, Tensor};
use lacuna_train::Passes;

/// How noise is learnt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ErrorMaximising {
    pub steps: usize,
    pub learning_rate: f64,
    /// `l`
    pub decay: f64,
}

/// Noise learnt from `start`, `[1, C, D, H, W]`, against a target, by Adam on the input (Kingma and Ba, 2015, algorithm
/// 1 with its defaults). Each step is one pass forward and backward.
pub(crate) fn error_maximising_noise(
    network: &Network,
    start: Tensor<5>,
    target: &Target,
    loss: SegmentationLoss,
    how: ErrorMaximising,
) -> Tensor<5> {
    const BETA_1: f64 = 0.9;
    const BETA_2: f64 = 0.999;
    const EPSILON: f64 = 1e-8;
    let (mut noise, mut first, mut second) = (start.clone(), start.zeros_like(), start.zeros_like());
    for step in 1..=how.steps {
        let gradient = gradient_of_error(network, noise.clone(), target, loss, how.decay);
        first = first.mul_scalar(BETA_1) + gradient.clone().mul_scalar(1.0 - BETA_1);
        second = second.mul_scalar(BETA_2) + gradient.powi_scalar(2).mul_scalar(1.0 - BETA_2);
        let direction = first.clone().div_scalar(1.0 - BETA_1.powi(step as i32))
            / second.clone().div_scalar(1.0 - BETA_2.powi(step as i32)).sqrt().add_scalar(EPSILON);
        noise = noise - direction.mul_scalar(how.learning_rate);
    }
    noise
}

/// The gradient of `-L(f(N), y) + l mean N^2` with respect to N.
fn gradient_of_error(
    network: &Network,
    noise: Tensor<5>,
    target: &Target,
    loss: SegmentationLoss,
    decay: f64,
) -> Tensor<5> {
    let pass = Pass::training(&network.parameters, BatchNormMode::Running, &|_| false);
    let noise = Tensor::from_inner(noise).require_grad();
    tally::saw(Passes { training: 1, teacher: 0 });
    let error = loss.of(network.forward(&pass, noise.clone()), target);
    let mut gradients = (noise.clone().powi_scalar(2).mean().mul_scalar(decay) - error).backward();
    noise.grad_remove(&mut gradients).expect("the loss depends on the noise")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_inference::{input_tensor, targets};
    use lacuna_nn::Device;
    use lacuna_train::test_cases::{heads, resnet_10};

    fn case_and_target() -> (Tensor<5>, Target) {
        let (case, device) = (heads(1).remove(0), Device::flex());
        (input_tensor(&[&case], &device).unwrap(), targets(&[&case], 4, &device).unwrap())
    }

    fn error(network: &Network, input: Tensor<5>, target: &Target) -> f64 {
        let logits = network.forward(&Pass::evaluation(&network.parameters), input);
        f64::from(SegmentationLoss::CrossEntropy.of(logits, target).into_scalar::<f32>())
    }

    #[test]
    fn the_gradient_of_an_input_is_the_slope_of_its_error() {
        // Along the gradient itself, by central differences; 2 % for the kinks of ReLU and pooling and for single precision.
        let (network, (input, target)) = (resnet_10(), case_and_target());
        let loss = SegmentationLoss::CrossEntropy;
        let gradient = gradient_of_error(&network, input.clone(), &target, loss, 0.0);
        let norm = f64::from(gradient.clone().powi_scalar(2).sum().into_scalar::<f32>()).sqrt();
        let along = gradient.mul_scalar(1.0 / norm);
        let step = 0.1;
        let at = |by: f64| -error(&network, input.clone() + along.clone().mul_scalar(by), &target);
        let slope = (at(step) - at(-step)) / (2.0 * step);
        assert!((slope - norm).abs() < 2e-2 * norm, "{slope}, not {norm}");
    }

    #[test]
    fn noise_learnt_is_worse_than_what_it_began_as() {
        let (network, (input, target)) = (resnet_10(), case_and_target());
        let how = ErrorMaximising { steps: 10, learning_rate: 0.1, decay: 0.1 };
        let loss = SegmentationLoss::CrossEntropy;
        let noise = error_maximising_noise(&network, input.clone(), &target, loss, how);
        let (before, after) = (error(&network, input, &target), error(&network, noise, &target));
        assert!(after > before, "{before} before, {after} after");
    }
}
