//! Controls: what must come out as known, or the audit is void.

use crate::delivered::beside;
use crate::law::binomial_at_least;
use crate::{Finding, Influence, Memory, Pool};
use serde::Serialize;

/// One control: what was expected, what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    /// What was put to the test.
    pub name: &'static str,
    /// Of whom, where it is about one subject.
    pub subject: Option<String>,
    /// What had to come out.
    pub expected: &'static str,
    /// What came out.
    pub observed: String,
    /// Whether it did; unknown where it could not be tried, with the reason in `observed`.
    pub behaved: Option<bool>,
}

impl Control {
    /// That could not be tried.
    pub fn not_tried(name: &'static str, expected: &'static str, why: impl Into<String>) -> Control {
        Control { name, subject: None, expected, observed: why.into(), behaved: None }
    }

    /// About one subject.
    pub fn of_subject(mut self, subject: &str) -> Control {
        self.subject = Some(subject.to_string());
        self
    }

    fn new(name: &'static str, expected: &'static str, observed: String, behaved: bool) -> Control {
        Control { name, subject: None, expected, observed, behaved: Some(behaved) }
    }
}

/// Names of the controls, in the order of tables.
pub const LEFT_OUT: &str = "left-out retrains";
/// A left-out retrain through the recipe without its forget term.
pub const SHAM: &str = "sham";
/// The original fine-tuned on the retain subjects alone.
pub const FINE_TUNED: &str = "retain-only fine-tuning";
/// A decoder drawn anew.
pub const DESTROYED: &str = "destroyed decoder";
/// A subject planted so that it must be remembered.
pub const PLANTED: &str = "planted subject";

/// Each retrained model against the others of its pool: flagged no more often than the level says, but for what
/// chance allows at `control_alpha`.
pub fn left_out_retrains(pools: &[Pool], alpha: f64, control_alpha: f64) -> Control {
    let expected = "flagged at most as often as the level says";
    let flags: Vec<bool> = pools.iter().flat_map(|pool| flagged(pool, alpha)).collect();
    if flags.is_empty() {
        return Control::not_tried(LEFT_OUT, expected, "fewer than three retrained models of any subject");
    }
    let count = flags.iter().filter(|flag| **flag).count();
    let p = binomial_at_least(count as u64, flags.len() as u64, alpha);
    Control::new(LEFT_OUT, expected, format!("{count} of {} flagged", flags.len()), p > control_alpha)
}

fn flagged(pool: &Pool, alpha: f64) -> Vec<bool> {
    let against_others = |place: usize| {
        let others = pool.without(place)?;
        Some(beside(pool.values()[place], &others, 1.0 - alpha).ok()?.p <= alpha)
    };
    (0..pool.len()).filter_map(against_others).collect()
}

/// A left-out retrain that went through the recipe without its forget term: nothing to be found.
pub fn sham(influence: &Influence) -> Control {
    let behaved = !matches!(influence.finding, Finding::Residual | Finding::OverForgotten);
    Control::new(SHAM, "not flagged", seen(influence), behaved)
}

/// The original fine-tuned on the others alone: not to be called equivalent where the original is flagged.
pub fn fine_tuned(influence: &Influence, memory: &Memory) -> Control {
    let expected = "not called equivalent";
    if !memory.detectable {
        return Control::not_tried(FINE_TUNED, expected, "the originals themselves are not flagged");
    }
    Control::new(FINE_TUNED, expected, seen(influence), influence.finding != Finding::Equivalent)
}

/// A model with a decoder drawn anew knows nobody: over-forgotten.
pub fn destroyed(influence: &Influence) -> Control {
    Control::new(DESTROYED, "over-forgotten", seen(influence), influence.finding == Finding::OverForgotten)
}

/// A planted subject must be flagged in its originals, or the audit is blind.
pub fn planted(memory: &Memory) -> Control {
    let observed = format!("{:+.2} deviations, p = {:.4}", memory.deviations, memory.comparison.p);
    Control::new(PLANTED, "flagged in its originals", observed, memory.detectable)
}

fn seen(influence: &Influence) -> String {
    let deviations = influence.comparison.difference / influence.retrained_deviation;
    let finding = match influence.finding {
        Finding::Equivalent => "equivalent",
        Finding::Residual => "residual influence",
        Finding::OverForgotten => "over-forgotten",
        Finding::Undecided => "undecided",
    };
    format!("{finding}, {deviations:+.2} deviations, p = {:.4}", influence.comparison.p)
}

/// Whether a control misbehaved, which voids the audit.
pub fn is_void(controls: &[Control]) -> bool {
    controls.iter().any(|control| control.behaved == Some(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::{at_most, pool};
    use lacuna_seed::Seed;

    #[test]
    fn honest_retrains_seldom_void_an_audit() {
        let mut draws = Seed(17).stream("controls").draws();
        let mut void = || {
            let pools: Vec<Pool> = (0..3).map(|_| pool(&mut draws, 6, 0.0, 1.0)).collect();
            is_void(&[left_out_retrains(&pools, 0.05, 0.01)])
        };
        let found = (0..1000).filter(|_| void()).count();
        at_most(found, 1000, 0.02);
    }

    #[test]
    fn retrains_of_two_kinds_void_it() {
        let pool = |values: &[f64]| Pool::new("retrained", values.to_vec()).unwrap();
        let pools: Vec<Pool> = (0..6).map(|place| pool(&[0.0, 0.1, 0.05, 0.02, 9.0 + f64::from(place)])).collect();
        assert!(is_void(&[left_out_retrains(&pools, 0.05, 0.01)]));
        assert_eq!(left_out_retrains(&[pool(&[0.0, 1.0])], 0.05, 0.01).behaved, None);
    }
}
