//! Networks in, scores out: each model is loaded once and measured on every subject that the audit needs of it.

use super::Watch;
use super::models::{AuditedModel, ControlModels, SubjectModels};
use super::networks::{weight_distance, with_new_decoder};
use super::recorded::Recorded;
use super::tasks::Tasks;
use crate::{Progress, Study, StudyError, Task, TrainTask, Variant};
use lacuna_audit::Measured;
use lacuna_cohort::{Split, SubjectId};
use lacuna_nn::Network;
use lacuna_seed::Seed;
use lacuna_train::Control;
use std::collections::BTreeMap;

/// Which of the models of controls to measure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Controls {
    /// No controls are measured.
    Without,
    /// Those that need no recipe.
    OfBank,
    /// All controls are measured.
    All,
}

/// Measures models.
pub(super) struct Measurer<'a> {
    pub(super) study: &'a Study,
    pub(super) tasks: &'a Tasks<'a>,
    /// Every task of the audit, probes among them.
    pub(super) all: &'a [Task],
    pub(super) watch: &'a mut dyn Watch,
}

/// Of whom and with what a model is measured.
#[derive(Clone, Copy)]
struct Question<'a> {
    subject: &'a SubjectId,
    split: &'a Split,
    seed: u64,
    controls: Controls,
    /// Whether it was trained on the other audited subjects and is measured on them too.
    others: bool,
    /// The network from whose weights its own are measured.
    beside: Option<&'a Network>,
}

