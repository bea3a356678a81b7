//! Laws of what requests may ask for, over every named strategy: several subjects at once, and the last of a class.

use crate::tests_support::shortened;
use crate::{ForgetRetain, Recipe, STRATEGIES, Unlearned, unlearn};
use lacuna_cohort::{Case, CaseVoxels, Voxels};
use lacuna_nn::loss::SegmentationLoss;
use lacuna_nn::{Activations, Device, Network};
use lacuna_seed::Seed;
use lacuna_train::test_cases::{heads_of, moved, of_each_family};
use lacuna_train::{NoMonitor, State};
use std::sync::Arc;

/// One epoch of a strategy, with a bound on gradients that have none.
fn run(original: &Network, recipe: Recipe, sets: &ForgetRetain) -> State {
    let recipe = Recipe { gradient_norm_max: Some(1.0), ..shortened(recipe) };
    let run = Unlearned {
        original,
        recipe: &recipe,
        sets,
        epochs: 1,
        loss: SegmentationLoss::CrossEntropy,
        seed: Seed(7),
        device: Device::flex(),
        activations: Activations::Kept,
    };
    let mut state = run.fresh_state().unwrap();
    unlearn(&run, &mut state, &mut NoMonitor).unwrap();
    state
}

/// The case with background where it had a class.
fn without_class(case: &Case, class: u8) -> Case {
    let mut voxels: CaseVoxels = (*case.voxels().unwrap()).clone();
    voxels.target.iter_mut().filter(|label| **label == class).for_each(|label| *label = 0);
    Case { voxels: Voxels::Held(Arc::new(voxels)), ..case.clone() }
}

#[test]
fn every_strategy_forgets_the_last_subject_of_a_class() {
    for original in &of_each_family() {
        let cases = heads_of(original, 3);
        let class = 3;
        assert!(
            cases.iter().all(|case| case.voxels().unwrap().target.contains(&class)),
            "the class is there to begin with"
        );
        let staying: Vec<Case> = cases[1..].iter().map(|case| without_class(case, class)).collect();
        let sets = ForgetRetain { forget: vec![&cases[0]], retain: staying.iter().collect() };
        for strategy in STRATEGIES {
            let state = run(original, (strategy.recipe)(), &sets);
            let values = || state.network.parameters.iter().flat_map(|(_, parameter)| parameter.to_vec());
            assert!(values().all(f32::is_finite), "{}", strategy.name);
        }
    }
}

#[test]
fn several_subjects_are_forgotten_at_once_and_each_of_them_counts() {
    for original in &of_each_family() {
        let cases = heads_of(original, 4);
        let both = ForgetRetain { forget: vec![&cases[0], &cases[1]], retain: cases[2..].iter().collect() };
        let twice = ForgetRetain { forget: vec![&cases[0], &cases[0]], retain: cases[2..].iter().collect() };
        for strategy in STRATEGIES.iter().filter(|strategy| (strategy.recipe)().forget_weight > 0.0) {
            let (both, twice) = (run(original, (strategy.recipe)(), &both), run(original, (strategy.recipe)(), &twice));
            assert!(
                !moved(&both.network, &twice.network).is_empty(),
                "{}: the second subject is not read",
                strategy.name
            );
        }
    }
}
