//! A recipe as the training loop sees it: steps and losses.

mod original;
mod penalty;
mod retain_side;
mod side_gradient;
#[cfg(test)]
mod tests;

use crate::factors::Factors;
use crate::limits::Limits;
use crate::mechanic::{
    ErrorMaximising, Redraw, error_maximising_noise, logits_of_mirrored, noise_features, noise_labels, noise_volume,
    slope, with_noise,
};
use crate::order::{Order, Step, steps};
use crate::outward::moved_against;
use crate::{EpochCost, ForgetRetain, ForgetTarget, Recipe, UnlearnError, Unlearned, teacher};
use lacuna_cohort::Case;
use lacuna_nn::loss::{Target, cross_entropy, probabilities};
use lacuna_nn::{BatchNormMode, Maps, Network, Pass, Tensor};
use lacuna_seed::{Seed, Stream};
use lacuna_train::{
    EpochEnd, EpochRecord, GradientPoint, Objective, Passes, Schedule, StepLoss, TrainError, input_tensor, mean_loss,
    targets, volume_tensor,
};
use lacuna_volume::IGNORED;
use std::cell::Cell;

pub(crate) use original::Original;
use original::say;
pub(crate) use side_gradient::{MeanGradient, WhichSide};

/// The names of the terms in records; the first of each side bears its gradient's norm.
const RETAIN: &str = "retain";
const DISTIL: &str = "distil";
const LOGITS: &str = "logits";
const FORGET: &str = "forget";
const STRANGERS: &str = "strangers";
const AUGMENTED: &str = "augmented";

