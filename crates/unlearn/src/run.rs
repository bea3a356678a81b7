//! Running a recipe.

use crate::factors::Factors;
use crate::limits::Limits;
use crate::objective::{self, Original, Unlearning};
use crate::{Edit, ForgetTarget, Recipe, UnlearnError, teacher};
use lacuna_cohort::{Case, SubjectId};
use lacuna_nn::loss::SegmentationLoss;
use lacuna_nn::{Activations, Device, Network};
use lacuna_seed::Seed;
use lacuna_train::{Monitor, Passes, State, TrainConfig, fit};
use std::collections::BTreeSet;

/// The cases of a run on their two sides.
pub struct ForgetRetain<'a> {
    /// Of the subjects who stay.
    pub retain: Vec<&'a Case>,
    /// Of the subjects to forget.
    pub forget: Vec<&'a Case>,
}

impl<'a> ForgetRetain<'a> {
    /// Cases sorted to their sides by subject.
    ///
    /// # Errors
    /// [`UnlearnError::NothingToForget`] if no case is of a subject in `forget`.
    pub fn of(cases: &[&'a Case], forget: &BTreeSet<SubjectId>) -> Result<ForgetRetain<'a>, UnlearnError> {
        let (forget, retain): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| forget.contains(&case.subject));
        if forget.is_empty() { Err(UnlearnError::NothingToForget) } else { Ok(ForgetRetain { retain, forget }) }
    }
}

/// How to run a recipe, beside the recipe.
pub struct Unlearned<'a> {
    /// The trained network that knows the forget subjects.
    pub original: &'a Network,
    /// The strategy.
    pub recipe: &'a Recipe,
    /// Who stays and who is forgotten.
    pub sets: &'a ForgetRetain<'a>,
    /// Epochs of the longest horizon.
    pub epochs: usize,
    /// The loss the original was trained with.
    pub loss: SegmentationLoss,
    /// Order and noise follow from it.
    pub seed: Seed,
    /// Where to compute.
    pub device: Device,
    /// Whether activations are kept or recomputed, which changes no number.
    pub activations: Activations,
}

/// What a run takes before its first step: edits, teachers, masks, and the frozen original's answers.
///
/// # Errors
/// A recipe without a target.
pub fn preparation_passes(recipe: &Recipe, sets: &ForgetRetain) -> Result<Passes, UnlearnError> {
    let target = recipe.forget_target()?;
    let mut passes = Original::passes(recipe, &target, sets);
    passes += teacher::passes(&target, sets);
    passes += Limits::passes(recipe, sets);
    if let ForgetTarget::ErrorMaximisingNoise { steps, .. } = target {
        passes.training += (steps * sets.forget.len()) as u64;
    }
    passes += Factors::passes(recipe, sets);
    recipe.edits.iter().for_each(|edit| passes += edit.passes(sets));
    Ok(passes)
}

/// What one epoch of a run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochCost {
    /// Optimiser steps.
    pub steps: usize,
    /// Volumes passed forward and backward.
    pub passes: u64,
    /// The most volumes in one step, which all have to be in memory.
    pub volumes_at_once: usize,
}

/// What the first epoch of a recipe, the dearest, takes on these sets, before anything is computed.
pub fn epoch_cost(recipe: &Recipe, sets: &ForgetRetain) -> EpochCost {
    objective::epoch_cost(recipe, sets, 0)
}

/// Volumes passed forward and backward by so many epochs of a recipe.
pub fn training_passes(recipe: &Recipe, sets: &ForgetRetain, epochs: usize) -> u64 {
    (0..epochs).map(|epoch| objective::epoch_cost(recipe, sets, epoch).passes).sum()
}

/// Run a recipe from the original, or on from where `state` stands.
///
/// `state` is [`fresh_state`](Unlearned::fresh_state)'s or a checkpoint's. A run that comes to its end leaves the result
/// as its network: rewound if the recipe says so, adapters merged. On the way that is [`State::result`].
///
/// # Errors
/// A recipe or sets that cannot be run, before any work; later [`lacuna_train::TrainError`],
/// divergence among it.
pub fn unlearn(run: &Unlearned, state: &mut State, monitor: &mut dyn Monitor) -> Result<(), UnlearnError> {
    check_run(run)?;
    let target = run.recipe.forget_target()?;
    let objective = Unlearning::new(run, target)?.scaled_by(Factors::of(run, state)?);
    fit(state, &objective, &run.train_config(), monitor)?;
    state.settle();
    Ok(())
}

