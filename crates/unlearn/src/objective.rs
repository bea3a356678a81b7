//! A recipe as the training loop sees it: steps and losses.

use crate::limits::Limits;
use crate::mechanic::{ErrorMaximising, Redraw, error_maximising_noise, noise_features, noise_labels, noise_volume};
use crate::order::{Order, Step, steps};
use crate::outward::moved_against;
use crate::{EpochCost, ForgetRetain, ForgetTarget, Recipe, UnlearnError, Unlearned, teacher};
use lacuna_cohort::Case;
use lacuna_nn::loss::{Target, cross_entropy, mean_squared, probabilities};
use lacuna_nn::{BatchNormMode, Network, Pass, Role, Tensor};
use lacuna_seed::{Seed, Stream};
use lacuna_train::{
    EpochEnd, EpochRecord, GradientPoint, Objective, Passes, Schedule, StepLoss, TrainError, input_tensor, mean_loss,
    targets,
};
use lacuna_volume::IGNORED;
use std::cell::Cell;
use std::collections::BTreeMap;

/// The names of the terms in records; the first of each side bears its gradient's norm.
const RETAIN: &str = "retain";
const DISTIL: &str = "distil";
const LOGITS: &str = "logits";
const FORGET: &str = "forget";

/// One side of a step.
struct Side {
    /// What is minimised, weights included.
    loss: Tensor<1>,
    /// What it is made of, before the weights.
    terms: Vec<(&'static str, Tensor<1>)>,
    passes: Passes,
}

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

/// The noise that stands for each forget case, if the target is of that kind.
fn learnt_noises(run: &Unlearned, target: &ForgetTarget) -> Result<Option<Vec<Tensor<5>>>, TrainError> {
    let ForgetTarget::ErrorMaximisingNoise { steps, learning_rate, decay } = *target else { return Ok(None) };
    let how = ErrorMaximising { steps, learning_rate, decay };
    let classes = run.original.architecture().classes;
    let learnt = |case: &&Case| {
        let [c, d, h, w] = case.shape;
        let stream = run.seed.stream("error-maximising noise").subject(case.subject.as_str()).part(&case.scan);
        let mut draws = stream.draws();
        let start: Vec<f32> = (0..c * d * h * w).map(|_| draws.normal() as f32).collect();
        let start = Tensor::<1>::from_floats(start.as_slice(), &run.device).reshape([1, c, d, h, w]);
        let target = targets(&[case], classes, &run.device)?;
        Ok(error_maximising_noise(run.original, start, &target, run.loss, how))
    };
    run.sets.forget.iter().map(learnt).collect::<Result<Vec<_>, TrainError>>().map(Some)
}

pub(crate) struct Unlearning<'a> {
    run: &'a Unlearned<'a>,
    target: ForgetTarget,
    original: Original,
    /// The teacher's word on each forget case, if the target has a teacher.
    words: Option<Vec<Tensor<5>>>,
    /// What is passed instead of each forget case, if the target says so.
    noises: Option<Vec<Tensor<5>>>,
    limits: Limits,
    /// The multiplier of the constraint in the epoch under way.
    multiplier: Cell<f64>,
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
    // A gradient that is taken a step into forgetting costs the pass that finds the way.
    let ways = if recipe.forget_radius.is_some() && recipe.forgets_in(epoch) { plan.len() } else { 0 };
    EpochCost {
        steps: plan.len(),
        passes: (plan.iter().map(volumes).sum::<usize>() + ways) as u64,
        volumes_at_once: plan.iter().map(volumes).max().unwrap_or(0),
    }
}

impl<'a> Unlearning<'a> {
    pub(crate) fn new(run: &'a Unlearned<'a>, target: ForgetTarget) -> Result<Self, UnlearnError> {
        let (original, words) = (Original::new(run, &target)?, teacher::words(run, &target)?);
        let limits = Limits::of(run, words.is_some())?;
        let noises = learnt_noises(run, &target)?;
        let multiplier = Cell::new(run.recipe.retain_weight);
        Ok(Unlearning { run, target, original, words, noises, limits, multiplier })
    }

