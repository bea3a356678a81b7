//! What an adversary could tell.

use crate::attack::{Auc, Lira, OperatingPoint, auc, lira, true_positives_at};
use crate::epsilon::{Epsilon, epsilon};
use crate::klom::{Klom, klom};
use crate::{Arm, Protocol, Statistic};
use lacuna_seed::Stream;
use serde::{Deserialize, Serialize};

/// The false-positive rate at which true positives are counted: the least that so few models can speak of.
const FALSE_POSITIVES: f64 = 0.1;

/// Attacks on one subject, unlearned against retrained models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attacks {
    /// By the primary statistic as it is.
    pub margin: Option<Auc>,
    /// By the mean loss.
    pub loss: Option<Auc>,
    /// By likelihoods fitted for the subject, where there were models enough.
    pub lira: Option<Lira>,
    /// The operating point of the likelihood-ratio attack.
    pub operating_point: Option<OperatingPoint>,
    /// Of the last, at the ratio 0, which is fixed beforehand.
    pub epsilon: Option<Epsilon>,
    /// The distance KLoM of the margins, patch by patch.
    pub klom: Option<Klom>,
}

/// The models of one arm, as an adversary sees them.
#[derive(Clone, Debug)]
pub struct Side {
    /// The scores of its models.
    pub arm: Arm,
    /// Margins by model and patch, scans one after the other.
    pub patch_margins: Vec<Vec<f64>>,
}

/// What an adversary knows.
#[derive(Clone, Copy, Debug)]
pub struct Attacker<'a> {
    /// The protocol of the audit.
    pub protocol: &'a Protocol,
    /// The variance of scores that the subjects of a strategy share, if they have any.
    pub shared_variance: Option<f64>,
    /// Of exchanges of models.
    pub stream: &'a Stream,
}

impl Attacker<'_> {
    /// Every attack that so many models allow.
    pub fn attacks(&self, unlearned: &Side, retrained: &Side) -> Attacks {
        let values =
            |side: &Side, statistic| side.arm.feature(statistic).map(|pool| pool.values().to_vec()).unwrap_or_default();
        let by = |statistic| auc(&values(unlearned, statistic), &values(retrained, statistic));
        let lira = self.lira(&unlearned.arm, &retrained.arm);
        let scores = lira.as_ref().map(|lira| &lira.scores);
        Attacks {
            margin: by(self.protocol.primary),
            loss: by(Statistic::CrossEntropyBand),
            operating_point: scores.and_then(|scores| {
                true_positives_at(FALSE_POSITIVES, &scores.unlearned, &scores.retrained, self.protocol.level)
            }),
            epsilon: scores.map(|scores| epsilon(&scores.unlearned, &scores.retrained, 0.0)),
            klom: klom(&unlearned.patch_margins, &retrained.patch_margins).ok(),
            lira,
        }
    }

    fn lira(&self, unlearned: &Arm, retrained: &Arm) -> Option<Lira> {
        let of = |arm: &Arm| arm.feature(self.protocol.primary).ok();
        lira(&of(unlearned)?, &of(retrained)?, self.shared_variance?, self.stream).ok()
    }
}
