//! Laws of single recipe keys: rewind, adapters, constraint, forget radius, guard, learnt noise.
//!
//! The fresh ResNet-10 stands for the original, as in the laws of the strategies.

use crate::objective::Unlearning;
use crate::outward::l2_norm;
use crate::strategy::find;
use crate::tests_support::{shortened, with_run};
use crate::{
    Adapters, Constraint, ForgetTarget, LossLevel, Recipe, Rewind, UnlearnError, preparation_passes, training_passes,
    unlearn,
};
use lacuna_cohort::{Case, CaseVoxels, Voxels};
use lacuna_inference::mean_loss;
use lacuna_nn::{BatchNormMode, Network};
use lacuna_train::test_cases::{heads, moved, resnet_10};
use lacuna_train::{Control, EpochRecord, Monitor, NoMonitor, Objective, Passes, State, TermMeans, TrainError};
use std::sync::Arc;

/// The end of a run of two epochs.
fn ended(recipe: &Recipe, cases: &[Case]) -> Result<State, UnlearnError> {
    watched(recipe, cases, &mut NoMonitor)
}

fn watched(recipe: &Recipe, cases: &[Case], monitor: &mut dyn Monitor) -> Result<State, UnlearnError> {
    with_run(recipe, cases, |run| {
        let mut state = run.fresh_state()?;
        unlearn(run, &mut state, monitor).map(|()| state)
    })
}

/// A monitor that keeps what each epoch left.
#[derive(Default)]
struct Epochs {
    standing: Vec<Network>,
    results: Vec<Network>,
}

impl Monitor for Epochs {
    fn epoch(&mut self, state: &State) -> Result<Control, TrainError> {
        self.standing.push(state.network.clone());
        self.results.push(state.result());
        Ok(Control::Continue)
    }
}

fn forget_loss(network: &Network, cases: &[Case]) -> f64 {
    with_run(&Recipe::default(), cases, |run| mean_loss(network, &run.sets.forget, run.loss, &run.device).unwrap())
}

fn ascent() -> Recipe {
    (find("gradient-ascent").unwrap().recipe)()
}

#[test]
fn ascent_raises_the_forget_loss() {
    let cases = heads(2);
    let state = ended(&ascent(), &cases).unwrap();
    assert!(forget_loss(&state.network, &cases) > forget_loss(&resnet_10(), &cases));
}

#[test]
fn a_rewound_run_returns_the_epoch_whose_forget_loss_is_nearest_to_the_level() {
    let cases = heads(2);
    let losses = |level: f64| {
        let rewind = Some(Rewind::ForgetLossNearest { level: LossLevel::Loss(level) });
        let mut epochs = Epochs::default();
        let state = watched(&Recipe { rewind, ..ascent() }, &cases, &mut epochs).unwrap();
        let losses: Vec<f64> = epochs.standing.iter().map(|network| forget_loss(network, &cases)).collect();
        let distances: Vec<f64> = state.history.iter().filter_map(|record| record.distance).collect();
        let expected: Vec<f64> = losses.iter().map(|loss| (loss - level).abs()).collect();
        assert_eq!(distances, expected);
        let nearest = if distances[1] < distances[0] { 1 } else { 0 };
        assert_eq!(state.network.digest(), epochs.standing[nearest].digest(), "level {level}");
        assert_eq!(epochs.results[1].digest(), state.network.digest(), "a horizon is scored as it would be returned");
        assert_eq!(state.passes, Passes { training: 2, teacher: 2 });
        losses
    };
    // The loss rises from epoch to epoch, so a low level keeps the first and a high one the last.
    let losses_of_low = losses(1e-3);
    assert!(losses_of_low[1] > losses_of_low[0]);
    losses(1e3);
}

#[test]
fn a_level_of_the_mirrored_is_counted_before_the_first_step() {
    let cases = heads(3);
    let rewind = Some(Rewind::ForgetLossNearest { level: LossLevel::MIRRORED });
    with_run(&Recipe { rewind, ..ascent() }, &cases, |run| {
        assert_eq!(preparation_passes(run.recipe, run.sets).unwrap(), Passes { training: 0, teacher: 2 });
    });
    let alone = ended(&Recipe { rewind, ..ascent() }, &cases[..1]);
    assert!(matches!(alone, Err(UnlearnError::NothingToRetain)));
}

#[test]
fn adapters_begin_as_the_original_and_end_as_changed_kernels_under_the_plain_names() {
    let cases = heads(2);
    let recipe = shortened((find("lora-erase").unwrap().recipe)());
    let mut epochs = Epochs::default();
    let state = watched(&recipe, &cases, &mut epochs).unwrap();
    with_run(&recipe, &cases, |run| {
        let fresh = run.fresh_state().unwrap();
        assert!(fresh.network.parameters.find("conv1.adapter.up").is_some());
        assert_eq!(fresh.result().digest(), resnet_10().digest(), "before training, every bit is the original's");
    });
    assert!(epochs.standing[1].parameters.find("conv1.adapter.up").is_some());
    assert_eq!(epochs.results[1].digest(), state.network.digest());
    let names = |network: &Network| network.parameters.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&state.network), names(&resnet_10()));
    let moved = moved(&resnet_10(), &state.network);
    let kernels: Vec<String> =
        names(&resnet_10()).into_iter().filter(|name| resnet_10().parameters.get(name).shape.len() == 5).collect();
    assert_eq!(moved, kernels);
}

