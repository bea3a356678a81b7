//! Forget as far as can be while the retain loss stays under a bound.
//!
//! With g = L(f(x_r), y_r) - (L_0 + tolerance), L_0 the original's mean retain loss, a retain step minimises
//!
//! ```text
//! (max(0, m + p g)^2 - m^2) / (2 p)         slope max(0, m + p g) in L
//! m <- max(0, m + r (mean g of the epoch))  after each epoch
//! ```
//!
//! in place of the weighted retain term: the augmented Lagrangian of the inequality g <= 0 with multiplier m and penalty
//! p (Nocedal and Wright, "Numerical Optimization", 2006, section 17.3). m begins at `retain_weight`.
//!
//! Source: the first phase of RFE (arXiv 2603.26569), which maximises the forget loss under the same constraint; its
//! second phase, a projection, is left out. Tolerance 0.05, penalty 1 and dual rate 0.05 are the defaults of
//! torchunlearn, a rewrite that does not claim to be RFE's. *Our reading*: the multiplier moves once per epoch, so that it is a
//! function of the run's history, and g is that of the step's own subject.

use crate::UnlearnError;
use lacuna_nn::Tensor;
use lacuna_train::EpochRecord;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the retain loss is held under its bound.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Constraint {
    /// By how much the retain loss may exceed the original's.
    pub tolerance: f64,
    /// `p`: how steeply a step answers to its own excess.
    pub penalty: f64,
    /// `r`: how fast the multiplier answers to an epoch's.
    pub dual_rate: f64,
}

impl Default for Constraint {
    fn default() -> Constraint {
        Constraint { tolerance: 0.05, penalty: 1.0, dual_rate: 0.05 }
    }
}

impl Constraint {
    /// # Errors
    /// A setting outside its range.
    pub(crate) fn check(&self) -> Result<(), UnlearnError> {
        let settings = [
            ("constraint.tolerance", self.tolerance, self.tolerance >= 0.0),
            ("constraint.penalty", self.penalty, self.penalty > 0.0),
            ("constraint.dual_rate", self.dual_rate, self.dual_rate >= 0.0),
        ];
        match settings.into_iter().find(|(_, found, in_range)| !(*in_range && found.is_finite())) {
            Some((key, found, _)) => Err(UnlearnError::BadSetting {
                key,
                found: found.to_string(),
                expected: "0 or more; a penalty above 0",
            }),
            None => Ok(()),
        }
    }

    /// The multiplier after some epochs, from what it began as; `term` is what records call the retain loss.
    pub(crate) fn multiplier(&self, start: f64, bound: f64, term: &str, history: &[EpochRecord]) -> f64 {
        let excesses = history.iter().filter_map(|record| record.terms.get(term)).map(|means| means.loss - bound);
        excesses.fold(start, |multiplier, excess| (multiplier + self.dual_rate * excess).max(0.0))
    }

    /// What a retain step minimises instead of its loss.
    pub(crate) fn penalised(&self, loss: Tensor<1>, bound: f64, multiplier: f64) -> Tensor<1> {
        let slope = loss.sub_scalar(bound).mul_scalar(self.penalty).add_scalar(multiplier).clamp_min(0.0);
        slope.powi_scalar(2).sub_scalar(multiplier * multiplier).div_scalar(2.0 * self.penalty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lacuna_nn::Device;
    use lacuna_train::TermMeans;

    const CONSTRAINT: Constraint = Constraint { tolerance: 0.0, penalty: 2.0, dual_rate: 0.5 };

    fn history(losses: &[f64]) -> Vec<EpochRecord> {
        let record = |(index, &loss): (usize, &f64)| EpochRecord {
            epoch: index + 1,
            learning_rate: 0.1,
            loss,
            gradient_norm: 1.0,
            passes: 1,
            terms: [("retain".to_string(), TermMeans { steps: 1, loss, gradient_norm: None })].into(),
            distance: None,
        };
        losses.iter().enumerate().map(record).collect()
    }

    #[test]
    fn the_multiplier_of_a_history_worked_by_hand() {
        // Bound 1, rate 0.5, from 1: loss 2 gives 1.5, loss 0.5 gives 1.25, loss 0 twice gives 0.75, 0.25,
        // then 0 and not below.
        let of = |losses: &[f64]| CONSTRAINT.multiplier(1.0, 1.0, "retain", &history(losses));
        let found: Vec<f64> = (0..=5).map(|epochs| of(&[2.0, 0.5, 0.0, 0.0, 0.0][..epochs])).collect();
        assert_eq!(found, [1.0, 1.5, 1.25, 0.75, 0.25, 0.0]);
    }

    #[test]
    fn the_slope_of_a_step_worked_by_hand() {
        // Multiplier 1, penalty 2, bound 1. At loss 1.5 the slope is 1 + 2 * 0.5 = 2 and the value (4 - 1) / 4; at
        // loss 0.75 it is 0.5 and (0.25 - 1) / 4; below loss 0.5 nothing pulls and the value is -1 / 4.
        for (loss, slope, value) in [(1.5, 2.0, 0.75), (0.75, 0.5, -0.1875), (0.2, 0.0, -0.25)] {
            let loss = Tensor::<1>::from_floats([loss], &Device::flex().autodiff()).require_grad();
            let penalised = CONSTRAINT.penalised(loss.clone(), 1.0, 1.0);
            let gradient = loss.grad(&penalised.backward()).unwrap().into_scalar::<f32>();
            let found = penalised.into_scalar::<f32>();
            assert!((gradient - slope).abs() < 1e-6 && (found - value).abs() < 1e-6, "{gradient} and {found}");
        }
    }

    /// Forgetting loses t per epoch and the retain loss grows as t squared: minimise -t + the term of t^2 by gradient
    /// descent, the multiplier moving after each epoch.
    #[test]
    fn on_a_toy_the_run_ends_at_its_bound() {
        // The solution of max t with t^2 <= 1 is t = 1 at multiplier 1 / (2 t) = 0.5.
        let constraint = Constraint { tolerance: 0.0, penalty: 1.0, dual_rate: 0.5 };
        let (mut t, mut losses) = (0.0f64, Vec::new());
        for _ in 0..200 {
            let multiplier = constraint.multiplier(0.0, 1.0, "retain", &history(&losses));
            for _ in 0..50 {
                let slope = (multiplier + constraint.penalty * (t * t - 1.0)).max(0.0);
                t -= 0.05 * (-1.0 + slope * 2.0 * t);
            }
            losses.push(t * t);
        }
        let multiplier = constraint.multiplier(0.0, 1.0, "retain", &history(&losses));
        assert!((t - 1.0).abs() < 1e-3 && (multiplier - 0.5).abs() < 1e-3, "t {t}, multiplier {multiplier}");
    }
}
