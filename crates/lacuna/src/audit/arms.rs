//! Networks in, scores out: each model is loaded once and asked about everybody that the audit needs of it.

use super::tasks::Tasks;
use crate::context::Context;
use crate::error::CliError;
use crate::interrupt;
use crate::progress::Progress;
use lacuna_audit::{Arm, Measured};
use lacuna_cohort::{Split, SubjectId};
use lacuna_nn::{Network, Parameter, Role};
use lacuna_seed::Seed;
use lacuna_study::{EpochScores, Probe, Record, Seen, Study, Task, Variant};
use std::collections::BTreeMap;

/// One model, for one subject.
#[derive(Clone)]
pub struct One {
    /// Its numbers.
    pub measured: Measured,
    /// What it sees of the subject.
    pub seen: Seen,
    /// How far its weights lie from the retrained model of its seed; of a retrained one, from that of the seed before.
    pub weights: Option<f64>,
    /// What it sees of the other audited subjects that it was trained on.
    pub others: BTreeMap<SubjectId, Measured>,
}

/// The models of one subject, by seed. A model that diverged is absent.
#[derive(Default)]
pub struct Models {
    pub original: Vec<One>,
    pub retrained: Vec<One>,
    /// By strategy, in the order of the study.
    pub unlearned: Vec<Vec<One>>,
    /// Retrained models through each strategy without its forget term; only of the subject of the controls.
    pub shams: Vec<Vec<One>>,
    /// Originals trained on with the others alone.
    pub fine_tuned: Vec<One>,
    /// Originals with a decoder drawn anew.
    pub destroyed: Vec<One>,
}

/// Some models as one arm.
pub fn arm(what: &'static str, models: &[One]) -> Arm {
    Arm::new(what, models.iter().map(|model| model.measured.clone()).collect())
}

/// Asks models.
pub struct Asking<'a> {
    pub study: &'a Study,
    pub tasks: &'a Tasks<'a>,
    /// Every task of the audit, probes among them.
    pub all: &'a [Task],
    pub context: &'a Context,
}

/// What a model is to be asked.
struct Question<'a> {
    subject: &'a SubjectId,
    split: &'a Split,
    seed: u64,
    /// Whether it was trained on the other audited subjects and is asked about them too.
    others: bool,
    /// From whose weights its own are measured.
    beside: Option<&'a Network>,
}

