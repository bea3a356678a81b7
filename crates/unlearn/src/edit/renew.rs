//! Weights on which retain and forget subjects agree least to pull begin anew.
//!
//! In each convolution the share of weights with the smallest `|grad l(R) - grad l(F)|` is drawn again, as a fresh
//! network has them: neither side's loss misses them, or both pull at them alike.
//!
//! Source: Triantafillou et al., "Are we making progress in unlearning? Findings from the first NeurIPS unlearning
//! competition", 2024, an entry of which this is; named masked small gradients (MSG) by Cadet, Borovykh, Malekzadeh,
//! Ahmadi-Abhari and Haddadi, "Deep Unlearn: Benchmarking Machine Unlearning", 2024. *Our reading:* l is the mean over
//! the cases of a side, and kernels that the recipe keeps in place are left alone.
//! Cost: one pass forward and backward per case of both sides.

use super::reset::fresh_like;
use crate::gradients::{Sampling, host, passes, summed};
use crate::rank::{count_of, smallest};
use crate::{ForgetRetain, Unlearned};
use lacuna_nn::{Network, Tensor};
use lacuna_train::{Passes, TrainError};

pub(super) fn renew(mut network: Network, run: &Unlearned, share: f64) -> Result<Network, TrainError> {
    let retain = summed(&network, run, &run.sets.retain, Sampling::CASES, |gradient| gradient)?.mean();
    let forget = summed(&network, run, &run.sets.forget, Sampling::CASES, |gradient| gradient)?.mean();
    let fresh = fresh_like(&network, run.seed, "renewed weights");
    for (name, parameter) in network.parameters.iter_mut().filter(|(_, parameter)| parameter.shape.len() == 5) {
        let (Some(retain), Some(forget)) = (retain.get(name), forget.get(name)) else { continue };
        let pull: Vec<f32> = retain.iter().zip(forget).map(|(retain, forget)| (retain - forget).abs()).collect();
        let (mut values, drawn) = (host(parameter.values.clone()), host(fresh.parameters.get(name).values.clone()));
        for index in smallest(&pull, count_of(share, pull.len())) {
            values[index] = drawn[index];
        }
        parameter.values = Tensor::from_floats(values.as_slice(), &parameter.values.device());
    }
    Ok(network)
}

/// The passes that it takes.
pub(super) fn cost(sets: &ForgetRetain) -> Passes {
    let mut sum = passes(&sets.retain, 1);
    sum += passes(&sets.forget, 1);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests_support::with_run;
    use crate::{Edit, Recipe};
    use lacuna_nn::Stage;
    use lacuna_train::test_cases::{heads, moved, resnet_10};

    fn renewed(stages: Option<Vec<Stage>>) -> Network {
        let recipe = Recipe { edits: vec![Edit::Renew { share: 0.3 }], stages, ..Recipe::fine_tuning() };
        with_run(&recipe, &heads(3), |run| run.fresh_state().unwrap().network)
    }

    #[test]
    fn three_of_ten_weights_of_each_kernel_are_others_and_nothing_else_is() {
        let (original, edited) = (resnet_10(), renewed(None));
        let moved = moved(&original, &edited);
        let kernels = original.parameters.iter().filter(|(_, parameter)| parameter.shape.len() == 5);
        assert_eq!(moved, kernels.map(|(name, _)| name).collect::<Vec<_>>());
        for name in moved {
            let (before, after) = (original.parameters.get(&name).to_vec(), edited.parameters.get(&name).to_vec());
            let changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
            // One draw in millions may fall on the very number it replaces.
            assert!(count_of(0.3, before.len()).abs_diff(changed) <= 1, "{name}: {changed} of {}", before.len());
        }
    }

    #[test]
    fn the_renewed_weights_are_those_at_which_neither_side_pulls() {
        let recipe = Recipe::fine_tuning();
        let name = "layer1.0.conv1.weight";
        let pull: Vec<f32> = with_run(&recipe, &heads(3), |run| {
            let mean = |cases: &[&_]| summed(run.original, run, cases, Sampling::CASES, |value| value).unwrap().mean();
            let (retain, forget) = (mean(&run.sets.retain), mean(&run.sets.forget));
            retain[name].iter().zip(&forget[name]).map(|(retain, forget)| (retain - forget).abs()).collect()
        });
        let values = |network: &Network| host(network.parameters.get(name).values.clone());
        let (before, after) = (values(&resnet_10()), values(&renewed(None)));
        let (mut most_renewed, mut least_kept) = (0f32, f32::INFINITY);
        for (pull, (before, after)) in pull.iter().zip(before.iter().zip(&after)) {
            if before == after { least_kept = least_kept.min(*pull) } else { most_renewed = most_renewed.max(*pull) }
        }
        assert!(most_renewed <= least_kept, "{most_renewed} was renewed, {least_kept} was not");
    }

    #[test]
    fn kernels_that_stay_are_left_alone() {
        let original = resnet_10();
        let moved = moved(&original, &renewed(Some(vec![Stage::Encoder2])));
        assert!(!moved.is_empty() && moved.iter().all(|name| original.stage(name) == Stage::Encoder2), "{moved:?}");
    }
}
