//! The label atlas of the retain subjects as a teacher.

use super::mirror::outputs_of_mirrored;
use crate::mechanic::{Sharpness, atlas, confidence, exponent_of_confidence, sharpened};
use crate::{UnlearnError, Unlearned};
use lacuna_inference::volume_tensor;
use lacuna_nn::Tensor;
use lacuna_train::TrainError;

/// The sharpened atlas, one for every forget case.
pub(super) fn word(run: &Unlearned, sharpness: Sharpness) -> Result<Tensor<5>, UnlearnError> {
    let classes = run.original.architecture().classes();
    let voxels = run.sets.retain.iter().map(|case| case.voxels()).collect::<Result<Vec<_>, _>>();
    let voxels = voxels.map_err(TrainError::from)?;
    let maps: Vec<&[u8]> = voxels.iter().map(|voxels| voxels.target.as_slice()).collect();
    let shares = atlas(&maps, classes);
    let exponent = match sharpness {
        Sharpness::Exponent(exponent) => exponent,
        Sharpness::Confidence(wanted) => exponent_of_confidence(&shares, classes, wanted),
        Sharpness::Mirrored => exponent_of_confidence(&shares, classes, confidence_on_strangers(run)?),
    };
    let probabilities: Vec<f32> = sharpened(&shares, classes, exponent).into_iter().map(|share| share as f32).collect();
    let [d, h, w] = run.sets.retain[0].target_shape;
    Ok(volume_tensor(&probabilities, [classes, d, h, w], &run.device))
}

/// Forward passes that the atlas takes.
pub(super) fn passes(sharpness: Sharpness, retain: u64) -> u64 {
    if sharpness == Sharpness::Mirrored { retain } else { 0 }
}

/// The original's mean confidence on mirrored retain subjects.
fn confidence_on_strangers(run: &Unlearned) -> Result<f64, TrainError> {
    let classes = run.original.architecture().classes();
    let mut sum = 0.0;
    for case in &run.sets.retain {
        let outputs = outputs_of_mirrored(run.original, case, run)?;
        let values = outputs.into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32");
        sum += confidence(&values.into_iter().map(f64::from).collect::<Vec<f64>>(), classes);
    }
    Ok(sum / run.sets.retain.len() as f64)
}
