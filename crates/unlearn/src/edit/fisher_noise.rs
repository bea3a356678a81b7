//! Noise where the retain subjects do not hold a weight.
//!
//! `theta_i <- theta_i + min(sqrt(strength / F_R,i), deviation_max) n_i`, with n standard normal and F_R,i the mean
//! squared gradient of the retain samples: the flatter their loss along a weight, the more noise it gets.
//!
//! Source: Golatkar, Achille and Soatto, "Eternal Sunshine of the Spotless Net: Selective Forgetting in Deep Networks",
//! CVPR 2020, with the diagonal of the Fisher information. Their proposition has the exponent -1/4 of F in the
//! small-noise limit; *our reading* is -1/2, noise of covariance F^-1 times a strength, as the method is used. The
//! empirical Fisher with true labels stands for the one with labels drawn from the network, and there is no larger noise
//! for BatchNorm and the last layer. The bound is needed wherever F_R is 0.
//! Cost: one pass forward and backward per retain sample.

use super::change;
use crate::Unlearned;
use crate::gradients::{Importance, Sampling, summed};
use lacuna_nn::Network;
use lacuna_train::TrainError;

/// How much noise there is.
#[derive(Clone, Copy)]
pub(super) struct FisherNoise {
    pub strength: f64,
    pub deviation_max: f64,
    pub blocks_per_axis: usize,
}

pub(super) fn fisher_noise(mut network: Network, run: &Unlearned, how: FisherNoise) -> Result<Network, TrainError> {
    let sampling = Sampling { importance: Importance::Labels, blocks_per_axis: how.blocks_per_axis };
    let mut noise = summed(&network, run, &run.sets.retain, sampling, |gradient| gradient * gradient)?.mean();
    let stream = run.seed.stream("fisher noise");
    for (name, values) in &mut noise {
        let mut draws = stream.part(name).draws();
        values.iter_mut().for_each(|value| *value = (deviation(*value, how) * draws.normal()) as f32);
    }
    change(&mut network, &noise, |value, noise| value + noise);
    Ok(network)
}

fn deviation(fisher: f32, how: FisherNoise) -> f64 {
    (how.strength / f64::from(fisher)).sqrt().min(how.deviation_max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests_support::with_run;
    use crate::{Edit, Recipe};
    use lacuna_train::test_cases::{heads, resnet_10};

    #[test]
    fn the_steeper_the_loss_the_less_noise_and_never_more_than_the_bound() {
        let how = FisherNoise { strength: 1e-6, deviation_max: 1e-2, blocks_per_axis: 1 };
        // sqrt(1e-6 / 1) = 1e-3; sqrt(1e-6 / 1e-4) = 0.1 is above the bound; so is a division by 0.
        let close = |fisher, expected: f64| (deviation(fisher, how) - expected).abs() < 1e-9;
        assert!(close(1.0, 1e-3) && close(1e-4, 1e-2) && close(0.0, 1e-2));
    }

    #[test]
    fn noise_has_the_deviation_that_the_retain_subjects_leave_it() {
        let how = FisherNoise { strength: 1e-9, deviation_max: 1e-2, blocks_per_axis: 1 };
        let edit = Edit::FisherNoise { strength: how.strength, deviation_max: how.deviation_max, blocks_per_axis: 1 };
        let recipe = Recipe { edits: vec![edit], ..Recipe::fine_tuning() };
        let cases = heads(2);
        let name = "layer1.0.conv1.weight";
        let (noise, deviations) = with_run(&recipe, &cases, |run| {
            let edited = run.fresh_state().unwrap().network;
            let values = |network: &Network| crate::gradients::host(network.parameters.get(name).values.clone());
            let noise: Vec<f32> = values(&edited).iter().zip(values(&resnet_10())).map(|(a, b)| a - b).collect();
            let square = |gradient: f32| gradient * gradient;
            let fisher = summed(&resnet_10(), run, &run.sets.retain, Sampling::CASES, square).unwrap().mean();
            (noise, fisher[name].iter().map(|&fisher| deviation(fisher, how)).collect::<Vec<f64>>())
        });
        assert!(deviations.iter().any(|&deviation| deviation < 0.5 * how.deviation_max));
        // 110,592 draws: their mean square is known to 4 * sqrt(2 / n) = 1.7 percent.
        let squares = noise.iter().zip(&deviations).map(|(&noise, deviation)| (f64::from(noise) / deviation).powi(2));
        let mean = squares.sum::<f64>() / noise.len() as f64;
        assert!((mean - 1.0).abs() < 0.02, "{mean}");
    }
}
