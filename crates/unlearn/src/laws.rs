//! Laws that every named strategy obeys: loops over the registry, so a new entry is tested the
//! moment it is listed.
//!
//! A fresh network of each family stands for the original. No law here depends on what it has learned.

use crate::strategy::find;
use crate::tests_support::shortened;
use crate::{
    ForgetRetain, Interleave, Recipe, STRATEGIES, Strategy, UnlearnError, Unlearned, epoch_cost, preparation_passes,
    tally, training_passes, unlearn,
};
use lacuna_cohort::Case;
use lacuna_nn::loss::SegmentationLoss;
use lacuna_nn::{Activations, BatchNormMode, Device, Network, Role, Stage};
use lacuna_seed::Seed;
use lacuna_train::test_cases::{StopAt, heads_of, moved, of_each_family};
use lacuna_train::{Monitor, NoMonitor, Passes, State, TrainError, read_checkpoint, write_checkpoint};

const EPOCHS: usize = 2;
const SEED: u64 = 7;

/// The first case is forgotten, the others stay.
fn sets(cases: &[Case]) -> ForgetRetain<'_> {
    ForgetRetain { forget: vec![&cases[0]], retain: cases[1..].iter().collect() }
}

/// A run of some epochs over some people.
struct Setting<'a> {
    original: &'a Network,
    recipe: &'a Recipe,
    sets: &'a ForgetRetain<'a>,
    epochs: usize,
    seed: u64,
}

impl Setting<'_> {
    fn fresh_state(&self) -> State {
        self.with_run(Activations::Kept, |run| run.fresh_state().unwrap())
    }

    fn run_on(&self, state: &mut State, monitor: &mut dyn Monitor) -> Result<(), UnlearnError> {
        self.with_run(Activations::Kept, |run| unlearn(run, state, monitor))
    }

    #[track_caller]
    fn run(&self) -> State {
        let mut state = self.fresh_state();
        self.run_on(&mut state, &mut NoMonitor).unwrap();
        state
    }

    fn with_run<T>(&self, activations: Activations, act: impl FnOnce(&Unlearned) -> T) -> T {
        act(&Unlearned {
            original: self.original,
            recipe: self.recipe,
            sets: self.sets,
            epochs: self.epochs,
            loss: SegmentationLoss::CrossEntropy,
            seed: Seed(self.seed),
            device: Device::flex(),
            activations,
        })
    }
}

/// A strategy's recipe with the retain term at a weight. The gradient of an untaught network whose BatchNorm is frozen
/// has no bound, so it is given one.
fn recipe(strategy: &Strategy, retain_weight: f64) -> Recipe {
    Recipe { retain_weight, ..bounded(strategy) }
}

fn bounded(strategy: &Strategy) -> Recipe {
    Recipe { gradient_norm_max: Some(1.0), ..shortened((strategy.recipe)()) }
}

/// A strategy's recipe without a retain side, if it can do without.
fn recipe_alone(strategy: &Strategy) -> Option<Recipe> {
    let alone = Recipe {
        distil_weight: 0.0,
        logit_weight: 0.0,
        stranger_weight: 0.0,
        augment_weight: 0.0,
        divergence_guard: None,
        ..recipe(strategy, 0.0)
    };
    alone.checked().ok()
}

/// The stated cost is the one that was paid. Of the frozen original only the features of a noise volume are asked as
/// the run goes, and a rewind passes the forget case, once per epoch each.
#[track_caller]
fn check_cost(strategy: &Strategy, setting: &Setting, state: &State) {
    let Setting { recipe, sets, epochs, .. } = setting;
    let asks = strategy.name == "fix-decoder" || recipe.rewind.is_some();
    let teacher = if asks { EPOCHS as u64 } else { 0 };
    let training = training_passes(recipe, sets, *epochs);
    assert_eq!(state.passes, Passes { training, teacher }, "{}", strategy.name);
    assert_eq!(state.history.len(), EPOCHS, "{}", strategy.name);
    let steps = epoch_cost(recipe, sets).steps;
    assert!(state.history.iter().all(|record| (record.gradient_norm > 0.0) == (steps > 0)), "{}", strategy.name);
}

/// Whether the forget subjects are passed in the loop.
fn passes_the_forget_side(strategy: &&Strategy) -> bool {
    (strategy.recipe)().forget_weight > 0.0
}

#[test]
fn without_a_retain_term_only_the_forget_subject_is_passed() {
    for original in &of_each_family() {
        let cases = heads_of(original, 3);
        let sets = sets(&cases);
        for strategy in STRATEGIES.iter().filter(passes_the_forget_side) {
            let Some(recipe) = recipe_alone(strategy) else { continue };
            let setting = Setting { original, recipe: &recipe, sets: &sets, epochs: EPOCHS, seed: SEED };
            assert_eq!(epoch_cost(&recipe, &sets).steps, 1, "{}", strategy.name);
            check_cost(strategy, &setting, &setting.run());
        }
    }
}

