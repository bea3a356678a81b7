//! Noise on the weights, in proportion to each layer's own spread.
//!
//! What a network knows by heart sits in small differences of many weights; noise takes that away sooner than what it
//! knows of everybody, which a few epochs on those who stay bring back. Related: the third-placed entry of the NeurIPS
//! 2023 unlearning challenge adds noise to its first convolution (Triantafillou et al., "Are we making progress in
//! unlearning?", 2024).

use lacuna_nn::{Network, Tensor};
use lacuna_seed::Seed;

/// Every convolution that may be edited plus Gaussian noise of `deviation` times the deviation of its values.
pub(super) fn jitter(mut network: Network, deviation: f64, seed: Seed, is_editable: &dyn Fn(&str) -> bool) -> Network {
    let stream = seed.stream("weight jitter");
    let kernels =
        network.parameters.iter_mut().filter(|(name, parameter)| parameter.shape.len() == 5 && is_editable(name));
    for (name, parameter) in kernels {
        let values = parameter.values.clone().into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32");
        let scale = deviation * deviation_of(&values);
        let mut draws = stream.part(name).draws();
        let noisy: Vec<f32> = values.iter().map(|&value| (f64::from(value) + scale * draws.normal()) as f32).collect();
        parameter.values = Tensor::from_floats(noisy.as_slice(), &parameter.values.device());
    }
    network
}

fn deviation_of(values: &[f32]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
    (values.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_train::test_cases::{moved, resnet_10};

    #[test]
    fn only_convolutions_move_and_by_the_stated_share() {
        let original = resnet_10();
        let edited = jitter(original.clone(), 0.2, Seed(3), &|_| true);
        for name in moved(&original, &edited) {
            assert_eq!(original.parameters.get(&name).shape.len(), 5, "{name} is no kernel");
        }
        // 884,736 weights: the deviation of their noise is known to 0.1 %.
        let name = "layer3.0.conv1.weight";
        let (before, after) = (original.parameters.get(name).to_vec(), edited.parameters.get(name).to_vec());
        let noise: Vec<f32> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
        let ratio = deviation_of(&noise) / deviation_of(&before);
        assert!((ratio - 0.2).abs() < 2e-3, "{ratio}");
    }

    #[test]
    fn kernels_that_stay_are_left_alone() {
        let original = resnet_10();
        let edited = jitter(original.clone(), 0.2, Seed(3), &|name| !Network::is_head(name));
        let moved = moved(&original, &edited);
        assert!(!moved.is_empty() && moved.iter().all(|name| !Network::is_head(name)), "{moved:?}");
    }
}
