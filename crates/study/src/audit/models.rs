//! The models of one subject, and what each of them was measured to be.

use crate::Seen;
use lacuna_audit::control::{References, Sham, WithoutForgetTerm};
use lacuna_audit::report::Side;
use lacuna_audit::{Arm, Measured};
use lacuna_cohort::SubjectId;
use std::collections::BTreeMap;

/// One model, for one subject.
#[derive(Clone)]
pub(super) struct AuditedModel {
    /// The scores of the model.
    pub(super) measured: Measured,
    /// What it sees of the subject.
    pub(super) seen: Seen,
    /// How far its weights lie from the retrained model of its seed; of a retrained one, from that of the seed before.
    pub(super) weights: Option<f64>,
    /// What it sees of the other audited subjects that it was trained on.
    pub(super) others: BTreeMap<SubjectId, Measured>,
}

/// The models of one subject, by seed. A model that diverged is absent.
#[derive(Default)]
pub(super) struct SubjectModels {
    pub(super) original: Vec<AuditedModel>,
    pub(super) retrained: Vec<AuditedModel>,
    /// By strategy, in the order of the study.
    pub(super) unlearned: Vec<Vec<AuditedModel>>,
    /// What controls need beside these; only of the subject of the controls.
    pub(super) controls: ControlModels,
}

/// The models of controls.
#[derive(Default)]
pub(super) struct ControlModels {
    /// Retrained models through each recipe without its forget term, with the recipe's strategy; no models if nothing
    /// is left of the recipe.
    pub(super) shams: Vec<(String, Option<Vec<AuditedModel>>)>,
    /// Originals trained on with the others alone.
    pub(super) fine_tuned: Vec<AuditedModel>,
    /// Originals with a decoder drawn anew.
    pub(super) destroyed: Vec<AuditedModel>,
}

/// Some models as one arm; `what` names it in errors.
pub(super) fn arm(what: &'static str, models: &[AuditedModel]) -> Arm {
    Arm::new(what, models.iter().map(|model| model.measured.clone()).collect())
}

/// Some models as an adversary sees them.
pub(super) fn side(what: &'static str, models: &[AuditedModel]) -> Side {
    let margins =
        |model: &AuditedModel| model.seen.scans.iter().flat_map(|scan| scan.patch_margins.iter().copied()).collect();
    Side { arm: arm(what, models), patch_margins: models.iter().map(margins).collect() }
}

impl SubjectModels {
    /// Originals and retrained models, for controls.
    pub(super) fn references(&self, subject: String) -> References {
        References { subject, original: arm("original", &self.original), retrained: arm("retrained", &self.retrained) }
    }
}

impl ControlModels {
    /// What the recipes make without their forget terms.
    pub(super) fn without_forget_term(&self) -> WithoutForgetTerm {
        let sham = |(strategy, models): &(String, Option<Vec<AuditedModel>>)| Sham {
            strategy: strategy.clone(),
            models: models.as_ref().map(|models| arm("control", models)),
        };
        WithoutForgetTerm { shams: self.shams.iter().map(sham).collect(), fine_tuned: arm("control", &self.fine_tuned) }
    }

    /// Originals with a decoder drawn anew.
    pub(super) fn destroyed(&self) -> Arm {
        arm("control", &self.destroyed)
    }
}
