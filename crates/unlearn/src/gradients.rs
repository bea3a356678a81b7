//! Gradients of single samples, of which weight edits and saliency masks are made.
//!
//! A sample is a case, or what a case says in one block of the output grid: so that a mean over samples has more than
//! one term per person where there are seven people. A sample takes one pass forward and backward, since a block needs
//! the whole volume around it; `blocks_per_axis = 2` makes eight samples of a case and costs eight passes.
//!
//! BatchNorm normalises with the running statistics, whatever the recipe does later: a gradient then belongs to its
//! sample alone, and taking it changes nothing. Weights that the recipe keeps in place have no gradient.

use crate::{Unlearned, tally};
use lacuna_cohort::Case;
use lacuna_nn::loss::{Target, ordered_sum};
use lacuna_nn::{BatchNormMode, Device, Network, Pass, Tensor};
use lacuna_train::{Passes, TrainError, input_tensor};
use lacuna_volume::IGNORED;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// What a sample's gradient is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Importance {
    /// The loss on the sample's labels.
    Labels,
    /// The squared norm of its logits, summed over classes, mean over voxels; no label is looked at.
    Outputs,
}

/// How cases are made samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampling {
    pub importance: Importance,
    pub blocks_per_axis: usize,
}

impl Sampling {
    /// Whole cases by their labels: one pass each.
    pub(crate) const CASES: Sampling = Sampling { importance: Importance::Labels, blocks_per_axis: 1 };
}

/// A value for each weight that has a gradient, by name and in the order of memory.
pub(crate) type PerWeight = BTreeMap<String, Vec<f32>>;

/// One value per weight, added up over some samples.
#[derive(Default)]
pub(crate) struct Summed {
    pub values: PerWeight,
    pub samples: u64,
}

impl Summed {
    /// The mean of a sum that samples added to.
    pub(crate) fn mean(mut self) -> PerWeight {
        let samples = self.samples.max(1) as f32;
        self.values.values_mut().flatten().for_each(|value| *value /= samples);
        self.values
    }
}

/// The passes forward and backward that the samples of some cases take. A block whose every voxel is ignored has no
/// gradient of its labels; it is counted here and not passed.
pub(crate) fn passes(cases: &[&Case], blocks_per_axis: usize) -> Passes {
    let blocks = |case: &&Case| case.target_shape.iter().map(|&size| size.min(blocks_per_axis) as u64).product::<u64>();
    Passes { training: cases.iter().map(blocks).sum(), teacher: 0 }
}

/// The sum over the samples of some cases of `term` of each element's gradient.
pub(crate) fn summed(
    network: &Network,
    run: &Unlearned,
    cases: &[&Case],
    sampling: Sampling,
    term: fn(f32) -> f32,
) -> Result<Summed, TrainError> {
    let mut sum = Summed::default();
    each(network, run, cases, sampling, &mut |gradient| {
        sum.samples += 1;
        for (name, values) in gradient {
            let sums = sum.values.entry(name).or_insert_with(|| vec![0.0; values.len()]);
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += term(value));
        }
    })?;
    Ok(sum)
}

/// Hands the gradient of each sample to `take`, case by case and block by block.
pub(crate) fn each(
    network: &Network,
    run: &Unlearned,
    cases: &[&Case],
    sampling: Sampling,
    take: &mut dyn FnMut(PerWeight),
) -> Result<(), TrainError> {
    for case in cases {
        for block in blocks(case.target_shape, sampling.blocks_per_axis) {
            if let Some(gradient) = of_sample(network, run, case, &block, sampling.importance)? {
                take(gradient);
            }
        }
    }
    Ok(())
}

/// A flat tensor's values on the host, in the order of memory.
pub(crate) fn host(tensor: Tensor<1>) -> Vec<f32> {
    tensor.into_data().try_into_vec::<f32>().expect("lacuna's tensors hold f32")
}

/// A box of the output grid, by its ranges along D, H and W.
type Block = [Range<usize>; 3];

fn blocks(shape: [usize; 3], per_axis: usize) -> Vec<Block> {
    let [depth, height, width] = shape.map(|size| cuts(size, per_axis));
    let mut blocks = Vec::new();
    for d in &depth {
        for h in &height {
            blocks.extend(width.iter().map(|w| [d.clone(), h.clone(), w.clone()]));
        }
    }
    blocks
}

/// An axis in so many pieces, or in single voxels if it has fewer.
fn cuts(size: usize, pieces: usize) -> Vec<Range<usize>> {
    let pieces = pieces.min(size);
    (0..pieces).map(|piece| piece * size / pieces..(piece + 1) * size / pieces).collect()
}

fn of_sample(
    network: &Network,
    run: &Unlearned,
    case: &Case,
    block: &Block,
    importance: Importance,
) -> Result<Option<PerWeight>, TrainError> {
    let trainable = |name: &str| run.recipe.is_editable(network, name);
    let pass = Pass::training(&network.parameters, BatchNormMode::Running, &trainable);
    let pass = pass.with_activations(run.activations);
    let input = input_tensor(&[case], &run.device)?;
    let score = match importance {
        Importance::Labels => match labels_in(case, block, network.architecture().classes(), &run.device)? {
            Some(target) => run.loss.of_heads(&network.heads(&pass, input), &target),
            None => return Ok(None),
        },
        Importance::Outputs => squared_norm(network.forward(&pass, input), block),
    };
    tally::saw(Passes { training: 1, teacher: 0 });
    let gradients = pass.gradients(&score).into_iter();
    Ok(Some(gradients.map(|(name, values)| (name, host(values))).collect()))
}

