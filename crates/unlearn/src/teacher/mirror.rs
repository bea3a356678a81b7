//! The original on a mirrored subject: a stranger with the subject's own anatomy.

use crate::Unlearned;
use crate::mechanic::mirrored;
use lacuna_cohort::Case;
use lacuna_nn::{Network, Pass, Tensor};
use lacuna_train::TrainError;

/// A network's class probabilities of a mirrored case, mirrored back, `[1, C, D, H, W]`.
pub(super) fn outputs_of_mirrored(network: &Network, case: &Case, run: &Unlearned) -> Result<Tensor<5>, TrainError> {
    let [c, d, h, w] = case.shape;
    let input = mirrored(&case.voxels()?.input, w);
    let input = Tensor::<1>::from_floats(input.as_slice(), &run.device).reshape([1, c, d, h, w]);
    let logits = network.forward(&Pass::evaluation(&network.parameters), input);
    Ok(lacuna_nn::loss::probabilities(logits).flip([4]))
}
