//! One strategy, or one delivered model, and one subject.

use super::Attacks;
use crate::attack::{Auc, Identification, auc};
use crate::distance::Distance;
use crate::{Assessment, AuditError, Comparison, Object, Pool, Statistics, Verdict, welch};
use serde::{Deserialize, Serialize};

/// What was found of it, verdict included.
#[derive(Clone, Debug, PartialEq)]
pub struct Conclusion {
    /// [`Row::strategy`].
    pub strategy: String,
    /// [`Row::variant`].
    pub variant: String,
    /// [`Row::epochs`].
    pub epochs: Option<usize>,
    /// [`Row::subject`].
    pub subject: String,
    /// The verdict and what led to it.
    pub assessment: Assessment,
    /// [`Row::attacks`].
    pub attacks: Option<Attacks>,
    /// [`Row::retained`].
    pub retained: Vec<Retained>,
    /// [`Row::distances`].
    pub distances: Vec<Distance>,
}

/// What a report says of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The strategy, or `delivered`.
    pub strategy: String,
    /// How it differs from the named one.
    pub variant: String,
    /// Epochs of unlearning.
    pub epochs: Option<usize>,
    /// Who is forgotten.
    pub subject: String,
    /// A procedure or a model.
    pub object: Object,
    /// What is concluded; nothing if the audit is void.
    pub verdict: Option<Verdict>,
    /// Everything that led to it.
    pub statistics: Statistics,
    /// What an adversary could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attacks: Option<Attacks>,
    /// The same comparison for the other audited subjects in these models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retained: Vec<Retained>,
    /// How far from retrained models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distances: Vec<Distance>,
}

/// A retained subject in the same unlearned models: is it served or exposed otherwise than by retrained ones?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retained {
    /// The subject of the comparison.
    pub subject: String,
    /// Unlearned minus retrained models, by the primary statistic.
    pub comparison: Comparison,
    /// How well it separates the arms.
    pub auc: Option<Auc>,
}

/// How a strategy gives its subjects away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pointing {
    /// The name of the strategy.
    pub strategy: String,
    /// How it differs from the named one.
    pub variant: String,
    /// How often the erased subject was the most unusual one.
    pub found: Identification,
}

impl Conclusion {
    /// Of one delivered model.
    pub fn of_delivered(subject: String, assessment: Assessment) -> Conclusion {
        Conclusion {
            strategy: "delivered".to_string(),
            variant: String::new(),
            epochs: None,
            subject,
            assessment,
            attacks: None,
            retained: Vec::new(),
            distances: Vec::new(),
        }
    }

    /// The row of a report, without its verdict if the audit is void.
    pub(super) fn row(self, void: bool) -> Row {
        let Assessment { verdict, statistics } = self.assessment;
        Row {
            strategy: self.strategy,
            variant: self.variant,
            epochs: self.epochs,
            subject: self.subject,
            object: statistics.object,
            verdict: (!void).then_some(verdict),
            statistics,
            attacks: self.attacks,
            retained: self.retained,
            distances: self.distances,
        }
    }
}

impl Row {
    pub(super) fn subjects(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.subject).chain(self.retained.iter().map(|retained| &retained.subject))
    }

    pub(super) fn subjects_mut(&mut self) -> impl Iterator<Item = &mut String> {
        std::iter::once(&mut self.subject).chain(self.retained.iter_mut().map(|retained| &mut retained.subject))
    }

    pub(super) fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        [&mut self.strategy, &mut self.variant].into_iter().chain(&mut self.statistics.reasons)
    }
}

impl Retained {
    /// Scores of a subject in both arms.
    ///
    /// # Errors
    /// [`AuditError::NoSpread`] if neither arm has any.
    pub fn new(subject: String, unlearned: &Pool, retrained: &Pool) -> Result<Retained, AuditError> {
        let (comparison, auc) = (welch(unlearned, retrained)?, auc(unlearned.values(), retrained.values()));
        Ok(Retained { subject, comparison, auc })
    }
}
