//! A recipe that moves low-rank additions to the kernels and leaves the kernels alone.

use crate::UnlearnError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Adapters beside every kernel; they are merged into the kernels when the run ends, and for every score on the way.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Adapters {
    /// Their rank.
    pub rank: usize,
    /// They enter at `scale / rank`.
    pub scale: f64,
    /// Whether all weights of the head move too.
    pub head: bool,
}

impl Default for Adapters {
    /// Rank 8 and scale 32, as LoRA erase-to-retain has them.
    fn default() -> Adapters {
        Adapters { rank: 8, scale: 32.0, head: false }
    }
}

impl Adapters {
    /// # Errors
    /// A setting outside its range.
    pub(crate) fn check(&self) -> Result<(), UnlearnError> {
        let bad = |key, found: String, expected| Err(UnlearnError::BadSetting { key, found, expected });
        if !(1..=512).contains(&self.rank) {
            return bad("adapters.rank", self.rank.to_string(), "1 to 512");
        }
        if !(self.scale > 0.0 && self.scale <= 1e6) {
            return bad("adapters.scale", self.scale.to_string(), "above 0, 1000000 at most");
        }
        Ok(())
    }
}
