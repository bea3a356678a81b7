//! The outcomes of an erasure: a closed list, the strongest first, each with its meaning in words.

use lacuna_audit::Verdict;
use serde::{Deserialize, Serialize};

/// The outcome for one model, or for a whole request: the weakest of its models' outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Outcome {
    /// What an audit or the lineage of the model concludes.
    Judged(Verdict),
    /// The run changed almost nothing on the person's scans, which is weaker than every verdict.
    NoEffect,
}

/// The texts of an outcome, for readers who do not know the field's terms.
struct Words {
    title: &'static str,
    meaning: &'static str,
    not: &'static str,
    next: Option<&'static str>,
    warning: Option<&'static str>,
}

impl Outcome {
    /// All outcomes, the strongest first.
    pub const ALL: [Outcome; 11] = all();

    /// The outcome with this name, or `None`.
    pub fn of_name(name: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// The name in files and in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Judged(verdict) => verdict.name(),
            Outcome::NoEffect => "no_effect",
        }
    }

    /// A title of a few words.
    pub fn title(self) -> &'static str {
        self.words().title
    }

    /// What the outcome means, in plain words.
    pub fn meaning(self) -> &'static str {
        self.words().meaning
    }

    /// What the outcome does not mean, in plain words.
    pub fn does_not_mean(self) -> &'static str {
        self.words().not
    }

    /// The recommended next step, if there is one.
    pub fn next(self) -> Option<&'static str> {
        self.words().next
    }

    /// The warning that every document about the outcome must carry.
    pub fn warning(self) -> Option<&'static str> {
        self.words().warning
    }

    /// Whether the request can be closed as carried out and verified.
    pub fn passes(self) -> bool {
        matches!(self, Outcome::Judged(verdict) if verdict.passes())
    }

    /// Whether it leaves open what the model still holds.
    pub fn is_open(self) -> bool {
        matches!(self, Outcome::Judged(verdict) if verdict.is_open())
    }

    /// Whether the run produced a model that replaces the original; false if it changed nothing.
    pub fn replaces_the_model(self) -> bool {
        self != Outcome::NoEffect
    }

    fn words(self) -> Words {
        match self {
            Outcome::Judged(verdict) => of_verdict(verdict),
            Outcome::NoEffect => NO_EFFECT,
        }
    }
}

impl From<Outcome> for String {
    fn from(outcome: Outcome) -> String {
        outcome.name().to_string()
    }
}

impl TryFrom<String> for Outcome {
    type Error = String;

    fn try_from(name: String) -> Result<Outcome, String> {
        Outcome::of_name(&name).ok_or_else(|| format!("expected the name of an outcome, found `{name}`"))
    }
}

/// Verdicts in their order, then what is weaker than all.
const fn all() -> [Outcome; 11] {
    let mut all = [Outcome::NoEffect; 11];
    let mut index = 0;
    while index < Verdict::ALL.len() {
        all[index] = Outcome::Judged(Verdict::ALL[index]);
        index += 1;
    }
    all
}

const NO_EFFECT: Words = Words {
    title: "No effect: nothing was erased",
    meaning: "The run left the model's answers on the person's scans as they were, to less than one part in \
              a hundred. The model still holds the person. Nothing was removed.",
    not: "It does not mean that the request was carried out.",
    next: Some(
        "another strategy, more epochs, or a higher learning rate (`lacuna unlearn --find-learning-rate`), \
         with `--again`; or train again without the person",
    ),
    warning: Some("no effect: the model answers on the person's scans as before, and still holds the person"),
};