/// The labels in a block; none if it has no voxel that counts.
fn labels_in(case: &Case, block: &Block, classes: usize, device: &Device) -> Result<Option<Target>, TrainError> {
    let [d, h, w] = case.target_shape;
    let labels = within(&case.voxels()?.target, [d, h, w], block);
    let counts = labels.iter().any(|&label| label != IGNORED);
    Ok(counts.then(|| Target::from_labels(&labels, [1, d, h, w], classes, IGNORED, device)))
}

/// Labels `[D, H, W]`, ignored outside a block.
fn within(labels: &[u8], [_, h, w]: [usize; 3], [depth, height, width]: &Block) -> Vec<u8> {
    let is_inside = |voxel: usize| {
        depth.contains(&(voxel / (h * w))) && height.contains(&(voxel / w % h)) && width.contains(&(voxel % w))
    };
    labels.iter().enumerate().map(|(voxel, &label)| if is_inside(voxel) { label } else { IGNORED }).collect()
}

fn squared_norm(logits: Tensor<5>, block: &Block) -> Tensor<1> {
    let [batch, classes, ..] = logits.dims();
    let [d, h, w] = block.clone();
    let voxels = d.len() * h.len() * w.len();
    ordered_sum(logits.slice([0..batch, 0..classes, d, h, w]).powi_scalar(2)).div_scalar(voxels as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests_support::with_run;
    use lacuna_nn::Stage;
    use lacuna_train::test_cases::{heads, resnet_10};

    use crate::Recipe;

    fn mean_gradient(recipe: &Recipe, cases: &[Case], importance: Importance, blocks_per_axis: usize) -> PerWeight {
        let sampling = Sampling { importance, blocks_per_axis };
        with_run(recipe, cases, |run| {
            summed(run.original, run, &run.sets.forget, sampling, |value| value).unwrap().mean()
        })
    }

    #[track_caller]
    fn check_close(found: &PerWeight, expected: &PerWeight) {
        for (name, expected) in expected {
            let scale = expected.iter().fold(0f32, |most, value| most.max(value.abs())).max(1e-6);
            let apart = found[name].iter().zip(expected).fold(0f32, |most, (a, b)| most.max((a - b).abs()));
            assert!(apart < 1e-3 * scale, "{name}: {apart} apart at a scale of {scale}");
        }
    }

    #[test]
    fn the_blocks_of_a_case_average_to_its_own_gradient() {
        // The grid of 4 x 6 x 6 falls into eight blocks of 18 voxels, all of which are made to count: a mean of means of
        // equal weight is the mean.
        let mut cases = heads(2);
        let mut voxels = (*cases[0].voxels().unwrap()).clone();
        voxels.target.iter_mut().filter(|label| **label == IGNORED).for_each(|label| *label = 0);
        cases[0].voxels = lacuna_cohort::Voxels::Held(std::sync::Arc::new(voxels));
        for importance in [Importance::Labels, Importance::Outputs] {
            let gradient = |blocks_per_axis| mean_gradient(&Recipe::fine_tuning(), &cases, importance, blocks_per_axis);
            check_close(&gradient(2), &gradient(1));
        }
    }

    #[test]
    fn a_mean_of_squares_is_no_square_of_a_mean() {
        // Jensen: squaring what samples average to, as batches do, loses what cancels between them.
        let cases = heads(2);
        let sampling = Sampling { importance: Importance::Labels, blocks_per_axis: 2 };
        let (squares, mean) = with_run(&Recipe::fine_tuning(), &cases, |run| {
            let sum = |term| summed(run.original, run, &run.sets.forget, sampling, term).unwrap();
            assert_eq!(sum(|value| value * value).samples, 8);
            (sum(|value| value * value).mean(), sum(|value| value).mean())
        });
        let mut lost = 0;
        for (name, squares) in &squares {
            for (square, mean) in squares.iter().zip(&mean[name]) {
                assert!(*square >= 0.999 * mean * mean, "{name}: {square} below {mean} squared");
                lost += usize::from(*square > 2.0 * mean * mean);
            }
        }
        assert!(lost > 1000, "{lost} elements of which more than half cancels");
    }

    #[test]
    fn a_weight_that_stays_has_no_gradient() {
        let recipe = Recipe { stages: Some(vec![Stage::Encoder4, Stage::Decoder]), ..Recipe::fine_tuning() };
        let gradient = mean_gradient(&recipe, &heads(2), Importance::Labels, 1);
        assert!(gradient.keys().all(|name| resnet_10().stage(name) >= Stage::Encoder4));
        assert!(gradient.contains_key("layer4.0.conv1.weight") && gradient.contains_key("conv_seg.6.weight"));
    }

    #[test]
    fn blocks_cover_each_voxel_once_and_cost_what_is_stated() {
        for (shape, per_axis) in [([4, 6, 6], 1), ([4, 6, 6], 2), ([5, 7, 2], 3), ([1, 1, 9], 4)] {
            let blocks = blocks(shape, per_axis);
            let all = vec![1u8; shape.iter().product()];
            let mut covered = vec![0; all.len()];
            for block in &blocks {
                let inside = within(&all, shape, block);
                covered.iter_mut().zip(inside).for_each(|(count, label)| *count += usize::from(label == 1));
            }
            assert!(covered.iter().all(|&count| count == 1), "{shape:?} by {per_axis}");
            let case = Case { target_shape: shape, ..heads(1).remove(0) };
            assert_eq!(passes(&[&case], per_axis).training, blocks.len() as u64, "{shape:?} by {per_axis}");
        }
    }

    #[test]
    fn a_block_without_a_voxel_that_counts_is_no_sample() {
        let case = heads(1).remove(0);
        let nothing = vec![IGNORED; 4 * 6 * 6];
        assert!(within(&nothing, case.target_shape, &[0..2, 0..3, 0..3]).iter().all(|&label| label == IGNORED));
    }
}