impl Unlearned<'_> {
    /// The original, about to forget: edited, fresh moments, no epoch done.
    ///
    /// # Errors
    /// A recipe or sets that cannot be run, before any work; those of the edits.
    pub fn fresh_state(&self) -> Result<State, UnlearnError> {
        check_run(self)?;
        let edited = self.edited()?;
        let network = match self.recipe.adapters {
            Some(adapters) => edited.with_adapters(adapters.rank, adapters.scale, self.seed),
            None => edited,
        };
        Ok(State::new(network, &self.train_config()))
    }

    fn train_config(&self) -> TrainConfig {
        TrainConfig { activations: self.activations, ..self.recipe.train_config(self.epochs) }
    }

    /// The original after the recipe's edits.
    pub(crate) fn edited(&self) -> Result<Network, UnlearnError> {
        self.recipe.edits.iter().try_fold(self.original.clone(), |network, edit| edit.apply(network, self))
    }
}

/// Whether the recipe can be run, and on these sets.
pub(crate) fn check_run(run: &Unlearned) -> Result<(), UnlearnError> {
    run.recipe.check()?;
    check_sets(run)
}

fn check_sets(run: &Unlearned) -> Result<(), UnlearnError> {
    let sets = run.sets;
    let first = sets.forget.first().ok_or(UnlearnError::NothingToForget)?;
    let target = run.recipe.forget_target()?;
    let recipe = run.recipe;
    let edits_need_retain = recipe.edits.iter().any(Edit::needs_retain);
    let needs_retain =
        recipe.has_retain_side() || target.needs_others() || recipe.has_level_of_others() || edits_need_retain;
    if needs_retain && sets.retain.is_empty() {
        return Err(UnlearnError::NothingToRetain);
    }
    recipe.edits.iter().try_for_each(|edit| edit.check_sets(sets))?;
    let forgotten: BTreeSet<&SubjectId> = sets.forget.iter().map(|case| &case.subject).collect();
    if let Some(case) = sets.retain.iter().find(|case| forgotten.contains(&case.subject)) {
        return Err(UnlearnError::BothSides { subject: case.subject.clone() });
    }
    let pairs_cases = target.is_made_of_others();
    match sets.retain.iter().chain(&sets.forget).find(|case| case.shape != first.shape) {
        Some(case) if pairs_cases => {
            Err(UnlearnError::ShapesDiffer { scan: case.scan.clone(), found: case.shape, expected: first.shape })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Interleave, STRATEGIES};
    use lacuna_train::NoMonitor;
    use lacuna_train::test_cases::{heads, moved, resnet_10};

    /// The error of running a recipe on sets that cannot be run; nothing may have moved.
    #[track_caller]
    fn refusal(recipe: &Recipe, sets: &ForgetRetain) -> UnlearnError {
        let original = resnet_10();
        let run = Unlearned {
            original: &original,
            recipe,
            sets,
            epochs: 1,
            loss: SegmentationLoss::CrossEntropy,
            seed: Seed(7),
            device: Device::flex(),
            activations: Activations::Kept,
        };
        if let Err(error) = run.fresh_state() {
            let mut untouched = State::new(original.clone(), &Recipe::default().train_config(1));
            let again = unlearn(&run, &mut untouched, &mut NoMonitor).unwrap_err();
            assert_eq!(
                again.to_string(),
                error.to_string(),
                "a run is refused for the same reason before and after edits"
            );
        }
        let mut state = State::new(original.clone(), &Recipe::default().train_config(1));
        let error = unlearn(&run, &mut state, &mut NoMonitor).unwrap_err();
        assert_eq!(state.epochs_done, 0);
        assert!(moved(&original, &state.network).is_empty());
        error
    }

    #[test]
    fn a_person_goes_to_one_side_with_all_scans() {
        let mut cases = heads(3);
        cases.push(Case { scan: "second visit".to_string(), ..cases[0].clone() });
        let listed: Vec<&Case> = cases.iter().collect();
        let sets = ForgetRetain::of(&listed, &BTreeSet::from([cases[0].subject.clone()])).unwrap();
        let scans = |side: &[&Case]| side.iter().map(|case| case.scan.clone()).collect::<Vec<_>>();
        assert_eq!(scans(&sets.forget), [cases[0].scan.as_str(), "second visit"]);
        assert_eq!(scans(&sets.retain), [cases[1].scan.as_str(), cases[2].scan.as_str()]);
    }

    #[test]
    fn nobody_to_forget_is_refused() {
        let cases = heads(2);
        let stranger = BTreeSet::from([SubjectId::new("stranger").unwrap()]);
        assert!(matches!(ForgetRetain::of(&[&cases[0]], &stranger), Err(UnlearnError::NothingToForget)));
        let sets = ForgetRetain { retain: vec![&cases[0]], forget: Vec::new() };
        assert!(matches!(refusal(&(STRATEGIES[0].recipe)(), &sets), UnlearnError::NothingToForget));
    }

    #[test]
    fn a_person_on_both_sides_is_refused_by_name() {
        let cases = heads(2);
        let visit = Case { scan: "second visit".to_string(), ..cases[0].clone() };
        let sets = ForgetRetain { retain: vec![&cases[1], &visit], forget: vec![&cases[0]] };
        for strategy in STRATEGIES {
            match refusal(&(strategy.recipe)(), &sets) {
                UnlearnError::BothSides { subject } => assert_eq!(subject, cases[0].subject),
                other => panic!("{}: {other}", strategy.name),
            }
        }
    }

    #[test]
    fn whoever_learns_from_others_needs_others_even_without_a_retain_term() {
        let cases = heads(1);
        let sets = ForgetRetain { retain: Vec::new(), forget: vec![&cases[0]] };
        let alone = Recipe { learn_others: true, retain_weight: 0.0, ..Recipe::default() };
        assert!(matches!(refusal(&alone, &sets), UnlearnError::NothingToRetain));
        let asks_others = |recipe: Recipe| recipe.has_retain_side() || !recipe.edits.is_empty();
        for strategy in STRATEGIES.iter().filter(|strategy| asks_others((strategy.recipe)())) {
            assert!(matches!(refusal(&(strategy.recipe)(), &sets), UnlearnError::NothingToRetain), "{}", strategy.name);
        }
    }

    #[test]
    fn a_recipe_that_nobody_has_checked_is_checked_before_any_work() {
        let cases = heads(2);
        let sets = ForgetRetain { retain: vec![&cases[1]], forget: vec![&cases[0]] };
        let named = (STRATEGIES[0].recipe)();
        for (key, recipe) in [
            ("forget_weight", Recipe { forget_weight: f64::NAN, ..named.clone() }),
            ("retain_weight", Recipe { retain_weight: -1.0, ..named.clone() }),
            ("learning_rate", Recipe { learning_rate: -1.0, ..named.clone() }),
            ("contradict", Recipe { learn_noise: true, learn_others: true, ..named }),
        ] {
            let message = refusal(&recipe, &sets).to_string();
            assert!(message.contains(key), "`{key}` is not in: {message}");
        }
    }

    #[test]
    fn a_target_of_another_shape_is_refused_with_both_shapes() {
        let mut cases = heads(2);
        cases[1].shape = [1, 16, 24, 16];
        let sets = ForgetRetain { retain: vec![&cases[1]], forget: vec![&cases[0]] };
        let others = Recipe { learn_others: true, ..Recipe::default() };
        match refusal(&others, &sets) {
            UnlearnError::ShapesDiffer { scan, found, expected } => {
                assert_eq!((scan, found, expected), (cases[1].scan.clone(), cases[1].shape, cases[0].shape));
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn an_epoch_passes_over_the_cases_of_every_term_that_has_a_weight() {
        // Two retain cases and one forget case.
        let cases = heads(3);
        let sets = ForgetRetain { retain: cases[1..].iter().collect(), forget: vec![&cases[0]] };
        let recipe = Recipe { learn_noise: true, ..Recipe::default() };
        let cost = |steps, passes, volumes_at_once| EpochCost { steps, passes, volumes_at_once };
        assert_eq!(epoch_cost(&recipe, &sets), cost(3, 3, 1));
        assert_eq!(epoch_cost(&Recipe { retain_weight: 0.0, ..recipe.clone() }, &sets), cost(1, 1, 1));
        assert_eq!(epoch_cost(&Recipe { forget_weight: 0.0, ..recipe.clone() }, &sets), cost(2, 2, 1));
        assert_eq!(epoch_cost(&Recipe { interleave: Interleave::Joint, ..recipe }, &sets), cost(2, 3, 2));
    }

    #[test]
    fn preparation_is_the_teachers_word_on_each_case_it_is_asked_of() {
        // Two retain cases and one forget case.
        let cases = heads(3);
        let sets = ForgetRetain { retain: cases[1..].iter().collect(), forget: vec![&cases[0]] };
        for (name, expected) in
            [("noisy-label", 0), ("retain-label", 2), ("max-loss", 0), ("random-encoder", 3), ("fix-decoder", 2)]
        {
            let recipe = (crate::strategy::find(name).unwrap().recipe)();
            let expected = Passes { training: 0, teacher: expected };
            assert_eq!(preparation_passes(&recipe, &sets).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn preparation_is_the_gradients_of_edits_and_masks() {
        // Two retain cases and one forget case, of 4 x 6 x 6 voxels: eight blocks each where samples are blocks.
        let cases = heads(3);
        let sets = ForgetRetain { retain: cases[1..].iter().collect(), forget: vec![&cases[0]] };
        for (name, expected) in [
            ("ssd", 24),
            ("label-free-ssd", 24),
            ("adaptive-ssd", 24),
            ("fisher-noise", 16),
            ("newton", 3),
            ("msg", 3),
            ("ct", 0),
            ("salun", 1),
            ("jit", 0),
            ("fine-tune", 0),
            ("cf-k", 0),
            ("eu-k", 0),
            ("l1-sparse", 0),
        ] {
            let recipe = (crate::strategy::find(name).unwrap().recipe)();
            let expected = Passes { training: expected, teacher: 0 };
            assert_eq!(preparation_passes(&recipe, &sets).unwrap(), expected, "{name}");
        }
    }
}