/// One side of a step.
struct Side {
    /// What is minimised, weights included.
    loss: Tensor<1>,
    /// What it is made of, before the weights.
    terms: Vec<(&'static str, Tensor<1>)>,
    passes: Passes,
}

/// The noise that stands for each forget case, if the target is of that kind.
fn learnt_noises(run: &Unlearned, target: &ForgetTarget) -> Result<Option<Vec<Tensor<5>>>, TrainError> {
    let ForgetTarget::ErrorMaximisingNoise { steps, learning_rate, decay } = *target else { return Ok(None) };
    let how = ErrorMaximising { steps, learning_rate, decay };
    let classes = run.original.architecture().classes();
    let learnt = |case: &&Case| {
        let stream = run.seed.stream("error-maximising noise").subject(case.subject.as_str()).part(&case.scan);
        let mut draws = stream.draws();
        let start: Vec<f32> = (0..case.shape.iter().product()).map(|_| draws.normal() as f32).collect();
        let start = volume_tensor(&start, case.shape, &run.device);
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
    factors: Factors,
}

/// The noise that a step adds to its forget case.
#[derive(Clone, Copy)]
struct Noise {
    deviation: f64,
    draws: usize,
    epoch: usize,
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
    let of_forget = recipe.forget_volumes();
    let of_retain = recipe.retain_volumes();
    let volumes = |step: &Step| step.retain.map_or(0, |_| of_retain) + step.forget.map_or(0, |_| of_forget);
    // A gradient that is taken a step into forgetting costs the pass that finds the way.
    let ways = if recipe.forget_radius.is_some() && recipe.forgets_in(epoch) { plan.len() * of_forget } else { 0 };
    EpochCost {
        steps: plan.len(),
        passes: (plan.iter().map(volumes).sum::<usize>() + ways) as u64,
        // Without a step there is still whatever an edit or a score passes.
        volumes_at_once: plan.iter().map(volumes).max().unwrap_or(1),
    }
}

impl<'a> Unlearning<'a> {
    pub(crate) fn new(run: &'a Unlearned<'a>, target: ForgetTarget) -> Result<Self, UnlearnError> {
        let (original, words) = (Original::new(run, &target)?, teacher::words(run, &target)?);
        let limits = Limits::of(run, words.is_some())?;
        let noises = learnt_noises(run, &target)?;
        let multiplier = Cell::new(run.recipe.retain_weight);
        Ok(Unlearning { run, target, original, words, noises, limits, multiplier, factors: Factors::default() })
    }

    /// The same with factors on the gradients.
    pub(crate) fn scaled_by(self, factors: Factors) -> Self {
        Unlearning { factors, ..self }
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
        retain.into_iter().chain(forget).for_each(Case::prefetch);
    }

    fn forget_side(&self, network: &Network, pass: &Pass, index: usize, epoch: usize) -> Result<Side, TrainError> {
        let (term, teacher) = self.forget_loss(network, pass, index, epoch)?;
        let passes = Passes { training: self.run.recipe.forget_volumes() as u64, teacher };
        let (mut loss, mut terms) = (self.weighted_forget(term.clone()), vec![(FORGET, term)]);
        if let Some(word) = self.original.forget_strangers.get(index) {
            let logits = logits_of_mirrored(network, pass, self.run.sets.forget[index], &self.run.device)?;
            let stranger = cross_entropy(logits, &Target::from_probabilities(word.clone()));
            loss = loss + stranger.clone().mul_scalar(self.run.recipe.stranger_weight);
            terms.push((STRANGERS, stranger));
        }
        Ok(Side { loss, terms, passes })
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
            return Ok((network.encode(pass, input).mean_squared(&features), teacher_passes));
        }
        let heads = network.heads(pass, input);
        let logits = heads.finest().clone();
        if let ForgetTarget::OwnOutputsInNoise { deviation, draws } = self.target {
            return Ok((self.slope_in_noise(network, pass, index, Noise { deviation, draws, epoch }, logits)?, 0));
        }
        let loss = match &self.words {
            Some(words) => self.softened_loss(logits, &Target::from_probabilities(words[index].clone())),
            None => {
                self.run.loss.of_heads(&heads, &self.target_classes(case, network.architecture().classes(), epoch)?)
            }
        };
        Ok((loss, 0))
    }

    /// The mean over draws of noise e of `|f(x) - f(x + e)| / |e|`, with f(x) at hand; every draw is a volume passed.
    fn slope_in_noise(
        &self,
        network: &Network,
        pass: &Pass,
        index: usize,
        noise: Noise,
        outputs: Tensor<5>,
    ) -> Result<Tensor<1>, TrainError> {
        let case = self.run.sets.forget[index];
        let voxels = case.voxels()?;
        let slope_of = |draw: usize| {
            let stream = self.noise(case, noise.epoch).part(&draw.to_string());
            let (noisy, norm) = with_noise(&voxels.input, noise.deviation, &stream);
            let noisy = volume_tensor(&noisy, case.shape, &self.run.device);
            slope(outputs.clone(), network.forward(pass, noisy), norm)
        };
        let sum = (0..noise.draws).map(slope_of).reduce(|sum, term| sum + term).expect("checked: at least one draw");
        Ok(sum.div_scalar(noise.draws as f64))
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
                let other = self.original.retain[self.other(case, epoch)].finest();
                Target::from_probabilities(probabilities(other.clone()))
            }
            _ => targets(&[case], classes, device)?,
        })
    }

    fn target_features(&self, index: usize, epoch: usize) -> Result<(Maps, u64), TrainError> {
        let case = self.run.sets.forget[index];
        Ok(match self.target {
            ForgetTarget::NoiseFeatures => (noise_features(&self.original.forget[index], &self.noise(case, epoch)), 0),
            ForgetTarget::OthersFeatures => (self.original.retain[self.other(case, epoch)].clone(), 0),
            _ => {
                let noise = noise_volume(&case.voxels()?.input, &self.noise(case, epoch));
                (say(self.run.original, volume_tensor(&noise, case.shape, &self.run.device), true), 1)
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
        let retain = retain.map(|index| self.retain_side(network, pass, index, epoch)).transpose()?;
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
        let trainable = |name: &str| recipe.is_trainable(self.run.original, name);
        let pass = Pass::training(&network.parameters, recipe.batch_norm, &trainable);
        let pass = pass.with_activations(self.run.activations);
        let side = self.forget_side(network, &pass, step % self.run.sets.forget.len(), epoch)?;
        let gradients = pass.gradients(&side.loss);
        let length = radius * Schedule::Cosine.factor(epoch, self.run.epochs);
        let network = moved_against(network, gradients, length);
        Ok(Some(GradientPoint { network, terms: side.terms, passes: side.passes }))
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
        self.run.recipe.is_trainable(self.run.original, name)
    }

    fn gradient_factors(&self, name: &str) -> Option<&[f32]> {
        self.factors.get(name)
    }

    fn batch_norm(&self) -> BatchNormMode {
        self.run.recipe.batch_norm
    }
}
