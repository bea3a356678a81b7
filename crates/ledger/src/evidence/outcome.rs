//! What an erasure came to: a closed list, the strongest first, each with its meaning in words.

use serde::{Deserialize, Serialize};

/// What came of one model, or of a whole request: of several models the weakest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The weights are those of a training without the person, compared byte for byte.
    Exact,
    /// A procedure whose models are shown to be like retrained ones within the margin.
    RetrainEquivalent,
    /// One model that cannot be told apart from retrained ones.
    ConsistentWithRetrain,
    /// The model before is shown not to have remembered the person detectably.
    NotRemembered,
    /// The weights were trained again without the person; that they are those of a training without the person was not
    /// compared.
    ExactUnproved,
    /// Neither alike nor different.
    Inconclusive,
    /// No comparison could judge it.
    NotAssessable,
    /// The people who stay are served worse than by retrained models.
    UtilityLost,
    /// The model knows less of the person than one that never saw the person.
    OverForgotten,
    /// Something of the person is left.
    ResidualInfluence,
    /// The run changed next to nothing on the person's scans.
    NoEffect,
}

/// An outcome for people who do not know the words of the field.
struct Words {
    name: &'static str,
    title: &'static str,
    meaning: &'static str,
    not: &'static str,
    next: Option<&'static str>,
    warning: Option<&'static str>,
}

impl Outcome {
    /// Every one, the strongest first.
    pub const ALL: [Outcome; 11] = [
        Outcome::Exact,
        Outcome::RetrainEquivalent,
        Outcome::ConsistentWithRetrain,
        Outcome::NotRemembered,
        Outcome::ExactUnproved,
        Outcome::Inconclusive,
        Outcome::NotAssessable,
        Outcome::UtilityLost,
        Outcome::OverForgotten,
        Outcome::ResidualInfluence,
        Outcome::NoEffect,
    ];

    /// The one of this name.
    pub fn of_name(name: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// As files and the ledger name it.
    pub fn name(self) -> &'static str {
        self.words().name
    }

