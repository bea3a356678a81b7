//! The monitor of a study's runs: scores at the horizons, checkpoints, progress.

use crate::cost::{HorizonCost, Stopwatch};
use crate::curve::Curve;
use crate::executor::Executor;
use crate::progress::Progress;
use crate::{CurvePoint, EpochScores, StudyError};
use lacuna_cohort::SubjectId;
use lacuna_nn::{Network, device_identity, kernels_digest};
use lacuna_train::{CHECKPOINT_RUN, Control, Monitor, Passes, State, TrainError, read_checkpoint, write_checkpoint};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// The run that is monitored.
#[derive(Clone, Copy)]
pub(crate) struct Watched<'a> {
    /// The digest that names the run.
    pub(crate) key: &'a str,
    /// The digest of everything that decides the states after each epoch.
    pub(crate) trajectory: &'a str,
    /// The subjects that are scored.
    pub(crate) subjects: &'a BTreeSet<SubjectId>,
    /// The numbers of epochs after which the run is scored.
    pub(crate) horizons: &'a [usize],
    /// The horizons whose model is kept for its probes.
    pub(crate) kept: &'a [usize],
    /// The volumes passed through networks before the first step.
    pub(crate) preparation: Passes,
    /// The curve to score during the run, if one is asked for.
    pub(crate) curve: Option<Curve<'a>>,
    /// The model from outside that the run begins from, which is scored first.
    pub(crate) original: Option<&'a Network>,
}

impl<'a> Watched<'a> {
    /// A run that keeps no model, prepares nothing and has no curve.
    pub(crate) fn new(key: &'a str, subjects: &'a BTreeSet<SubjectId>, horizons: &'a [usize]) -> Watched<'a> {
        let preparation = Passes::default();
        Watched { key, trajectory: key, subjects, horizons, kept: &[], preparation, curve: None, original: None }
    }
}

pub(crate) struct Watch<'a> {
    executor: &'a Executor,
    run: Watched<'a>,
    scores: Scores,
    computing: Stopwatch,
    progress: &'a mut dyn Progress,
}

/// The content of the file beside an unfinished run's checkpoint.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Partial {
    /// Seconds of computing, over all pieces of the run.
    seconds: f64,
    scores: Scores,
}

/// The scores of a run.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scores {
    /// The scores of a model from outside, before the first step.
    #[serde(default)]
    pub(crate) original: Option<EpochScores>,
    /// The scores at the horizons.
    pub(crate) horizons: Vec<EpochScores>,
    /// The points of the curve, between the horizons.
    pub(crate) curve: Vec<CurvePoint>,
}

/// The largest file of partial scores that is read, in bytes.
const PARTIAL_BYTES_MAX: u64 = 64 << 20;

