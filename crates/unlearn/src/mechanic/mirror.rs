//! Volumes seen in a mirror.

use crate::tally;
use lacuna_cohort::Case;
use lacuna_inference::volume_tensor;
use lacuna_nn::{Device, Network, Pass, Tensor};
use lacuna_train::{Passes, TrainError};

/// A network's logits of a mirrored case, mirrored back so that they lie on the case's own target, `[1, C, D, H, W]`.
pub(crate) fn mirrored_back(
    network: &Network,
    pass: &Pass,
    case: &Case,
    device: &Device,
) -> Result<Tensor<5>, TrainError> {
    tally::saw(Passes { training: 0, teacher: 1 });
    logits_of_mirrored(network, pass, case, device)
}

/// The same in a step of the loop, which counts for itself.
pub(crate) fn logits_of_mirrored(
    network: &Network,
    pass: &Pass,
    case: &Case,
    device: &Device,
) -> Result<Tensor<5>, TrainError> {
    let input = mirrored(&case.voxels()?.input, case.shape[3]);
    Ok(network.forward(pass, volume_tensor(&input, case.shape, device)).flip([4]))
}

/// Every row of the last axis, of length `width`, back to front: left and right exchanged where W runs from one to the
/// other, as it does after canonical preprocessing.
fn mirrored(values: &[f32], width: usize) -> Vec<f32> {
    values.chunks_exact(width).flat_map(|row| row.iter().rev().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_of_a_mirror_is_the_volume() {
        let volume: Vec<f32> = (0..12).map(|value| value as f32).collect();
        assert_eq!(mirrored(&volume, 4)[..4], [3.0, 2.0, 1.0, 0.0]);
        assert_eq!(mirrored(&mirrored(&volume, 4), 4), volume);
    }
}
