//! A recipe as the training loop sees it: steps and losses.

use crate::mechanic::{ForgetTarget, Redraw, noise_features, noise_labels, noise_volume};
use crate::order::{Step, steps};
use crate::{ForgetRetain, Recipe};
use lacuna_cohort::Case;
use lacuna_nn::loss::{SegmentationLoss, Target, mean_squared};
use lacuna_nn::{BatchNormMode, Device, Network, Pass, Tensor};
use lacuna_seed::{Seed, Stream};
use lacuna_train::{Objective, Passes, StepLoss, TrainError, input_tensor, targets};
use lacuna_volume::IGNORED;

/// What the frozen original says of each case, computed once since it never changes.
pub(crate) struct Teacher<'a> {
    original: &'a Network,
    /// Of the retain and the forget cases, in their order; empty where the recipe asks for none.
    retain: Vec<Tensor<5>>,
    forget: Vec<Tensor<5>>,
}

impl<'a> Teacher<'a> {
    pub(crate) fn new(original: &'a Network, sets: &ForgetRetain, target: ForgetTarget, device: &Device) -> Self {
        let say = |case: &&Case| say(original, input_tensor(&[case], device), target.is_in_feature_space());
        let of_retain = target.retains_by_teacher();
        let of_forget = target == ForgetTarget::NoiseFeatures;
        Teacher {
            original,
            retain: if of_retain { sets.retain.iter().map(say).collect() } else { Vec::new() },
            forget: if of_forget { sets.forget.iter().map(say).collect() } else { Vec::new() },
        }
    }

    /// Forward passes that making this teacher took.
    pub(crate) fn preparation_passes(sets: &ForgetRetain, target: ForgetTarget) -> u64 {
        let of_retain = if target.retains_by_teacher() { sets.retain.len() } else { 0 };
        let of_forget = if target == ForgetTarget::NoiseFeatures { sets.forget.len() } else { 0 };
        (of_retain + of_forget) as u64
    }
}

/// Features or class probabilities of an input, without gradients.
fn say(network: &Network, input: Tensor<5>, features: bool) -> Tensor<5> {
    let pass = Pass::evaluation(&network.parameters);
    let encoded = network.encode(&pass, input);
    if features { encoded } else { lacuna_nn::loss::probabilities(network.decode(&pass, encoded)) }
}

pub(crate) struct Unlearning<'a> {
    pub recipe: &'a Recipe,
    pub target: ForgetTarget,
    pub sets: &'a ForgetRetain<'a>,
    pub teacher: Teacher<'a>,
    pub loss: SegmentationLoss,
    pub seed: Seed,
    pub device: Device,
}