    #[cfg(test)]
    pub(crate) fn multiplier(&self) -> f64 {
        self.multiplier.get()
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

    fn retain_side(&self, network: &Network, pass: &Pass, index: usize) -> Result<Side, TrainError> {
        let recipe = self.run.recipe;
        let case = self.run.sets.retain[index];
        let input = input_tensor(&[case], &self.run.device)?;
        let (mut weighted, mut terms) = (Vec::new(), Vec::new());
        let mut add = |name, term: Tensor<1>, weigh: &dyn Fn(Tensor<1>) -> Tensor<1>| {
            weighted.push(weigh(term.clone()));
            terms.push((name, term));
        };
        if self.target.is_in_feature_space() {
            let distance = mean_squared(network.encode(pass, input), self.original.retain[index].clone());
            add(RETAIN, distance, &|term| term.mul_scalar(recipe.retain_weight));
        } else {
            let logits = network.forward(pass, input);
            if recipe.retain_weight > 0.0 {
                let target = self.retain_target(case, index, network.architecture().classes)?;
                add(RETAIN, self.run.loss.of(logits.clone(), &target), &|term| self.weighted_retain(term));
            }
            if recipe.distil_weight > 0.0 {
                let softened = self.original.retain[index].clone().div_scalar(recipe.temperature);
                let target = Target::from_probabilities(probabilities(softened));
                let loss = self.softened_loss(logits.clone(), &target);
                add(DISTIL, loss, &|term| term.mul_scalar(recipe.distil_weight));
            }
            if recipe.logit_weight > 0.0 {
                let distance = mean_squared(logits, self.original.retain[index].clone());
                add(LOGITS, distance, &|term| term.mul_scalar(recipe.logit_weight));
            }
        }
        let loss = weighted.into_iter().reduce(|sum, term| sum + term).expect("a retain step has a term");
        Ok(Side { loss, terms, passes: Passes { training: 1, teacher: 0 } })
    }

    /// What the outputs of a retain case are held to: its labels, or what the original says of it.
    fn retain_target(&self, case: &Case, index: usize, classes: usize) -> Result<Target, TrainError> {
        match self.target.retains_by_teacher() {
            true => Ok(Target::from_probabilities(probabilities(self.original.retain[index].clone()))),
            false => targets(&[case], classes, &self.run.device),
        }
    }

    /// `w` times the retain loss, or what a constraint makes of it.
    fn weighted_retain(&self, loss: Tensor<1>) -> Tensor<1> {
        match (self.run.recipe.constraint, self.limits.constraint) {
            (Some(constraint), Some(bound)) => constraint.penalised(loss, bound, self.multiplier.get()),
            _ => loss.mul_scalar(self.run.recipe.retain_weight),
        }
    }

    fn forget_side(&self, network: &Network, pass: &Pass, index: usize, epoch: usize) -> Result<Side, TrainError> {
        let (term, teacher) = self.forget_loss(network, pass, index, epoch)?;
        let passes = Passes { training: 1, teacher };
        Ok(Side { loss: self.weighted_forget(term.clone()), terms: vec![(FORGET, term)], passes })
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
        let input = match &self.noises {
            Some(noises) => noises[index].clone(),
            None => input_tensor(&[case], &self.run.device)?,
        };
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
        let bounded = match self.limits.forget_loss_max {
            Some(most) => loss.clamp_max(most),
            None => loss,
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

impl Unlearning<'_> {
    /// The mean gradient of one side over its cases, weights included, and what it took; none for a side that is not
    /// passed in this epoch.
    pub(crate) fn mean_gradient(
        &self,
        network: &Network,
        side: WhichSide,
        epoch: usize,
    ) -> Result<Option<MeanGradient>, TrainError> {
        let (recipe, sets) = (self.run.recipe, self.run.sets);
        let count = match side {
            WhichSide::Retain if recipe.has_retain_side() => sets.retain.len(),
            WhichSide::Forget if recipe.forgets_in(epoch) => sets.forget.len(),
            _ => return Ok(None),
        };
        let trainable = |name: &str| recipe.is_trainable(name);
        let mut mean = MeanGradient::default();
        for index in 0..count {
            let pass = Pass::training(&network.parameters, recipe.batch_norm, &trainable);
            let side = match side {
                WhichSide::Retain => self.retain_side(network, &pass, index)?,
                WhichSide::Forget => self.forget_side(network, &pass, index, epoch)?,
            };
            mean.passes += side.passes;
            for (name, gradient) in pass.gradients(&side.loss) {
                let share = gradient.div_scalar(count as f64);
                let sum = match mean.gradients.remove(&name) {
                    Some(sum) => sum + share,
                    None => share,
                };
                mean.gradients.insert(name, sum);
            }
        }
        Ok(Some(mean))
    }
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhichSide {
    Retain,
    Forget,
}

/// A gradient over several cases and what it took.
#[derive(Default)]
pub(crate) struct MeanGradient {
    pub gradients: BTreeMap<String, Tensor<1>>,
    pub passes: Passes,
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
        let retain = retain.map(|index| self.retain_side(network, pass, index)).transpose()?;
        let forget = forget.map(|index| self.forget_side(network, pass, index, epoch)).transpose()?;
        let sides: Vec<Side> = retain.into_iter().chain(forget).collect();
        let gradient_of = match &sides[..] {
            [only] => Some(only.terms[0].0),
            _ => None,
        };
        let mut passes = Passes::default();
        sides.iter().for_each(|side| passes += side.passes);
        let losses = sides.iter().map(|side| side.loss.clone()).chain(self.penalty(network, pass, epoch));
        let loss = losses.reduce(|sum, term| sum + term).expect("a step has a case");
        let terms = sides.into_iter().flat_map(|side| side.terms).collect();
        Ok(StepLoss { loss, terms, gradient_of, passes })
    }

    fn begin_epoch(&self, history: &[EpochRecord]) {
        if let (Some(constraint), Some(bound)) = (self.run.recipe.constraint, self.limits.constraint) {
            self.multiplier.set(constraint.multiplier(self.run.recipe.retain_weight, bound, RETAIN, history));
        }
    }

    fn gradient_point(
        &self,
        network: &Network,
        epoch: usize,
        step: usize,
    ) -> Result<Option<GradientPoint>, TrainError> {
        let recipe = self.run.recipe;
        let Some(radius) = recipe.forget_radius.filter(|_| recipe.forgets_in(epoch)) else { return Ok(None) };
        let trainable = |name: &str| recipe.is_trainable(name);
        let pass = Pass::training(&network.parameters, recipe.batch_norm, &trainable);
        let side = self.forget_side(network, &pass, step % self.run.sets.forget.len(), epoch)?;
        let gradients = pass.gradients(&side.loss);
        let length = radius * Schedule::Cosine.factor(epoch, self.run.epochs);
        Ok(Some(GradientPoint { network: moved_against(network, gradients, length), passes: side.passes }))
    }

    fn end_epoch(&self, network: &Network, record: &EpochRecord) -> Result<EpochEnd, TrainError> {
        let retain_loss = record.terms.get(RETAIN).map(|means| means.loss);
        if let (Some(most), Some(found)) = (self.limits.guard, retain_loss)
            && found > most
        {
            let what = format!("the mean retain loss {found:.4} is above the guard's {most:.4}");
            return Err(TrainError::Diverged { epoch: record.epoch, step: self.steps(record.epoch - 1), what });
        }
        let (Some(rewind), Some(level)) = (self.run.recipe.rewind, self.limits.rewind) else {
            return Ok(EpochEnd::default());
        };
        let found = mean_loss(network, &self.run.sets.forget, self.run.loss, &self.run.device)?;
        Ok(EpochEnd { distance: Some((found - level).abs()), passes: rewind.passes(self.run.sets) })
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
    use crate::tests_support::{shortened, with_run};
    use crate::{Interleave, LossLevel, NoiseLaw, STRATEGIES};
    use lacuna_train::test_cases::heads;
    use std::collections::BTreeMap;

    /// The first case is forgotten, the others stay; the original is the network in training.
    fn with_objective<T>(recipe: &Recipe, cases: &[Case], check: impl FnOnce(&Unlearning, &Network) -> T) -> T {
        with_run(recipe, cases, |run| {
            let objective = Unlearning::new(run, recipe.forget_target().unwrap()).unwrap();
            check(&objective, run.original)
        })
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
        let forget_loss_max = forget_loss_max.map(LossLevel::Loss);
        Recipe { max_loss: true, forget_loss_max, retain_weight, interleave, ..Recipe::default() }
    }

    #[test]
    fn a_joint_step_is_the_weighted_sum_of_its_terms() {
        let cases = heads(2);
        for strategy in STRATEGIES {
            let recipe = shortened((strategy.recipe)());
            if recipe.forget_radius.is_some() {
                continue;
            }
            let weights = Recipe { retain_weight: 0.5, forget_weight: 3.0, ..recipe };
            let recipe = Recipe { interleave: Interleave::Joint, batch_norm: BatchNormMode::Running, ..weights };
            with_objective(&recipe, &cases, |objective, network| {
                let pass = training_pass(network);
                let retain = number(objective.retain_side(network, &pass, 0).unwrap().loss);
                let forget = number(objective.forget_loss(network, &pass, 0, 0).unwrap().0);
                let forget = forget.min(objective.limits.forget_loss_max.unwrap_or(f64::INFINITY));
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
                    let is_open = match recipe.adapters {
                        Some(_) => Network::is_adapter(name),
                        None => !(recipe.fix_decoder && Network::is_head(name)),
                    };
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
        assert!(step(Some(LossLevel::Loss(1e-3))) == step(None));
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
                let recipe = Recipe { redraw, ..shortened((strategy.recipe)()) };
                let losses: Vec<f64> = with_objective(&recipe, &cases, |objective, network| {
                    let pass = Pass::evaluation(&network.parameters);
                    (0..8).map(|epoch| number(objective.forget_loss(network, &pass, 0, epoch).unwrap().0)).collect()
                });
                let changes = losses.iter().any(|loss| *loss != losses[0]);
                let is_drawn = match recipe.forget_target().unwrap() {
                    ForgetTarget::NoiseLabels => recipe.noise != NoiseLaw::Background,
                    ForgetTarget::OthersOutputs => true,
                    target => target.is_in_feature_space(),
                };
                assert_eq!(changes, is_drawn && redraw == Redraw::EveryEpoch, "{} {redraw:?}", strategy.name);
            }
        }
    }
}
