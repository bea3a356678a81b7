//! Finding a learning rate by short runs.
//!
//! Nearly every report of a method that does nothing, or destroys everything, is one of its learning rate. So a recipe is
//! run for an epoch or two at each rate of a geometric grid around its own, always from the original and at a constant
//! rate, and the losses against the labels afterwards are told. No held-out subject is looked at.
//!
//! What is suggested: of the rates that leave the mean retain loss within [`TOLERANCE`] of the original's, the one after
//! which the forget loss is highest; the smaller one among equals. *Ours*; it says where to begin, not where to end. That
//! is the rate of a recipe that suppresses. One that is to match a retrained model wants the forget loss of a stranger,
//! which a lower rate of the grid may be nearer to.

use crate::factors::Factors;
use crate::objective::Unlearning;
use crate::run::check_run;
use crate::{UnlearnError, Unlearned};
use lacuna_inference::mean_loss;
use lacuna_nn::Network;
use lacuna_train::{Monitor, Optimiser, Passes, Schedule, State, TrainConfig, TrainError, fit};
use serde::{Deserialize, Serialize};

/// By how much a rate may raise the mean retain loss and still be suggested: the tolerance of a constraint.
const TOLERANCE: f64 = 0.05;

/// Two per decade over two decades either way.
const FACTORS: [f64; 9] = [0.01, 0.0316, 0.1, 0.316, 1.0, 3.16, 10.0, 31.6, 100.0];

/// Losses against the labels, means over the subjects of a side.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Losses {
    /// Of the retain subjects; none without any.
    pub retain: Option<f64>,
    /// Of the forget subjects.
    pub forget: f64,
}

/// One short run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateTrial {
    /// The encoder's learning rate.
    pub learning_rate: f64,
    /// The losses after it; none if it diverged.
    pub losses: Option<Losses>,
}

/// All short runs of one recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateTrials {
    /// Epochs of each run.
    pub epochs: usize,
    /// The original's losses.
    pub original: Losses,
    /// The runs, lowest rate first.
    pub trials: Vec<RateTrial>,
    /// The rate suggested; none if no rate leaves the retain loss where it was.
    pub suggested: Option<f64>,
    /// What it all took, preparation apart.
    pub passes: Passes,
}

