//! The closed list of answers.
//!
//! There is deliberately no "verified": a statistic can show that models are alike within a margin, and it can fail to
//! tell one model from others. It cannot show that a person is gone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an audit says of one strategy and one subject, the strongest first: of several the greatest is the weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The model is, by its lineage, one that was never trained on the subject.
    Exact,
    /// The pools are alike within the margin, by a test whose burden is to show it. Of a procedure only.
    RetrainEquivalent,
    /// One model that is not distinguishable from retrained ones. Of a delivered model only, and no more than that.
    ConsistentWithRetrain,
    /// The originals are shown to be like models that never saw the subject, within the margin, and what is judged does
    /// not differ from these either: by these statistics there was nothing to forget.
    NotRemembered,
    /// The model was never trained on the subject by the plan of its training alone: nothing was compared with training
    /// from the beginning.
    ExactUnproved,
    /// Neither alike nor different, with the power that there was.
    Inconclusive,
    /// Whether the subject was remembered could not be shown either way, or there is nothing to compare with.
    NotAssessable,
    /// Those who stay are served worse than by a retrained model.
    UtilityLost,
    /// The model knows less of the subject than one that never saw it: the erasure shows.
    OverForgotten,
    /// Something of the subject is left.
    ResidualInfluence,
}

impl Verdict {
    /// Every one, the strongest first.
    pub const ALL: [Verdict; 10] = [
        Verdict::Exact,
        Verdict::RetrainEquivalent,
        Verdict::ConsistentWithRetrain,
        Verdict::NotRemembered,
        Verdict::ExactUnproved,
        Verdict::Inconclusive,
        Verdict::NotAssessable,
        Verdict::UtilityLost,
        Verdict::OverForgotten,
        Verdict::ResidualInfluence,
    ];

    /// Whether a request whose model has this verdict is verified. [`Verdict::NotRemembered`] passes: where nothing was
    /// detectably remembered, nothing was there to be forgotten.
    pub fn passes(self) -> bool {
        use Verdict::*;
        matches!(self, Exact | RetrainEquivalent | ConsistentWithRetrain | NotRemembered)
    }

    /// Whether it leaves open what the model still holds: it says neither that the subject is forgotten nor that it is
    /// not.
    pub fn is_open(self) -> bool {
        use Verdict::*;
        matches!(self, ExactUnproved | Inconclusive | NotAssessable)
    }

    /// As files and tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::RetrainEquivalent => "retrain_equivalent",
            Verdict::ConsistentWithRetrain => "consistent_with_retrain",
            Verdict::ResidualInfluence => "residual_influence",
            Verdict::OverForgotten => "over_forgotten",
            Verdict::UtilityLost => "utility_lost",
            Verdict::NotAssessable => "not_assessable",
            Verdict::NotRemembered => "not_remembered",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Exact => "exact",
            Verdict::ExactUnproved => "exact_unproved",
        }
    }
}

/// The object of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Object {
    /// A strategy, over seeds.
    Procedure,
    /// One delivered model.
    DeliveredModel,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_pass_are_the_strongest_and_those_that_leave_it_open_come_next() {
        assert!(Verdict::ALL.is_sorted());
        let kind = |verdict: &Verdict| match (verdict.passes(), verdict.is_open()) {
            (true, false) => 0,
            (false, true) => 1,
            (false, false) => 2,
            (true, true) => panic!("{verdict:?} passes and leaves it open"),
        };
        let kinds = Verdict::ALL.map(|verdict| kind(&verdict));
        assert_eq!(kinds, [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn names_are_those_of_files_and_none_claims_too_much() {
        for verdict in Verdict::ALL {
            assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.name());
            assert!(!verdict.name().contains("verified") && !verdict.name().contains("compliant"));
        }
    }
}
