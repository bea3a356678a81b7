//! Predictions of a network for a case, and their scores.

use crate::cross_entropy::CrossEntropy;
use crate::{TrainError, input_tensor, targets};
use lacuna_cohort::Case;
use lacuna_metrics::{Scorer, SubjectScores, SurfaceScorer};
use lacuna_nn::loss::SegmentationLoss;
use lacuna_nn::{Device, Network, Pass, Tensor};

/// Class probabilities on the network's output grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The probabilities `[C, D, H, W]`, row-major.
    pub probabilities: Vec<f32>,
    /// The lengths of the axes C, D, H and W.
    pub shape: [usize; 4],
}

/// The output for one case: of one network, or the mean of several networks.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelOutput {
    /// The class probabilities.
    pub prediction: Prediction,
    /// The logits that the softmax was applied to, or the logarithms of the probabilities, `[C, D, H, W]` row-major.
    /// Where a probability is 0 in `f32`, the logits still give its order of magnitude.
    pub logits: Vec<f32>,
}

/// One subject's scores on the image's own grid and on the network's output grid.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseScores {
    /// Scores on the image's own grid, after trilinear upsampling of the probabilities.
    pub volume: SubjectScores,
    /// Scores on the network's own output grid.
    pub output: SubjectScores,
    /// Mean cross-entropy on the output grid over all scans of the subject, in nats.
    pub cross_entropy: f64,
    /// Whether every prediction consists of a single class: the network has collapsed.
    pub collapsed: bool,
}

/// Returns the class probabilities of a case, from one forward pass with the running statistics and without gradients.
///
/// # Errors
/// [`TrainError::Case`] if the case cannot be fetched.
pub fn predict(network: &Network, case: &Case, device: &Device) -> Result<Prediction, TrainError> {
    Ok(Prediction::of(logits(network, case, device)?))
}

/// Returns the mean over cases of the loss against their labels on the output grid, computed with the running
/// statistics and without gradients.
///
/// # Errors
/// [`TrainError::Case`] if a case cannot be fetched, [`TrainError::NoCase`] if there are no cases.
pub fn mean_loss(
    network: &Network,
    cases: &[&Case],
    loss: SegmentationLoss,
    device: &Device,
) -> Result<f64, TrainError> {
    if cases.is_empty() {
        return Err(TrainError::NoCase);
    }
    let pass = Pass::evaluation(&network.parameters);
    let mut sum = 0.0;
    for case in cases {
        let heads = network.heads(&pass, input_tensor(&[case], device)?);
        let target = targets(&[case], network.architecture().classes(), device)?;
        sum += f64::from(loss.of_heads(&heads, &target).into_scalar::<f32>());
    }
    Ok(sum / cases.len() as f64)
}

/// Returns the class probabilities and the logits of a case; otherwise as [`predict`].
///
/// # Errors
/// As [`predict`].
pub fn predict_with_logits(network: &Network, case: &Case, device: &Device) -> Result<ModelOutput, TrainError> {
    Ok(ModelOutput::of(logits(network, case, device)?))
}

/// Predicts all scans of a subject and scores them on both grids, voxels pooled over the scans.
///
/// # Errors
/// [`TrainError::NotFinite`] if a prediction is not finite; [`TrainError::Metrics`] if every voxel of the subject is
/// ignored.
pub fn score_subject(
    network: &Network,
    scans: &[&Case],
    class_names: &[String],
    device: &Device,
) -> Result<CaseScores, TrainError> {
    score_on_both_grids(scans, class_names, None, &mut |index| predict_with_logits(network, scans[index], device))
}

/// Scores the given predictions of a subject's scans on both grids, voxels pooled over the scans.
///
/// # Errors
/// Those of [`score_subject`].
///
/// # Panics
/// If the predictions and `scans` differ in number.
pub fn score_outputs(
    scans: &[&Case],
    outputs: Vec<ModelOutput>,
    class_names: &[String],
) -> Result<CaseScores, TrainError> {
    score_all_outputs(scans, outputs, class_names, None)
}

/// Scores the given predictions of a subject's scans on both grids, with surface distances in mm and volumes on the
/// image's own grid.
///
/// # Errors
/// Those of [`score_subject`], and a tolerance that is not a valid length in mm.
///
/// # Panics
/// If the predictions and `scans` differ in number.
pub fn score_outputs_with_surfaces(
    scans: &[&Case],
    outputs: Vec<ModelOutput>,
    class_names: &[String],
    tolerance_mm: f64,
) -> Result<CaseScores, TrainError> {
    let surfaces = SurfaceScorer::new(class_names.len(), tolerance_mm)?;
    score_all_outputs(scans, outputs, class_names, Some(surfaces))
}

