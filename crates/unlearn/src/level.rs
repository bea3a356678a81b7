//! Levels of loss that a recipe names: where ascent stops, what a rewind looks for, what a guard refuses.

use crate::mechanic::mirrored_back;
use crate::{ForgetRetain, UnlearnError, Unlearned, tally};
use lacuna_cohort::Case;
use lacuna_inference::{mean_loss, targets};
use lacuna_nn::{Network, Pass, Tensor};
use lacuna_train::{Passes, TrainError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A level of the mean loss against labels, as a number or by what it is the loss of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "a number, \"uniform-guess\", \"mirrored\" or { original = MULTIPLE }"
)]
pub enum LossLevel {
    /// The level itself.
    Loss(f64),
    /// The loss of something that every run has at hand.
    Of(Reference),
    /// A multiple of the original's loss on the retain subjects; it takes a forward pass each.
    OfOriginal {
        /// The multiple.
        original: f64,
    },
}

/// Somebody or something whose loss is a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// Whoever finds every class equally probable: ln C in cross-entropy.
    UniformGuess,
    /// The original on mirrored retain subjects, their labels mirrored with them. To a network that was trained without
    /// mirrors they are strangers, so this is an estimate of its loss on people it never saw, made without any. It takes
    /// a forward pass each, and is of no use where a class means a side of the body.
    Mirrored,
}

impl LossLevel {
    /// The loss of a uniform guess.
    pub const UNIFORM_GUESS: LossLevel = LossLevel::Of(Reference::UniformGuess);
    /// The original's loss on mirrored retain subjects.
    pub const MIRRORED: LossLevel = LossLevel::Of(Reference::Mirrored);

    /// # Errors
    /// A number that is no level.
    pub(crate) fn check(self, key: &'static str) -> Result<(), UnlearnError> {
        match self {
            LossLevel::Loss(found) | LossLevel::OfOriginal { original: found }
                if !(found > 0.0 && found.is_finite()) =>
            {
                Err(UnlearnError::BadSetting { key, found: found.to_string(), expected: "a number above 0" })
            }
            _ => Ok(()),
        }
    }

    /// Whether retain subjects are needed to find it.
    pub(crate) fn needs_others(self) -> bool {
        matches!(self, LossLevel::Of(Reference::Mirrored) | LossLevel::OfOriginal { .. })
    }

    /// What finding it takes.
    pub(crate) fn passes(self, sets: &ForgetRetain) -> Passes {
        Passes { training: 0, teacher: if self.needs_others() { sets.retain.len() as u64 } else { 0 } }
    }

    /// The level as a number; `cases` are those whose loss it is compared with.
    pub(crate) fn of(self, run: &Unlearned, cases: &[&Case]) -> Result<f64, TrainError> {
        match self {
            LossLevel::Loss(loss) => Ok(loss),
            LossLevel::Of(Reference::UniformGuess) => uniform_guess(run, cases),
            LossLevel::Of(Reference::Mirrored) => loss_on_mirrored(run.original, run),
            LossLevel::OfOriginal { original } => {
                tally::saw(self.passes(run.sets));
                Ok(original * mean_loss(run.original, &run.sets.retain, run.loss, &run.device)?)
            }
        }
    }
}

fn uniform_guess(run: &Unlearned, cases: &[&Case]) -> Result<f64, TrainError> {
    let classes = run.original.architecture().classes();
    let mut sum = 0.0;
    for case in cases {
        let [d, h, w] = case.target_shape;
        let undecided = Tensor::zeros([1, classes, d, h, w], &run.device);
        let loss = run.loss.of(undecided, &targets(&[case], classes, &run.device)?);
        sum += f64::from(loss.into_scalar::<f32>());
    }
    Ok(sum / cases.len() as f64)
}

/// A network's mean loss on mirrored retain subjects.
fn loss_on_mirrored(network: &Network, run: &Unlearned) -> Result<f64, TrainError> {
    let classes = network.architecture().classes();
    let mut sum = 0.0;
    for case in &run.sets.retain {
        let logits = mirrored_back(network, &Pass::evaluation(&network.parameters), case, &run.device)?;
        let loss = run.loss.of(logits, &targets(&[case], classes, &run.device)?);
        sum += f64::from(loss.into_scalar::<f32>());
    }
    Ok(sum / run.sets.retain.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Recipe;
    use crate::tests_support::with_run;
    use lacuna_train::test_cases::heads;

    #[track_caller]
    fn check_text(text: &str, expected: LossLevel) {
        let recipe = Recipe::from_toml(&format!("max_loss = true\nforget_loss_max = {text}")).unwrap();
        assert_eq!(recipe.forget_loss_max, Some(expected));
        assert_eq!(Recipe::from_toml(&toml::to_string(&recipe).unwrap()).unwrap(), recipe, "{text}");
    }

    #[test]
    fn a_level_is_a_number_or_a_name() {
        check_text("1.5", LossLevel::Loss(1.5));
        check_text("2", LossLevel::Loss(2.0));
        check_text("'uniform-guess'", LossLevel::UNIFORM_GUESS);
        check_text("'mirrored'", LossLevel::MIRRORED);
        check_text("{ original = 3.0 }", LossLevel::OfOriginal { original: 3.0 });
        for wrong in ["-1.0", "'uniform'", "{ original = 0.0 }"] {
            let refused = Recipe::from_toml(&format!("max_loss = true\nforget_loss_max = {wrong}"));
            assert!(refused.is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_uniform_guess_costs_the_logarithm_of_the_class_count() {
        let cases = heads(3);
        with_run(&Recipe::default(), &cases, |run| {
            let level = LossLevel::UNIFORM_GUESS.of(run, &run.sets.forget).unwrap();
            assert!((level - 4f64.ln()).abs() < 1e-6, "{level}");
        });
    }

    #[test]
    fn mirrored_subjects_cost_a_forward_pass_each_and_another_loss_than_unmirrored() {
        let cases = heads(3);
        with_run(&Recipe::default(), &cases, |run| {
            let own = LossLevel::OfOriginal { original: 1.0 }.of(run, &[]).unwrap();
            let mirrored = LossLevel::MIRRORED.of(run, &[]).unwrap();
            assert!(own > 0.0 && mirrored > 0.0 && own != mirrored, "{own} and {mirrored}");
            assert_eq!(LossLevel::OfOriginal { original: 2.0 }.of(run, &[]).unwrap(), 2.0 * own);
            assert_eq!(LossLevel::MIRRORED.passes(run.sets), Passes { training: 0, teacher: 2 });
        });
    }
}
