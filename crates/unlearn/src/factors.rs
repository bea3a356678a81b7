//! Factors on the gradients of single weights: which may move, and how fast.
//!
//! Two keys of a recipe make them, and where both do, they multiply.
//!
//! - `saliency`: 1 for the share of weights at which the forget subjects' loss pulls most in the original, 0 for all
//!   others (Fan et al., SalUn, 2024). It takes one pass per forget case.
//! - `unedited_factor`: the factor of weights that the recipe's edits left as they were.
//!
//! Factors are a function of the original, the recipe, the sets and the seed, so a resumed run makes the same again.

use crate::gradients::{PerWeight, Sampling, host, passes, summed};
use crate::rank::{count_of, cut_above};
use crate::{ForgetRetain, Recipe, UnlearnError, Unlearned};
use lacuna_nn::{Network, Role};
use lacuna_train::{Passes, State, TrainError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Among which weights the most salient are sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SaliencyScope {
    /// Among all that may move.
    Network,
    /// Within each tensor, so that none is closed as a whole: in volumes the largest gradients crowd in the head.
    Tensor,
}

/// The factors of a run; a weight that is not named has none.
#[derive(Default)]
pub(crate) struct Factors(PerWeight);

impl Factors {
    /// `state` is where the run stands.
    pub(crate) fn of(run: &Unlearned, state: &State) -> Result<Factors, UnlearnError> {
        let mut factors = match run.recipe.saliency {
            Some(share) => mask(run, share)?,
            None => PerWeight::new(),
        };
        if run.recipe.unedited_factor != 1.0 {
            // A run that has not begun stands at the edited network; another has left it.
            let has_begun = state.epochs_done > 0 || state.under_way.steps > 0;
            let edited = if has_begun { run.edited()? } else { state.network.clone() };
            multiply(&mut factors, unedited(run, &edited));
        }
        Ok(Factors(factors))
    }

    /// The factors of a tensor, in the order of memory.
    pub(crate) fn get(&self, name: &str) -> Option<&[f32]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// What making them takes.
    pub(crate) fn passes(recipe: &Recipe, sets: &ForgetRetain) -> Passes {
        recipe.saliency.map_or(Passes::default(), |_| passes(&sets.forget, 1))
    }
}

impl Recipe {
    /// # Errors
    /// Factors that cannot be had, or that have nothing to act on.
    pub(crate) fn check_factors(&self) -> Result<(), UnlearnError> {
        let bad =
            |key, found: &str, expected| Err(UnlearnError::BadSetting { key, found: found.to_string(), expected });
        if let Some(found) = self.saliency.filter(|&share| !(share > 0.0 && share <= 1.0)) {
            return bad("saliency", &found.to_string(), "above 0, 1 at most");
        }
        if !(0.0..=1.0).contains(&self.unedited_factor) {
            return bad("unedited_factor", &self.unedited_factor.to_string(), "0 to 1");
        }
        if self.unedited_factor != 1.0 && self.edits.is_empty() {
            return bad("unedited_factor", "below 1 without an edit", "1, or an edit");
        }
        for (key, is_set) in [("saliency", self.saliency.is_some()), ("unedited_factor", self.unedited_factor != 1.0)] {
            if is_set && self.adapters.is_some() {
                return bad(key, "set with adapters, which the original does not have", "one of the two");
            }
        }
        Ok(())
    }
}

/// 1 where the forget subjects' loss pulls most. A weight without any gradient is never salient.
fn mask(run: &Unlearned, share: f64) -> Result<PerWeight, TrainError> {
    let mut pull = summed(run.original, run, &run.sets.forget, Sampling::CASES, |gradient| gradient)?.values;
    pull.values_mut().flatten().for_each(|value| *value = value.abs());
    let cut_of = |values: Vec<f32>| {
        let count = count_of(share, values.len());
        cut_above(values, count).max(0.0)
    };
    let everywhere = match run.recipe.saliency_scope {
        SaliencyScope::Network => Some(cut_of(pull.values().flatten().copied().collect())),
        SaliencyScope::Tensor => None,
    };
    for values in pull.values_mut() {
        let cut = everywhere.unwrap_or_else(|| cut_of(values.clone()));
        values.iter_mut().for_each(|value| *value = if *value > cut { 1.0 } else { 0.0 });
    }
    Ok(pull)
}

/// 1 where edits changed a weight, the recipe's factor elsewhere.
fn unedited(run: &Unlearned, edited: &Network) -> PerWeight {
    let factor = run.recipe.unedited_factor as f32;
    let movable = run
        .original
        .parameters
        .iter()
        .filter(|(name, parameter)| parameter.role == Role::Weight && run.recipe.is_trainable(run.original, name));
    let of_tensor = |(name, before): (&str, &lacuna_nn::Parameter)| {
        let after = host(edited.parameters.get(name).values.clone());
        let pairs = host(before.values.clone()).into_iter().zip(after);
        let factors = pairs.map(|(before, after)| if before.to_bits() == after.to_bits() { factor } else { 1.0 });
        (name.to_string(), factors.collect())
    };
    movable.map(of_tensor).collect()
}

fn multiply(factors: &mut PerWeight, others: PerWeight) {
    for (name, others) in others {
        match factors.get_mut(&name) {
            Some(values) => values.iter_mut().zip(others).for_each(|(value, other)| *value *= other),
            None => {
                factors.insert(name, others);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests_support::with_run;
    use crate::{Edit, unlearn};
    use lacuna_cohort::Case;
    use lacuna_nn::Stage;
    use lacuna_train::NoMonitor;
    use lacuna_train::test_cases::{heads, resnet_10};

    fn salient(share: f64, saliency_scope: SaliencyScope, cases: &[Case]) -> PerWeight {
        let recipe = Recipe { saliency: Some(share), saliency_scope, ..Recipe::fine_tuning() };
        with_run(&recipe, cases, |run| Factors::of(run, &run.fresh_state().unwrap()).unwrap().0)
    }

    fn open(values: &[f32]) -> usize {
        values.iter().filter(|&&value| value == 1.0).count()
    }

    /// The tensors and elements that a run moves.
    fn moved_by(recipe: &Recipe, cases: &[Case]) -> Vec<(String, Vec<bool>)> {
        let start = with_run(recipe, cases, |run| run.fresh_state().unwrap().network);
        let end = with_run(recipe, cases, |run| {
            let mut state = run.fresh_state().unwrap();
            unlearn(run, &mut state, &mut NoMonitor).unwrap();
            state.network
        });
        let values = |network: &Network, name: &str| host(network.parameters.get(name).values.clone());
        let moved = |name: &str| values(&start, name).iter().zip(values(&end, name)).map(|(a, b)| *a != b).collect();
        start.parameters.iter().map(|(name, _)| (name.to_string(), moved(name))).collect()
    }

    #[test]
    fn a_mask_opens_its_share_of_the_network_or_of_each_tensor() {
        // On so small a grid nine of ten weights meet nothing but padding and have no gradient.
        let cases = heads(2);
        let everywhere = salient(0.05, SaliencyScope::Network, &cases);
        let all: usize = everywhere.values().map(Vec::len).sum();
        let opened: usize = everywhere.values().map(|values| open(values)).sum();
        assert!((opened as f64 / all as f64 - 0.05).abs() < 1e-4, "{opened} of {all}");
        let mut closed_by_share = 0;
        for (name, values) in salient(0.05, SaliencyScope::Tensor, &cases) {
            assert!(open(&values) <= count_of(0.05, values.len()), "{name}: {} of {}", open(&values), values.len());
            closed_by_share += usize::from(open(&values) == count_of(0.05, values.len()));
        }
        assert!(closed_by_share > everywhere.len() / 2, "{closed_by_share} of {} tensors", everywhere.len());
    }

    #[test]
    fn a_larger_mask_holds_the_smaller_one() {
        let cases = heads(2);
        let (small, large) = (0.1, 0.6);
        let [small, large] = [small, large].map(|share| salient(share, SaliencyScope::Network, &cases));
        for (name, values) in small {
            assert!(values.iter().zip(&large[&name]).all(|(small, large)| small <= large), "{name}");
        }
    }

    #[test]
    fn momentum_and_decay_move_nothing_off_the_mask() {
        let cases = heads(3);
        let recipe = Recipe { saliency: Some(0.2), ..Recipe::fine_tuning() };
        let mask = salient(0.2, SaliencyScope::Network, &cases);
        let mut on_mask = 0;
        for (name, moved) in moved_by(&recipe, &cases) {
            for (index, moved) in moved.into_iter().enumerate().filter(|&(_, moved)| moved) {
                assert!(moved && mask[&name][index] == 1.0, "{name} moved at {index}");
                on_mask += 1;
            }
        }
        assert!(on_mask > 1_000_000, "{on_mask} elements moved");
    }

    #[test]
    fn at_factor_0_only_what_was_edited_moves() {
        let edits = vec![Edit::Reset { stages: vec![Stage::Decoder] }];
        let recipe = Recipe { edits, unedited_factor: 0.0, ..Recipe::fine_tuning() };
        for (name, moved) in moved_by(&recipe, &heads(2)) {
            assert!(Network::is_head(&name) || !moved.contains(&true), "{name} moved");
            if name == "conv_seg.6.weight" {
                assert!(!moved.contains(&false));
            }
        }
    }

    #[test]
    fn a_run_under_way_makes_the_factors_of_its_beginning() {
        let edits = vec![Edit::Renew { share: 0.3 }];
        let recipe = Recipe { edits, unedited_factor: 0.1, saliency: Some(0.5), ..Recipe::fine_tuning() };
        let cases = heads(3);
        with_run(&recipe, &cases, |run| {
            let mut state = run.fresh_state().unwrap();
            let fresh = Factors::of(run, &state).unwrap().0;
            let values = &fresh["layer1.0.conv1.weight"];
            assert!([0.0, 0.1, 1.0].iter().all(|factor| values.contains(factor)));
            unlearn(run, &mut state, &mut NoMonitor).unwrap();
            assert!(Factors::of(run, &state).unwrap().0 == fresh, "factors changed under way");
            assert_ne!(state.network.digest(), resnet_10().digest());
        });
    }
}
