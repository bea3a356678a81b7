//! The penalty on the sum of the weights' absolute values.

use super::Unlearning;
use lacuna_nn::{Network, Pass, Role, Tensor};

impl Unlearning<'_> {
    /// `g |theta|_1` over the weights that may move, `g` falling linearly to 0 over the run.
    pub(super) fn penalty(&self, network: &Network, pass: &Pass, epoch: usize) -> Option<Tensor<1>> {
        let weight = self.run.recipe.l1_weight * (1.0 - epoch as f64 / self.run.epochs as f64);
        if weight == 0.0 {
            return None;
        }
        let names = network.parameters.iter().filter(|(name, parameter)| {
            parameter.role == Role::Weight && self.run.recipe.is_trainable(self.run.original, name)
        });
        let sum = names.map(|(name, _)| ordered_sum(pass.weight(name).abs())).reduce(|sum, term| sum + term)?;
        Some(sum.mul_scalar(weight))
    }
}

/// The sum in one order. From four million values on burn's own adds the shares of its threads as they come in, and the
/// last bit of a recorded loss followed the clock.
pub(super) fn ordered_sum(values: Tensor<1>) -> Tensor<1> {
    let [count] = values.dims();
    // Channels come in powers of two, so this leaves a few rows.
    let width = count & count.wrapping_neg();
    values.reshape([count / width, width]).sum_dim(1).sum()
}