    /// In a few words.
    pub fn title(self) -> &'static str {
        self.words().title
    }

    /// What was found, in plain words.
    pub fn meaning(self) -> &'static str {
        self.words().meaning
    }

    /// What it does not mean.
    pub fn does_not_mean(self) -> &'static str {
        self.words().not
    }

    /// What to do next, where something is left to do.
    pub fn next(self) -> Option<&'static str> {
        self.words().next
    }

    /// What every document of it has to warn of.
    pub fn warning(self) -> Option<&'static str> {
        self.words().warning
    }

    /// Whether the request can be closed as carried out and verified.
    pub fn passes(self) -> bool {
        crate::is_passing(self.name())
    }

    /// Whether a model came of it that replaces the one before. One that was not changed does not.
    pub fn replaces_the_model(self) -> bool {
        self != Outcome::NoEffect
    }

    fn words(self) -> Words {
        match self {
            Outcome::Exact => Words {
                name: "exact",
                title: "Trained without the person, and compared",
                meaning: "The new model's weights are, byte for byte, those of a training in which the person never \
                          took part.",
                not: "It does not mean that other copies, or models made from the old one elsewhere, are gone.",
                next: None,
                warning: None,
            },
            Outcome::ExactUnproved => Words {
                name: "exact_unproved",
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
            Outcome::RetrainEquivalent => Words {
                name: "retrain_equivalent",
                title: "Like retrained models",
                meaning: "Models made in this way were shown to be like models that were trained without the person, \
                          within the margin of the protocol.",
                not: "It does not mean that other measurements, or an inspection of the weights, would find no \
                      difference.",
                next: None,
                warning: None,
            },
            Outcome::ConsistentWithRetrain => Words {
                name: "consistent_with_retrain",
                title: "Not distinguishable from retrained models",
                meaning: "The new model lies within the range of models that were trained without the person; the \
                          models before lie outside it.",
                not: "It does not mean that the new model is one that never saw the person: a difference that is too \
                      small for so many models to show would not be seen.",
                next: None,
                warning: None,
            },
            Outcome::NotRemembered => Words {
                name: "not_remembered",
                title: "The model did not detectably remember the person",
                meaning: "Models that were trained with the person were shown to be like models that never saw the \
                          person, within the margin of the protocol. By these measurements there was nothing to forget.",
                not: "It does not mean that the person was not among those trained on, or that other measurements would \
                      find nothing.",
                next: None,
                warning: None,
            },
            Outcome::Inconclusive => Words {
                name: "inconclusive",
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
            Outcome::NotAssessable => Words {
                name: "not_assessable",
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
            Outcome::UtilityLost => Words {
                name: "utility_lost",
                title: "The others are served worse",
                meaning: "The new model segments the people who stay, or new people, worse than models that were trained \
                          without the person, by more than the protocol allows.",
                not: "It does not mean that the person is forgotten.",
                next: Some("fewer epochs, another strategy, or train again without the person (`--again`)"),
                warning: Some("the people who stay are served worse than by a model trained without the person"),
            },
            Outcome::OverForgotten => Words {
                name: "over_forgotten",
                title: "Over-forgotten: the erasure itself can be seen",
                meaning: "The new model is worse on the person's scans than models that never saw the person. Whoever \
                          has the model can tell from that who was removed.",
                not: "It does not mean that the person is well protected: the failure points at the person.",
                next: Some("fewer epochs, another strategy, or train again without the person (`--again`)"),
                warning: Some("over-forgotten: the model fails on this person alone, which shows who was removed"),
            },
            Outcome::ResidualInfluence => Words {
                name: "residual_influence",
                title: "Something of the person is left",
                meaning: "The new model still differs from models that never saw the person, in the direction of the \
                          models that did.",
                not: "It does not mean that nothing changed.",
                next: Some("more epochs, another strategy, or train again without the person (`--again`)"),
                warning: Some("something of the person is left in the model"),
            },
            Outcome::NoEffect => Words {
                name: "no_effect",
                title: "No effect: nothing was erased",
                meaning: "The run left the model's answers on the person's scans as they were, to less than one part in \
                          a hundred. The model still holds the person. Nothing was removed.",
                not: "It does not mean that the request was carried out.",
                next: Some(
                    "another strategy, more epochs, or a higher learning rate (`lacuna unlearn --find-learning-rate`), \
                     with `--again`; or train again without the person",
                ),
                warning: Some(
                    "no effect: the model answers on the person's scans as before, and still holds the person",
                ),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_the_ledgers_verdicts_in_their_order() {
        let names = Outcome::ALL.map(Outcome::name);
        assert_eq!(names, crate::VERDICTS);
        assert!(Outcome::ALL.is_sorted(), "of several the greatest is the weakest");
        for outcome in Outcome::ALL {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.name());
        }
    }

    #[test]
    fn what_does_not_pass_warns_and_says_what_is_next() {
        for outcome in Outcome::ALL {
            let passes = outcome.passes();
            assert!(passes || (outcome.warning().is_some() && outcome.next().is_some()), "{outcome:?}");
            assert!(!outcome.meaning().is_empty() && outcome.does_not_mean().starts_with("It does not mean"));
        }
        assert!(!Outcome::NoEffect.passes() && !Outcome::NoEffect.replaces_the_model());
        assert!(Outcome::NotRemembered.passes(), "such a request can be closed");
        assert!(Outcome::ExactUnproved.warning().is_some() && !Outcome::ExactUnproved.passes());
        for outcome in Outcome::ALL.into_iter().filter(|outcome| crate::is_open(outcome.name())) {
            assert!(outcome.next().unwrap().contains("--unassessed"), "{outcome:?}: such a request can be closed");
        }
    }
}