#[test]
fn a_run_passes_everybody_and_stopped_and_resumed_from_its_file_is_the_straight_run() {
    for original in &of_each_family() {
        let cases = heads_of(original, 3);
        let sets = sets(&cases);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint.safetensors");
        for strategy in STRATEGIES {
            let recipe = recipe(strategy, 1.0);
            let setting = Setting { original, recipe: &recipe, sets: &sets, epochs: EPOCHS, seed: SEED };
            let straight = setting.run();
            check_cost(strategy, &setting, &straight);
            let mut stopped = setting.fresh_state();
            let outcome = setting.run_on(&mut stopped, &mut StopAt { epoch: 1, step: Some(0) });
            assert!(matches!(outcome, Err(UnlearnError::Train(TrainError::Interrupted { epochs_done: 1 }))));
            write_checkpoint(&path, &stopped, "run").unwrap();
            let mut resumed = setting.fresh_state();
            read_checkpoint(&path, &mut resumed, "run").unwrap();
            setting.run_on(&mut resumed, &mut NoMonitor).unwrap();
            assert_eq!(resumed.network.digest(), straight.network.digest(), "{}", strategy.name);
            assert_eq!((resumed.passes, resumed.history), (straight.passes, straight.history), "{}", strategy.name);
        }
    }
}

#[test]
fn recomputing_activations_changes_no_bit_of_the_papers_strategies() {
    for original in &of_each_family() {
        let cases = heads_of(original, 2);
        let sets = sets(&cases);
        for strategy in crate::strategy::of_the_paper() {
            let recipe = recipe(strategy, 1.0);
            for recipe in [Recipe { interleave: Interleave::Joint, ..recipe.clone() }, recipe] {
                let digest = |activations| {
                    let setting = Setting { original, recipe: &recipe, sets: &sets, epochs: 1, seed: SEED };
                    setting.with_run(activations, |run| {
                        let mut state = run.fresh_state().unwrap();
                        unlearn(run, &mut state, &mut NoMonitor).unwrap();
                        state.network.digest()
                    })
                };
                let digests = [Activations::Kept, Activations::Recomputed].map(digest);
                assert_eq!(digests[0], digests[1], "{} {:?}", strategy.name, recipe.interleave);
            }
        }
    }
}

#[test]
fn edits_alone_are_the_whole_of_a_strategy_without_a_term() {
    // The weight edits proper: however many epochs go by, the network stays what the edit made of it.
    for original in &of_each_family() {
        let cases = heads_of(original, 3);
        let sets = sets(&cases);
        let has_no_step = |strategy: &&Strategy| epoch_cost(&(strategy.recipe)(), &sets).steps == 0;
        let mut seen = 0;
        for strategy in STRATEGIES.iter().filter(has_no_step) {
            let recipe = bounded(strategy);
            let setting = Setting { original, recipe: &recipe, sets: &sets, epochs: EPOCHS, seed: SEED };
            let (edited, state) = (setting.fresh_state(), setting.run());
            check_cost(strategy, &setting, &state);
            assert_eq!(state.network.digest(), edited.network.digest(), "{}", strategy.name);
            let moved = moved(original, &state.network);
            assert!(!moved.is_empty(), "{}: changed nothing", strategy.name);
            let is_weight = |name: &String| state.network.parameters.get(name).role == Role::Weight;
            assert!(moved.iter().all(is_weight), "{}: statistics moved", strategy.name);
            seen += 1;
        }
        assert!(seen >= 5, "{seen} strategies without a step");
    }
}

#[test]
fn a_strategy_prepares_as_stated_and_moves_only_the_stages_that_it_names_or_is_told() {
    for original in &of_each_family() {
        let cases = heads_of(original, 3);
        let sets = sets(&cases);
        for strategy in STRATEGIES {
            // Edits as they are, blocks included, since their passes are counted.
            let mut recipe = Recipe { edits: (strategy.recipe)().edits, ..bounded(strategy) };
            let stages = recipe.stages.get_or_insert(vec![Stage::Encoder3, Stage::Encoder4]).clone();
            // Batch statistics are observed everywhere, whatever moves.
            recipe.batch_norm = BatchNormMode::Running;
            tally::take();
            let state = Setting { original, recipe: &recipe, sets: &sets, epochs: 1, seed: SEED }.run();
            // Counted where volumes meet networks, and not by the formula.
            assert_eq!(tally::take(), preparation_passes(&recipe, &sets).unwrap(), "{}", strategy.name);
            let moved = moved(original, &state.network);
            let strangers: Vec<&String> = moved.iter().filter(|name| !stages.contains(&original.stage(name))).collect();
            assert!(strangers.is_empty(), "{}: {strangers:?}", strategy.name);
            assert!(!moved.is_empty(), "{}: nothing moved", strategy.name);
        }
    }
}

