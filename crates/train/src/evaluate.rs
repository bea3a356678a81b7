//! What a network says of a case, and how good that is.

use crate::{TrainError, input_tensor};
use lacuna_cohort::Case;
use lacuna_metrics::{Scorer, SubjectScores};
use lacuna_nn::{Device, Network, Pass};

/// Class probabilities on the network's output grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// `[C, D, H, W]`, row-major.
    pub probabilities: Vec<f32>,
    /// C, D, H, W.
    pub shape: [usize; 4],
}

/// One subject's scores on both grids.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseScores {
    /// On the image's own grid, after trilinear upsampling of the probabilities.
    pub volume: SubjectScores,
    /// On the network's quarter-resolution output grid.
    pub output: SubjectScores,
    /// Whether every prediction knows one class only: the sign of a network that has collapsed.
    pub collapsed: bool,
}

/// Run the network on a case with the running statistics, without gradients.
pub fn predict(network: &Network, case: &Case, device: &Device) -> Prediction {
    let pass = Pass::evaluation(&network.parameters);
    let logits = network.forward(&pass, input_tensor(&[case], device));
    let [_, c, d, h, w] = logits.dims();
    let probabilities = lacuna_nn::loss::probabilities(logits);
    let probabilities = probabilities.into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32");
    Prediction { probabilities, shape: [c, d, h, w] }
}

/// Score a subject over all its scans, voxels pooled.
///
/// # Errors
/// If no voxel of the subject counts, or a probability is not finite.
pub fn score_subject(
    network: &Network,
    scans: &[&Case],
    class_names: &[String],
    device: &Device,
) -> Result<CaseScores, TrainError> {
    let mut volume = Scorer::new(class_names)?;
    let mut output = Scorer::new(class_names)?;
    let mut collapsed = true;
    for case in scans {
        let prediction = predict(network, case, device);
        collapsed &= is_collapsed(&prediction);
        add_output_grid(&mut output, &prediction, case)?;
        add_volume_grid(&mut volume, &prediction, case)?;
    }
    Ok(CaseScores { volume: volume.finish()?, output: output.finish()?, collapsed })
}

fn is_collapsed(prediction: &Prediction) -> bool {
    let mut classes = (0..voxels(prediction)).map(|voxel| argmax(&at(prediction, voxel)));
    let first = classes.next();
    classes.all(|class| Some(class) == first)
}

fn add_output_grid(scorer: &mut Scorer, prediction: &Prediction, case: &Case) -> Result<(), TrainError> {
    assert_eq!(prediction.shape[1..], case.target_shape, "the case was prepared for this network's output grid");
    for (voxel, &truth) in case.target.iter().enumerate() {
        let probabilities = at(prediction, voxel);
        scorer.add(&probabilities, argmax(&probabilities), truth)?;
    }
    Ok(())
}

fn add_volume_grid(scorer: &mut Scorer, prediction: &Prediction, case: &Case) -> Result<(), TrainError> {
    let truth = case.truth.voxels();
    let mut outcome = Ok(());
    case.placement.for_each_probability(&prediction.probabilities, prediction.shape, |offset, probabilities| {
        if outcome.is_ok() {
            outcome = scorer.add(probabilities, argmax(probabilities), truth[offset]);
        }
    })?;
    Ok(outcome?)
}

fn voxels(prediction: &Prediction) -> usize {
    prediction.shape[1..].iter().product()
}

fn at(prediction: &Prediction, voxel: usize) -> Vec<f32> {
    let voxels = voxels(prediction);
    (0..prediction.shape[0]).map(|class| prediction.probabilities[class * voxels + voxel]).collect()
}

/// The most probable class; the lowest number among equals.
fn argmax(probabilities: &[f32]) -> u8 {
    let mut best = 0;
    for (class, &probability) in probabilities.iter().enumerate() {
        if probability > probabilities[best] {
            best = class;
        }
    }
    best as u8
}
