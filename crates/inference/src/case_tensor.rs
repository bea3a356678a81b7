//! Converts cases into the tensors that the network and the loss take.

use crate::InferenceError;
use lacuna_cohort::Case;
use lacuna_nn::loss::Target;
use lacuna_nn::{Device, Tensor};
use lacuna_volume::IGNORED;

/// Returns the inputs of some cases as one batch `[B, C, D, H, W]` on `device`.
///
/// # Errors
/// [`InferenceError::Case`] if a case cannot be fetched.
///
/// # Panics
/// If the cases differ in shape. Preprocessing gives all cases of a study one shape, or the batch size is 1.
pub fn input_tensor(cases: &[&Case], device: &Device) -> Result<Tensor<5>, InferenceError> {
    let tensors = cases.iter().map(|case| Ok(volume_tensor(&case.voxels()?.input, case.shape, device)));
    Ok(Tensor::cat(tensors.collect::<Result<_, InferenceError>>()?, 0))
}

/// Returns values `[C, D, H, W]`, row-major, as a batch of one, `[1, C, D, H, W]`.
///
/// # Panics
/// If the number of values is not `C * D * H * W`.
pub fn volume_tensor(values: &[f32], [c, d, h, w]: [usize; 4], device: &Device) -> Tensor<5> {
    Tensor::<1>::from_floats(values, device).reshape([1, c, d, h, w])
}

/// Returns the labels of some cases on the network's output grid, as one target of `classes` classes.
///
/// # Errors
/// As [`input_tensor`].
///
/// # Panics
/// As [`input_tensor`], and if a label is not below `classes`.
pub fn targets(cases: &[&Case], classes: usize, device: &Device) -> Result<Target, InferenceError> {
    let mut labels: Vec<u8> = Vec::new();
    for case in cases {
        labels.extend(&case.voxels()?.target);
    }
    let [d, h, w] = cases[0].target_shape;
    Ok(Target::from_labels(&labels, [cases.len(), d, h, w], classes, IGNORED, device))
}
