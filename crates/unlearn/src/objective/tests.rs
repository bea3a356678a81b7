//! Laws of steps and losses.

use super::penalty::ordered_sum;
use super::*;
use crate::mechanic::augmented;
use crate::tests_support::{SEED, shortened, with_run};
use crate::{Interleave, LossLevel, NoiseLaw, STRATEGIES};
use lacuna_cohort::{CaseVoxels, Voxels};
use lacuna_train::test_cases::heads;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The first case is forgotten, the others stay; the original is the network in training.
fn with_objective<T>(recipe: &Recipe, cases: &[Case], check: impl FnOnce(&Unlearning, &Network) -> T) -> T {
    with_run(recipe, cases, |run| {
        let objective = Unlearning::new(run, recipe.forget_target().unwrap()).unwrap();
        check(&objective, run.original)
    })
}

/// A pass over every weight, with losses that do not depend on what the pass saw before.
fn training_pass(network: &Network) -> Pass<'_> {
    Pass::training(&network.parameters, BatchNormMode::Running, &|_| true)
}

fn number(loss: Tensor<1>) -> f64 {
    f64::from(loss.into_scalar::<f32>())
}

/// The loss and the gradients of the first step of the first epoch.
fn first_step(recipe: &Recipe, cases: &[Case]) -> (f64, BTreeMap<String, Vec<f32>>) {
    with_objective(recipe, cases, |objective, network| {
        let pass = training_pass(network);
        let loss = objective.loss(network, &pass, 0, 0).unwrap().loss;
        let gradients = pass.gradients(&loss).into_iter();
        let gradients = gradients.map(|(name, values)| (name, values.into_data().try_into_vec::<f32>().unwrap()));
        (number(loss), gradients.collect())
    })
}

fn ascent(forget_loss_max: Option<f64>, retain_weight: f64) -> Recipe {
    let interleave = Interleave::Joint;
    let forget_loss_max = forget_loss_max.map(LossLevel::Loss);
    Recipe { max_loss: true, forget_loss_max, retain_weight, interleave, ..Recipe::default() }
}

#[test]
fn a_joint_step_is_the_weighted_sum_of_its_terms() {
    let cases = heads(2);
    let has_two_sides = |strategy: &&crate::Strategy| (strategy.recipe)().forget_weight > 0.0;
    for strategy in STRATEGIES.iter().filter(has_two_sides) {
        let recipe = shortened((strategy.recipe)());
        if recipe.forget_radius.is_some() {
            continue;
        }
        // Strangers, the mirrored subjects of both sides, have a law of their own.
        let weights = Recipe { retain_weight: 0.5, forget_weight: 3.0, stranger_weight: 0.0, ..recipe };
        let recipe = Recipe { interleave: Interleave::Joint, batch_norm: BatchNormMode::Running, ..weights };
        with_objective(&recipe, &cases, |objective, network| {
            let pass = training_pass(network);
            let retain = number(objective.retain_side(network, &pass, 0, 0).unwrap().loss);
            let forget = number(objective.forget_loss(network, &pass, 0, 0).unwrap().0);
            let forget = forget.min(objective.limits.forget_loss_max.unwrap_or(f64::INFINITY));
            let sign = if recipe.max_loss { -1.0 } else { 1.0 };
            let joint = number(objective.loss(network, &pass, 0, 0).unwrap().loss);
            let expected = retain + sign * 3.0 * forget;
            let scale = retain.abs().max(forget.abs());
            assert!((joint - expected).abs() < 1e-5 * scale, "{}: {joint}, not {expected}", strategy.name);
        });
    }
}