impl Asking<'_> {
    /// Everything that the audit needs of one subject's models.
    ///
    /// # Errors
    /// A model that cannot be read or made again, or one whose predictions are not finite.
    pub fn models(&self, (subject, split): &(SubjectId, Split), with_controls: bool) -> Result<Models, CliError> {
        let seeds = self.tasks.seeds();
        let variants = self.study.variants();
        let mut models = Models { unlearned: variants.iter().map(|_| Vec::new()).collect(), ..Models::default() };
        let mut progress = Progress::begin(self.context, "audit", "seed", seeds.len(), 0);
        let mut seed_before: Option<Network> = None;
        for (done, &seed) in seeds.iter().enumerate() {
            let ask = |others| Question { subject, split, seed, others, beside: None };
            let (original, retrained) = (self.tasks.original(split, seed), self.tasks.retrained(split, seed));
            let network = self.network(&Task::Train(original.clone()))?;
            models.original.extend(self.ask(&original.key, network.as_ref(), &ask(false))?);
            if let (Some(network), true) = (&network, with_controls) {
                let destroyed = with_new_decoder(network, Seed(seed));
                models.destroyed.extend(self.ask("", Some(&destroyed), &ask(false))?);
            }
            let network = self.network(&Task::Train(retrained.clone()))?;
            let question = Question { beside: seed_before.as_ref(), ..ask(true) };
            models.retrained.extend(self.ask(&retrained.key, network.as_ref(), &question)?);
            for (variant, found) in variants.iter().zip(&mut models.unlearned) {
                let question = Question { beside: network.as_ref(), ..ask(true) };
                found.extend(self.unlearned(&original, variant, &question)?);
            }
            seed_before = network;
            if with_controls {
                self.add_without_forget_term(&mut models, &ask(false))?;
            }
            progress.advance(done + 1, &format!("subject={}", self.study.shown(subject)));
        }
        Ok(models)
    }

    /// What the recipes without their forget terms make of a seed's retrained model and of its original.
    fn add_without_forget_term(&self, models: &mut Models, question: &Question) -> Result<(), CliError> {
        let Question { split, seed, .. } = *question;
        let (original, retrained) = (self.tasks.original(split, seed), self.tasks.retrained(split, seed));
        let shams = self.tasks.shams();
        models.shams.resize_with(shams.len(), Vec::new);
        for (sham, found) in shams.iter().zip(&mut models.shams) {
            if let Some(variant) = &sham.variant {
                found.extend(self.unlearned(&retrained, variant, question)?);
            }
        }
        if let Some(variant) = self.tasks.fine_tuning() {
            models.fine_tuned.extend(self.unlearned(&original, &variant, question)?);
        }
        Ok(())
    }

    /// Originals and retrained models alone, the originals destroyed, and the controls that hang on a recipe.
    ///
    /// # Errors
    /// As [`Asking::models`].
    pub fn bank_models(&self, (subject, split): &(SubjectId, Split), with_controls: bool) -> Result<Models, CliError> {
        let mut models = Models::default();
        for &seed in self.tasks.seeds() {
            let question = Question { subject, split, seed, others: false, beside: None };
            for (task, found) in [
                (self.tasks.original(split, seed), &mut models.original),
                (self.tasks.retrained(split, seed), &mut models.retrained),
            ] {
                let network = self.network(&Task::Train(task.clone()))?;
                found.extend(self.ask(&task.key, network.as_ref(), &question)?);
            }
            if let Some(network) = self.network(&Task::Train(self.tasks.original(split, seed)))? {
                let destroyed = with_new_decoder(&network, Seed(seed));
                models.destroyed.extend(self.ask("", Some(&destroyed), &question)?);
            }
            if with_controls {
                self.add_without_forget_term(&mut models, &question)?;
            }
        }
        Ok(models)
    }

    fn unlearned(
        &self,
        from: &lacuna_study::TrainTask,
        variant: &Variant,
        question: &Question,
    ) -> Result<Option<One>, CliError> {
        let task = self.study.unlearn_task(from, question.subject, variant);
        let network = self.network(&Task::Unlearn(Box::new(task.clone())))?;
        self.ask(&task.key, network.as_ref(), question)
    }

    /// `None` of a run that diverged.
    fn network(&self, task: &Task) -> Result<Option<Network>, CliError> {
        if interrupt::requested() {
            let kept = "every trained model is kept; fix: the same command goes on from here".to_string();
            return Err(CliError::Interrupted { kept });
        }
        match self.study.store().record(task.key())? {
            Some(record) if record.diverged.is_some() => Ok(None),
            _ => Ok(Some(self.study.model(task, &mut Silent)?)),
        }
    }

    fn ask(&self, key: &str, network: Option<&Network>, question: &Question) -> Result<Option<One>, CliError> {
        let Some(network) = network else { return Ok(None) };
        let Question { subject, split, seed, others, beside } = *question;
        let see = |subject: &SubjectId| self.study.data().see(network, subject, self.study.device());
        let seen = see(subject)?;
        let mut measured = Measured { seed, features: seen.features.clone(), ..Measured::default() };
        if !key.is_empty() {
            self.add_recorded(&mut measured, key, subject, split)?;
        }
        let mut of_others = BTreeMap::new();
        let retained =
            self.tasks.audited().filter(|(other, _)| others && other != subject && split.train().contains(other));
        for (other, _) in retained {
            of_others.insert(other.clone(), Measured { seed, features: see(other)?.features, ..Measured::default() });
        }
        let weights = beside.map(|other| weight_distance(network, other));
        Ok(Some(One { measured, seen, weights, others: of_others }))
    }

    /// Dice of those who stay, rebound and relearning: from the records of the run and of its probes.
    fn add_recorded(
        &self,
        measured: &mut Measured,
        key: &str,
        subject: &SubjectId,
        split: &Split,
    ) -> Result<(), CliError> {
        let Some(record) = self.study.store().record(key)? else { return Ok(()) };
        let Some(scores) = record.horizons.last() else { return Ok(()) };
        let dice = |scores: &EpochScores, subject: &SubjectId| output_dice(scores, &self.study.shown(subject));
        let mean = |subjects: &mut dyn Iterator<Item = &SubjectId>| {
            let values: Vec<f64> = subjects.filter_map(|subject| dice(scores, subject)).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        measured.retain_dice = mean(&mut split.retain().iter());
        measured.held_out_dice = mean(&mut split.held_out().iter());
        for task in self.all {
            let Task::Probe(task) = task else { continue };
            if task.probed.key() != key || task.forget != *subject || task.epochs != scores.epochs {
                continue;
            }
            let Some(record) = self.study.store().record(&task.key)? else { continue };
            add_probe(measured, &task.probe, &record, dice(scores, subject), &self.study.shown(subject));
        }
        Ok(())
    }
}

