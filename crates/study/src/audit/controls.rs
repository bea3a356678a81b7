//! The models of controls, as `lacuna-audit` judges them.

use super::Audit;
use super::models::{SubjectModels, arm};
use lacuna_audit::Control;
use lacuna_audit::control::{self, Evidence, Judge, Models, WithoutForgetTerm};
use lacuna_cohort::SubjectId;

/// A subject whose models were measured.
pub(super) type Measured<'a> = (&'a SubjectId, &'a SubjectModels);

/// What controls are judged from.
pub(super) struct Controlled<'a> {
    /// Every subject whose models were measured.
    pub(super) everybody: Vec<Measured<'a>>,
    /// The subject of the controls.
    pub(super) subject: Measured<'a>,
    /// What the recipes make without their forget terms.
    pub(super) without_forget_term: Models<WithoutForgetTerm>,
    /// The planted subject.
    pub(super) planted: Models<Measured<'a>>,
}

impl Controlled<'_> {
    /// Judge every control.
    pub(super) fn judge(self, audit: &Audit) -> Vec<Control> {
        let bank = |(subject, models): Measured| models.references(audit.study.shown(subject));
        let (_, models) = self.subject;
        let evidence = Evidence {
            retrained: self.everybody.iter().map(|(_, models)| arm("retrained", &models.retrained)).collect(),
            references: bank(self.subject),
            without_forget_term: self.without_forget_term,
            destroyed: models.controls.destroyed(),
            planted: match self.planted {
                Models::Given(planted) => Models::Given(bank(planted)),
                Models::Missing(why) => Models::Missing(why),
                Models::NotAsked => Models::NotAsked,
            },
        };
        control::judge(&evidence, &Judge { protocol: &audit.config.protocol, stream: &audit.stream() })
    }
}