fn score_all_outputs(
    scans: &[&Case],
    outputs: Vec<ModelOutput>,
    class_names: &[String],
    surfaces: Option<SurfaceScorer>,
) -> Result<CaseScores, TrainError> {
    assert_eq!(scans.len(), outputs.len(), "one prediction for each scan");
    let mut outputs = outputs.into_iter();
    score_on_both_grids(scans, class_names, surfaces, &mut |_| Ok(outputs.next().expect("as many as scans")))
}

fn score_on_both_grids(
    scans: &[&Case],
    class_names: &[String],
    mut surfaces: Option<SurfaceScorer>,
    output_of: &mut dyn FnMut(usize) -> Result<ModelOutput, TrainError>,
) -> Result<CaseScores, TrainError> {
    let mut volume = Scorer::new(class_names)?;
    let add = &mut |prediction: &Prediction, case: &Case| {
        let predicted = add_volume_grid(&mut volume, prediction, case)?;
        if let Some(surfaces) = &mut surfaces {
            surfaces.add(&case.voxels()?.truth, &predicted);
        }
        Ok(())
    };
    let OutputScores { scores: output, cross_entropy, collapsed } = score_each(scans, class_names, output_of, add)?;
    let mut volume = volume.finish()?;
    if let Some(surfaces) = surfaces {
        surfaces.finish(&mut volume);
    }
    Ok(CaseScores { volume, output, cross_entropy, collapsed })
}

/// One subject's scores on the network's output grid.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputScores {
    /// The scores of each class.
    pub scores: SubjectScores,
    /// Mean cross-entropy over all scans, in nats.
    pub cross_entropy: f64,
    /// Whether every prediction consists of a single class.
    pub collapsed: bool,
}

/// Scores a subject as [`score_subject`] does, on the output grid only, which avoids the interpolation that takes most
/// of the time.
///
/// # Errors
/// Those of [`score_subject`].
pub fn score_on_output_grid(
    network: &Network,
    scans: &[&Case],
    class_names: &[String],
    device: &Device,
) -> Result<OutputScores, TrainError> {
    score_each(scans, class_names, &mut |index| predict_with_logits(network, scans[index], device), &mut |_, _| Ok(()))
}

/// Scores each scan on the output grid and passes its prediction to a function.
fn score_each(
    scans: &[&Case],
    class_names: &[String],
    output_of: &mut dyn FnMut(usize) -> Result<ModelOutput, TrainError>,
    and: &mut dyn FnMut(&Prediction, &Case) -> Result<(), TrainError>,
) -> Result<OutputScores, TrainError> {
    let mut output = Scorer::new(class_names)?;
    let mut cross_entropy = CrossEntropy::default();
    let mut collapsed = true;
    for (index, case) in scans.iter().enumerate() {
        let ModelOutput { prediction, logits } = output_of(index)?;
        if !prediction.probabilities.iter().all(|probability| probability.is_finite()) {
            return Err(TrainError::NotFinite { scan: case.scan.clone() });
        }
        collapsed &= is_collapsed(&prediction);
        add_output_grid(&mut output, &prediction, case)?;
        cross_entropy.add(&logits, &case.voxels()?.target);
        and(&prediction, case)?;
    }
    let scores = output.finish()?;
    let cross_entropy = cross_entropy.mean().expect("a subject with scores has a voxel that counts");
    Ok(OutputScores { scores, cross_entropy, collapsed })
}

/// Returns the logits of a case, `[1, C, D, H, W]`.
fn logits(network: &Network, case: &Case, device: &Device) -> Result<Tensor<5>, TrainError> {
    let pass = Pass::evaluation(&network.parameters);
    Ok(network.forward(&pass, input_tensor(&[case], device)?))
}

fn values(tensor: Tensor<5>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32")
}

impl ModelOutput {
    /// Builds the output from the logits of one case, `[1, C, D, H, W]`.
    pub fn of(logits: Tensor<5>) -> ModelOutput {
        ModelOutput { prediction: Prediction::of(logits.clone()), logits: values(logits) }
    }
}

impl Prediction {
    /// Builds the prediction from the logits of one case, `[1, C, D, H, W]`.
    fn of(logits: Tensor<5>) -> Prediction {
        let [_, c, d, h, w] = logits.dims();
        Prediction { probabilities: values(lacuna_nn::loss::probabilities(logits)), shape: [c, d, h, w] }
    }
}

/// Returns whether a prediction consists of a single class, the sign of a collapsed network.
pub fn is_collapsed(prediction: &Prediction) -> bool {
    let mut classes = (0..voxels(prediction)).map(|voxel| argmax(&at(prediction, voxel)));
    let first = classes.next();
    classes.all(|class| Some(class) == first)
}

