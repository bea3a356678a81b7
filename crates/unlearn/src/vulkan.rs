//! A small training, and from it every strategy, on a Vulkan device beside the same on the CPU.
//!
//! A rounding that differs grows from step to step, so weights are compared by how far they end apart, as a share of
//! how far they went.

use crate::tests_support::shortened;
use crate::{ForgetRetain, Recipe, STRATEGIES, Unlearned, unlearn};
use lacuna_cohort::Case;
use lacuna_nn::loss::SegmentationLoss;
use lacuna_nn::{Activations, Device, DeviceKind, Network};
use lacuna_seed::Seed;
use lacuna_train::test_cases::{heads, resnet_10, resnet_10_on, train};
use lacuna_train::{NoMonitor, OptimiserConfig, State, TrainConfig};

/// Apart by this share of the way at most.
const APART: f64 = 0.02;
/// Mean losses of an epoch, relative.
const LOSS_APART: f64 = 5e-3;

fn trained(cases: &[Case], device: &Device) -> State {
    let config = TrainConfig { epochs: 2, head_multiplier: 10.0, ..TrainConfig::default() };
    let mut state = State::new(resnet_10_on(device), &config);
    train(&mut state, cases, &config, 7, &mut NoMonitor).unwrap();
    state
}

fn unlearned(original: &Network, recipe: &Recipe, cases: &[Case], device: &Device) -> State {
    let sets = ForgetRetain { forget: vec![&cases[0]], retain: cases[1..].iter().collect() };
    let (loss, seed, device) = (SegmentationLoss::CrossEntropy, Seed(7), device.clone());
    let activations = Activations::Kept;
    let run = Unlearned { original, recipe, sets: &sets, epochs: 2, loss, seed, device, activations };
    let mut state = run.fresh_state().unwrap();
    unlearn(&run, &mut state, &mut NoMonitor).unwrap();
    state
}

fn distance(one: &Network, other: &Network) -> f64 {
    let names = one.parameters.iter().map(|(name, _)| name);
    let squares = names.flat_map(|name| {
        let [one, other] = [one, other].map(|network| network.parameters.get(name).to_vec());
        one.into_iter().zip(other).map(|(one, other)| f64::from(one - other).powi(2)).collect::<Vec<_>>()
    });
    squares.sum::<f64>().sqrt()
}

#[track_caller]
fn check(what: &str, found: &State, expected: &State, start: &Network) -> Option<String> {
    for (found, expected) in found.history.iter().zip(&expected.history) {
        if (found.loss - expected.loss).abs() > LOSS_APART * expected.loss.abs() {
            return Some(format!("{what}, epoch {}: loss {} on the CPU {}", found.epoch, found.loss, expected.loss));
        }
    }
    assert_eq!((found.passes, found.history.len()), (expected.passes, expected.history.len()), "{what}");
    let (apart, way) = (distance(&found.network, &expected.network), distance(&expected.network, start));
    println!("{what}: {:.1e} of the way apart", apart / way);
    (apart >= APART * way).then(|| format!("{what}: {apart} apart after a way of {way}"))
}

/// The recipe where a difference in rounding stays one: the gradient of an untaught network whose BatchNorm is frozen has
/// no bound, and Adam makes a step of full length of a gradient that is nothing but rounding.
fn comparable(recipe: Recipe) -> Recipe {
    let optimiser = OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 0.0 };
    Recipe { gradient_norm_max: Some(1.0), optimiser, ..recipe }
}

#[test]
fn training_and_every_strategy_end_where_they_end_on_the_cpu() {
    let (cases, cpu, vulkan) = (heads(3), Device::flex(), DeviceKind::Vulkan.open().unwrap());
    let (found, expected) = (trained(&cases, &vulkan), trained(&cases, &cpu));
    let mut far = Vec::from_iter(check("training", &found, &expected, &resnet_10()));
    for strategy in STRATEGIES {
        let recipe = comparable(shortened((strategy.recipe)()));
        let found = unlearned(&resnet_10_on(&vulkan), &recipe, &cases, &vulkan);
        let expected = unlearned(&resnet_10(), &recipe, &cases, &cpu);
        far.extend(check(strategy.name, &found, &expected, &resnet_10()));
    }
    assert!(far.is_empty(), "{far:?}");
}
