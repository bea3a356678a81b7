//! Whether the originals are like models that never saw the subject, or a difference was only not seen.
//!
//! A test that finds nothing is no evidence of absence: with few models it finds nothing of any subject. So that there
//! was nothing to forget has to be shown, by the equivalence test whose burden is to show it, and no other declared
//! statistic may see the subject in the originals.

use crate::memory::memory;
use crate::power::of_equivalence;
use crate::{Arm, Equivalence, Protocol, Statistic, holm, tost};
use serde::{Deserialize, Serialize};

/// What originals and retrained models show of each other where the declared statistic detects no memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NeverRemembered {
    /// Originals against retrained models, by the declared statistic.
    pub equivalence: Equivalence,
    /// Other statistics by which the originals do remember the subject, p-values corrected for their number.
    pub remembered_by: Vec<Statistic>,
    /// The chance with which so many models that are truly alike are shown to be.
    pub power: f64,
}

impl NeverRemembered {
    /// Whether it is shown.
    pub fn holds(&self) -> bool {
        self.equivalence.passed && self.remembered_by.is_empty()
    }

    /// Returns the result as a sentence.
    pub fn told(&self) -> String {
        if let Some(statistic) = self.remembered_by.first() {
            return format!("by {} the originals do remember the subject", statistic.name());
        }
        let power = 100.0 * self.power;
        if self.equivalence.passed {
            return format!(
                "the originals are shown to be like models that never saw the subject, within the margin of {:.4}",
                self.equivalence.width
            );
        }
        format!(
            "that the originals are like models that never saw the subject is not shown: so many models show it of \
             models that are alike with a chance of {power:.0} %"
        )
    }
}

/// Compare the originals with the retrained models; `None` where there are too few or they do not scatter.
pub fn shown(original: &Arm, retrained: &Arm, protocol: &Protocol) -> Option<NeverRemembered> {
    let of = |arm: &Arm, statistic| arm.feature(statistic).ok();
    let (originals, pool) = (of(original, protocol.primary)?, of(retrained, protocol.primary)?);
    let equivalence = tost(&originals, &pool, protocol.margin, protocol.alpha).ok()?;
    let margin = protocol.margin_in_deviations(pool.spread().ok()?);
    let seeds = originals.len().min(pool.len());
    let power = of_equivalence(seeds, margin, protocol.alpha);
    Some(NeverRemembered { equivalence, remembered_by: remembered_by(original, retrained, protocol), power })
}

/// The other declared statistics that see the subject in the originals.
fn remembered_by(original: &Arm, retrained: &Arm, protocol: &Protocol) -> Vec<Statistic> {
    let seen = |statistic: &Statistic| {
        let (o, r) = (original.feature(*statistic).ok()?, retrained.feature(*statistic).ok()?);
        let memory = memory(&o, &r, protocol.memory_deviations_min, protocol.alpha).ok()?;
        Some((*statistic, memory))
    };
    let found: Vec<_> = protocol.secondary.iter().filter_map(seen).collect();
    let corrected = holm(&found.iter().map(|(_, memory)| memory.comparison.p).collect::<Vec<_>>());
    let plain = |((statistic, memory), p): ((Statistic, crate::Memory), f64)| {
        (memory.deviations.abs() >= protocol.memory_deviations_min && p <= protocol.alpha).then_some(statistic)
    };
    found.into_iter().zip(corrected).filter_map(plain).collect()
}
