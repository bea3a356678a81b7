//! A recipe as the training loop sees it: steps and losses.

use crate::mechanic::{Redraw, noise_features, noise_labels, noise_volume};
use crate::order::{Order, Step, steps};
use crate::{EpochCost, ForgetRetain, ForgetTarget, Recipe, UnlearnError, Unlearned, teacher};
use lacuna_cohort::Case;
use lacuna_nn::loss::{Target, cross_entropy, mean_squared, probabilities};
use lacuna_nn::{BatchNormMode, Network, Pass, Role, Tensor};
use lacuna_seed::{Seed, Stream};
use lacuna_train::{Objective, Passes, StepLoss, TrainError, input_tensor, targets};
use lacuna_volume::IGNORED;

/// The names of the two sides in records.
const RETAIN: &str = "retain";
const FORGET: &str = "forget";

/// What the frozen original says of each case, computed once since it never changes.
pub(crate) struct Original {
    /// Features or logits of the retain cases, in their order; empty where the recipe asks for none.
    retain: Vec<Tensor<5>>,
    /// Features of the forget cases; empty where the recipe asks for none.
    forget: Vec<Tensor<5>>,
}

impl Original {
    fn new(run: &Unlearned, target: &ForgetTarget) -> Result<Original, TrainError> {
        let features = target.is_in_feature_space();
        let say = |case: &&Case| Ok(say(run.original, input_tensor(&[case], &run.device)?, features));
        let say_all = |cases: &[&Case]| cases.iter().map(say).collect::<Result<Vec<_>, TrainError>>();
        Ok(Original {
            retain: if asks_of_retain(run.recipe, target) { say_all(&run.sets.retain)? } else { Vec::new() },
            forget: if asks_of_forget(target) { say_all(&run.sets.forget)? } else { Vec::new() },
        })
    }

    /// Forward passes that these answers take.
    pub(crate) fn passes(recipe: &Recipe, target: &ForgetTarget, sets: &ForgetRetain) -> Passes {
        let of_retain = if asks_of_retain(recipe, target) { sets.retain.len() } else { 0 };
        let of_forget = if asks_of_forget(target) { sets.forget.len() } else { 0 };
        Passes { training: 0, teacher: (of_retain + of_forget) as u64 }
    }
}

fn asks_of_retain(recipe: &Recipe, target: &ForgetTarget) -> bool {
    target.retains_by_teacher() || recipe.distil_weight > 0.0 || recipe.logit_weight > 0.0
}

fn asks_of_forget(target: &ForgetTarget) -> bool {
    *target == ForgetTarget::NoiseFeatures
}

/// Features or logits of an input, without gradients.
fn say(network: &Network, input: Tensor<5>, features: bool) -> Tensor<5> {
    let pass = Pass::evaluation(&network.parameters);
    let encoded = network.encode(&pass, input);
    if features { encoded } else { network.decode(&pass, encoded) }
}

pub(crate) struct Unlearning<'a> {
    run: &'a Unlearned<'a>,
    target: ForgetTarget,
    original: Original,
    /// The teacher's word on each forget case, if the target has a teacher.
    words: Option<Vec<Tensor<5>>>,
}

/// The steps of an epoch; a side without weight is not passed over.
fn plan(recipe: &Recipe, sets: &ForgetRetain, seed: Seed, epoch: usize) -> Vec<Step> {
    let retain: &[&Case] = if recipe.has_retain_side() { &sets.retain } else { &[] };
    let forget: &[&Case] = if recipe.has_forget_side(epoch) { &sets.forget } else { &[] };
    let order = Order { interleave: recipe.interleave, retain_per_forget: recipe.retain_per_forget };
    steps(order, retain, forget, &seed.stream("unlearning order"), epoch)
}

/// What an epoch takes; the seed decides the order of its steps and nothing of this.
pub(crate) fn epoch_cost(recipe: &Recipe, sets: &ForgetRetain, epoch: usize) -> EpochCost {
    let plan = plan(recipe, sets, Seed(0), epoch);
    let volumes = |step: &Step| usize::from(step.retain.is_some()) + usize::from(step.forget.is_some());
    EpochCost {
        steps: plan.len(),
        passes: plan.iter().map(volumes).sum::<usize>() as u64,
        volumes_at_once: plan.iter().map(volumes).max().unwrap_or(0),
    }
}

impl<'a> Unlearning<'a> {
    pub(crate) fn new(run: &'a Unlearned<'a>, target: ForgetTarget) -> Result<Self, UnlearnError> {
        let (original, words) = (Original::new(run, &target)?, teacher::words(run, &target)?);
        Ok(Unlearning { run, target, original, words })
    }

