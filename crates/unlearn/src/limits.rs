//! The levels that a recipe names, as the numbers that they are for one run.

use crate::{ForgetRetain, LossLevel, Recipe, Rewind, UnlearnError, Unlearned};
use lacuna_train::{Passes, TrainError};

/// Levels of loss, each where the recipe asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    /// Where an ascending forget term stops pulling.
    pub forget_loss_max: Option<f64>,
    /// The forget loss of the network to be returned.
    pub rewind: Option<f64>,
    /// The mean retain loss of an epoch above which the run has diverged.
    pub guard: Option<f64>,
    /// What the retain loss is held under.
    pub constraint: Option<f64>,
}

impl Limits {
    /// `by_teacher` says whether the forget term compares outputs with a teacher's.
    pub(crate) fn of(run: &Unlearned, by_teacher: bool) -> Result<Limits, TrainError> {
        let (recipe, sets) = (run.recipe, run.sets);
        let of_forget = |level: LossLevel| level.of(run, &sets.forget);
        // Held to a teacher, equal logits cost the softened cross-entropy of a uniform guess, whatever the labels.
        let softened = recipe.temperature.powi(2) * (run.original.architecture().classes() as f64).ln();
        let of_ascent =
            |level| if by_teacher && level == LossLevel::UNIFORM_GUESS { Ok(softened) } else { of_forget(level) };
        let constraint = match recipe.constraint {
            Some(constraint) => Some(ORIGINAL.of(run, &sets.retain)? + constraint.tolerance),
            None => None,
        };
        Ok(Limits {
            forget_loss_max: ascent_bound(recipe).map(of_ascent).transpose()?,
            rewind: recipe.rewind.map(Rewind::level).map(of_forget).transpose()?,
            guard: recipe.divergence_guard.map(|level| level.of(run, &sets.retain)).transpose()?,
            constraint,
        })
    }

    /// What finding them takes.
    pub(crate) fn passes(recipe: &Recipe, sets: &ForgetRetain) -> Passes {
        let mut passes = Passes::default();
        levels(recipe).for_each(|(_, level)| passes += level.passes(sets));
        passes
    }
}

const ORIGINAL: LossLevel = LossLevel::OfOriginal { original: 1.0 };

/// The bound of the forget loss, which counts only where it ascends.
fn ascent_bound(recipe: &Recipe) -> Option<LossLevel> {
    recipe.forget_loss_max.filter(|_| recipe.max_loss)
}

/// Every level that a run has to find, by its key.
fn levels(recipe: &Recipe) -> impl Iterator<Item = (&'static str, LossLevel)> {
    let levels = [
        ("forget_loss_max", ascent_bound(recipe)),
        ("rewind.level", recipe.rewind.map(Rewind::level)),
        ("divergence_guard", recipe.divergence_guard),
        ("constraint", recipe.constraint.map(|_| ORIGINAL)),
    ];
    levels.into_iter().filter_map(|(key, level)| Some((key, level?)))
}

impl Recipe {
    /// Whether some level is the loss of retain subjects.
    pub(crate) fn has_level_of_others(&self) -> bool {
        levels(self).any(|(_, level)| level.needs_others())
    }

    /// # Errors
    /// Levels, adapters, constraints and rewinds that cannot be had, or not together.
    pub(crate) fn check_limits(&self) -> Result<(), UnlearnError> {
        let bad =
            |key, found: &str, expected| Err(UnlearnError::BadSetting { key, found: found.to_string(), expected });
        self.forget_loss_max.map_or(Ok(()), |level| level.check("forget_loss_max"))?;
        levels(self).try_for_each(|(key, level)| level.check(key))?;
        self.adapters.map_or(Ok(()), |adapters| adapters.check())?;
        self.constraint.map_or(Ok(()), |constraint| constraint.check())?;
        if let Some(found) = self.forget_radius.filter(|radius| !(*radius > 0.0 && radius.is_finite())) {
            return bad("forget_radius", &found.to_string(), "a number above 0");
        }
        if self.forget_radius.is_some() && !self.has_retain_side() {
            return bad("forget_radius", "set without a retain side", "a retain_weight above 0");
        }
        // A constraint or guard watches the loss against labels, which these do not have.
        let has_label_loss = self.retain_weight > 0.0 && !self.forget_target()?.is_in_feature_space();
        for (key, is_set) in
            [("constraint", self.constraint.is_some()), ("divergence_guard", self.divergence_guard.is_some())]
        {
            if is_set && !has_label_loss {
                return bad(
                    key,
                    "set without a retain term of labels",
                    "a retain_weight above 0, and no features as targets",
                );
            }
        }
        Ok(())
    }
}
