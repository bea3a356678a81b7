//! What was measured of one model, for one forgotten subject.

use crate::{AuditError, Features, Pool, Statistic};
use serde::{Deserialize, Serialize};

/// One model's scores. What was not measured is absent and never takes a default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The seed of its training.
    pub seed: u64,
    /// Of the forgotten subject.
    pub features: Features,
    /// Mean Dice of the retain subjects, on the output grid.
    pub retain_dice: Option<f64>,
    /// Mean Dice of the held-out subjects.
    pub held_out_dice: Option<f64>,
    /// By how much the forgotten subject's Dice rose while training on the retain subjects alone.
    pub rebound: Option<f64>,
    /// Passes over the forgotten subject until it was known, or until that was given up.
    pub relearn_passes: Option<f64>,
    /// Whether it was given up: it would have taken more passes than those.
    #[serde(default)]
    pub relearn_given_up: bool,
}

/// Something that was measured of a model, or was not.
pub(crate) type MeasuredOf<'a> = &'a dyn Fn(&Measured) -> Option<f64>;

/// The models of one kind, one per seed, in the order of the seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    what: &'static str,
    models: Vec<Measured>,
}

impl Arm {
    /// Any number of models; how few are enough, each test says.
    pub fn new(what: &'static str, mut models: Vec<Measured>) -> Arm {
        models.sort_by_key(|model| model.seed);
        Arm { what, models }
    }

    /// Returns the measured models.
    pub fn models(&self) -> &[Measured] {
        &self.models
    }

    /// Returns the number of models.
    pub fn len(&self) -> usize {
        self.models.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// A feature of every model.
    ///
    /// # Errors
    /// [`AuditError::TooFew`] if fewer than two models have it.
    pub fn feature(&self, statistic: Statistic) -> Result<Pool, AuditError> {
        self.pool(&|model| model.features.get(statistic))
    }

    /// Something else of every model that has it.
    ///
    /// # Errors
    /// As [`Arm::feature`].
    pub fn pool(&self, of: &dyn Fn(&Measured) -> Option<f64>) -> Result<Pool, AuditError> {
        Pool::new(self.what, self.models.iter().filter_map(of).collect())
    }
}