#[test]
fn strangers_add_their_distance_on_both_sides_and_the_original_is_at_its_own() {
    // Every volume is passed twice. At the original the gradient of cross-entropy with its own outputs is 0.
    let cases = heads(2);
    let plain = Recipe { learn_noise: true, redraw: Redraw::Once, interleave: Interleave::Joint, ..Recipe::default() };
    let held = Recipe { stranger_weight: 3.0, ..plain.clone() };
    let (without, gradients_without) = first_step(&plain, &cases);
    let (with, gradients_with) = first_step(&held, &cases);
    let added = with_objective(&held, &cases, |objective, network| {
        let pass = training_pass(network);
        let step = objective.loss(network, &pass, 0, 0).unwrap();
        assert_eq!(step.passes.training, 4);
        let strangers = step.terms.into_iter().filter(|(name, _)| *name == STRANGERS);
        strangers.map(|(_, term)| 3.0 * number(term)).sum::<f64>()
    });
    assert!(added > 0.0 && (with - without - added).abs() < 1e-4 * with, "{with} is not {without} and {added}");
    for (name, gradient) in gradients_with {
        let before = &gradients_without[&name];
        let scale = before.iter().fold(0f32, |most, value| most.max(value.abs())).max(1e-3);
        let near = gradient.iter().zip(before).all(|(with, without)| (with - without).abs() < 1e-2 * scale);
        assert!(near, "{name}: holding the original to itself must pull at nothing");
    }
}

#[test]
fn an_augmented_retain_subject_is_learnt_as_the_augmented_case_would_be() {
    let mut cases = heads(2);
    let plain = Recipe {
        learn_noise: true,
        stranger_weight: 3.0,
        interleave: Interleave::Joint,
        batch_norm: BatchNormMode::Running,
        ..Recipe::default()
    };
    let taught = Recipe { augment_weight: 2.0, ..plain.clone() };
    let alone = Recipe { stranger_weight: 0.0, ..plain };
    let retain = |recipe: &Recipe, cases: &[Case], epoch| {
        with_objective(recipe, cases, |objective, network| {
            let side = objective.retain_side(network, &training_pass(network), 0, epoch).unwrap();
            (number(side.loss), side.passes.training)
        })
    };
    let (both, volumes) = retain(&taught, &cases, 0);
    let (next, _) = retain(&taught, &cases, 1);
    let (straight, _) = retain(&alone, &cases, 0);
    for case in &mut cases {
        *case = as_drawn(case, 0);
    }
    let (augmented, _) = retain(&alone, &cases, 0);
    assert_eq!(volumes, 2, "the mirrored are not passed besides");
    assert!((both - next).abs() > 1e-6, "each epoch draws anew");
    assert!((both - straight - 2.0 * augmented).abs() < 1e-4 * both, "{both} is not {straight} and twice {augmented}");
}

/// A case as a retain subject is augmented in an epoch.
fn as_drawn(case: &Case, epoch: usize) -> Case {
    let stream = SEED.stream("augmentation").subject(case.subject.as_str()).part(&case.scan).epoch(epoch);
    let drawn = augmented(case, &stream).unwrap();
    let voxels = CaseVoxels { input: drawn.input, target: drawn.target, ..CaseVoxels::clone(&case.voxels().unwrap()) };
    Case { voxels: Voxels::Held(Arc::new(voxels)), ..case.clone() }
}

#[test]
fn a_fixed_decoder_is_closed_to_the_optimiser_too() {
    // Its loss gives the decoder no gradient anyway; the law must not hang on that alone.
    let cases = heads(2);
    for strategy in STRATEGIES {
        let recipe = shortened((strategy.recipe)());
        with_objective(&recipe, &cases, |objective, network| {
            for (name, _) in network.parameters.iter() {
                let stays = recipe.stages.as_ref().is_some_and(|stages| !stages.contains(&network.stage(name)));
                let is_closed = match recipe.adapters {
                    Some(_) => !Network::is_adapter(name),
                    None => stays || (recipe.fix_decoder && Network::is_head(name)),
                };
                assert_eq!(objective.is_trainable(name), !is_closed, "{} {name}", strategy.name);
            }
        });
    }
}