#[test]
fn another_seed_ends_elsewhere_even_if_only_the_order_is_drawn() {
    for original in &of_each_family() {
        let cases = heads_of(original, 3);
        let sets = sets(&cases);
        let recipe = recipe(find("max-loss").unwrap(), 1.0);
        let digest = |seed| Setting { original, recipe: &recipe, sets: &sets, epochs: 1, seed }.run().network.digest();
        assert_ne!(digest(7), digest(8));
    }
}

#[test]
fn fixing_the_decoder_keeps_every_bit_of_it_and_moves_all_of_the_encoder() {
    for original in &of_each_family() {
        let cases = heads_of(original, 2);
        let sets = sets(&cases);
        let encoder: Vec<&str> =
            original.parameters.iter().map(|(name, _)| name).filter(|name| !Network::is_head(name)).collect();
        for strategy in STRATEGIES.iter().filter(|strategy| (strategy.recipe)().fix_decoder) {
            for retain_weight in [1.0, 0.0] {
                let recipe = recipe(strategy, retain_weight);
                let state = Setting { original, recipe: &recipe, sets: &sets, epochs: 1, seed: SEED }.run();
                assert_eq!(moved(original, &state.network), encoder, "{} at {retain_weight}", strategy.name);
            }
        }
    }
}

#[test]
fn a_free_decoder_moves() {
    for original in &of_each_family() {
        let cases = heads_of(original, 2);
        let sets = sets(&cases);
        let is_free = |strategy: &&Strategy| !(strategy.recipe)().fix_decoder && passes_the_forget_side(strategy);
        for strategy in STRATEGIES.iter().filter(is_free) {
            let Some(recipe) = recipe_alone(strategy) else { continue };
            let state = Setting { original, recipe: &recipe, sets: &sets, epochs: 1, seed: SEED }.run();
            let moved = moved(original, &state.network);
            assert!(moved.iter().any(|name| Network::is_head(name)), "{}", strategy.name);
        }
    }
}

#[test]
fn a_sham_never_looks_at_the_forget_subject() {
    // At forget_weight 0 the loop is that of the retain subjects alone: whoever stands on the
    // forget side, and however many scans he has, every bit is the same. What still depends on the
    // strategy is the retain term, which holds to the truth or to the frozen original. What is prepared
    // of a forget subject, edits and masks, is made before the subjects change, or left out.
    for original in &of_each_family() {
        let cases = heads_of(original, 4);
        let retain: Vec<&Case> = cases[2..].iter().collect();
        for strategy in STRATEGIES {
            // A rewind asks the forget subject which epoch to return.
            let sham = Recipe { forget_weight: 0.0, rewind: None, saliency: None, ..recipe(strategy, 1.0) };
            let prepared = ForgetRetain { retain: retain.clone(), forget: vec![&cases[0]] };
            let start = Setting { original, recipe: &sham, sets: &prepared, epochs: 1, seed: SEED }.fresh_state();
            let state = |forget: Vec<&Case>| {
                let sets = ForgetRetain { retain: retain.clone(), forget };
                let mut state = start.clone();
                Setting { original, recipe: &sham, sets: &sets, epochs: 1, seed: SEED }
                    .run_on(&mut state, &mut NoMonitor)
                    .unwrap();
                state
            };
            let first = state(vec![&cases[0]]);
            // Once each, or twice where mirrored subjects are held as well.
            let training = training_passes(&sham, &prepared, 1);
            assert!(training == 2 || training == 4, "{}: {training} passes", strategy.name);
            assert_eq!(first.passes, Passes { training, teacher: 0 }, "{}", strategy.name);
            let other = state(vec![&cases[1], &cases[0]]);
            assert_eq!(other.network.digest(), first.network.digest(), "{}", strategy.name);
        }
    }
}

#[test]
fn batch_norm_on_running_statistics_keeps_them_in_every_interleaving() {
    for original in &of_each_family() {
        let cases = heads_of(original, 2);
        let sets = sets(&cases);
        for interleave in [Interleave::Shuffled, Interleave::ForgetFirst, Interleave::ForgetLast, Interleave::Joint] {
            let recipe = Recipe { batch_norm: BatchNormMode::Running, interleave, ..recipe(&STRATEGIES[0], 1.0) };
            let state = Setting { original, recipe: &recipe, sets: &sets, epochs: 1, seed: SEED }.run();
            assert_eq!(state.passes.training, 2, "{interleave:?}");
            let moved = moved(original, &state.network);
            assert!(!moved.is_empty(), "{interleave:?}");
            assert!(moved.iter().all(|name| original.parameters.get(name).role == Role::Weight), "{interleave:?}");
        }
    }
}