impl Measurer<'_> {
    /// Originals, retrained and unlearned models of one subject, and the models of controls.
    ///
    /// # Errors
    /// A model that cannot be read or made again, or one whose predictions are not finite; a wish to stop.
    pub(super) fn models(
        &mut self,
        (subject, split): &(SubjectId, Split),
        controls: Controls,
    ) -> Result<SubjectModels, StudyError> {
        let (seeds, variants) = (self.tasks.seeds(), self.study.variants());
        let unlearned = variants.iter().map(|_| Vec::new()).collect();
        let mut models = SubjectModels { unlearned, controls: self.no_controls(controls), ..Default::default() };
        let mut seed_before: Option<Network> = None;
        for (done, &seed) in seeds.iter().enumerate() {
            let question = Question { subject, split, seed, controls, others: false, beside: None };
            let of_others = Question { others: true, ..question };
            self.add_original(&mut models, &question)?;
            let retrained = self.tasks.retrained(split, seed);
            let network = self.network(&Task::Train(retrained.clone()))?;
            let beside_before = Question { beside: seed_before.as_ref(), ..of_others };
            models.retrained.extend(self.ask(&retrained.key, network.as_ref(), &beside_before)?);
            let (original, beside_retrained) =
                (self.tasks.original(split, seed), Question { beside: network.as_ref(), ..of_others });
            for (variant, found) in variants.iter().zip(&mut models.unlearned) {
                found.extend(self.unlearned(&original, variant, &beside_retrained)?);
            }
            seed_before = network;
            self.add_without_forget_term(&mut models, &question)?;
            self.watch.measured(done + 1, seeds.len(), &self.study.shown(subject));
        }
        Ok(models)
    }

    /// Originals and retrained models alone, and the models of controls.
    ///
    /// # Errors
    /// As [`Measurer::models`].
    pub(super) fn bank_models(
        &mut self,
        (subject, split): &(SubjectId, Split),
        controls: Controls,
    ) -> Result<SubjectModels, StudyError> {
        let mut models = SubjectModels { controls: self.no_controls(controls), ..Default::default() };
        for &seed in self.tasks.seeds() {
            let question = Question { subject, split, seed, controls, others: false, beside: None };
            self.add_original(&mut models, &question)?;
            let retrained = self.tasks.retrained(split, seed);
            let network = self.network(&Task::Train(retrained.clone()))?;
            models.retrained.extend(self.ask(&retrained.key, network.as_ref(), &question)?);
            self.add_without_forget_term(&mut models, &question)?;
        }
        Ok(models)
    }

    /// Every recipe of the controls, without models yet.
    fn no_controls(&self, controls: Controls) -> ControlModels {
        if controls != Controls::All {
            return ControlModels::default();
        }
        let shams = self.tasks.shams().into_iter();
        let shams = shams.map(|sham| (sham.strategy, sham.variant.map(|_| Vec::new()))).collect();
        ControlModels { shams, ..ControlModels::default() }
    }

    /// The original of a seed, and the same with a decoder drawn anew.
    fn add_original(&mut self, models: &mut SubjectModels, question: &Question) -> Result<(), StudyError> {
        let original = self.tasks.original(question.split, question.seed);
        let network = self.network(&Task::Train(original.clone()))?;
        models.original.extend(self.ask(&original.key, network.as_ref(), question)?);
        if let (Some(network), true) = (&network, question.controls != Controls::Without) {
            let destroyed = with_new_decoder(network, Seed(question.seed));
            models.controls.destroyed.extend(self.ask("", Some(&destroyed), question)?);
        }
        Ok(())
    }

    /// What the recipes without their forget terms make of a seed's retrained model and of its original.
    fn add_without_forget_term(&mut self, models: &mut SubjectModels, question: &Question) -> Result<(), StudyError> {
        if question.controls != Controls::All {
            return Ok(());
        }
        let (split, seed) = (question.split, question.seed);
        for (sham, (_, found)) in self.tasks.shams().iter().zip(&mut models.controls.shams) {
            if let (Some(variant), Some(found)) = (&sham.variant, found) {
                found.extend(self.unlearned(&self.tasks.retrained(split, seed), variant, question)?);
            }
        }
        if let Some(variant) = self.tasks.fine_tuning() {
            let original = self.tasks.original(split, seed);
            models.controls.fine_tuned.extend(self.unlearned(&original, &variant, question)?);
        }
        Ok(())
    }

    fn unlearned(
        &mut self,
        from: &TrainTask,
        variant: &Variant,
        question: &Question,
    ) -> Result<Option<AuditedModel>, StudyError> {
        let task = self.study.unlearn_task(from, question.subject, variant);
        let network = self.network(&Task::Unlearn(Box::new(task.clone())))?;
        self.ask(&task.key, network.as_ref(), question)
    }

    /// The model of a task; `None` of a run that diverged.
    fn network(&mut self, task: &Task) -> Result<Option<Network>, StudyError> {
        if self.watch.wants_to_stop() {
            return Err(StudyError::Stopped);
        }
        match self.study.store().record(task.key())? {
            Some(record) if record.diverged.is_some() => Ok(None),
            _ => Ok(Some(self.study.model(task, &mut Quiet(&*self.watch))?)),
        }
    }

    /// Measure a network; an empty key stands for one without a record.
    fn ask(
        &self,
        key: &str,
        network: Option<&Network>,
        question: &Question,
    ) -> Result<Option<AuditedModel>, StudyError> {
        let Some(network) = network else { return Ok(None) };
        let Question { subject, split, seed, .. } = *question;
        let seen = self.study.data().see(network, subject, self.study.device())?;
        let mut measured = Measured { seed, features: seen.features.clone(), ..Measured::default() };
        if !key.is_empty() {
            Recorded { study: self.study, probes: self.all, subject, split }.add(&mut measured, key)?;
        }
        let others = self.others(network, question)?;
        let weights = question.beside.map(|other| weight_distance(network, other));
        Ok(Some(AuditedModel { measured, seen, weights, others }))
    }

    /// What a network sees of the other audited subjects that it was trained on.
    fn others(&self, network: &Network, question: &Question) -> Result<BTreeMap<SubjectId, Measured>, StudyError> {
        let Question { subject, split, seed, others, .. } = *question;
        let mut found = BTreeMap::new();
        let retained = |other: &&SubjectId| others && *other != subject && split.train().contains(*other);
        for other in self.tasks.audited().map(|(other, _)| other).filter(retained) {
            let features = self.study.data().see(network, other, self.study.device())?.features;
            found.insert(other.clone(), Measured { seed, features, ..Measured::default() });
        }
        Ok(found)
    }
}

/// A model made again without being shown, and stopped where its watcher wants that.
pub(super) struct Quiet<'a>(pub(super) &'a dyn Watch);

impl Progress for Quiet<'_> {
    fn step(&mut self, _epoch: usize, _step: usize, _steps: usize, _loss: f64) -> Control {
        if self.0.wants_to_stop() { Control::Stop } else { Control::Continue }
    }
}