#[test]
fn ascending_is_descending_backwards() {
    let cases = heads(1);
    let (loss, uphill) = first_step(&ascent(None, 0.0), &cases);
    assert!(loss < 0.0);
    with_objective(&ascent(None, 0.0), &cases, |objective, network| {
        let pass = training_pass(network);
        let (downhill, _) = objective.forget_loss(network, &pass, 0, 0).unwrap();
        for (name, gradient) in pass.gradients(&downhill) {
            let gradient = gradient.into_data().try_into_vec::<f32>().unwrap();
            assert!(uphill[&name].iter().zip(&gradient).all(|(up, down)| *up == -down), "{name}");
        }
    });
}

#[test]
fn beyond_its_bound_an_ascending_forget_term_pulls_at_nothing() {
    let cases = heads(2);
    let (loss, _) = first_step(&ascent(None, 0.0), &cases);
    let forget_loss = -loss;
    let (at_bound, gradients) = first_step(&ascent(Some(0.5 * forget_loss), 0.0), &cases);
    assert!((at_bound + 0.5 * forget_loss).abs() < 1e-6);
    assert!(gradients.values().flatten().all(|&gradient| gradient == 0.0));
}

#[test]
fn beyond_its_bound_an_ascending_forget_term_leaves_the_retain_term_alone() {
    let cases = heads(2);
    let (_, bounded) = first_step(&ascent(Some(1e-3), 1.0), &cases);
    let (_, sham) = first_step(&Recipe { forget_weight: 0.0, ..ascent(None, 1.0) }, &cases);
    assert!(sham.values().flatten().any(|&gradient| gradient != 0.0));
    assert!(bounded == sham, "gradients of the retain term must be those of the sham");
}

#[test]
fn below_its_bound_an_ascending_forget_term_is_as_if_unbounded() {
    let cases = heads(2);
    assert!(first_step(&ascent(Some(1e6), 0.0), &cases) == first_step(&ascent(None, 0.0), &cases));
}

#[test]
fn outputs_in_noise_are_a_mean_over_draws_each_of_which_is_passed() {
    let cases = heads(2);
    let recipe = |draws| Recipe {
        forget_target: Some(ForgetTarget::OwnOutputsInNoise { deviation: 0.2, draws }),
        retain_weight: 0.0,
        batch_norm: BatchNormMode::Running,
        ..Recipe::default()
    };
    let step = |draws| {
        with_objective(&recipe(draws), &cases, |objective, network| {
            let pass = training_pass(network);
            let StepLoss { loss, passes, .. } = objective.loss(network, &pass, 0, 0).unwrap();
            assert_eq!(passes, Passes { training: 1 + draws as u64, teacher: 0 });
            let stated = epoch_cost(objective.run.recipe, objective.run.sets, 0);
            assert_eq!((stated.passes, stated.volumes_at_once), (passes.training, 1 + draws));
            number(loss)
        })
    };
    // The first draw of three is the one of one; three differ, and their mean is another number.
    let (one, three) = (step(1), step(3));
    assert!(one > 0.0 && three > 0.0 && one != three, "{one} and {three}");
    assert!((one - three).abs() < 0.5 * one, "slopes along random directions are much alike: {one} and {three}");
}

#[test]
fn the_slope_in_noise_has_the_gradient_of_its_differences() {
    // Along one weight: (L(w + h) - L(w - h)) / 2 h, with h so large that f32 sees it and so small that L is straight.
    let cases = heads(2);
    let recipe = Recipe {
        forget_target: Some(ForgetTarget::OwnOutputsInNoise { deviation: 0.2, draws: 2 }),
        retain_weight: 0.0,
        batch_norm: BatchNormMode::Running,
        ..Recipe::default()
    };
    let (_, gradients) = first_step(&recipe, &cases);
    let name = "conv_seg.6.weight";
    let index = (0..gradients[name].len())
        .max_by(|&a, &b| gradients[name][a].abs().total_cmp(&gradients[name][b].abs()))
        .unwrap();
    with_objective(&recipe, &cases, |objective, network| {
        let loss_at = |shift: f32| {
            let mut moved = network.clone();
            let mut values = crate::gradients::host(moved.parameters.get(name).values.clone());
            values[index] += shift;
            moved.parameters.set(name, Tensor::from_floats(values.as_slice(), &lacuna_nn::Device::flex()));
            number(objective.loss(&moved, &training_pass(&moved), 0, 0).unwrap().loss)
        };
        let h = 1e-2;
        let slope = (loss_at(h) - loss_at(-h)) / (2.0 * f64::from(h));
        let gradient = f64::from(gradients[name][index]);
        assert!((slope - gradient).abs() < 0.02 * gradient.abs(), "{slope}, not {gradient}");
    });
}

