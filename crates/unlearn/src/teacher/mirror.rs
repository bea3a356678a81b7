//! The original on a mirrored subject: a stranger with the subject's own anatomy.

use crate::Unlearned;
use crate::mechanic::mirrored_back;
use lacuna_cohort::Case;
use lacuna_nn::{Network, Pass, Tensor};
use lacuna_train::TrainError;

/// A network's class probabilities of a mirrored case, mirrored back, `[1, C, D, H, W]`.
pub(super) fn outputs_of_mirrored(network: &Network, case: &Case, run: &Unlearned) -> Result<Tensor<5>, TrainError> {
    let logits = mirrored_back(network, &Pass::evaluation(&network.parameters), case, &run.device)?;
    Ok(lacuna_nn::loss::probabilities(logits))
}
