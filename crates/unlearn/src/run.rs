//! Running a recipe.

use crate::objective::{Teacher, Unlearning};
use crate::{Recipe, UnlearnError};
use lacuna_cohort::{Case, SubjectId};
use lacuna_nn::loss::SegmentationLoss;
use lacuna_nn::{Device, Network};
use lacuna_seed::Seed;
use lacuna_train::{Monitor, State, fit};
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
}

/// Forward passes of the frozen original that a run takes before its first step.
pub fn preparation_passes(recipe: &Recipe, sets: &ForgetRetain) -> Result<u64, UnlearnError> {
    Ok(Teacher::preparation_passes(sets, recipe.forget_target()?))
}

/// Run a recipe from the original, or on from where `state` stands.
///
/// `state` is [`fresh_state`](Unlearned::fresh_state)'s or a checkpoint's; it holds the result.
///
/// # Errors
/// A recipe or sets that cannot be run, before any work; later [`lacuna_train::TrainError`],
/// divergence among it.
pub fn unlearn(run: &Unlearned, state: &mut State, monitor: &mut dyn Monitor) -> Result<(), UnlearnError> {
    check_sets(run)?;
    let target = run.recipe.forget_target()?;
    let objective = Unlearning {
        recipe: run.recipe,
        target,
        sets: run.sets,
        teacher: Teacher::new(run.original, run.sets, target, &run.device),
        loss: run.loss,
        seed: run.seed,
        device: run.device.clone(),
    };
    fit(state, &objective, &run.recipe.train_config(run.epochs), monitor)?;
    Ok(())
}

impl Unlearned<'_> {
    /// The original, about to forget: fresh moments, no epoch done.
    pub fn fresh_state(&self) -> State {
        State::new(self.original.clone(), &self.recipe.train_config(self.epochs))
    }
}

fn check_sets(run: &Unlearned) -> Result<(), UnlearnError> {
    let sets = run.sets;
    let first = sets.forget.first().ok_or(UnlearnError::NothingToForget)?;
    let needs_retain = run.recipe.retain_weight > 0.0 || run.recipe.learn_others;
    if needs_retain && sets.retain.is_empty() {
        return Err(UnlearnError::NothingToRetain);
    }
    let forgotten: BTreeSet<&SubjectId> = sets.forget.iter().map(|case| &case.subject).collect();
    if let Some(case) = sets.retain.iter().find(|case| forgotten.contains(&case.subject)) {
        return Err(UnlearnError::BothSides { subject: case.subject.clone() });
    }
    let pairs_cases = run.recipe.learn_others;
    match sets.retain.iter().chain(&sets.forget).find(|case| case.shape != first.shape) {
        Some(case) if pairs_cases => {
            Err(UnlearnError::ShapesDiffer { scan: case.scan.clone(), found: case.shape, expected: first.shape })
        }
        _ => Ok(()),
    }
}
