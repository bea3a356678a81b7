//! Stochastic gradient descent with momentum, as one pass over the parameters.

/// The constants of one step. Dampening is 0 and the momentum is not Nesterov's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdOptions {
    /// Step length.
    pub learning_rate: f64,
    /// Share of the previous direction that is kept.
    pub momentum: f64,
    /// Factor of the parameter that is added to its gradient.
    pub weight_decay: f64,
}

/// One step of PyTorch's `SGD`, in place.
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
    let kept = if first_step { 0.0 } else { options.momentum as f32 };
    let learning_rate = options.learning_rate as f32;
    let weight_decay = options.weight_decay as f32;
    for ((parameter, &gradient), momentum) in parameter.iter_mut().zip(gradient).zip(momentum_buffer) {
        let previous = if first_step { 0.0 } else { kept * *momentum };
        *momentum = previous + (gradient + weight_decay * *parameter);
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