/// Mean Dice of a subject on the output grid.
fn output_dice(scores: &EpochScores, shown: &str) -> Option<f64> {
    scores.output.get(shown).and_then(|scores| scores.mean.dice)
}

/// What a probe's record says of a model whose Dice of the subject was `before`.
pub fn add_probe(measured: &mut Measured, probe: &Probe, record: &Record, before: Option<f64>, shown: &str) {
    match probe {
        Probe::Rebound(_) => {
            let after = record.horizons.last().and_then(|scores| output_dice(scores, shown));
            measured.rebound = after.zip(before).map(|(after, before)| after - before);
        }
        Probe::Relearn(_) => {
            let Some(relearned) = &record.relearned else { return };
            measured.relearn_given_up = relearned.passes.is_none();
            measured.relearn_passes = Some(relearned.passes.unwrap_or(relearned.passes_max) as f64);
        }
    }
}

/// The L2 distance between the weights of two networks of one architecture, running statistics left out.
fn weight_distance(one: &Network, other: &Network) -> f64 {
    let of = |(name, parameter): (&str, &Parameter)| -> f64 {
        let (own, theirs) = (parameter.to_vec(), other.parameters.get(name).to_vec());
        own.iter().zip(theirs).map(|(own, theirs)| f64::from(own - theirs).powi(2)).sum()
    };
    one.parameters.iter().filter(|(_, parameter)| parameter.role == Role::Weight).map(of).sum::<f64>().sqrt()
}

/// The network with the head of a fresh one.
fn with_new_decoder(network: &Network, seed: Seed) -> Network {
    let device = lacuna_nn::Pass::evaluation(&network.parameters).device();
    // Not the run's own seed: the head may have begun from the very weights that it draws.
    let other = Seed(seed.stream("destroyed decoder").draws().below(1 << 53) as u64);
    let fresh = Network::new(network.architecture().clone(), other, &device);
    let mut destroyed = network.clone();
    for (name, parameter) in destroyed.parameters.iter_mut() {
        if Network::is_head(name) {
            *parameter = fresh.parameters.get(name).clone();
        }
    }
    destroyed
}

/// A model made again in silence, and stopped where the user wants.
pub struct Silent;

impl lacuna_study::Progress for Silent {
    fn step(&mut self, _epoch: usize, _step: usize, _steps: usize, _loss: f64) -> lacuna_train::Control {
        if interrupt::requested() { lacuna_train::Control::Stop } else { lacuna_train::Control::Continue }
    }
}
