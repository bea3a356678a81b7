//! Which epoch's network a run returns, if not the last one's.
//!
//! Source: Kurmanji, Triantafillou, Hayes and Triantafillou, "Towards Unbounded Machine Unlearning", NeurIPS 2023,
//! section 3.3 (SCRUB+R): of the networks after each epoch, the one whose error on the forget set is nearest to the
//! error on data of the same kind that was never seen. *Our reading*: losses stand for errors, and
//! [`mirrored`](crate::Reference::Mirrored) retain subjects for people never seen, since the held-out ones are what a
//! result is reported on.

use crate::{ForgetRetain, LossLevel};
use lacuna_train::Passes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The rule that chooses the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "rule", deny_unknown_fields)]
pub enum Rewind {
    /// The mean loss of the forget subjects against their labels, measured at the end of each epoch, is nearest to a
    /// level; the first epoch among equals. It takes a forward pass of each forget subject per epoch.
    ForgetLossNearest {
        /// The level.
        level: LossLevel,
    },
}

impl Rewind {
    /// The level that is looked for.
    pub(crate) fn level(self) -> LossLevel {
        let Rewind::ForgetLossNearest { level } = self;
        level
    }

    /// What measuring an epoch takes.
    pub(crate) fn passes(self, sets: &ForgetRetain) -> Passes {
        Passes { training: 0, teacher: sets.forget.len() as u64 }
    }
}
