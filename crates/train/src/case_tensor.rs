//! Cases as the network takes them.

use lacuna_cohort::Case;
use lacuna_nn::loss::Target;
use lacuna_nn::{Device, Tensor};
use lacuna_volume::IGNORED;

/// The inputs of some cases, `[B, C, D, H, W]`.
///
/// # Panics
/// If the cases differ in shape: preprocessing gave them one, or the batch size is 1.
pub fn input_tensor(cases: &[&Case], device: &Device) -> Tensor<5> {
    let tensors = cases.iter().map(|case| {
        let [c, d, h, w] = case.shape;
        Tensor::<1>::from_floats(case.input.as_slice(), device).reshape([1, c, d, h, w])
    });
    Tensor::cat(tensors.collect(), 0)
}

/// The truths of some cases on the network's output grid, as one target of `classes` classes.
///
/// # Panics
/// As [`input_tensor`], and if a label is no class.
pub fn targets(cases: &[&Case], classes: usize, device: &Device) -> Target {
    let labels: Vec<u8> = cases.iter().flat_map(|case| case.target.iter().copied()).collect();
    let [d, h, w] = cases[0].target_shape;
    Target::from_labels(&labels, [cases.len(), d, h, w], classes, IGNORED, device)
}