impl Unlearning<'_> {
    fn plan(&self, epoch: usize) -> Vec<Step> {
        let retain: &[&Case] = if self.recipe.retain_weight > 0.0 { &self.sets.retain } else { &[] };
        let forget: &[&Case] = if self.recipe.forget_weight > 0.0 { &self.sets.forget } else { &[] };
        steps(self.recipe.interleave, retain, forget, &self.seed.stream("unlearning order"), epoch)
    }

    fn retain_loss(&self, network: &Network, pass: &Pass, index: usize) -> Tensor<1> {
        let case = self.sets.retain[index];
        let input = input_tensor(&[case], &self.device);
        if self.target.is_in_feature_space() {
            return mean_squared(network.encode(pass, input), self.teacher.retain[index].clone());
        }
        let target = match self.target.retains_by_teacher() {
            true => Target::from_probabilities(self.teacher.retain[index].clone()),
            false => targets(&[case], network.architecture().classes, &self.device),
        };
        self.loss.of(network.forward(pass, input), &target)
    }

    /// The forget term without its weight, and the teacher passes that its target took.
    fn forget_loss(&self, network: &Network, pass: &Pass, index: usize, epoch: usize) -> (Tensor<1>, u64) {
        let case = self.sets.forget[index];
        let input = input_tensor(&[case], &self.device);
        if self.target.is_in_feature_space() {
            let (features, teacher_passes) = self.target_features(index, epoch);
            return (mean_squared(network.encode(pass, input), features), teacher_passes);
        }
        let target = self.target_classes(case, network.architecture().classes, epoch);
        (self.loss.of(network.forward(pass, input), &target), 0)
    }

    fn target_classes(&self, case: &Case, classes: usize, epoch: usize) -> Target {
        match self.target {
            ForgetTarget::NoiseLabels => {
                let noise = noise_labels(self.recipe.noise, &case.target, classes, &self.noise(case, epoch));
                let [d, h, w] = case.target_shape;
                Target::from_labels(&noise, [1, d, h, w], classes, IGNORED, &self.device)
            }
            ForgetTarget::OthersOutputs => {
                Target::from_probabilities(self.teacher.retain[self.other(case, epoch)].clone())
            }
            _ => targets(&[case], classes, &self.device),
        }
    }

    fn target_features(&self, index: usize, epoch: usize) -> (Tensor<5>, u64) {
        let case = self.sets.forget[index];
        match self.target {
            ForgetTarget::NoiseFeatures => (noise_features(&self.teacher.forget[index], &self.noise(case, epoch)), 0),
            ForgetTarget::OthersFeatures => (self.teacher.retain[self.other(case, epoch)].clone(), 0),
            _ => {
                let [c, d, h, w] = case.shape;
                let noise = noise_volume(&case.input, &self.noise(case, epoch));
                let noise = Tensor::<1>::from_floats(noise.as_slice(), &self.device).reshape([1, c, d, h, w]);
                (say(self.teacher.original, noise, true), 1)
            }
        }
    }

    /// The retain case whose output a forget case is given.
    fn other(&self, case: &Case, epoch: usize) -> usize {
        self.stream("other", case, epoch).draws().below(self.sets.retain.len())
    }

    fn noise(&self, case: &Case, epoch: usize) -> Stream {
        self.stream("unlearning noise", case, epoch)
    }

    fn stream(&self, purpose: &str, case: &Case, epoch: usize) -> Stream {
        let stream = self.seed.stream(purpose).subject(case.subject.as_str()).part(&case.scan);
        match self.recipe.redraw {
            Redraw::EveryEpoch => stream.epoch(epoch),
            Redraw::Once => stream,
        }
    }

    /// `a (1 - 2 max_loss)` on the forget loss, which stops pulling at its bound.
    fn weighted_forget(&self, loss: Tensor<1>) -> Tensor<1> {
        let bounded = match self.recipe.forget_loss_max {
            Some(most) if self.recipe.max_loss => loss.clamp_max(most),
            _ => loss,
        };
        let sign = if self.recipe.max_loss { -1.0 } else { 1.0 };
        bounded.mul_scalar(sign * self.recipe.forget_weight)
    }
}

impl Objective for Unlearning<'_> {
    fn steps(&self, epoch: usize) -> usize {
        self.plan(epoch).len()
    }

    fn loss(&self, network: &Network, pass: &Pass, epoch: usize, step: usize) -> Result<StepLoss, TrainError> {
        let Step { retain, forget } = self.plan(epoch)[step];
        let mut passes = Passes::default();
        let mut terms = Vec::new();
        if let Some(index) = retain {
            terms.push(self.retain_loss(network, pass, index).mul_scalar(self.recipe.retain_weight));
            passes.training += 1;
        }
        if let Some(index) = forget {
            let (loss, teacher) = self.forget_loss(network, pass, index, epoch);
            terms.push(self.weighted_forget(loss));
            passes += Passes { training: 1, teacher };
        }
        let loss = terms.into_iter().reduce(|sum, term| sum + term).expect("a step has a case");
        Ok(StepLoss { loss, passes })
    }

    fn is_trainable(&self, name: &str) -> bool {
        !(self.recipe.fix_decoder && Network::is_head(name))
    }

    fn batch_norm(&self) -> BatchNormMode {
        self.recipe.batch_norm
    }
}
