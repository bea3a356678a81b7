//! The measurements of an audit on a subject under a network; this is the only place where audit features use a
//! network.
//!
//! The arithmetic is in `lacuna-audit`, which does not depend on tensors.

use crate::{Data, StudyError};
use lacuna_audit::distance::Representation;
use lacuna_audit::{Features, Scan, Statistic};
use lacuna_cohort::{Case, SubjectId};
use lacuna_inference::{input_tensor, targets};
use lacuna_nn::loss::cross_entropy;
use lacuna_nn::{BatchNormMode, Device, Network, Pass, Stage, Tensor};
use lacuna_train::TrainError;
use std::collections::BTreeSet;

/// The measurements of one subject under one network.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The audit features, each the mean over the subject's scans.
    pub features: Features,
    /// The data that distances between models are computed from, one entry per scan. It is as personal as the scans, so
    /// it is never written to disk.
    pub scans: Vec<SeenScan>,
}

/// The measurements of one scan under one network.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenScan {
    /// The logits on the output grid, `[C, D, H, W]`.
    pub logits: Vec<f32>,
    /// The number of classes C.
    pub classes: usize,
    /// The representation at each stage of the encoder; `None` where it is constant.
    pub stages: Vec<(Stage, Option<Representation>)>,
    /// The mean margin of each patch.
    pub patch_margins: Vec<f64>,
}

impl Data {
    /// Measures a subject, with BatchNorm's running statistics. Each scan costs eight forward passes, seven of them on
    /// mirrored scans, and one backward pass.
    ///
    /// # Errors
    /// If a scan cannot be loaded, a prediction is not finite, or a scan has no label boundary.
    pub fn see(&self, network: &Network, subject: &SubjectId, device: &Device) -> Result<Seen, StudyError> {
        let (mut features, mut scans) = (Vec::new(), Vec::new());
        for case in self.of(&BTreeSet::from([subject.clone()])) {
            let (of_scan, scan) = see(network, case, device)?;
            features.push(of_scan);
            scans.push(scan);
        }
        let features = Features::mean(&features).ok_or(TrainError::NoCase)?;
        Ok(Seen { features, scans })
    }
}

fn see(network: &Network, case: &Case, device: &Device) -> Result<(Features, SeenScan), StudyError> {
    let pass = Pass::evaluation(&network.parameters);
    let input = input_tensor(&[case], device)?;
    let (encoded, by_stage) = network.encode_by_stage(&pass, input.clone());
    let mut stages = Vec::new();
    for (stage, features) in &by_stage {
        let [_, channels, ..] = features.dims();
        stages.push((*stage, Representation::new(&values(features.clone()), channels)?));
    }
    let logits = network.decode(&pass, &encoded);
    let [_, classes, ..] = logits.dims();
    let voxels = case.voxels()?;
    let logits = values(logits);
    let scan = Scan::new(&logits, &voxels.target, case.target_shape, classes)?;
    let (mut features, patch_margins) = (scan.features()?, scan.patch_margins());
    let mut mirrored = 0.0;
    for axes in 1..1 << AXES.len() {
        let said = values(mirror(network.forward(&pass, mirror(input.clone(), axes)), axes));
        mirrored += Scan::new(&said, &voxels.target, case.target_shape, classes)?.band_margin()? / 7.0;
    }
    features.set(Statistic::AugmentationGap, scan.band_margin()? - mirrored);
    features.set(Statistic::GradientNorm, gradient_norm(network, case, classes, device)?.ln());
    Ok((features, SeenScan { logits, classes, stages, patch_margins }))
}

/// The L2 norm, over all weights, of the gradient of the mean cross-entropy, with BatchNorm in evaluation mode.
fn gradient_norm(network: &Network, case: &Case, classes: usize, device: &Device) -> Result<f64, StudyError> {
    let pass = Pass::training(&network.parameters, BatchNormMode::Running, &|_| true);
    let logits = network.forward(&pass, input_tensor(&[case], device)?);
    let loss = cross_entropy(logits, &targets(&[case], classes, device)?);
    let squares = |gradient: Tensor<1>| -> f64 {
        let gradient = gradient.into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32");
        gradient.iter().map(|value| f64::from(*value).powi(2)).sum()
    };
    // A model that is certain and right has a gradient of 0; the smallest positive number stands for it, since its
    // logarithm is taken.
    Ok(pass.gradients(&loss).into_values().map(squares).sum::<f64>().sqrt().max(f64::MIN_POSITIVE))
}

/// The axes D, H and W of a `[N, C, D, H, W]` tensor.
const AXES: [usize; 3] = [2, 3, 4];

/// The tensor mirrored along the axes whose bits are set in `axes`.
fn mirror(tensor: Tensor<5>, axes: usize) -> Tensor<5> {
    let set = AXES.into_iter().enumerate().filter(|(bit, _)| axes >> bit & 1 == 1);
    set.fold(tensor, |tensor, (_, axis)| tensor.flip([axis as isize]))
}

fn values(tensor: Tensor<5>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32")
}