    fn plan(&self, epoch: usize) -> Vec<Step> {
        plan(self.run.recipe, self.run.sets, self.run.seed, epoch)
    }

    /// Have a step's cases fetched before it comes.
    fn expect(&self, step: Step) {
        let retain = step.retain.map(|index| self.run.sets.retain[index]);
        let forget = step.forget.map(|index| self.run.sets.forget[index]);
        retain.into_iter().chain(forget).for_each(Case::expect);
    }

    /// The retain side of a step, its weights included.
    fn retain_loss(&self, network: &Network, pass: &Pass, index: usize) -> Result<Tensor<1>, TrainError> {
        let recipe = self.run.recipe;
        let case = self.run.sets.retain[index];
        let input = input_tensor(&[case], &self.run.device)?;
        if self.target.is_in_feature_space() {
            let distance = mean_squared(network.encode(pass, input), self.original.retain[index].clone());
            return Ok(distance.mul_scalar(recipe.retain_weight));
        }
        let logits = network.forward(pass, input);
        let mut terms = Vec::new();
        if recipe.retain_weight > 0.0 {
            let target = match self.target.retains_by_teacher() {
                true => Target::from_probabilities(probabilities(self.original.retain[index].clone())),
                false => targets(&[case], network.architecture().classes, &self.run.device)?,
            };
            terms.push(self.run.loss.of(logits.clone(), &target).mul_scalar(recipe.retain_weight));
        }
        if recipe.distil_weight > 0.0 {
            let softened = self.original.retain[index].clone().div_scalar(recipe.temperature);
            let target = Target::from_probabilities(probabilities(softened));
            terms.push(self.softened_loss(logits.clone(), &target).mul_scalar(recipe.distil_weight));
        }
        if recipe.logit_weight > 0.0 {
            let distance = mean_squared(logits, self.original.retain[index].clone());
            terms.push(distance.mul_scalar(recipe.logit_weight));
        }
        Ok(terms.into_iter().reduce(|sum, term| sum + term).expect("a retain step has a term"))
    }

    /// Cross-entropy with a network's softened outputs: their Kullback-Leibler divergence but for a constant.
    fn softened_loss(&self, logits: Tensor<5>, target: &Target) -> Tensor<1> {
        let temperature = self.run.recipe.temperature;
        cross_entropy(logits.div_scalar(temperature), target).mul_scalar(temperature * temperature)
    }

    /// The forget term without its weight, and the teacher passes that its target took.
    fn forget_loss(
        &self,
        network: &Network,
        pass: &Pass,
        index: usize,
        epoch: usize,
    ) -> Result<(Tensor<1>, u64), TrainError> {
        let case = self.run.sets.forget[index];
        let input = input_tensor(&[case], &self.run.device)?;
        if self.target.is_in_feature_space() {
            let (features, teacher_passes) = self.target_features(index, epoch)?;
            return Ok((mean_squared(network.encode(pass, input), features), teacher_passes));
        }
        let logits = network.forward(pass, input);
        let loss = match &self.words {
            Some(words) => self.softened_loss(logits, &Target::from_probabilities(words[index].clone())),
            None => self.run.loss.of(logits, &self.target_classes(case, network.architecture().classes, epoch)?),
        };
        Ok((loss, 0))
    }

    fn target_classes(&self, case: &Case, classes: usize, epoch: usize) -> Result<Target, TrainError> {
        let device = &self.run.device;
        Ok(match self.target {
            ForgetTarget::NoiseLabels => {
                let law = self.run.recipe.noise;
                let noise = noise_labels(law, &case.voxels()?.target, classes, &self.noise(case, epoch));
                let [d, h, w] = case.target_shape;
                Target::from_labels(&noise, [1, d, h, w], classes, IGNORED, device)
            }
            ForgetTarget::OthersOutputs => {
                Target::from_probabilities(probabilities(self.original.retain[self.other(case, epoch)].clone()))
            }
            _ => targets(&[case], classes, device)?,
        })
    }

    fn target_features(&self, index: usize, epoch: usize) -> Result<(Tensor<5>, u64), TrainError> {
        let case = self.run.sets.forget[index];
        Ok(match self.target {
            ForgetTarget::NoiseFeatures => (noise_features(&self.original.forget[index], &self.noise(case, epoch)), 0),
            ForgetTarget::OthersFeatures => (self.original.retain[self.other(case, epoch)].clone(), 0),
            _ => {
                let [c, d, h, w] = case.shape;
                let noise = noise_volume(&case.voxels()?.input, &self.noise(case, epoch));
                let noise = Tensor::<1>::from_floats(noise.as_slice(), &self.run.device).reshape([1, c, d, h, w]);
                (say(self.run.original, noise, true), 1)
            }
        })
    }