fn of_verdict(verdict: Verdict) -> Words {
    match verdict {
        Verdict::Exact => Words {
            title: "Trained without the person, and compared",
            meaning: "The new model's weights are, byte for byte, those of a training in which the person never \
                      took part.",
            not: "It does not mean that other copies, or models made from the old one elsewhere, are gone.",
            next: None,
            warning: None,
        },
        Verdict::ExactUnproved => Words {
            title: "Trained without the person, not compared",
            meaning: "The new model was trained again, without the person, from a state before the person took part. \
                      So it follows from how it was made; no comparison with a training from the beginning was made.",
            not: "It does not mean that the bytes of both were compared.",
            next: Some(
                "compare it with a training from the beginning (`lacuna erase … --again -- --prove`), or close the \
                 request as not assessed: `lacuna ledger close REQUEST --unassessed`",
            ),
            warning: Some("exact by construction only, not proved: no training from the beginning was compared"),
        },
        Verdict::RetrainEquivalent => Words {
            title: "Like retrained models",
            meaning: "Models made in this way were shown to be like models that were trained without the person, \
                      within the margin of the protocol.",
            not: "It does not mean that other measurements, or an inspection of the weights, would find no \
                  difference.",
            next: None,
            warning: None,
        },
        Verdict::ConsistentWithRetrain => Words {
            title: "Not distinguishable from retrained models",
            meaning: "The new model lies within the range of models that were trained without the person; the \
                      models before lie outside it.",
            not: "It does not mean that the new model is one that never saw the person: a difference that is too \
                  small for so many models to show would not be seen.",
            next: None,
            warning: None,
        },
        Verdict::NotRemembered => Words {
            title: "The model did not detectably remember the person",
            meaning: "Models that were trained with the person were shown to be like models that never saw the \
                      person, within the margin of the protocol. By these measurements there was nothing to forget.",
            not: "It does not mean that the person was not among those trained on, or that other measurements would \
                  find nothing.",
            next: None,
            warning: None,
        },
        Verdict::Inconclusive => Words {
            title: "Not decided",
            meaning: "The new model was compared with models that were trained without the person, and neither a \
                      difference nor the absence of one could be shown.",
            not: "It does not mean that the person is forgotten, nor that the person is not.",
            next: Some(
                "train more models for the comparison and audit again (`lacuna audit plan` says how many), or close \
                 the request as not assessed: `lacuna ledger close REQUEST --unassessed`",
            ),
            warning: Some("nothing is shown about whether the person was forgotten"),
        },
        Verdict::NotAssessable => Words {
            title: "Not assessed",
            meaning: "Nothing is shown about whether the person was forgotten: the new model could not be judged \
                      against models that were trained without the person.",
            not: "It does not mean that the person is forgotten.",
            next: Some(
                "compare the new model with retrained ones (`--audit FILE`, or `lacuna ledger audit` for a \
                 comparison of your own), or close the request as not assessed: `lacuna ledger close REQUEST \
                 --unassessed`",
            ),
            warning: Some("nothing is shown about whether the person was forgotten"),
        },
        Verdict::UtilityLost => Words {
            title: "The others are served worse",
            meaning: "The new model segments the people who stay, or new people, worse than models that were trained \
                      without the person, by more than the protocol allows.",
            not: "It does not mean that the person is forgotten.",
            next: Some("fewer epochs, another strategy, or train again without the person (`--again`)"),
            warning: Some("the people who stay are served worse than by a model trained without the person"),
        },
        Verdict::OverForgotten => Words {
            title: "Over-forgotten: the erasure itself can be seen",
            meaning: "The new model is worse on the person's scans than models that never saw the person. The \
                      holder of a model can infer from that who was removed.",
            not: "It does not mean that the person is well protected: the failure points at the person.",
            next: Some("fewer epochs, another strategy, or train again without the person (`--again`)"),
            warning: Some("over-forgotten: the model fails on this person alone, which shows who was removed"),
        },
        Verdict::ResidualInfluence => Words {
            title: "Something of the person is left",
            meaning: "The new model still differs from models that never saw the person, in the direction of the \
                      models that did.",
            not: "It does not mean that nothing changed.",
            next: Some("more epochs, another strategy, or train again without the person (`--again`)"),
            warning: Some("something of the person is left in the model"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_the_audits_verdicts_in_their_order_and_one_that_is_weaker() {
        assert!(Outcome::ALL.is_sorted(), "of several the greatest is the weakest");
        assert_eq!(Outcome::ALL[..10], Verdict::ALL.map(Outcome::Judged));
        assert_eq!(Outcome::ALL[10], Outcome::NoEffect);
        for outcome in Outcome::ALL {
            let json = serde_json::to_value(outcome).unwrap();
            assert_eq!(json, outcome.name());
            assert_eq!(serde_json::from_value::<Outcome>(json).unwrap(), outcome);
        }
        assert!(serde_json::from_str::<Outcome>("\"verified\"").is_err());
    }

    #[test]
    fn what_does_not_pass_warns_and_says_what_is_next() {
        for outcome in Outcome::ALL {
            let passes = outcome.passes();
            assert!(passes || (outcome.warning().is_some() && outcome.next().is_some()), "{outcome:?}");
            assert!(!outcome.meaning().is_empty() && outcome.does_not_mean().starts_with("It does not mean"));
        }
        assert!(!Outcome::NoEffect.passes() && !Outcome::NoEffect.replaces_the_model());
        assert!(Outcome::Judged(Verdict::NotRemembered).passes(), "such a request can be closed");
        let unproved = Outcome::Judged(Verdict::ExactUnproved);
        assert!(unproved.warning().is_some() && !unproved.passes());
        for outcome in Outcome::ALL.into_iter().filter(|outcome| outcome.is_open()) {
            assert!(outcome.next().unwrap().contains("--unassessed"), "{outcome:?}: such a request can be closed");
        }
    }
}
