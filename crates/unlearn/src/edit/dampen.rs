//! Weights that matter to the forget subjects more than to everybody are dampened.
//!
//! ```text
//! theta_i <- theta_i min(lambda I_D,i / I_F,i, 1)   where I_F,i > alpha I_D,i
//! ```
//!
//! with I_S,i the mean over the samples of S of the importance of weight i: its squared gradient of the loss (the
//! diagonal of the empirical Fisher information), or its absolute gradient of the outputs' squared norm. D holds
//! retain and forget subjects. Squares are of single samples: squaring the mean of a batch instead makes scores depend
//! on the order of the cases.
//!
//! Since D holds F, I_F / I_D is |D| / |F| at most, which an alpha has to stay below to select anything: with one of
//! seven forgotten the 10 of image classification selects nothing, ever, and is refused.
//!
//! Sources: Foster, Schoepf and Brintrup, "Fast Machine Unlearning Without Retraining Through Selective Synaptic
//! Dampening", AAAI 2024; the same, "Loss-Free Machine Unlearning", 2024 (outputs for labels);
//! Schoepf, Foster and Brintrup, "Parameter-tuning-free data entry error unlearning with adaptive selective synaptic
//! dampening", 2024 (alpha from ranks). *Our reading:* blocks of a volume as samples, and |F| / |D| counted in samples.
//! Cost: one pass forward and backward per sample of D.

use super::change;
use crate::gradients::{Importance, PerWeight, Sampling, passes, summed};
use crate::rank::{count_of, cut_above};
use crate::{ForgetRetain, Unlearned};
use lacuna_nn::Network;
use lacuna_train::{Passes, TrainError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which weights are dampened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// Those whose importance to the forget samples is more than this multiple, alpha, of that to all.
    Threshold(f64),
    /// The `ln(1 + 100 |F| / |D|)` percent of all weights that have the largest ratios of the two: 2.7 % if one of
    /// seven is forgotten.
    Adaptive,
}

/// How weights are dampened.
#[derive(Clone, Copy)]
pub(super) struct Dampening {
    pub importance: Importance,
    pub selection: Selection,
    pub lambda: f64,
    pub blocks_per_axis: usize,
}

pub(super) fn dampen(mut network: Network, run: &Unlearned, how: Dampening) -> Result<Network, TrainError> {
    let ratios = ratios(&network, run, how)?;
    let alpha = match how.selection {
        Selection::Threshold(alpha) => alpha as f32,
        Selection::Adaptive => {
            let all: Vec<f32> = ratios.values.values().flatten().copied().collect();
            let selected = count_of(adaptive_share(ratios.forget_share), all.len());
            cut_above(all, selected)
        }
    };
    change(&mut network, &ratios.values, |value, ratio| value * factor(ratio, alpha, how.lambda));
    Ok(network)
}

/// The passes that it takes.
pub(super) fn cost(sets: &ForgetRetain, blocks_per_axis: usize) -> Passes {
    let mut sum = passes(&sets.forget, blocks_per_axis);
    sum += passes(&sets.retain, blocks_per_axis);
    sum
}

/// |D| / |F| in samples.
pub(super) fn largest_ratio(sets: &ForgetRetain, blocks_per_axis: usize) -> f64 {
    cost(sets, blocks_per_axis).training as f64 / passes(&sets.forget, blocks_per_axis).training.max(1) as f64
}

/// I_F / I_D of each weight; 0 where the forget subjects do not pull.
struct Ratios {
    values: PerWeight,
    /// |F| / |D| in samples.
    forget_share: f64,
}

fn ratios(network: &Network, run: &Unlearned, how: Dampening) -> Result<Ratios, TrainError> {
    let sampling = Sampling { importance: how.importance, blocks_per_axis: how.blocks_per_axis };
    let term = match how.importance {
        Importance::Labels => |gradient: f32| gradient * gradient,
        Importance::Outputs => f32::abs,
    };
    let mut forget = summed(network, run, &run.sets.forget, sampling, term)?;
    let retain = summed(network, run, &run.sets.retain, sampling, term)?;
    let forget_share = forget.samples as f64 / (forget.samples + retain.samples).max(1) as f64;
    for (name, values) in &mut forget.values {
        let retained = retain.values.get(name).map_or(&[][..], |values| values);
        let retained = retained.iter().copied().chain(std::iter::repeat(0.0));
        values.iter_mut().zip(retained).for_each(|(value, retain)| *value = ratio(*value, retain, forget_share));
    }
    Ok(Ratios { values: forget.values, forget_share })
}

/// `(f / |F|) / ((f + r) / |D|)` of the sums over both sides.
fn ratio(forget: f32, retain: f32, forget_share: f64) -> f32 {
    if forget == 0.0 {
        return 0.0;
    }
    let (forget, retain) = (f64::from(forget), f64::from(retain));
    (forget / (forget + retain) / forget_share) as f32
}

fn factor(ratio: f32, alpha: f32, lambda: f64) -> f32 {
    if ratio > alpha { (lambda / f64::from(ratio)).min(1.0) as f32 } else { 1.0 }
}

