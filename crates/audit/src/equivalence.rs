//! Are two arms of models alike? Two one-sided tests (TOST).
//!
//! A large p-value of a test for a difference shows nothing: three models differ from nothing. Here the burden lies
//! the other way round, and few models can never pass.
//!
//! A margin in standard deviations of the retrained models is itself estimated from them. Taking it for known passes
//! arms that lie exactly at the margin more often than the level says (7 % with ten models and a margin of 1.5, and
//! more with a wider one), so the margin's own uncertainty is counted: both bounds are joined by the method of variance
//! estimates recovery.
//!
//! Source: Schuirmann, "A comparison of the two one-sided tests procedure and the power approach", J. Pharmacokinet.
//! Biopharm. 15, 1987; Zou and Donner, "Construction of confidence limits about effect measures: a general approach",
//! Statistics in Medicine 27, 2008, equation 5.

use crate::law::chi_squared_quantile;
use crate::{AuditError, Interval, Pool, comparison};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far apart two arms may lie and still count as alike.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Margin {
    /// In the statistic's own unit.
    Absolute(f64),
    /// In standard deviations of the retrained models, whose estimate's uncertainty is counted.
    Deviations(f64),
}

/// The margin of an audit that declares none, in deviations.
const STANDARD: f64 = 1.5;

impl Margin {
    /// The margin of an audit that declares none.
    pub const STANDARD: Margin = Margin::Deviations(STANDARD);

    /// The margin in deviations for which power is stated. How many deviations a margin in the statistic's own unit is,
    /// only scores can say; the standard one stands for it.
    pub fn deviations_for_power(self) -> f64 {
        match self {
            Margin::Deviations(deviations) => deviations,
            Margin::Absolute(_) => STANDARD,
        }
    }
}

/// Whether two arms are alike within a margin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Equivalence {
    /// What was asked for.
    pub margin: Margin,
    /// The margin in the statistic's own unit.
    pub width: f64,
    /// The difference of means.
    pub difference: f64,
    /// The t-interval at level `1 - 2 alpha`, which must lie within the margin.
    pub interval: Interval,
    /// The upper bound of how far the difference lies outside the margin; it passes below 0.
    pub excess: f64,
    /// Whether the arms are alike at this level.
    pub passed: bool,
}

/// `unlearned` against `retrained`, each side at level `alpha`, variances unequal.
///
/// # Errors
/// Those of [`comparison::welch`]; [`AuditError::NoSpread`] for a margin in deviations that there are none of.
pub fn tost(unlearned: &Pool, retrained: &Pool, margin: Margin, alpha: f64) -> Result<Equivalence, AuditError> {
    let compared = comparison::welch(unlearned, retrained)?;
    let half = compared.half_width(1.0 - 2.0 * alpha);
    let (width, loss) = match margin {
        Margin::Absolute(width) => (width, 0.0),
        Margin::Deviations(deviations) => {
            let width = deviations * retrained.spread()?;
            (width, width * deviation_loss(retrained.len(), alpha))
        }
    };
    let excess = compared.difference.abs() - width + half.hypot(loss);
    let interval = compared.interval(1.0 - 2.0 * alpha);
    Ok(Equivalence { margin, width, difference: compared.difference, interval, excess, passed: excess < 0.0 })
}

/// By which part a deviation of so many models may be overestimated, at level `1 - alpha`.
pub(crate) fn deviation_loss(models: usize, alpha: f64) -> f64 {
    let degrees_of_freedom = (models - 1) as f64;
    1.0 - (degrees_of_freedom / chi_squared_quantile(1.0 - alpha, degrees_of_freedom)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::{at_most, pool, within_binomial_slack};
    use lacuna_seed::Seed;

    /// How often arms at this distance, in retrain deviations, pass in 4000 audits.
    fn passes(models: usize, distance: f64, unlearned_deviation: f64, margin: Margin) -> usize {
        let mut draws = Seed(2).stream("equivalence").part(&format!("{models} {distance}")).draws();
        let mut pass = || {
            let unlearned = pool(&mut draws, models, distance, unlearned_deviation);
            tost(&unlearned, &pool(&mut draws, models, 0.0, 1.0), margin, 0.05).unwrap().passed
        };
        (0..4000).filter(|_| pass()).count()
    }

    #[test]
    fn arms_at_the_margin_pass_one_time_in_twenty() {
        // With enough models that the two sides do not both fail.
        within_binomial_slack(passes(20, 1.5, 1.0, Margin::Absolute(1.5)), 4000, 0.05);
        for (models, deviation) in [(5, 1.0), (10, 1.0), (10, 2.0), (10, 0.5), (20, 1.0)] {
            at_most(passes(models, 1.5, deviation, Margin::Deviations(1.5)), 4000, 0.05);
            at_most(passes(models, -1.5, deviation, Margin::Deviations(1.5)), 4000, 0.05);
            at_most(passes(models, 1.5, deviation, Margin::Absolute(1.5)), 4000, 0.05);
        }
    }

    #[test]
    fn a_margin_taken_for_known_would_pass_too_often() {
        // Why the margin's own uncertainty is counted: without it, 0.05 is not what it says.
        let mut draws = Seed(3).stream("equivalence").draws();
        let mut naive = || {
            let (unlearned, retrained) = (pool(&mut draws, 10, 3.0, 1.0), pool(&mut draws, 10, 0.0, 1.0));
            let margin = Margin::Absolute(3.0 * retrained.deviation());
            tost(&unlearned, &retrained, margin, 0.05).unwrap().passed
        };
        let found = (0..4000).filter(|_| naive()).count();
        assert!(found > 440, "{found} of 4000");
    }

    #[test]
    fn three_models_do_not_pass_even_where_nothing_differs() {
        assert!(passes(3, 0.0, 1.0, Margin::Deviations(1.5)) < 4000 / 5);
        assert!(passes(10, 0.0, 1.0, Margin::Deviations(1.5)) > 4000 * 7 / 10);
    }

    #[test]
    fn a_case_worked_by_hand() {
        // Means 0.1 and 0, variances 1 and 1 of 4 each: SE = sqrt(0.5), df = 6, t(0.95; 6) = 1.943180.
        // 0.1 + 1.943180 * 0.707107 = 1.474036, so a margin of 1.48 passes and one of 1.47 does not.
        let unit = [-1.161_895_003_862_225, -0.387_298_334_620_741_7, 0.387_298_334_620_741_7, 1.161_895_003_862_225];
        let retrained = Pool::new("retrained", unit.to_vec()).unwrap();
        let unlearned = Pool::new("unlearned", unit.map(|value| value + 0.1).to_vec()).unwrap();
        let of = |margin| tost(&unlearned, &retrained, Margin::Absolute(margin), 0.05).unwrap();
        assert!(of(1.48).passed && !of(1.47).passed);
        assert!((of(1.48).interval.high - 1.474_036).abs() < 1e-5, "{:?}", of(1.48));
    }
}
