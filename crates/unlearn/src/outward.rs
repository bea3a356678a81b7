//! A retain gradient that is taken a step into forgetting.
//!
//! With e = r u / |u|, u the direction in which the forget term falls, a retain step moves the network from theta by the
//! gradient of the retain side at theta + e. What such steps reach is a place where the retain loss is low even though
//! somebody is being forgotten.
//!
//! Source: "Unlearning-Aware Minimization" (UAM), NeurIPS 2025: e points up the forget loss and its length falls as half
//! a cosine over the run. The form is that of sharpness-aware minimisation (Foret, Kleiner, Mobahi and Neyshabur, ICLR
//! 2021). *Our reading*: the forget subjects take turns, one per step.

use lacuna_nn::{Network, Tensor};
use std::collections::BTreeMap;

/// The network moved by `length` against a gradient; as it is if the gradient is 0.
pub(crate) fn moved_against(network: &Network, gradients: BTreeMap<String, Tensor<1>>, length: f64) -> Network {
    let norm = l2_norm(gradients.values());
    let mut moved = network.clone();
    if norm > 0.0 {
        for (name, gradient) in gradients {
            let values = network.parameters.get(&name).values.clone();
            moved.parameters.set(&name, values - gradient.mul_scalar(length / norm));
        }
    }
    moved
}

/// The Euclidean norm over all tensors, summed in `f64`.
pub(crate) fn l2_norm<'a>(tensors: impl Iterator<Item = &'a Tensor<1>>) -> f64 {
    let squares = |tensor: &Tensor<1>| {
        let values = tensor.clone().into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32");
        values.into_iter().map(|value| f64::from(value) * f64::from(value)).sum::<f64>()
    };
    tensors.map(squares).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_nn::Device;
    use lacuna_train::test_cases::{moved, resnet_10};

    #[test]
    fn the_way_has_the_stated_length_and_runs_against_the_gradient() {
        // Two tensors with gradients (3, 0, …) and (4, 0, …): norm 5, so a way of 0.1 takes -0.06 and -0.08.
        let network = resnet_10();
        let gradient = |name: &str, first: f32| {
            let mut values = vec![0.0; network.parameters.get(name).len()];
            values[0] = first;
            (name.to_string(), Tensor::<1>::from_floats(values.as_slice(), &Device::flex()))
        };
        let names = ["bn1.bias", "conv_seg.0.bias"];
        let gradients = BTreeMap::from([gradient(names[0], 3.0), gradient(names[1], 4.0)]);
        let there = moved_against(&network, gradients, 0.1);
        assert_eq!(moved(&network, &there), names);
        let way = |name: &str| there.parameters.get(name).to_vec()[0] - network.parameters.get(name).to_vec()[0];
        assert!((way(names[0]) + 0.06).abs() < 1e-6 && (way(names[1]) + 0.08).abs() < 1e-6);
    }

    #[test]
    fn a_gradient_of_nothing_leads_nowhere() {
        let network = resnet_10();
        let none = BTreeMap::from([("bn1.bias".to_string(), Tensor::<1>::zeros([64], &Device::flex()))]);
        assert!(moved(&network, &moved_against(&network, none, 1.0)).is_empty());
    }
}
