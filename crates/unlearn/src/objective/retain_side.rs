//! The retain side of a step.

use super::{AUGMENTED, DISTIL, LOGITS, RETAIN, STRANGERS, Side, Unlearning};
use crate::mechanic::{augmented, logits_of_mirrored};
use lacuna_cohort::Case;
use lacuna_inference::{input_tensor, targets, volume_tensor};
use lacuna_nn::loss::{Target, cross_entropy, mean_squared, probabilities};
use lacuna_nn::{Network, Pass, Tensor};
use lacuna_train::{Passes, TrainError};
use lacuna_volume::IGNORED;

impl Unlearning<'_> {
    /// What a retain case adds to a step: every term that has a weight.
    pub(super) fn retain_side(
        &self,
        network: &Network,
        pass: &Pass,
        index: usize,
        epoch: usize,
    ) -> Result<Side, TrainError> {
        let recipe = self.run.recipe;
        let case = self.run.sets.retain[index];
        let input = input_tensor(&[case], &self.run.device)?;
        let (mut weighted, mut terms) = (Vec::new(), Vec::new());
        let mut add = |name, term: Tensor<1>, weigh: &dyn Fn(Tensor<1>) -> Tensor<1>| {
            weighted.push(weigh(term.clone()));
            terms.push((name, term));
        };
        if self.target.is_in_feature_space() {
            let distance = network.encode(pass, input).mean_squared(&self.original.retain[index]);
            add(RETAIN, distance, &|term| term.mul_scalar(recipe.retain_weight));
        } else {
            let heads = network.heads(pass, input);
            let logits = heads.finest().clone();
            if recipe.retain_weight > 0.0 {
                let target = self.retain_target(case, index, network.architecture().classes())?;
                add(RETAIN, self.run.loss.of_heads(&heads, &target), &|term| self.weighted_retain(term));
            }
            if recipe.distil_weight > 0.0 {
                let softened = self.original.retain[index].finest().clone().div_scalar(recipe.temperature);
                let target = Target::from_probabilities(probabilities(softened));
                let loss = self.softened_loss(logits.clone(), &target);
                add(DISTIL, loss, &|term| term.mul_scalar(recipe.distil_weight));
            }
            if recipe.logit_weight > 0.0 {
                let distance = mean_squared(logits, self.original.retain[index].finest().clone());
                add(LOGITS, distance, &|term| term.mul_scalar(recipe.logit_weight));
            }
            if recipe.augment_weight > 0.0 {
                let loss = self.augmented_loss(network, pass, case, epoch)?;
                add(AUGMENTED, loss, &|term| term.mul_scalar(recipe.augment_weight));
            }
            if let Some(word) = self.original.retain_strangers.get(index) {
                let logits = logits_of_mirrored(network, pass, case, &self.run.device)?;
                let loss = cross_entropy(logits, &Target::from_probabilities(word.clone()));
                add(STRANGERS, loss, &|term| term.mul_scalar(recipe.stranger_weight));
            }
        }
        let loss = weighted.into_iter().reduce(|sum, term| sum + term).expect("a retain step has a term");
        Ok(Side { loss, terms, passes: Passes { training: recipe.retain_volumes() as u64, teacher: 0 } })
    }

    /// Cross-entropy of a retain case as the epoch's draw augments it, with its labels.
    fn augmented_loss(
        &self,
        network: &Network,
        pass: &Pass,
        case: &Case,
        epoch: usize,
    ) -> Result<Tensor<1>, TrainError> {
        let stream = self.run.seed.stream("augmentation").subject(case.subject.as_str()).part(&case.scan);
        let drawn = augmented(case, &stream.epoch(epoch))?;
        let input = volume_tensor(&drawn.input, case.shape, &self.run.device);
        let ([d, h, w], classes) = (case.target_shape, network.architecture().classes());
        let target = Target::from_labels(&drawn.target, [1, d, h, w], classes, IGNORED, &self.run.device);
        Ok(cross_entropy(network.forward(pass, input), &target))
    }

    /// What the outputs of a retain case are held to: its labels, or what the original says of it.
    fn retain_target(&self, case: &Case, index: usize, classes: usize) -> Result<Target, TrainError> {
        match self.target.retains_by_teacher() {
            true => Ok(Target::from_probabilities(probabilities(self.original.retain[index].finest().clone()))),
            false => Ok(targets(&[case], classes, &self.run.device)?),
        }
    }

    /// `w` times the retain loss, or what a constraint makes of it.
    fn weighted_retain(&self, loss: Tensor<1>) -> Tensor<1> {
        match (self.run.recipe.constraint, self.limits.constraint) {
            (Some(constraint), Some(bound)) => constraint.penalised(loss, bound, self.multiplier.get()),
            _ => loss.mul_scalar(self.run.recipe.retain_weight),
        }
    }
}
