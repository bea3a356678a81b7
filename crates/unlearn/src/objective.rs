//! A recipe as the training loop sees it: steps and losses.

use crate::mechanic::{ForgetTarget, Redraw, noise_features, noise_labels, noise_volume};
use crate::order::{Step, steps};
use crate::{EpochCost, ForgetRetain, Recipe};
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
    pub(crate) fn new(
        original: &'a Network,
        sets: &ForgetRetain,
        target: ForgetTarget,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let say = |case: &&Case| Ok(say(original, input_tensor(&[case], device)?, target.is_in_feature_space()));
        let say_all = |cases: &[&Case]| cases.iter().map(say).collect::<Result<Vec<_>, TrainError>>();
        let of_retain = target.retains_by_teacher();
        let of_forget = target == ForgetTarget::NoiseFeatures;
        Ok(Teacher {
            original,
            retain: if of_retain { say_all(&sets.retain)? } else { Vec::new() },
            forget: if of_forget { say_all(&sets.forget)? } else { Vec::new() },
        })
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

/// The steps of an epoch; a term of weight 0 is not passed over.
fn plan(recipe: &Recipe, sets: &ForgetRetain, seed: Seed, epoch: usize) -> Vec<Step> {
    let retain: &[&Case] = if recipe.retain_weight > 0.0 { &sets.retain } else { &[] };
    let forget: &[&Case] = if recipe.forget_weight > 0.0 { &sets.forget } else { &[] };
    steps(recipe.interleave, retain, forget, &seed.stream("unlearning order"), epoch)
}

/// What an epoch takes; the seed decides the order of its steps and nothing of this.
pub(crate) fn epoch_cost(recipe: &Recipe, sets: &ForgetRetain) -> EpochCost {
    let plan = plan(recipe, sets, Seed(0), 0);
    let volumes = |step: &Step| usize::from(step.retain.is_some()) + usize::from(step.forget.is_some());
    EpochCost {
        steps: plan.len(),
        passes: plan.iter().map(volumes).sum::<usize>() as u64,
        volumes_at_once: plan.iter().map(volumes).max().unwrap_or(0),
    }
}

impl Unlearning<'_> {
    fn plan(&self, epoch: usize) -> Vec<Step> {
        plan(self.recipe, self.sets, self.seed, epoch)
    }

    /// Have a step's cases fetched before it comes.
    fn expect(&self, step: Step) {
        let retain = step.retain.map(|index| self.sets.retain[index]);
        let forget = step.forget.map(|index| self.sets.forget[index]);
        retain.into_iter().chain(forget).for_each(Case::expect);
    }

    fn retain_loss(&self, network: &Network, pass: &Pass, index: usize) -> Result<Tensor<1>, TrainError> {
        let case = self.sets.retain[index];
        let input = input_tensor(&[case], &self.device)?;
        if self.target.is_in_feature_space() {
            return Ok(mean_squared(network.encode(pass, input), self.teacher.retain[index].clone()));
        }
        let target = match self.target.retains_by_teacher() {
            true => Target::from_probabilities(self.teacher.retain[index].clone()),
            false => targets(&[case], network.architecture().classes, &self.device)?,
        };
        Ok(self.loss.of(network.forward(pass, input), &target))
    }

    /// The forget term without its weight, and the teacher passes that its target took.
    fn forget_loss(
        &self,
        network: &Network,
        pass: &Pass,
        index: usize,
        epoch: usize,
    ) -> Result<(Tensor<1>, u64), TrainError> {
        let case = self.sets.forget[index];
        let input = input_tensor(&[case], &self.device)?;
        if self.target.is_in_feature_space() {
            let (features, teacher_passes) = self.target_features(index, epoch)?;
            return Ok((mean_squared(network.encode(pass, input), features), teacher_passes));
        }
        let target = self.target_classes(case, network.architecture().classes, epoch)?;
        Ok((self.loss.of(network.forward(pass, input), &target), 0))
    }

    fn target_classes(&self, case: &Case, classes: usize, epoch: usize) -> Result<Target, TrainError> {
        Ok(match self.target {
            ForgetTarget::NoiseLabels => {
                let noise = noise_labels(self.recipe.noise, &case.voxels()?.target, classes, &self.noise(case, epoch));
                let [d, h, w] = case.target_shape;
                Target::from_labels(&noise, [1, d, h, w], classes, IGNORED, &self.device)
            }
            ForgetTarget::OthersOutputs => {
                Target::from_probabilities(self.teacher.retain[self.other(case, epoch)].clone())
            }
            _ => targets(&[case], classes, &self.device)?,
        })
    }

    fn target_features(&self, index: usize, epoch: usize) -> Result<(Tensor<5>, u64), TrainError> {
        let case = self.sets.forget[index];
        Ok(match self.target {
            ForgetTarget::NoiseFeatures => (noise_features(&self.teacher.forget[index], &self.noise(case, epoch)), 0),
            ForgetTarget::OthersFeatures => (self.teacher.retain[self.other(case, epoch)].clone(), 0),
            _ => {
                let [c, d, h, w] = case.shape;
                let noise = noise_volume(&case.voxels()?.input, &self.noise(case, epoch));
                let noise = Tensor::<1>::from_floats(noise.as_slice(), &self.device).reshape([1, c, d, h, w]);
                (say(self.teacher.original, noise, true), 1)
            }
        })
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
        let plan = self.plan(epoch);
        let Step { retain, forget } = plan[step];
        self.expect(plan.get(step + 1).copied().unwrap_or_else(|| self.plan(epoch + 1)[0]));
        let mut passes = Passes::default();
        let mut terms = Vec::new();
        if let Some(index) = retain {
            terms.push(self.retain_loss(network, pass, index)?.mul_scalar(self.recipe.retain_weight));
            passes.training += 1;
        }
        if let Some(index) = forget {
            let (loss, teacher) = self.forget_loss(network, pass, index, epoch)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Interleave, STRATEGIES};
    use lacuna_train::test_cases::{heads, resnet_10};
    use std::collections::BTreeMap;

    /// The first case is forgotten, the others stay; the original is the network in training.
    fn with_objective<T>(recipe: &Recipe, cases: &[Case], check: impl FnOnce(&Unlearning, &Network) -> T) -> T {
        let original = resnet_10();
        let device = Device::flex();
        let sets = ForgetRetain { forget: vec![&cases[0]], retain: cases[1..].iter().collect() };
        let target = recipe.forget_target().unwrap();
        let objective = Unlearning {
            recipe,
            target,
            sets: &sets,
            teacher: Teacher::new(&original, &sets, target, &device).unwrap(),
            loss: SegmentationLoss::CrossEntropy,
            seed: Seed(7),
            device,
        };
        check(&objective, &original)
    }

    /// A pass over every weight, with losses that do not depend on what the pass saw before.
    fn training_pass(network: &Network) -> Pass<'_> {
        Pass::training(&network.parameters, BatchNormMode::Running, &|_| true)
    }

    fn number(loss: Tensor<1>) -> f64 {
        f64::from(loss.into_scalar::<f32>())
    }

    /// The loss and the gradients of the first step of the first epoch.
    fn first_step(recipe: &Recipe, cases: &[Case]) -> (f64, BTreeMap<String, Vec<f32>>) {
        with_objective(recipe, cases, |objective, network| {
            let pass = training_pass(network);
            let loss = objective.loss(network, &pass, 0, 0).unwrap().loss;
            let gradients = pass.gradients(&loss).into_iter();
            let gradients = gradients.map(|(name, values)| (name, values.into_data().try_into_vec::<f32>().unwrap()));
            (number(loss), gradients.collect())
        })
    }

    fn ascent(forget_loss_max: Option<f64>, retain_weight: f64) -> Recipe {
        let interleave = Interleave::Joint;
        Recipe { max_loss: true, forget_loss_max, retain_weight, interleave, ..Recipe::default() }
    }

    #[test]
    fn a_joint_step_is_the_weighted_sum_of_its_terms() {
        let cases = heads(2);
        for strategy in STRATEGIES {
            let weights = Recipe { retain_weight: 0.5, forget_weight: 3.0, ..(strategy.recipe)() };
            let recipe = Recipe { interleave: Interleave::Joint, batch_norm: BatchNormMode::Running, ..weights };
            with_objective(&recipe, &cases, |objective, network| {
                let pass = training_pass(network);
                let retain = number(objective.retain_loss(network, &pass, 0).unwrap());
                let forget = number(objective.forget_loss(network, &pass, 0, 0).unwrap().0);
                let sign = if recipe.max_loss { -1.0 } else { 1.0 };
                let joint = number(objective.loss(network, &pass, 0, 0).unwrap().loss);
                let expected = 0.5 * retain + sign * 3.0 * forget;
                let scale = retain.abs().max(forget.abs());
                assert!((joint - expected).abs() < 1e-5 * scale, "{}: {joint}, not {expected}", strategy.name);
            });
        }
    }

    #[test]
    fn a_fixed_decoder_is_closed_to_the_optimiser_too() {
        // Its loss gives the decoder no gradient anyway; the law must not hang on that alone.
        let cases = heads(2);
        for strategy in STRATEGIES {
            let recipe = (strategy.recipe)();
            with_objective(&recipe, &cases, |objective, network| {
                for (name, _) in network.parameters.iter() {
                    let is_open = !(recipe.fix_decoder && Network::is_head(name));
                    assert_eq!(objective.is_trainable(name), is_open, "{} {name}", strategy.name);
                }
            });
        }
    }

    #[test]
    fn ascending_is_descending_backwards() {
        let cases = heads(1);
        let (loss, uphill) = first_step(&ascent(None, 0.0), &cases);
        assert!(loss < 0.0);
        with_objective(&ascent(None, 0.0), &cases, |objective, network| {
            let pass = training_pass(network);
            let (downhill, _) = objective.forget_loss(network, &pass, 0, 0).unwrap();
            for (name, gradient) in pass.gradients(&downhill) {
                let gradient = gradient.into_data().try_into_vec::<f32>().unwrap();
                assert!(uphill[&name].iter().zip(&gradient).all(|(up, down)| *up == -down), "{name}");
            }
        });
    }

    #[test]
    fn beyond_its_bound_an_ascending_forget_term_pulls_at_nothing() {
        let cases = heads(2);
        let (loss, _) = first_step(&ascent(None, 0.0), &cases);
        let forget_loss = -loss;
        let (at_bound, gradients) = first_step(&ascent(Some(0.5 * forget_loss), 0.0), &cases);
        assert!((at_bound + 0.5 * forget_loss).abs() < 1e-6);
        assert!(gradients.values().flatten().all(|&gradient| gradient == 0.0));
    }

    #[test]
    fn beyond_its_bound_an_ascending_forget_term_leaves_the_retain_term_alone() {
        let cases = heads(2);
        let (_, bounded) = first_step(&ascent(Some(1e-3), 1.0), &cases);
        let (_, sham) = first_step(&Recipe { forget_weight: 0.0, ..ascent(None, 1.0) }, &cases);
        assert!(sham.values().flatten().any(|&gradient| gradient != 0.0));
        assert!(bounded == sham, "gradients of the retain term must be those of the sham");
    }

    #[test]
    fn below_its_bound_an_ascending_forget_term_is_as_if_unbounded() {
        let cases = heads(2);
        assert!(first_step(&ascent(Some(1e6), 0.0), &cases) == first_step(&ascent(None, 0.0), &cases));
    }

    #[test]
    fn a_descending_forget_term_has_no_bound() {
        let cases = heads(2);
        let step = |forget_loss_max| {
            let noise = Recipe { learn_noise: true, retain_weight: 0.0, ..Recipe::default() };
            first_step(&Recipe { forget_loss_max, ..noise }, &cases)
        };
        assert!(step(Some(1e-3)) == step(None));
    }

    #[test]
    fn noise_labels_drawn_once_stay_and_others_change_with_the_epoch() {
        let cases = heads(2);
        let labels = |redraw, epoch| {
            let recipe = Recipe { learn_noise: true, redraw, ..Recipe::default() };
            with_objective(&recipe, &cases, |objective, _| {
                noise_labels(recipe.noise, &cases[0].voxels().unwrap().target, 4, &objective.noise(&cases[0], epoch))
            })
        };
        assert!(labels(Redraw::Once, 0) == labels(Redraw::Once, 1));
        assert!(labels(Redraw::EveryEpoch, 0) != labels(Redraw::EveryEpoch, 1));
        assert!(labels(Redraw::EveryEpoch, 1) == labels(Redraw::EveryEpoch, 1));
    }

    #[test]
    fn every_drawn_target_obeys_the_redraw_rule() {
        // The forget loss of a network that does not move changes exactly if its target does. With
        // three others to choose from, eight epochs choose more than one.
        let cases = heads(4);
        for strategy in STRATEGIES {
            for redraw in [Redraw::Once, Redraw::EveryEpoch] {
                let recipe = Recipe { redraw, ..(strategy.recipe)() };
                let losses: Vec<f64> = with_objective(&recipe, &cases, |objective, network| {
                    let pass = Pass::evaluation(&network.parameters);
                    (0..8).map(|epoch| number(objective.forget_loss(network, &pass, 0, epoch).unwrap().0)).collect()
                });
                let changes = losses.iter().any(|loss| *loss != losses[0]);
                // Max Loss alone has a target that nothing is drawn for.
                let is_drawn = strategy.name != "max-loss";
                assert_eq!(changes, is_drawn && redraw == Redraw::EveryEpoch, "{} {redraw:?}", strategy.name);
            }
        }
    }
}
