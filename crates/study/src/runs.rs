//! Training and unlearning, each from its beginning or its checkpoint to its record.

use crate::curve::Curve;
use crate::executor::Executor;
use crate::progress::Progress;
use crate::task::{Original, TrainTask, UnlearnTask};
use crate::watch::{Scores, Watch, Watched};
use crate::{EpochScores, KeepModels, RECORD_SCHEMA, Record, Relearned, StudyError};
use lacuna_cohort::SubjectId;
use lacuna_inference::InferenceError;
use lacuna_nn::{Network, load_matching};
use lacuna_seed::Seed;
use lacuna_train::{Passes, State, Supervised, TrainError, fit};
use lacuna_unlearn::{UnlearnError, Unlearned, preparation_passes, unlearn};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

impl Executor {
    pub(crate) fn train(&self, task: &TrainTask, progress: &mut dyn Progress) -> Result<(Record, Network), StudyError> {
        let start = Instant::now();
        let seed = Seed(task.seed);
        let mut network = Network::new(self.data.architecture.clone(), seed, &self.device);
        if let Some((init, _)) = &self.config.init {
            load_matching(init, &mut network)?;
        }
        let mut state = State::new(network, &self.config.train);
        let objective = Supervised::new(self.data.of(&task.train), &self.config.train, seed, self.device.clone())?;
        let horizons = [self.config.train.epochs];
        let preparation = Passes::default();
        let watched = Watched { trajectory: &task.trajectory, ..Watched::new(&task.key, &task.scored, &horizons) };
        let mut watch = Watch::resume(self, watched, &mut state, progress)?;
        let outcome = fit(&mut state, &objective, &self.config.train, &mut watch);
        let left = watch.finish(&state, &outcome)?;
        outcome?;
        let ending = Ending { parent: None, preparation, left, relearned: None, diverged: None, start };
        let record = record(&task.key, &state, ending);
        self.store.write_model(&task.key, &state.network, &self.metadata(&task.key))?;
        Ok((record, state.network))
    }

    pub(crate) fn unlearn(
        &self,
        task: &UnlearnTask,
        original: &Network,
        progress: &mut dyn Progress,
    ) -> Result<(Record, Network), StudyError> {
        let start = Instant::now();
        self.with_unlearning(task, original, |run| {
            let preparation = preparation_passes(run.recipe, run.sets)?;
            let mut state = run.fresh_state()?;
            let sides = task.sides();
            let watched = Watched {
                kept: &task.kept,
                preparation,
                curve: self.config.score_every.map(|every| Curve { every, sides: &sides }),
                original: matches!(task.original, Original::Given(_)).then_some(original),
                ..Watched::new(&task.key, task.original.scored(), &task.variant.horizons)
            };
            let mut watch = Watch::resume(self, watched, &mut state, progress)?;
            let outcome = match unlearn(run, &mut state, &mut watch) {
                Err(UnlearnError::Train(error)) => Err(error),
                Err(error) => return Err(error.into()),
                Ok(()) => Ok(()),
            };
            let left = watch.finish(&state, &outcome)?;
            let diverged = divergence(outcome)?;
            if self.config.keep_models == KeepModels::All && diverged.is_none() {
                self.store.write_model(&task.key, &state.network, &self.metadata(&task.key))?;
            }
            let parent = Some(original.digest());
            let ending = Ending { parent, preparation, left, relearned: None, diverged, start };
            Ok((record(&task.key, &state, ending), state.network))
        })
    }

    /// Acts with a task as the unlearning crate takes it.
    ///
    /// # Errors
    /// If no case belongs to a forgotten subject, and the errors of `act`.
    pub fn with_unlearning<T, E: From<StudyError>>(
        &self,
        task: &UnlearnTask,
        original: &Network,
        act: impl FnOnce(&Unlearned) -> Result<T, E>,
    ) -> Result<T, E> {
        let cases = self.data.of(&task.passed());
        let sets = task.sets(&cases).map_err(StudyError::from)?;
        act(&Unlearned {
            original,
            recipe: &task.variant.recipe,
            sets: &sets,
            epochs: task.variant.longest_horizon(),
            loss: self.config.train.loss,
            seed: Seed(task.original.seed()),
            device: self.device.clone(),
            activations: self.config.train.activations,
        })
    }

    pub(crate) fn score(
        &self,
        network: &Network,
        subjects: &BTreeSet<SubjectId>,
        epochs: usize,
    ) -> Result<EpochScores, TrainError> {
        let (mut volume, mut output, mut cross_entropy) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut collapsed = true;
        let mut left = subjects.iter().peekable();
        while let Some(subject) = left.next() {
            left.peek().into_iter().for_each(|next| self.data.expect(next));
            let scores = self.data.score(network, subject, &self.device);
            let scores = scores.map_err(|error| self.without_id(error, subject))?;
            collapsed &= scores.collapsed;
            cross_entropy.insert(self.shown(subject), scores.cross_entropy);
            volume.insert(self.shown(subject), scores.volume);
            output.insert(self.shown(subject), scores.output);
        }
        let model = Some(network.digest());
        Ok(EpochScores { epochs, volume, output, cross_entropy, collapsed, model, cost: None })
    }

    /// The passes of an unlearning run before its first step.
    pub(crate) fn preparation_of(&self, task: &UnlearnTask) -> Result<Passes, StudyError> {
        let cases = self.data.of(&task.passed());
        let sets = task.sets(&cases)?;
        Ok(preparation_passes(&task.variant.recipe, &sets)?)
    }

    /// The error with the subject's shown name in place of its id, so that it can be recorded.
    pub(crate) fn without_id(&self, error: InferenceError, subject: &SubjectId) -> InferenceError {
        match (error, self.config.pseudonyms.as_ref().and_then(|names| names.get(subject))) {
            (InferenceError::NotFinite { .. }, Some(name)) => InferenceError::NotFinite { scan: format!("of {name}") },
            (error, _) => error,
        }
    }
}

/// The end of a run, beside the state that it reached.
pub(crate) struct Ending {
    pub(crate) parent: Option<String>,
    pub(crate) preparation: Passes,
    pub(crate) left: Scores,
    pub(crate) relearned: Option<Relearned>,
    pub(crate) diverged: Option<String>,
    pub(crate) start: Instant,
}

/// The description of a divergence, if the run ended by one; every other error is returned as an error.
pub(crate) fn divergence(outcome: Result<(), TrainError>) -> Result<Option<String>, StudyError> {
    match outcome {
        Ok(()) => Ok(None),
        Err(error @ TrainError::Diverged { .. }) => Ok(Some(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn record(key: &str, state: &State, ending: Ending) -> Record {
    let Ending { parent, preparation, left: Scores { original, horizons, curve }, relearned, diverged, start } = ending;
    Record {
        schema: RECORD_SCHEMA.to_string(),
        key: key.to_string(),
        model: diverged.is_none().then(|| state.network.digest()),
        parent,
        original,
        horizons,
        returned_epoch: state.best.as_ref().map(|best| best.epoch),
        diverged,
        passes: state.passes,
        preparation,
        seconds: start.elapsed().as_secs_f64(),
        history: state.history.clone(),
        curve,
        relearned,
        seal: None,
    }
    .sealed()
}