    /// The retain case whose output a forget case is given.
    fn other(&self, case: &Case, epoch: usize) -> usize {
        self.stream("other", case, epoch).draws().below(self.run.sets.retain.len())
    }

    fn noise(&self, case: &Case, epoch: usize) -> Stream {
        self.stream("unlearning noise", case, epoch)
    }

    fn stream(&self, purpose: &str, case: &Case, epoch: usize) -> Stream {
        let stream = self.run.seed.stream(purpose).subject(case.subject.as_str()).part(&case.scan);
        match self.run.recipe.redraw {
            Redraw::EveryEpoch => stream.epoch(epoch),
            Redraw::Once => stream,
        }
    }

    /// `a (1 - 2 max_loss)` on the forget loss, which stops pulling at its bound.
    fn weighted_forget(&self, loss: Tensor<1>) -> Tensor<1> {
        let bounded = match self.run.recipe.forget_loss_max {
            Some(most) if self.run.recipe.max_loss => loss.clamp_max(most),
            _ => loss,
        };
        let sign = if self.run.recipe.max_loss { -1.0 } else { 1.0 };
        bounded.mul_scalar(sign * self.run.recipe.forget_weight)
    }
}

impl Unlearning<'_> {
    /// `g |theta|_1` over the weights that may move, `g` falling linearly to 0 over the run.
    fn penalty(&self, network: &Network, pass: &Pass, epoch: usize) -> Option<Tensor<1>> {
        let weight = self.run.recipe.l1_weight * (1.0 - epoch as f64 / self.run.epochs as f64);
        if weight == 0.0 {
            return None;
        }
        let names = network
            .parameters
            .iter()
            .filter(|(name, parameter)| parameter.role == Role::Weight && self.run.recipe.is_trainable(name));
        let sum = names.map(|(name, _)| pass.weight(name).abs().sum()).reduce(|sum, term| sum + term)?;
        Some(sum.mul_scalar(weight))
    }
}

impl Objective for Unlearning<'_> {
    fn steps(&self, epoch: usize) -> usize {
        self.plan(epoch).len()
    }

    fn loss(&self, network: &Network, pass: &Pass, epoch: usize, step: usize) -> Result<StepLoss, TrainError> {
        let plan = self.plan(epoch);
        let Step { retain, forget } = plan[step];
        if let Some(next) = plan.get(step + 1).copied().or_else(|| self.plan(epoch + 1).first().copied()) {
            self.expect(next);
        }
        let mut passes = Passes::default();
        let (mut sum, mut terms) = (Vec::new(), Vec::new());
        if let Some(index) = retain {
            let loss = self.retain_loss(network, pass, index)?;
            terms.push((RETAIN, loss.clone()));
            sum.push(loss);
            passes.training += 1;
        }
        if let Some(index) = forget {
            let (loss, teacher) = self.forget_loss(network, pass, index, epoch)?;
            terms.push((FORGET, loss.clone()));
            sum.push(self.weighted_forget(loss));
            passes += Passes { training: 1, teacher };
        }
        sum.extend(self.penalty(network, pass, epoch));
        let loss = sum.into_iter().reduce(|sum, term| sum + term).expect("a step has a case");
        Ok(StepLoss { loss, terms, passes })
    }

    fn is_trainable(&self, name: &str) -> bool {
        self.run.recipe.is_trainable(name)
    }

    fn batch_norm(&self) -> BatchNormMode {
        self.run.recipe.batch_norm
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Interleave, STRATEGIES};
    use lacuna_nn::Device;
    use lacuna_nn::loss::SegmentationLoss;
    use lacuna_train::test_cases::{heads, resnet_10};
    use std::collections::BTreeMap;

    /// The first case is forgotten, the others stay; the original is the network in training.
    fn with_objective<T>(recipe: &Recipe, cases: &[Case], check: impl FnOnce(&Unlearning, &Network) -> T) -> T {
        let original = resnet_10();
        let device = Device::flex();
        let sets = ForgetRetain { forget: vec![&cases[0]], retain: cases[1..].iter().collect() };
        let run = Unlearned {
            original: &original,
            recipe,
            sets: &sets,
            epochs: 2,
            loss: SegmentationLoss::CrossEntropy,
            seed: Seed(7),
            device,
        };
        let objective = Unlearning::new(&run, recipe.forget_target().unwrap()).unwrap();
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
                let expected = retain + sign * 3.0 * forget;
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
