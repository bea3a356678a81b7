//! Some stages begin anew.
//!
//! Source: Goel, Prabhu, Sanyal, Lim, Torr and Kumaraguru, "Towards Adversarial Evaluations for Inexact Machine
//! Unlearning", 2022 (EU-k: the last k layers are drawn anew, then trained on the retain subjects).

use lacuna_nn::{Network, Stage};
use lacuna_seed::Seed;

/// Every tensor of these stages, BatchNorm's statistics included, as a fresh network of another seed has it.
pub(super) fn reset(mut network: Network, stages: &[Stage], seed: Seed) -> Network {
    let fresh = fresh_like(&network, seed, "reset weights");
    for (name, parameter) in network.parameters.iter_mut() {
        if stages.contains(&fresh.stage(name)) {
            *parameter = fresh.parameters.get(name).clone();
        }
    }
    network
}

/// A fresh network of the same architecture, drawn for a purpose.
pub(super) fn fresh_like(network: &Network, seed: Seed, purpose: &str) -> Network {
    let device = lacuna_nn::Pass::evaluation(&network.parameters).device();
    // Not the run's own seed: the original may have begun from the very weights that it draws.
    let other = Seed(seed.stream(purpose).draws().below(1 << 53) as u64);
    Network::new(network.architecture().clone(), other, &device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_train::test_cases::{moved, resnet_10};

    #[test]
    fn the_named_stages_begin_anew_and_the_others_keep_every_bit() {
        let original = resnet_10();
        let edited = reset(original.clone(), &[Stage::Encoder4, Stage::Decoder], Seed(1));
        let moved = moved(&original, &edited);
        assert!(moved.iter().all(|name| original.stage(name) >= Stage::Encoder4), "{moved:?}");
        // BatchNorm begins at the same constants everywhere; the convolutions differ.
        for name in ["layer4.0.conv1.weight", "layer4.0.downsample.0.weight", "conv_seg.0.weight", "conv_seg.6.weight"]
        {
            assert!(moved.contains(&name.to_string()), "{name} is as before");
        }
    }

    #[test]
    fn another_seed_draws_other_weights() {
        let draw = |seed| reset(resnet_10(), &[Stage::Decoder], Seed(seed)).digest();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
