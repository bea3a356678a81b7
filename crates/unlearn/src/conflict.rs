//! Whether the two sides of a recipe pull against each other.
//!
//! A learning rate that seems to help often hides a matter of scale: one side's gradient is a hundred times the other's,
//! or both cancel. So both norms and the cosine between the gradients are told, each as the run minimises its side,
//! weights and signs included. At cosine 0 the sides have nothing to do with each other; towards -1 each step for one is a
//! step against the other.

use crate::objective::{MeanGradient, Unlearning, WhichSide};
use crate::outward::l2_norm;
use crate::run::check_run;
use crate::{UnlearnError, Unlearned};
use lacuna_nn::{Network, Tensor};
use lacuna_train::{EpochRecord, Objective, Passes, TrainError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The gradients of both sides at one network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conflict {
    /// L2 norm of the mean gradient of the retain side; none if the recipe has no such side.
    pub retain_norm: Option<f64>,
    /// L2 norm of the mean gradient of the forget side; none if the next epoch forgets nobody.
    pub forget_norm: Option<f64>,
    /// The cosine between the two; none without both, or where one is 0.
    pub cosine: Option<f64>,
    /// What it took; no part of the run's own cost.
    pub passes: Passes,
}

/// Somebody who looks into the gradients of a run.
pub struct Conflicts<'a>(Unlearning<'a>);

impl<'a> Conflicts<'a> {
    /// Ready to look; teachers are asked anew, which takes what the run's own preparation takes.
    ///
    /// # Errors
    /// Those of [`unlearn`](crate::unlearn) before its first step.
    pub fn of(run: &'a Unlearned<'a>) -> Result<Conflicts<'a>, UnlearnError> {
        check_run(run)?;
        Ok(Conflicts(Unlearning::new(run, run.recipe.forget_target()?)?))
    }

    /// The gradients of both sides at a network, as the epoch after `history` would begin with them; a pass for each
    /// case.
    ///
    /// # Errors
    /// If a case cannot be used.
    pub fn at(&self, network: &Network, history: &[EpochRecord]) -> Result<Conflict, TrainError> {
        self.0.begin_epoch(history);
        let of = |side| self.0.mean_gradient(network, side, history.len());
        let (retain, forget) = (of(WhichSide::Retain)?, of(WhichSide::Forget)?);
        let mut passes = Passes::default();
        [&retain, &forget].into_iter().flatten().for_each(|mean| passes += mean.passes);
        let norm = |mean: &Option<MeanGradient>| mean.as_ref().map(|mean| l2_norm(mean.gradients.values()));
        let cosine = match (&retain, &forget) {
            (Some(retain), Some(forget)) => cosine(&retain.gradients, &forget.gradients),
            _ => None,
        };
        Ok(Conflict { retain_norm: norm(&retain), forget_norm: norm(&forget), cosine, passes })
    }
}

/// The cosine between two gradients; a tensor that one of them lacks has no part in the product.
fn cosine(one: &BTreeMap<String, Tensor<1>>, other: &BTreeMap<String, Tensor<1>>) -> Option<f64> {
    let values =
        |tensor: &Tensor<1>| tensor.clone().into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32");
    let product = |one: &Tensor<1>, other: &Tensor<1>| {
        values(one).into_iter().zip(values(other)).map(|(one, other)| f64::from(one) * f64::from(other)).sum::<f64>()
    };
    let dot: f64 = one.iter().filter_map(|(name, one)| Some(product(one, other.get(name)?))).sum();
    let norms = l2_norm(one.values()) * l2_norm(other.values());
    (norms > 0.0).then(|| dot / norms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recipe;
    use crate::tests_support::with_run;
    use lacuna_cohort::Case;
    use lacuna_nn::{BatchNormMode, Device};
    use lacuna_train::test_cases::{heads, resnet_10};

    fn gradients(values: &[(&str, [f32; 2])]) -> BTreeMap<String, Tensor<1>> {
        let tensor = |values| Tensor::<1>::from_floats(values, &Device::flex());
        values.iter().map(|&(name, values)| (name.to_string(), tensor(values))).collect()
    }

    #[test]
    fn a_cosine_over_two_tensors_worked_by_hand() {
        // (3, 4 | 0, 0) and (3, 0 | 0, 4): product 9, norms 5 and 5.
        let one = gradients(&[("a", [3.0, 4.0]), ("b", [0.0, 0.0])]);
        let other = gradients(&[("a", [3.0, 0.0]), ("b", [0.0, 4.0])]);
        assert!((cosine(&one, &other).unwrap() - 9.0 / 25.0).abs() < 1e-12);
        assert_eq!(cosine(&one, &gradients(&[("a", [0.0, 0.0])])), None);
    }

    #[test]
    fn ascending_on_the_subject_that_is_kept_is_opposition_itself() {
        // The same head on both sides under two names: one side descends what the other ascends.
        let head = heads(1).remove(0);
        let stranger = Case { subject: heads(2).remove(1).subject, ..head.clone() };
        let recipe = Recipe { max_loss: true, batch_norm: BatchNormMode::Running, ..Recipe::default() };
        with_run(&recipe, &[head, stranger], |run| {
            let found = Conflicts::of(run).unwrap().at(&resnet_10(), &[]).unwrap();
            assert!((found.cosine.unwrap() + 1.0).abs() < 1e-6, "{found:?}");
            assert!((found.retain_norm.unwrap() - found.forget_norm.unwrap()).abs() < 1e-9);
            assert_eq!(found.passes, Passes { training: 2, teacher: 0 });
        });
    }

    #[test]
    fn a_recipe_of_one_side_has_no_cosine() {
        let recipe = Recipe { max_loss: true, retain_weight: 0.0, ..Recipe::default() };
        with_run(&recipe, &heads(2), |run| {
            let found = Conflicts::of(run).unwrap().at(&resnet_10(), &[]).unwrap();
            assert_eq!((found.retain_norm, found.cosine), (None, None));
            assert!(found.forget_norm.unwrap() > 0.0);
        });
    }
}
