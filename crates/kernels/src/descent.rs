//! Stochastic gradient descent with momentum, as one pass over the parameters.

use rayon::prelude::*;

/// The number of elements updated by one task.
const ELEMENTS_PER_TASK: usize = 1 << 14;

/// The constants of one step. Dampening is 0 and the momentum is not Nesterov's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdOptions {
    /// The learning rate, by which the direction is multiplied.
    pub learning_rate: f64,
    /// The share of the previous direction that is kept.
    pub momentum: f64,
    /// The multiple of the parameter that is added to its gradient.
    pub weight_decay: f64,
}

/// Performs one step of PyTorch's `SGD`, in place.
///
/// `g = gradient + weight_decay p`, `m = g` on the first step and `momentum m + g` after it,
/// `p = p - learning_rate m`. The three slices hold the same elements in the same order; `momentum_buffer` is
/// not read on the first step.
///
/// # Panics
/// If the lengths differ.
pub fn sgd_step(
    parameter: &mut [f32],
    gradient: &[f32],
    momentum_buffer: &mut [f32],
    first_step: bool,
    options: SgdOptions,
) {
    assert_eq!(parameter.len(), gradient.len(), "sgd_step: one gradient per parameter");
    assert_eq!(parameter.len(), momentum_buffer.len(), "sgd_step: one momentum per parameter");
    let parameters = parameter.par_chunks_mut(ELEMENTS_PER_TASK);
    let momenta = momentum_buffer.par_chunks_mut(ELEMENTS_PER_TASK);
    parameters.zip(momenta).zip(gradient.par_chunks(ELEMENTS_PER_TASK)).for_each(
        |((parameter, momentum), gradient)| {
            if first_step {
                momentum.fill(0.0);
            }
            step(parameter, gradient, momentum, options);
        },
    );
}

fn step(parameter: &mut [f32], gradient: &[f32], momentum: &mut [f32], options: SgdOptions) {
    let SgdOptions { learning_rate, momentum: kept, weight_decay } = options;
    let (learning_rate, kept, weight_decay) = (learning_rate as f32, kept as f32, weight_decay as f32);
    for ((parameter, &gradient), momentum) in parameter.iter_mut().zip(gradient).zip(momentum) {
        *momentum = kept * *momentum + (gradient + weight_decay * *parameter);
        *parameter -= learning_rate * *momentum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_worked_by_hand() {
        // p = 1, g = 0.5, lr = 0.1, momentum = 0.9, weight decay = 0.1:
        // step 1: g' = 0.5 + 0.1 = 0.6, m = 0.6, p = 1 - 0.06 = 0.94
        // step 2: g' = 0.5 + 0.094 = 0.594, m = 0.54 + 0.594 = 1.134, p = 0.94 - 0.1134 = 0.8266
        let options = SgdOptions { learning_rate: 0.1, momentum: 0.9, weight_decay: 0.1 };
        let (mut parameter, mut momentum) = ([1.0_f32], [f32::NAN]);
        sgd_step(&mut parameter, &[0.5], &mut momentum, true, options);
        assert!((parameter[0] - 0.94).abs() < 1e-6 && (momentum[0] - 0.6).abs() < 1e-6);
        sgd_step(&mut parameter, &[0.5], &mut momentum, false, options);
        assert!((parameter[0] - 0.8266).abs() < 1e-6 && (momentum[0] - 1.134).abs() < 1e-6);
    }
}
