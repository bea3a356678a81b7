//! The models that controls are judged from.

use crate::Arm;

/// Everything that controls look at.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The retrained models of every subject of the audit, the planted one among them.
    pub retrained: Vec<Arm>,
    /// Originals and retrained models of the subject of the controls.
    pub references: References,
    /// What the recipes make of them without their forget terms.
    pub without_forget_term: Models<WithoutForgetTerm>,
    /// Its originals with a decoder drawn anew.
    pub destroyed: Arm,
    /// Originals and retrained models of a subject that every original must remember.
    pub planted: Models<References>,
}

/// Originals and retrained models of one subject.
#[derive(Clone, Debug)]
pub struct References {
    /// The subject under the name that reports show.
    pub subject: String,
    /// The models that were trained on the subject.
    pub original: Arm,
    /// Trained without it.
    pub retrained: Arm,
}

/// What recipes make without their forget terms.
#[derive(Clone, Debug)]
pub struct WithoutForgetTerm {
    /// Retrained models through each recipe.
    pub shams: Vec<Sham>,
    /// Originals through the first recipe of which something is left.
    pub fine_tuned: Arm,
}

/// Retrained models through a recipe without its forget term.
#[derive(Clone, Debug)]
pub struct Sham {
    /// The recipe's strategy.
    pub strategy: String,
    /// The models; `None` if nothing is left of the recipe.
    pub models: Option<Arm>,
}

/// Models that a control needs.
#[derive(Clone, Debug)]
pub enum Models<T> {
    /// The models are available.
    Given(T),
    /// They are not, for this reason.
    Missing(String),
    /// The audit does not ask for the control.
    NotAsked,
}