fn adaptive_share(forget_share: f64) -> f64 {
    (1.0 + 100.0 * forget_share).ln() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests_support::with_run;
    use crate::{Edit, Recipe};
    use lacuna_cohort::{Case, SubjectId};
    use lacuna_nn::Role;
    use lacuna_train::test_cases::{heads, moved, resnet_10};

    fn labels(selection: Selection) -> Edit {
        Edit::Dampen { importance: Importance::Labels, selection, lambda: 1.0, blocks_per_axis: 1 }
    }

    fn edited(edit: &Edit, cases: &[Case]) -> Network {
        let recipe = Recipe { edits: vec![edit.clone()], ..Recipe::fine_tuning() };
        with_run(&recipe, cases, |run| run.fresh_state().unwrap().network)
    }

    #[test]
    fn sums_over_both_sides_worked_by_hand() {
        // One forget and two retain samples. Squares 3 against 1 + 2: I_F = 3, I_D = 6 / 3 = 2, ratio 1.5.
        let found = ratio(3.0, 3.0, 1.0 / 3.0);
        assert!((found - 1.5).abs() < 1e-6);
        // Above alpha 1.2 it is dampened to 1 / 1.5, at lambda 0.3 to 0.2, at lambda 3 not at all.
        assert!((factor(found, 1.2, 1.0) - 2.0 / 3.0).abs() < 1e-6);
        assert!((factor(found, 1.2, 0.3) - 0.2).abs() < 1e-6);
        assert_eq!((factor(found, 1.2, 3.0), factor(found, 1.6, 1.0)), (1.0, 1.0));
        // Nobody but the forget sample pulls: |D| / |F|, the most there is. It does not pull: 0.
        assert!((ratio(1e-20, 0.0, 1.0 / 3.0) - 3.0).abs() < 1e-6);
        assert_eq!(ratio(0.0, 0.0, 1.0 / 3.0), 0.0);
    }

    #[test]
    fn one_of_seven_selects_two_point_seven_percent() {
        // ln(1 + 100 / 7) = ln 15.2857 = 2.7269.
        assert!((adaptive_share(1.0 / 7.0) - 0.027269).abs() < 1e-6);
    }

    #[test]
    fn whoever_is_like_everybody_is_not_forgotten_at_all() {
        // The retain subject has the forget subject's scan: I_F = I_D, and no ratio exceeds 1.
        let first = heads(1).remove(0);
        let twin = Case { subject: SubjectId::new("twin").unwrap(), ..first.clone() };
        let edited = edited(&labels(Selection::Threshold(1.0)), &[first, twin]);
        assert!(moved(&resnet_10(), &edited).is_empty());
    }

    #[test]
    fn weights_shrink_towards_zero_and_statistics_stay() {
        let original = resnet_10();
        let edited = edited(&labels(Selection::Threshold(1.5)), &heads(3));
        let moved = moved(&original, &edited);
        assert!(!moved.is_empty());
        for name in moved {
            assert_eq!(original.parameters.get(&name).role, Role::Weight);
            let (before, after) = (original.parameters.get(&name).to_vec(), edited.parameters.get(&name).to_vec());
            // Ratios are 3 at most, so a third is left at least.
            let shrinks = |before: f32, after: f32| after == before || (0.33..1.0).contains(&(after / before));
            assert!(before.iter().zip(&after).all(|(&before, &after)| shrinks(before, after)), "{name}");
        }
    }

    #[test]
    fn an_alpha_that_no_ratio_can_exceed_is_refused() {
        let recipe = |alpha| Recipe { edits: vec![labels(Selection::Threshold(alpha))], ..Recipe::fine_tuning() };
        let message = with_run(&recipe(3.0), &heads(3), |run| run.fresh_state().err().unwrap().to_string());
        assert!(message.contains("edits.selection.threshold is 3: expected below |D| / |F|"), "{message}");
        assert!(with_run(&recipe(2.9), &heads(3), |run| run.fresh_state().is_ok()));
    }

    #[test]
    fn adaptive_selection_changes_its_share_of_the_weights() {
        // ln(1 + 100 / 3) = 3.536 percent, of which those at a ratio below 1 stay; here none is.
        let original = resnet_10();
        let edited = edited(&labels(Selection::Adaptive), &heads(3));
        let changed = |name: &str| {
            let (before, after) = (original.parameters.get(name).to_vec(), edited.parameters.get(name).to_vec());
            before.iter().zip(&after).filter(|(before, after)| before != after).count()
        };
        let sum: usize = original.parameters.iter().map(|(name, _)| changed(name)).sum();
        let share = sum as f64 / original.parameters.weight_count() as f64;
        assert!((share - 0.03536).abs() < 1e-3, "{share}");
    }

    #[test]
    fn by_outputs_no_label_is_looked_at() {
        let how = |importance| Edit::Dampen {
            importance,
            selection: Selection::Threshold(1.2),
            lambda: 1.0,
            blocks_per_axis: 1,
        };
        let cases = heads(3);
        let mut swapped = cases.clone();
        for (case, other) in swapped.iter_mut().zip([1, 2, 0]) {
            let mut voxels = (*cases[other].voxels().unwrap()).clone();
            voxels.input = case.voxels().unwrap().input.clone();
            case.voxels = lacuna_cohort::Voxels::Held(std::sync::Arc::new(voxels));
        }
        let digest = |importance, cases: &[Case]| edited(&how(importance), cases).digest();
        assert_eq!(digest(Importance::Outputs, &cases), digest(Importance::Outputs, &swapped));
        assert_ne!(digest(Importance::Labels, &cases), digest(Importance::Labels, &swapped));
        assert_ne!(digest(Importance::Outputs, &cases), resnet_10().digest());
    }
}