fn add_output_grid(scorer: &mut Scorer, prediction: &Prediction, case: &Case) -> Result<(), TrainError> {
    assert_eq!(prediction.shape[1..], case.target_shape, "the case was prepared for this network's output grid");
    for (voxel, &truth) in case.voxels()?.target.iter().enumerate() {
        let probabilities = at(prediction, voxel);
        scorer.add(&probabilities, argmax(&probabilities), truth)?;
    }
    Ok(())
}

/// Counts every voxel of the image's own grid and returns the predicted class of each.
fn add_volume_grid(scorer: &mut Scorer, prediction: &Prediction, case: &Case) -> Result<Vec<u8>, TrainError> {
    let voxels = case.voxels()?;
    let truth = voxels.truth.voxels();
    let mut predicted = vec![0; truth.len()];
    let mut outcome = Ok(());
    case.inverse_transform.for_each_probability(
        &prediction.probabilities,
        prediction.shape,
        |offset, probabilities| {
            if outcome.is_ok() {
                predicted[offset] = argmax(probabilities);
                outcome = scorer.add(probabilities, predicted[offset], truth[offset]);
            }
        },
    )?;
    outcome?;
    Ok(predicted)
}

fn voxels(prediction: &Prediction) -> usize {
    prediction.shape[1..].iter().product()
}

fn at(prediction: &Prediction, voxel: usize) -> Vec<f32> {
    let voxels = voxels(prediction);
    (0..prediction.shape[0]).map(|class| prediction.probabilities[class * voxels + voxel]).collect()
}