#[test]
fn with_adapters_the_head_moves_as_a_whole_if_asked() {
    let cases = heads(2);
    let recipe = shortened((find("lora-erase").unwrap().recipe)());
    let head = Recipe { adapters: Some(Adapters { head: true, ..Adapters::default() }), ..recipe };
    let moved = moved(&resnet_10(), &ended(&head, &cases).unwrap().network);
    assert!(moved.contains(&"conv_seg.1.bias".to_string()), "{moved:?}");
    assert!(!moved.contains(&"bn1.bias".to_string()), "{moved:?}");
}

#[test]
fn the_gradient_point_lies_a_stated_way_up_the_forget_loss_and_costs_a_pass() {
    let cases = heads(3);
    // Without clipping the forget loss rises by about the radius times the gradient's norm.
    let radius = 1e-2;
    let recipe = Recipe { forget_radius: Some(radius), ..shortened((find("unlearning-aware").unwrap().recipe)()) };
    with_run(&recipe, &cases, |run| {
        let objective = Unlearning::new(run, recipe.forget_target().unwrap()).unwrap();
        let point = objective.gradient_point(run.original, 0, 0).unwrap().unwrap();
        assert_eq!(point.passes, Passes { training: 1, teacher: 0 });
        let differences: Vec<_> = run
            .original
            .parameters
            .iter()
            .map(|(name, parameter)| point.network.parameters.get(name).values.clone() - parameter.values.clone())
            .collect();
        assert!((l2_norm(differences.iter()) - radius).abs() < 1e-3 * radius);
        assert!(forget_loss(&point.network, &cases) > forget_loss(run.original, &cases));
        // Two retain cases in two epochs, each step with its way.
        assert_eq!(training_passes(&recipe, run.sets, 2), 8);
    });
    let state = ended(&recipe, &cases).unwrap();
    assert_eq!(state.passes.training, 8);
    assert_eq!(state.history[0].passes, 4, "a record counts the passes of the way too");
    assert_eq!(state.history[0].terms["forget"].steps, 2);
    let plain = Recipe { forget_radius: None, forget_weight: 0.0, ..recipe };
    assert_ne!(state.network.digest(), ended(&plain, &cases).unwrap().network.digest());
}

#[test]
fn the_multiplier_rises_when_the_constraint_is_violated_and_falls_when_it_is_kept() {
    let cases = heads(3);
    let constraint = Constraint { tolerance: 0.0, penalty: 1.0, dual_rate: 0.5 };
    let recipe = Recipe { constraint: Some(constraint), ..shortened((find("constrained").unwrap().recipe)()) };
    // Ascent on one head with next to nothing to hold the others loses them too.
    let loose = Some(Constraint { penalty: 1e-6, ..constraint });
    let violating = Recipe {
        max_loss: true,
        learn_noise: false,
        forget_weight: 5.0,
        retain_weight: 1e-6,
        constraint: loose,
        learning_rate: 0.02,
        ..recipe.clone()
    };
    let history = ended(&violating, &cases).unwrap().history;
    with_run(&recipe, &cases, |run| {
        let objective = Unlearning::new(run, recipe.forget_target().unwrap()).unwrap();
        let bound = mean_loss(run.original, &run.sets.retain, run.loss, &run.device).unwrap();
        let found = history[0].terms["retain"].loss;
        objective.begin_epoch(&[]);
        assert_eq!(objective.multiplier(), 1.0);
        objective.begin_epoch(&history[..1]);
        let expected = 1.0 + 0.5 * (found - bound);
        assert!((objective.multiplier() - expected).abs() < 1e-9);
        assert!(found > bound && objective.multiplier() > 1.0, "violated: {found} above {bound}");
        let means = TermMeans { loss: 0.5 * bound, ..history[0].terms["retain"] };
        let kept = EpochRecord { terms: [("retain".to_string(), means)].into(), ..history[0].clone() };
        objective.begin_epoch(&[kept]);
        assert!(objective.multiplier() < 1.0);
    });
}

#[test]
fn a_guard_ends_a_run_whose_retain_loss_is_above_it() {
    let cases = heads(2);
    let guarded = |level| Recipe {
        learn_noise: true,
        divergence_guard: Some(level),
        batch_norm: BatchNormMode::Running,
        ..Recipe::default()
    };
    assert!(ended(&guarded(LossLevel::OfOriginal { original: 10.0 }), &cases).is_ok());
    let outcome = ended(&guarded(LossLevel::Loss(1e-3)), &cases).map(|_| ());
    let Err(UnlearnError::Train(TrainError::Diverged { epoch: 1, what, .. })) = outcome else { panic!("{outcome:?}") };
    assert!(what.contains("above the guard's 0.0010"), "{what}");
}

#[test]
fn learnt_noise_is_counted_and_the_subject_itself_is_never_passed() {
    // Another input under the same labels: the same noise, so the same run.
    let cases = heads(3);
    let recipe = shortened((find("unsir").unwrap().recipe)());
    let Some(ForgetTarget::ErrorMaximisingNoise { steps, .. }) = recipe.forget_target else { panic!("no noise") };
    with_run(&recipe, &cases, |run| {
        let expected = Passes { training: steps as u64, teacher: 0 };
        assert_eq!(preparation_passes(&recipe, run.sets).unwrap(), expected);
    });
    let mut other = cases.clone();
    let (own, strange) = (cases[0].voxels().unwrap(), cases[2].voxels().unwrap());
    let (input, target, truth) = (strange.input.clone(), own.target.clone(), own.truth.clone());
    other[0].voxels = Voxels::Held(Arc::new(CaseVoxels { input, target, truth }));
    let [one, two] = [&cases, &other].map(|cases| ended(&recipe, cases).unwrap().network.digest());
    assert_eq!(one, two);
}
