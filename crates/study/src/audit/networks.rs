//! What an audit does with networks beside measuring them.

use lacuna_nn::{Network, Parameter, Pass, Role};
use lacuna_seed::Seed;

/// The L2 distance between the weights of two networks of one architecture, running statistics left out.
pub(super) fn weight_distance(one: &Network, other: &Network) -> f64 {
    let of = |(name, parameter): (&str, &Parameter)| -> f64 {
        let (own, theirs) = (parameter.to_vec(), other.parameters.get(name).to_vec());
        own.iter().zip(theirs).map(|(own, theirs)| f64::from(own - theirs).powi(2)).sum()
    };
    one.parameters.iter().filter(|(_, parameter)| parameter.role == Role::Weight).map(of).sum::<f64>().sqrt()
}

/// The network with the head of a fresh one.
pub(super) fn with_new_decoder(network: &Network, seed: Seed) -> Network {
    let device = Pass::evaluation(&network.parameters).device();
    // Not the run's own seed: the head may have begun from the very weights that it draws.
    let other = Seed(seed.stream("destroyed decoder").draws().below(1 << 53) as u64);
    let fresh = Network::new(network.architecture().clone(), other, &device);
    let mut destroyed = network.clone();
    for (name, parameter) in destroyed.parameters.iter_mut() {
        if Network::is_head(name) {
            *parameter = fresh.parameters.get(name).clone();
        }
    }
    destroyed
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_nn::{Architecture, Device};

    #[test]
    fn a_new_decoder_leaves_the_encoder_and_weights_apart_by_what_changed() {
        let architecture = Architecture::medicalnet(10, 1, 2).unwrap();
        let network = Network::new(architecture, Seed(3), &Device::flex());
        let destroyed = with_new_decoder(&network, Seed(3));
        let changed =
            |(name, parameter): (&str, &Parameter)| destroyed.parameters.get(name).to_vec() != parameter.to_vec();
        let names: Vec<&str> =
            network.parameters.iter().filter(|entry| changed(*entry)).map(|(name, _)| name).collect();
        assert!(!names.is_empty() && names.iter().all(|name| Network::is_head(name)), "{names:?}");
        assert_eq!(weight_distance(&network, &network), 0.0);
        assert!(weight_distance(&network, &destroyed) > 0.0);
    }
}