#[test]
fn a_descending_forget_term_has_no_bound() {
    let cases = heads(2);
    let step = |forget_loss_max| {
        let noise = Recipe { learn_noise: true, retain_weight: 0.0, ..Recipe::default() };
        first_step(&Recipe { forget_loss_max, ..noise }, &cases)
    };
    assert!(step(Some(LossLevel::Loss(1e-3))) == step(None));
}

#[test]
fn noise_labels_drawn_once_stay_and_others_change_with_the_epoch() {
    let cases = heads(2);
    let labels = |redraw, epoch| {
        let recipe = Recipe { learn_noise: true, redraw, ..Recipe::default() };
        with_objective(&recipe, &cases, |objective, _| {
            noise_labels(recipe.noise, &cases[0].voxels().unwrap().target, 4, &objective.noise(&cases[0], epoch))
        })
    };
    assert!(labels(Redraw::Once, 0) == labels(Redraw::Once, 1));
    assert!(labels(Redraw::EveryEpoch, 0) != labels(Redraw::EveryEpoch, 1));
    assert!(labels(Redraw::EveryEpoch, 1) == labels(Redraw::EveryEpoch, 1));
}

#[test]
fn every_drawn_target_obeys_the_redraw_rule() {
    // The forget loss of a network that does not move changes exactly if its target does. With
    // three others to choose from, eight epochs choose more than one.
    let cases = heads(4);
    for strategy in STRATEGIES.iter().filter(|strategy| (strategy.recipe)().forget_weight > 0.0) {
        for redraw in [Redraw::Once, Redraw::EveryEpoch] {
            let recipe = Recipe { redraw, ..shortened((strategy.recipe)()) };
            let losses: Vec<f64> = with_objective(&recipe, &cases, |objective, network| {
                let pass = Pass::evaluation(&network.parameters);
                (0..8).map(|epoch| number(objective.forget_loss(network, &pass, 0, epoch).unwrap().0)).collect()
            });
            let changes = losses.iter().any(|loss| *loss != losses[0]);
            let is_drawn = match recipe.forget_target().unwrap() {
                ForgetTarget::NoiseLabels => recipe.noise != NoiseLaw::Background,
                ForgetTarget::OthersOutputs | ForgetTarget::OwnOutputsInNoise { .. } => true,
                target => target.is_in_feature_space(),
            };
            assert_eq!(changes, is_drawn && redraw == Redraw::EveryEpoch, "{} {redraw:?}", strategy.name);
        }
    }
}

#[test]
fn a_sum_of_millions_of_weights_has_one_order_and_the_value_of_the_definition() {
    // As many as the largest kernel of a ResNet-10 has, above where burn's own sum goes by threads.
    let values: Vec<f32> = (0..7_077_888_u32).map(|index| (index % 1013) as f32 / 1013.0).collect();
    let expected: f64 = values.iter().map(|&value| f64::from(value)).sum();
    let sum = || number(ordered_sum(Tensor::<1>::from_floats(values.as_slice(), &lacuna_nn::Device::flex())));
    let first = sum();
    assert!((first - expected).abs() < 1e-4 * expected, "{first}, not {expected}");
    assert!((0..20).all(|_| sum().to_bits() == first.to_bits()));
    let odd = ordered_sum(Tensor::<1>::from_floats([1.0, 2.0, 4.0], &lacuna_nn::Device::flex()));
    assert_eq!(number(odd), 7.0);
}