/// Returns the most probable class; the lowest number among equals.
fn argmax(probabilities: &[f32]) -> u8 {
    let mut best = 0;
    for (class, &probability) in probabilities.iter().enumerate() {
        if probability > probabilities[best] {
            best = class;
        }
    }
    best as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_cases::{heads, resnet_10, tissue};
    use lacuna_metrics::MetricsError;
    use lacuna_nn::Tensor;
    use lacuna_volume::IGNORED;

    fn certain(classes_of_voxels: &[u8], shape: [usize; 3]) -> Prediction {
        let (classes, voxels) = (tissue().classes().len(), classes_of_voxels.len());
        let mut probabilities = vec![0.0; classes * voxels];
        for (voxel, &class) in classes_of_voxels.iter().enumerate() {
            probabilities[usize::from(class) * voxels + voxel] = 1.0;
        }
        Prediction { probabilities, shape: [classes, shape[0], shape[1], shape[2]] }
    }

    fn target_of(case: &Case) -> Vec<u8> {
        case.voxels().unwrap().target.clone()
    }

    /// Returns a prediction that equals the labels, with background at ignored voxels.
    fn perfect(case: &Case) -> Prediction {
        let classes: Vec<u8> = target_of(case).iter().map(|&label| if label == IGNORED { 0 } else { label }).collect();
        certain(&classes, case.target_shape)
    }

    fn background(case: &Case) -> Prediction {
        certain(&vec![0; target_of(case).len()], case.target_shape)
    }

    fn output_scores(scans: &[(&Case, Prediction)]) -> SubjectScores {
        let mut scorer = Scorer::new(tissue().classes()).unwrap();
        for (case, prediction) in scans {
            add_output_grid(&mut scorer, prediction, case).unwrap();
        }
        scorer.finish().unwrap()
    }

    /// Returns the number of voxels of a class and the number of voxels that are not ignored.
    fn count(labels: &[u8], class: u8) -> (f64, f64) {
        let of = |is: &dyn Fn(u8) -> bool| labels.iter().filter(|&&label| is(label)).count() as f64;
        (of(&|label| label == class), of(&|label| label != IGNORED))
    }

    fn scored(network: &Network, scans: &[&Case]) -> Result<CaseScores, TrainError> {
        score_subject(network, scans, tissue().classes(), &Device::flex())
    }

    /// Returns a network whose last layer has the same value in all weights, so that its classes are equally probable.
    fn network_of(value: f32) -> Network {
        let mut network = resnet_10();
        let head = network.parameters.get("conv_seg.6.weight").len();
        network.parameters.set("conv_seg.6.weight", Tensor::full([head], value, &Device::flex()));
        network
    }

    #[test]
    fn a_perfect_prediction_scores_one_on_the_output_grid() {
        for case in &heads(2) {
            let scores = output_scores(&[(case, perfect(case))]);
            assert_eq!(scores.classes_in_mean, 3, "every tissue is somewhere in the head");
            for class in scores.classes.iter().chain([&scores.mean]) {
                assert_eq!((class.dice, class.mae, class.mae_probability), (Some(1.0), 0.0, 0.0), "{}", class.name);
            }
        }
    }

    #[test]
    fn scans_of_one_subject_are_pooled_voxel_by_voxel() {
        // The first prediction is right, the second is all background. Of a tissue with a voxels in the first target
        // and b in the second, a are true positives, a are predicted and a + b are true: Dice 2a / (2a + b).
        let cases = heads(2);
        let scores = output_scores(&[(&cases[0], perfect(&cases[0])), (&cases[1], background(&cases[1]))]);
        for class in 1..4 {
            let ((a, _), (b, _)) = (count(&target_of(&cases[0]), class), count(&target_of(&cases[1]), class));
            assert_eq!(scores.classes[usize::from(class)].dice, Some(2.0 * a / (2.0 * a + b)));
        }
    }

    #[test]
    fn the_volume_grid_counts_the_image_s_own_voxels() {
        // All background: of n counted voxels b are background and all n are predicted so: Dice 2b / (b + n).
        let case = heads(1).remove(0);
        let mut scorer = Scorer::new(tissue().classes()).unwrap();
        add_volume_grid(&mut scorer, &background(&case), &case).unwrap();
        let scores = scorer.finish().unwrap();
        let (b, n) = count(case.voxels().unwrap().truth.voxels(), 0);
        assert_eq!((scores.voxels as f64, scores.classes[0].dice), (n, Some(2.0 * b / (b + n))));
        assert_eq!(scores.mean.dice, Some(0.0));
    }

    #[test]
    fn a_scan_seen_twice_scores_as_once_and_the_order_of_scans_is_no_matter() {
        let (network, cases) = (resnet_10(), heads(2));
        assert!(!scored(&network, &[&cases[0]]).unwrap().collapsed, "a network of one answer would prove little");
        let dice = |scans: &[&Case]| -> Vec<Option<f64>> {
            let scores = scored(&network, scans).unwrap();
            scores.output.classes.iter().chain(&scores.volume.classes).map(|class| class.dice).collect()
        };
        assert_eq!(dice(&[&cases[0], &cases[0]]), dice(&[&cases[0]]));
        assert_eq!(dice(&[&cases[0], &cases[1]]), dice(&[&cases[1], &cases[0]]));
    }

    #[test]
    fn a_network_of_one_answer_has_collapsed_to_the_first_of_equal_classes() {
        let case = heads(1).remove(0);
        let prediction = predict(&network_of(0.0), &case, &Device::flex()).unwrap();
        assert_eq!(prediction.shape, [4, 4, 6, 6]);
        assert!(prediction.probabilities.iter().all(|&probability| (probability - 0.25).abs() < 1e-6));
        let scores = scored(&network_of(0.0), &[&case]).unwrap();
        assert!(scores.collapsed);
        // Four equally probable classes.
        assert!((scores.cross_entropy - 4f64.ln()).abs() < 1e-6, "{}", scores.cross_entropy);
        assert_eq!((scores.output.mean.dice, scores.volume.mean.dice), (Some(0.0), Some(0.0)));
        assert!(!is_collapsed(&perfect(&case)));
        assert!(is_collapsed(&background(&case)));
    }

    #[test]
    fn the_output_grid_alone_scores_as_it_does_beside_the_volume() {
        let (network, cases) = (resnet_10(), heads(2));
        let scans: Vec<&Case> = cases.iter().collect();
        let both = scored(&network, &scans).unwrap();
        let alone = score_on_output_grid(&network, &scans, tissue().classes(), &Device::flex()).unwrap();
        assert_eq!((alone.scores, alone.cross_entropy, alone.collapsed), (both.output, both.cross_entropy, false));
    }

    #[test]
    fn a_network_that_knows_nothing_costs_the_logarithm_of_the_class_count() {
        let cases = heads(2);
        let listed: Vec<&Case> = cases.iter().collect();
        let loss =
            |cases: &[&Case]| mean_loss(&network_of(0.0), cases, SegmentationLoss::CrossEntropy, &Device::flex());
        assert!((loss(&listed).unwrap() - 4f64.ln()).abs() < 1e-5);
        assert!(matches!(loss(&[]), Err(TrainError::NoCase)));
    }

    #[test]
    fn a_network_that_has_left_the_numbers_is_an_error() {
        let case = heads(1).remove(0);
        let error = scored(&network_of(f32::NAN), &[&case]).unwrap_err();
        assert!(matches!(error, TrainError::NotFinite { .. }), "{error}");
    }

    #[test]
    fn a_subject_without_a_scan_has_no_score() {
        assert!(matches!(scored(&resnet_10(), &[]), Err(TrainError::Metrics(MetricsError::NoVoxel))));
    }
}
