//! What is left of a subject, by one statistic.

use crate::comparison::{paired, welch};
use crate::equivalence::tost;
use crate::permutation::{self, Exchange};
use crate::{Arm, AuditError, Comparison, Equivalence, Interval, Pool, Protocol, Statistic};
use lacuna_seed::Stream;
use serde::{Deserialize, Serialize};

/// What a comparison with retrained models shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// Alike within the margin.
    Equivalent,
    /// On the side of the originals: something is left.
    Residual,
    /// On the other side: less than a model that never saw the subject would know.
    OverForgotten,
    /// Neither equivalence nor a difference is shown.
    Undecided,
}

/// Which way a remembered subject's scores lie from those of retrained models: 1 for higher, -1 for lower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Direction(f64);

impl Direction {
    /// As the originals show it, where they do at this level; else as one expects of the statistic.
    pub fn of(statistic: Statistic, original: Option<&Pool>, retrained: &Pool, alpha: f64) -> Direction {
        let shown = original.and_then(|original| welch(original, retrained).ok()).filter(|shown| shown.p <= alpha);
        let expected = if statistic.is_larger_if_known() { 1.0 } else { -1.0 };
        Direction(shown.map_or(expected, |shown| shown.difference.signum()))
    }

    /// What a difference from the retrained models amounts to.
    pub fn finding(self, difference: f64) -> Finding {
        if difference * self.0 > 0.0 { Finding::Residual } else { Finding::OverForgotten }
    }
}

/// One statistic of one arm beside the retrained models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Influence {
    /// The statistic that is compared.
    pub statistic: Statistic,
    /// The mean of the arm.
    pub mean: f64,
    /// The retrained models' mean.
    pub retrained_mean: f64,
    /// Their sample deviation.
    pub retrained_deviation: f64,
    /// Arm against retrained models.
    pub comparison: Comparison,
    /// The interval of the difference.
    pub interval: Interval,
    /// The same models in pairs of one seed, where they are such pairs.
    pub paired: Option<Comparison>,
    /// Without any law of scores.
    pub exchange: Exchange,
    /// Whether they are alike.
    pub equivalence: Equivalence,
    /// What follows from this statistic alone.
    pub finding: Finding,
}

/// Judge an arm by one statistic at level `alpha`.
///
/// Alike within the margin comes first: a difference may be real and too small to matter.
///
/// # Errors
/// Too few models with that feature, or none that differ.
pub fn influence(
    statistic: Statistic,
    (arm, original, retrained): (&Arm, &Arm, &Arm),
    protocol: &Protocol,
    alpha: f64,
    stream: &Stream,
) -> Result<Influence, AuditError> {
    let (pool, retrained) = (arm.feature(statistic)?, retrained.feature(statistic)?);
    let direction = Direction::of(statistic, original.feature(statistic).ok().as_ref(), &retrained, protocol.alpha);
    let comparison = welch(&pool, &retrained)?;
    let equivalence = tost(&pool, &retrained, protocol.margin, protocol.alpha)?;
    let finding = match (equivalence.passed, comparison.p <= alpha) {
        (true, _) => Finding::Equivalent,
        (false, true) => direction.finding(comparison.difference),
        (false, false) => Finding::Undecided,
    };
    Ok(Influence {
        statistic,
        mean: pool.mean(),
        retrained_mean: retrained.mean(),
        retrained_deviation: retrained.spread()?,
        interval: comparison.interval(protocol.level),
        paired: paired(&pool, &retrained).ok(),
        exchange: permutation::two_arms(&pool, &retrained, &stream.part(statistic.name())),
        comparison,
        equivalence,
        finding,
    })
}
