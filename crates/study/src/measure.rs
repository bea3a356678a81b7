//! What an audit measures of a subject under a network: the one place where its features meet a network.
//!
//! The arithmetic is `lacuna-audit`'s, which has never seen a tensor.

use crate::{Data, StudyError};
use lacuna_audit::distance::Representation;
use lacuna_audit::{Features, Scan, Statistic};
use lacuna_cohort::{Case, SubjectId};
use lacuna_nn::loss::cross_entropy;
use lacuna_nn::{BatchNormMode, Device, Network, Pass, Stage, Tensor};
use lacuna_train::{TrainError, input_tensor, targets};
use std::collections::BTreeSet;

/// A subject as a network sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// One number per feature, the mean over scans.
    pub features: Features,
    /// What distances between models are computed from, scan by scan. As personal as the scans: it stays in memory.
    pub scans: Vec<SeenScan>,
}

/// One scan as a network sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenScan {
    /// `[C, D, H, W]` on the output grid.
    pub logits: Vec<f32>,
    /// How many classes.
    pub classes: usize,
    /// What each stage of the encoder makes of it, unless that is the same everywhere.
    pub stages: Vec<(Stage, Option<Representation>)>,
    /// Mean margin of each patch.
    pub patch_margins: Vec<f64>,
}

impl Data {
    /// Measure a subject with the running statistics: for each scan eight forward passes, of which seven see it mirrored,
    /// and one backward.
    ///
    /// # Errors
    /// A scan that cannot be fetched, a prediction that is not finite, or a scan without a label boundary.
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

/// The L2 norm of the mean cross-entropy's gradient by every weight, BatchNorm as it is when predicting.
fn gradient_norm(network: &Network, case: &Case, classes: usize, device: &Device) -> Result<f64, StudyError> {
    let pass = Pass::training(&network.parameters, BatchNormMode::Running, &|_| true);
    let logits = network.forward(&pass, input_tensor(&[case], device)?);
    let loss = cross_entropy(logits, &targets(&[case], classes, device)?);
    let squares = |gradient: Tensor<1>| -> f64 {
        let gradient = gradient.into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32");
        gradient.iter().map(|value| f64::from(*value).powi(2)).sum()
    };
    // A model that is perfectly sure and right has none; its logarithm is that of the least there is.
    Ok(pass.gradients(&loss).into_values().map(squares).sum::<f64>().sqrt().max(f64::MIN_POSITIVE))
}

/// D, H and W.
const AXES: [usize; 3] = [2, 3, 4];

/// Mirrored along those axes whose bits are set.
fn mirror(tensor: Tensor<5>, axes: usize) -> Tensor<5> {
    let set = AXES.into_iter().enumerate().filter(|(bit, _)| axes >> bit & 1 == 1);
    set.fold(tensor, |tensor, (_, axis)| tensor.flip([axis as isize]))
}

fn values(tensor: Tensor<5>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32")
}
