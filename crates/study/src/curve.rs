//! Scores during a run, by role, on the output grid alone, which is cheap enough for every epoch.

use crate::CurvePoint;
use crate::executor::Executor;
use crate::probe_rows::{mean, of_role};
use lacuna_cohort::SubjectId;
use lacuna_inference::score_on_output_grid;
use lacuna_nn::Network;
use lacuna_report::{Role, Roles};
use lacuna_train::TrainError;
use std::collections::BTreeSet;

/// The points of a curve, and the subjects that are scored.
#[derive(Clone, Copy)]
pub(crate) struct Curve<'a> {
    /// The number of epochs between two points.
    pub(crate) every: usize,
    /// The scored subjects of each role.
    pub(crate) sides: &'a [(Role, BTreeSet<SubjectId>)],
}

impl Curve<'_> {
    /// Whether a point is due after this many epochs.
    pub(crate) fn is_due(&self, epochs: usize) -> bool {
        epochs.is_multiple_of(self.every)
    }
}

impl Executor {
    pub(crate) fn point(&self, curve: Curve<'_>, network: &Network, epochs: usize) -> Result<CurvePoint, TrainError> {
        let (mut dice, mut cross_entropy) = (Roles::default(), Roles::default());
        // A curve has no column for subjects that the model forgot before.
        for (role, subjects) in curve.sides.iter().filter(|(role, _)| *role != Role::ForgottenEarlier) {
            let (mut dice_of_role, mut losses) = (Vec::new(), Vec::new());
            for subject in subjects {
                let scans = self.data.of(&BTreeSet::from([subject.clone()]));
                let scores = score_on_output_grid(network, &scans, self.data.labels.classes(), &self.device);
                let scores = scores.map_err(|error| self.without_id(error, subject))?;
                dice_of_role.extend(scores.scores.mean.dice);
                losses.push(scores.cross_entropy);
            }
            *of_role(&mut dice, *role) = mean(&dice_of_role);
            *of_role(&mut cross_entropy, *role) = mean(&losses);
        }
        Ok(CurvePoint { epochs, dice, cross_entropy })
    }
}
