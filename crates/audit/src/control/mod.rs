//! Controls: what must come out as known, or the audit is void.
//!
//! [`CONTROLS`] lists them in the order of tables. Each file states one: its name, what must come out, which models it
//! is judged from, and how. [`judge`] goes through the list. What must be found is judged at `alpha`; what must not be
//! found, at `control_alpha`, of which an audit has several.

mod destroyed;
mod evidence;
mod fine_tuned;
mod left_out;
mod planted;
mod sham;

pub use evidence::{Evidence, Models, References, Sham, WithoutForgetTerm};

use crate::{Arm, AuditError, Finding, Influence, Memory, Protocol, influence};
use lacuna_seed::Stream;
use serde::{Deserialize, Serialize};

/// The name of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ControlName {
    /// Each retrained model against the others of its subject.
    #[serde(rename = "left-out retrains")]
    LeftOut,
    /// A retrained model through the recipe without its forget term.
    #[serde(rename = "sham")]
    Sham,
    /// The original fine-tuned on the retain subjects alone.
    #[serde(rename = "retain-only fine-tuning")]
    FineTuned,
    /// The original with a decoder drawn anew.
    #[serde(rename = "destroyed decoder")]
    Destroyed,
    /// A subject planted so that it must be remembered.
    #[serde(rename = "planted subject")]
    Planted,
}

impl ControlName {
    /// As files and tables name it.
    pub fn name(self) -> &'static str {
        match self {
            ControlName::LeftOut => "left-out retrains",
            ControlName::Sham => "sham",
            ControlName::FineTuned => "retain-only fine-tuning",
            ControlName::Destroyed => "destroyed decoder",
            ControlName::Planted => "planted subject",
        }
    }
}

/// One control: what was expected, what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// The control's name.
    pub name: ControlName,
    /// The subject, where it is about one.
    pub subject: Option<String>,
    /// What had to come out.
    pub expected: String,
    /// The observed result, in words.
    pub observed: String,
    /// Whether it did; unknown where it could not be tried, with the reason in `observed`.
    pub behaved: Option<bool>,
}

/// A control as it is defined.
pub struct Definition {
    /// The control's name.
    pub name: ControlName,
    /// What must come out.
    pub expected: &'static str,
    /// The models that it needs, and how it is judged from them.
    pub judged: Judged,
}

/// What a control needs, with the function that judges it from that. Except for the first and the last, the models
/// belong to the subject of the controls, whose bank they are compared with.
pub enum Judged {
    /// The retrained models of every subject.
    Retrained(fn(&Judge, &[Arm]) -> Observed),
    /// What the recipes make without their forget terms.
    WithoutForgetTerm(fn(&Judge, &References, &WithoutForgetTerm) -> Vec<Observed>),
    /// The originals with a decoder drawn anew.
    Destroyed(fn(&Judge, &References, &Arm) -> Observed),
    /// Originals and retrained models of the planted subject.
    Planted(fn(&Judge, &References) -> Observed),
}

/// What came out of one control.
pub struct Observed {
    text: String,
    behaved: Option<bool>,
}

/// Every control, in the order of tables.
pub const CONTROLS: [Definition; 5] =
    [left_out::CONTROL, sham::CONTROL, fine_tuned::CONTROL, destroyed::CONTROL, planted::CONTROL];

/// By which protocol controls are judged, and the stream of their exchanges of models.
pub struct Judge<'a> {
    /// The protocol of the audit.
    pub protocol: &'a Protocol,
    /// The random stream of the audit.
    pub stream: &'a Stream,
}

/// Judge every control; one whose models are missing is in the list with the reason, unless the audit does not ask for
/// it.
pub fn judge(evidence: &Evidence, judge: &Judge) -> Vec<Control> {
    CONTROLS.iter().flat_map(|definition| definition.judge(evidence, judge)).collect()
}

/// Whether a control misbehaved, which voids the audit.
pub fn is_void(controls: &[Control]) -> bool {
    controls.iter().any(|control| control.behaved == Some(false))
}

impl Definition {
    fn judge(&self, evidence: &Evidence, judge: &Judge) -> Vec<Control> {
        let references = &evidence.references;
        let on_subject = |observed| self.control(Some(&references.subject), observed);
        match (&self.judged, &evidence.without_forget_term, &evidence.planted) {
            (Judged::Retrained(by), ..) => vec![self.control(None, by(judge, &evidence.retrained))],
            (Judged::Destroyed(by), ..) => vec![on_subject(by(judge, references, &evidence.destroyed))],
            (Judged::WithoutForgetTerm(by), Models::Given(models), _) => {
                by(judge, references, models).into_iter().map(on_subject).collect()
            }
            (Judged::WithoutForgetTerm(_), Models::Missing(why), _) => vec![on_subject(Observed::not_tried(why))],
            (Judged::Planted(by), _, Models::Given(planted)) => {
                vec![self.control(Some(&planted.subject), by(judge, planted))]
            }
            (Judged::Planted(_), _, Models::Missing(why)) => vec![self.control(None, Observed::not_tried(why))],
            (Judged::WithoutForgetTerm(_), Models::NotAsked, _) | (Judged::Planted(_), _, Models::NotAsked) => {
                Vec::new()
            }
        }
    }

    fn control(&self, subject: Option<&String>, observed: Observed) -> Control {
        let Observed { text, behaved } = observed;
        let (name, expected) = (self.name, self.expected.to_string());
        Control { name, subject: subject.cloned(), expected, observed: text, behaved }
    }
}

impl Observed {
    fn new(text: String, behaved: bool) -> Observed {
        Observed { text, behaved: Some(behaved) }
    }

    fn not_tried(why: &str) -> Observed {
        Observed { text: why.to_string(), behaved: None }
    }

    fn of_influence(influence: &Influence, behaved: bool) -> Observed {
        let deviations = influence.comparison.difference / influence.retrained_deviation;
        let finding = match influence.finding {
            Finding::Equivalent => "equivalent",
            Finding::Residual => "residual influence",
            Finding::OverForgotten => "over-forgotten",
            Finding::Undecided => "undecided",
        };
        Observed::new(format!("{finding}, {deviations:+.2} deviations, p = {:.4}", influence.comparison.p), behaved)
    }

    /// What came out, or why it could not be computed.
    fn or_why(observed: Result<Observed, AuditError>) -> Observed {
        observed.unwrap_or_else(|error| Observed::not_tried(&error.to_string()))
    }
}

impl Judge<'_> {
    /// How a control's models differ from the retrained ones, at this level.
    fn influence(
        &self,
        name: ControlName,
        references: &References,
        models: &Arm,
        alpha: f64,
    ) -> Result<Influence, AuditError> {
        let arms = (models, &references.original, &references.retrained);
        influence(self.protocol.primary, arms, self.protocol, alpha, &self.stream.part(name.name()))
    }

    /// How plainly the originals among the reference models remember its subject.
    fn memory(&self, references: &References) -> Result<Memory, AuditError> {
        let of = |arm: &Arm| arm.feature(self.protocol.primary);
        let (original, retrained) = (of(&references.original)?, of(&references.retrained)?);
        crate::memory(&original, &retrained, self.protocol.memory_deviations_min, self.protocol.alpha)
    }
}

#[cfg(test)]
mod tests;