impl<'a> Watch<'a> {
    /// Begins to monitor a run, from its checkpoint if there is one.
    pub(crate) fn resume(
        executor: &'a Executor,
        run: Watched<'a>,
        state: &mut State,
        progress: &'a mut dyn Progress,
    ) -> Result<Watch<'a>, StudyError> {
        let mut partial = Partial::default();
        let checkpoint = executor.store().checkpoint_path(run.key);
        if checkpoint.exists() && go_on_from(&checkpoint, state, &checkpoint_name(executor, run.trajectory), executor)?
        {
            partial = read_partial(&executor.store().partial_path(run.key), &checkpoint)?;
            // A crash between the two writes can leave scores of a horizon that the checkpoint has not reached, and a
            // lengthened training has the horizon of the shorter one.
            let is_kept = |epochs: usize| epochs <= state.epochs_done && run.horizons.contains(&epochs);
            partial.scores.horizons.retain(|scores| is_kept(scores.epochs));
            partial.scores.curve.retain(|point| point.epochs <= state.epochs_done);
            progress.resumed(state.epochs_done);
        }
        let Partial { seconds, scores } = partial;
        let mut watch = Watch { executor, run, scores, computing: Stopwatch::running(seconds), progress };
        if let (Some(original), None) = (run.original, &watch.scores.original) {
            watch.score_original(original, state)?;
        }
        // The scoring of the original is no part of the run's seconds.
        watch.computing = Stopwatch::running(seconds);
        Ok(watch)
    }

    /// Scores the model that the run begins from, as epoch 0.
    fn score_original(&mut self, original: &Network, state: &State) -> Result<(), TrainError> {
        let scores = self.executor.score(original, self.run.subjects, 0)?;
        self.progress.scored(&scores);
        self.scores.original = Some(scores);
        if state.epochs_done == 0 {
            self.scores.curve.extend(self.point(original, 0)?);
        }
        Ok(())
    }

    /// Writes the checkpoint of an interrupted run, and returns the scores.
    pub(crate) fn finish(mut self, state: &State, outcome: &Result<(), TrainError>) -> Result<Scores, StudyError> {
        self.computing.stop();
        if matches!(outcome, Err(TrainError::Interrupted { .. })) && state.epochs_done > 0 {
            self.checkpoint(state)?;
        }
        Ok(self.scores)
    }

    /// Writes the scores before the checkpoint: a checkpoint without scores could not be resumed.
    fn checkpoint(&self, state: &State) -> Result<(), TrainError> {
        let partial = Partial { seconds: self.computing.seconds(), scores: self.scores.clone() };
        let partial = serde_json::to_vec(&partial).expect("plain data is JSON");
        lacuna_disk::write_bytes(&self.executor.store().partial_path(self.run.key), &partial)?;
        let name = checkpoint_name(self.executor, self.run.trajectory);
        write_checkpoint(&self.executor.store().checkpoint_path(self.run.key), state, &name)
    }

    fn score(&self, state: &State) -> Result<EpochScores, TrainError> {
        let scores = self.executor.score(&state.result(), self.run.subjects, state.epochs_done)?;
        let cost = HorizonCost::of(state, self.run.preparation, self.computing.seconds());
        Ok(EpochScores { cost: Some(cost), ..scores })
    }

    fn point(&self, network: &Network, epochs: usize) -> Result<Option<CurvePoint>, TrainError> {
        self.run.curve.map(|curve| self.executor.point(curve, network, epochs)).transpose()
    }

    /// Whether a checkpoint is written after this many epochs; after the last one only if it is kept.
    fn is_checkpoint_due(&self, epochs_done: usize) -> bool {
        if Some(&epochs_done) == self.run.horizons.iter().max() {
            return self.executor.store().keeps_checkpoints();
        }
        epochs_done.is_multiple_of(self.executor.config.train.checkpoint_epochs)
    }
}

/// The name inside a checkpoint, which only the device, instruction set and kernels that made it accept. Several
/// machines may run a task of a plan, and a result computed by two of them would equal neither's.
fn checkpoint_name(executor: &Executor, key: &str) -> String {
    let made_by = (key, device_identity(executor.device()), kernels_digest());
    lacuna_disk::digest(&serde_json::to_vec(&made_by).expect("plain data is JSON"))
}

/// Loads a checkpoint into `state`. Returns false if another kind of machine made it and the store allows the run to
/// begin anew.
fn go_on_from(checkpoint: &Path, state: &mut State, name: &str, executor: &Executor) -> Result<bool, TrainError> {
    let begins_anew = executor.store().begins_anew();
    match read_checkpoint(checkpoint, state, name) {
        Ok(()) => Ok(true),
        Err(TrainError::Checkpoint { field, .. }) if field == CHECKPOINT_RUN && begins_anew => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads the scores that belong to a checkpoint; a checkpoint without them cannot be used.
fn read_partial(path: &Path, checkpoint: &Path) -> Result<Partial, StudyError> {
    let unfit = |found: String| {
        let (path, delete) = (path.to_path_buf(), checkpoint.to_path_buf());
        StudyError::Record { path, found, delete }
    };
    if !path.exists() {
        return Err(unfit("none".to_string()));
    }
    let text = lacuna_disk::read_text(path, PARTIAL_BYTES_MAX)?;
    serde_json::from_str(&text).map_err(|error| unfit(format!("damage: {error}")))
}

impl Monitor for Watch<'_> {
    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f64) -> Control {
        self.progress.step(epoch, step, steps, loss)
    }

    fn epoch(&mut self, state: &State) -> Result<Control, TrainError> {
        self.computing.stop();
        let done = state.epochs_done;
        if self.run.curve.is_some_and(|curve| curve.is_due(done)) {
            self.scores.curve.extend(self.point(&state.result(), done)?);
        }
        if self.run.horizons.contains(&done) {
            let scores = self.score(state)?;
            self.progress.scored(&scores);
            self.scores.horizons.push(scores);
        }
        if self.run.kept.contains(&done) {
            let metadata = self.executor.metadata(self.run.key);
            self.executor.store().write_model_at(self.run.key, done, &state.result(), &metadata)?;
        }
        if self.is_checkpoint_due(done) {
            self.checkpoint(state)?;
        }
        self.progress.epoch(state)?;
        self.computing.go_on();
        Ok(Control::Continue)
    }
}
