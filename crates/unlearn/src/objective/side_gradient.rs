//! The gradient of one side as a whole: what the two pull at, for those who compare them.

use super::Unlearning;
use lacuna_nn::{Network, Pass, Tensor};
use lacuna_train::{Passes, TrainError};
use std::collections::BTreeMap;

impl Unlearning<'_> {
    /// The mean gradient of one side over its cases, weights included, and what it took; none for a side that is not
    /// passed in this epoch.
    pub(crate) fn mean_gradient(
        &self,
        network: &Network,
        side: WhichSide,
        epoch: usize,
    ) -> Result<Option<MeanGradient>, TrainError> {
        let (recipe, sets) = (self.run.recipe, self.run.sets);
        let count = match side {
            WhichSide::Retain if recipe.has_retain_side() => sets.retain.len(),
            WhichSide::Forget if recipe.forgets_in(epoch) => sets.forget.len(),
            _ => return Ok(None),
        };
        let trainable = |name: &str| recipe.is_trainable(self.run.original, name);
        let mut mean = MeanGradient::default();
        for index in 0..count {
            let pass = Pass::training(&network.parameters, recipe.batch_norm, &trainable);
            let pass = pass.with_activations(self.run.activations);
            let side = match side {
                WhichSide::Retain => self.retain_side(network, &pass, index, epoch)?,
                WhichSide::Forget => self.forget_side(network, &pass, index, epoch)?,
            };
            mean.passes += side.passes;
            for (name, gradient) in pass.gradients(&side.loss) {
                let share = gradient.div_scalar(count as f64);
                let sum = match mean.gradients.remove(&name) {
                    Some(sum) => sum + share,
                    None => share,
                };
                mean.gradients.insert(name, sum);
            }
        }
        Ok(Some(mean))
    }
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhichSide {
    Retain,
    Forget,
}

/// A gradient over several cases and what it took.
#[derive(Default)]
pub(crate) struct MeanGradient {
    pub gradients: BTreeMap<String, Tensor<1>>,
    pub passes: Passes,
}
