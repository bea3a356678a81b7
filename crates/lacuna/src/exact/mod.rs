//! Exact training and erasing as the command runs them: settings, costs in words, progress, scores.
//!
//! What is planned, trained and compared is decided in the crate `lacuna_exact`; here its inputs are made from a run's
//! settings, in one place for `train` and `unlearn`, since an erase must come to the very digests of the training.

mod beside;
mod costs;
mod setup;
mod watch;

pub use beside::Named;
pub use costs::{Costs, table};
pub use setup::{Setup, SubjectScore, TrainingJob, VERSION};

use crate::error::CliError;
use lacuna_cohort::SubjectId;
use lacuna_exact::{Expectation, Plan};
use lacuna_seed::Seed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// More slices are not made unless they are asked for: each is a file as large as the network.
const SLICES_UNASKED_MAX: usize = 8;

/// How subjects are divided, in the table `exact` of a training's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExactConfig {
    /// Networks that the subjects are dealt to.
    pub shards: usize,
    /// Slices of each; as many as the smallest shard has subjects, eight at most, if unsaid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slices: Option<usize>,
    /// How likely subjects are to ask, by id; `*` is all others.
    pub expect: BTreeMap<String, f64>,
}

impl Default for ExactConfig {
    fn default() -> ExactConfig {
        ExactConfig { shards: 1, slices: None, expect: BTreeMap::new() }
    }
}

impl ExactConfig {
    /// The expectation and the plan for some subjects.
    ///
    /// # Errors
    /// Shards, slices or probabilities that these subjects cannot have.
    pub fn plan(
        &self,
        subjects: &BTreeSet<SubjectId>,
        epochs: usize,
        seed: u64,
    ) -> Result<(Expectation, Plan), CliError> {
        let subjects: Vec<SubjectId> = subjects.iter().cloned().collect();
        let expected = Expectation::new(&self.expect, &subjects)?;
        let most = subjects.len().checked_div(self.shards).unwrap_or(0).clamp(1, SLICES_UNASKED_MAX);
        let plan = Plan::new(&subjects, &expected, [self.shards, self.slices.unwrap_or(most)], epochs, Seed(seed))?;
        Ok((expected, plan))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subjects(count: usize) -> BTreeSet<SubjectId> {
        (0..count).map(|number| SubjectId::new(format!("sub-{number:02}")).unwrap()).collect()
    }

    #[test]
    fn unasked_there_is_a_slice_for_everybody_up_to_eight() {
        for (count, shards, slices) in [(1, 1, 1), (5, 1, 5), (7, 2, 3), (60, 2, 8)] {
            let config = ExactConfig { shards, ..ExactConfig::default() };
            let (_, plan) = config.plan(&subjects(count), 20, 0).unwrap();
            assert_eq!((plan.shards().len(), plan.epochs().len()), (shards, slices));
        }
        let none = ExactConfig { shards: 0, ..ExactConfig::default() };
        assert!(none.plan(&subjects(3), 20, 0).unwrap_err().to_string().contains("exact.shards is 0"));
    }
}