/// Run a recipe briefly at each rate of the grid.
///
/// # Errors
/// Those of [`unlearn`](crate::unlearn), but for divergence, which is what a rate that is too high comes to.
/// [`TrainError::Interrupted`] if the monitor says stop.
pub fn try_rates(run: &Unlearned, epochs: usize, monitor: &mut dyn Monitor) -> Result<RateTrials, UnlearnError> {
    check_run(run)?;
    let start = run.fresh_state()?;
    // The factors on gradients are part of the recipe: without them the search is one of another method.
    let objective = Unlearning::new(run, run.recipe.forget_target()?)?.scaled_by(Factors::of(run, &start)?);
    let original = losses(run.original, run)?;
    let mut passes = Passes { training: 0, teacher: (run.sets.retain.len() + run.sets.forget.len()) as u64 };
    let mut trials = Vec::new();
    for factor in FACTORS {
        let learning_rate = run.recipe.learning_rate * factor;
        let (schedule, activations) = (Schedule::Constant, run.activations);
        let config = TrainConfig { learning_rate, schedule, activations, ..run.recipe.train_config(epochs) };
        let mut state = State { optimiser: Optimiser::new(&config), ..start.clone() };
        let losses = match fit(&mut state, &objective, &config, monitor) {
            Ok(()) => Some(losses(&state.result(), run)?).filter(Losses::are_finite),
            Err(TrainError::Diverged { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        passes += state.passes;
        passes.teacher += (run.sets.retain.len() + run.sets.forget.len()) as u64;
        trials.push(RateTrial { learning_rate, losses });
    }
    let suggested = suggested(&original, &trials);
    Ok(RateTrials { epochs, original, trials, suggested, passes })
}

impl RateTrials {
    /// How many rates are tried.
    pub const RATES: usize = FACTORS.len();
}

impl Losses {
    fn are_finite(&self) -> bool {
        self.forget.is_finite() && self.retain.is_none_or(f64::is_finite)
    }
}

fn losses(network: &Network, run: &Unlearned) -> Result<Losses, TrainError> {
    let of = |cases: &[&lacuna_cohort::Case]| mean_loss(network, cases, run.loss, &run.device);
    let retain = if run.sets.retain.is_empty() { None } else { Some(of(&run.sets.retain)?) };
    Ok(Losses { retain, forget: of(&run.sets.forget)? })
}

fn suggested(original: &Losses, trials: &[RateTrial]) -> Option<f64> {
    let keeps = |losses: &Losses| match (losses.retain, original.retain) {
        (Some(after), Some(before)) => after <= before + TOLERANCE,
        _ => true,
    };
    let kept = trials.iter().filter_map(|trial| Some((trial.learning_rate, trial.losses.filter(keeps)?.forget)));
    let best = kept.fold(None, |best: Option<(f64, f64)>, (rate, forget)| match best {
        Some((_, highest)) if forget <= highest => best,
        _ => Some((rate, forget)),
    });
    best.map(|(rate, _)| rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::find;
    use crate::tests_support::with_run;
    use lacuna_train::NoMonitor;
    use lacuna_train::test_cases::{heads, resnet_10};

    fn trial(learning_rate: f64, retain: f64, forget: f64) -> RateTrial {
        RateTrial { learning_rate, losses: Some(Losses { retain: Some(retain), forget }) }
    }

    #[test]
    fn the_rate_that_moves_most_while_the_others_stay_is_suggested() {
        let original = Losses { retain: Some(0.1), forget: 0.1 };
        let diverged = RateTrial { learning_rate: 1.0, losses: None };
        let trials = [trial(1e-3, 0.1, 0.2), trial(1e-2, 0.14, 0.9), trial(1e-1, 0.16, 2.0), diverged];
        assert_eq!(suggested(&original, &trials), Some(1e-2));
        assert_eq!(suggested(&original, &[trial(1e-3, 0.1, 0.2), trial(1e-2, 0.1, 0.2)]), Some(1e-3));
        assert_eq!(suggested(&original, &[trial(1e-1, 0.16, 2.0), diverged]), None);
    }

    #[test]
    fn the_factors_of_a_recipe_hold_in_the_search_as_in_the_run() {
        let cases = heads(2);
        // One weight in ten million may move, and BatchNorm's statistics: the loss hardly changes at any rate.
        let plain = crate::Recipe { gradient_norm_max: None, ..(find("gradient-ascent").unwrap().recipe)() };
        let masked = crate::Recipe { saliency: Some(1e-7), ..plain.clone() };
        let farthest = |recipe: &crate::Recipe| {
            with_run(recipe, &cases, |run| {
                let found = try_rates(run, 1, &mut NoMonitor).unwrap();
                let losses = found.trials.iter().filter_map(|trial| trial.losses);
                losses.map(|losses| (losses.forget - found.original.forget).abs()).fold(0.0, f64::max)
            })
        };
        let (masked, plain) = (farthest(&masked), farthest(&plain));
        // Seen: 0.026 and 0.574; without the factors both are 0.574.
        assert!(masked < 0.1 * plain, "{masked} {plain}");
    }

    #[test]
    fn rates_are_tried_from_the_original_and_one_far_too_high_has_no_losses() {
        let cases = heads(2);
        let recipe = crate::Recipe {
            learning_rate: 1e6,
            gradient_norm_max: None,
            ..(find("gradient-ascent").unwrap().recipe)()
        };
        with_run(&recipe, &cases, |run| {
            let found = try_rates(run, 1, &mut NoMonitor).unwrap();
            assert_eq!(found.trials.len(), FACTORS.len());
            assert_eq!(found.original.forget, losses(&resnet_10(), run).unwrap().forget);
            assert!(found.trials.iter().any(|trial| trial.losses.is_none()), "{:?}", found.trials);
            // One forget pass per rate that was finished, and two evaluations per network.
            assert_eq!(found.passes.teacher, 2 * (1 + FACTORS.len() as u64));
            assert!(found.passes.training <= FACTORS.len() as u64);
        });
    }
}
