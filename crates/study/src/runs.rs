//! The two kinds of run, each from its beginning or its checkpoint to its record.

use crate::study::{Progress, Study};
use crate::task::{TrainTask, UnlearnTask};
use crate::watch::{Watch, Watched};
use crate::{EpochScores, KeepModels, RECORD_SCHEMA, Record, StudyError};
use lacuna_cohort::SubjectId;
use lacuna_nn::{Network, load_matching};
use lacuna_seed::Seed;
use lacuna_train::{Passes, State, Supervised, TrainError, fit};
use lacuna_unlearn::{ForgetRetain, UnlearnError, Unlearned, preparation_passes, unlearn};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

impl Study {
    pub(crate) fn train(&self, task: &TrainTask, progress: &mut dyn Progress) -> Result<(Record, Network), StudyError> {
        let start = Instant::now();
        let seed = Seed(task.seed);
        let mut network = Network::new(self.data.architecture, seed, &self.device);
        if let Some(init) = &self.config.network.init {
            load_matching(init, &mut network)?;
        }
        let mut state = State::new(network, &self.config.train);
        let objective = Supervised::new(self.data.of(&task.train), &self.config.train, seed, self.device.clone())?;
        let horizons = [self.config.train.epochs];
        let preparation = Passes::default();
        let watched = Watched { key: &task.key, subjects: &task.scored, horizons: &horizons, preparation };
        let mut watch = Watch::resume(self, watched, &mut state, progress)?;
        let outcome = fit(&mut state, &objective, &self.config.train, &mut watch);
        let horizons = watch.finish(&state, &outcome)?;
        outcome?;
        let ending = Ending { parent: None, preparation, horizons, diverged: None, start };
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
        let cases = self.data.of(&task.original.train);
        let sets = ForgetRetain::of(&cases, &BTreeSet::from([task.forget.clone()]))?;
        let run = Unlearned {
            original,
            recipe: &task.variant.recipe,
            sets: &sets,
            epochs: task.variant.longest_horizon(),
            loss: self.config.train.loss,
            seed: Seed(task.original.seed),
            device: self.device.clone(),
        };
        let preparation = preparation_passes(run.recipe, &sets)?;
        let mut state = run.fresh_state()?;
        let horizons = &task.variant.horizons;
        let watched = Watched { key: &task.key, subjects: &task.original.scored, horizons, preparation };
        let mut watch = Watch::resume(self, watched, &mut state, progress)?;
        let outcome = unlearn(&run, &mut state, &mut watch);
        let outcome = match outcome {
            Err(UnlearnError::Train(error)) => Err(error),
            Err(error) => return Err(error.into()),
            Ok(()) => Ok(()),
        };
        let horizons = watch.finish(&state, &outcome)?;
        let diverged = match outcome {
            Ok(()) => None,
            Err(TrainError::Diverged { .. }) => outcome.err().map(|error| error.to_string()),
            Err(error) => return Err(error.into()),
        };
        if self.config.keep_models == KeepModels::All && diverged.is_none() {
            self.store.write_model(&task.key, &state.network, &self.metadata(&task.key))?;
        }
        let parent = Some(original.digest());
        let record = record(&task.key, &state, Ending { parent, preparation, horizons, diverged, start });
        Ok((record, state.network))
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

    /// An error that may be recorded, under the name that records show.
    fn without_id(&self, error: TrainError, subject: &SubjectId) -> TrainError {
        match (error, self.pseudonyms.get(subject)) {
            (TrainError::NotFinite { .. }, Some(name)) => TrainError::NotFinite { scan: format!("of {name}") },
            (error, _) => error,
        }
    }
}

/// How a run ended, beside the state that it reached.
struct Ending {
    parent: Option<String>,
    preparation: Passes,
    horizons: Vec<EpochScores>,
    diverged: Option<String>,
    start: Instant,
}

fn record(key: &str, state: &State, ending: Ending) -> Record {
    let Ending { parent, preparation, horizons, diverged, start } = ending;
    Record {
        schema: RECORD_SCHEMA.to_string(),
        key: key.to_string(),
        model: diverged.is_none().then(|| state.network.digest()),
        parent,
        horizons,
        diverged,
        passes: state.passes,
        preparation,
        seconds: start.elapsed().as_secs_f64(),
        history: state.history.clone(),
        seal: None,
    }
    .sealed()
}
