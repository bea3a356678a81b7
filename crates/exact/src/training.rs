//! Training a plan, from the beginning or from existing states.
//!
//! One function trains, resumes after an interruption, erases and proves. It looks for each state by name in the
//! folder, then in the parent folder, and makes it if neither has it.
//!
//! The optimiser and the learning-rate schedule are reset between stages. So a state between two stages is a network
//! and counters without moments, and a decaying schedule returns to its first rate for the subjects that enter last.
//! Keeping the moments was considered: they would come from steps at a learning rate near 0, and double the size of
//! every state on disk.

use crate::folder::{during_file, model_file, start_file, state_file};
use crate::manifest::{Kept, Maker, Manifest, Origin};
use crate::stage::{StageMonitor, StageObjective};
use crate::{ExactError, Observer, Plan, Stage, key_after};
use lacuna_cohort::{Case, SubjectId};
use lacuna_nn::{Device, Network, write_model};
use lacuna_seed::Seed;
use lacuna_train::{
    EpochSums, Optimiser, State, Supervised, TrainConfig, TrainError, fit, read_checkpoint, write_checkpoint,
};
use std::collections::BTreeMap;
use std::path::Path;

/// The largest state in bytes that is copied from a parent; the limit of checkpoints is the same.
const STATE_BYTES_MAX: u64 = 8 << 30;

/// The inputs of training a plan.
pub struct Training<'a> {
    /// The subjects of each slice of each shard.
    pub plan: &'a Plan,
    /// A digest of the prepared scans of each subject of the plan.
    pub data: &'a BTreeMap<SubjectId, String>,
    /// The other facts that determine the bytes.
    pub origin: &'a Origin,
    /// The settings of every stage; the number of epochs comes from the plan.
    pub config: &'a TrainConfig,
    /// The seed of the orders of scans.
    pub seed: Seed,
    /// The prepared scans of all subjects of the plan; scans of other subjects are ignored.
    pub cases: &'a [&'a Case],
    /// The network that every shard begins from. If there is a parent, its start is used instead and only the
    /// architecture of this one counts.
    pub network: &'a Network,
    /// The metadata that is written into model files.
    pub metadata: &'a BTreeMap<String, String>,
    /// The device to compute on.
    pub device: &'a Device,
}

/// The result of training a plan to its end.
pub struct Finished {
    /// The manifest, which names every file that is kept.
    pub manifest: Manifest,
    /// The mean loss of the last epoch, by shard; only shards that were trained in this call.
    pub losses: BTreeMap<usize, f64>,
}

/// Trains a plan in `folder`, resuming from the states there; states of `parent` are copied.
///
/// # Errors
/// [`TrainError::Interrupted`] if the observer stops the training: all progress is kept, and the same call resumes it.
/// Other errors: the folder is of another training, a file differs from the manifest, or training fails.
pub fn train(
    training: &Training,
    folder: &Path,
    parent: Option<&Path>,
    observer: &mut dyn Observer,
) -> Result<Finished, ExactError> {
    let parent = parent.map(|folder| Ok::<_, ExactError>((folder, Manifest::read(folder)?))).transpose()?;
    let manifest = begun(training, folder, parent.as_ref())?;
    let mut work = Work { training, folder, parent, manifest, losses: BTreeMap::new() };
    work.keep_start()?;
    for shard in training.plan.living_shards() {
        work.train_shard(shard, observer)?;
    }
    Ok(Finished { manifest: work.manifest, losses: work.losses })
}

/// Returns the manifest of the folder, which must belong to this training, or a new one.
fn begun(training: &Training, folder: &Path, parent: Option<&(&Path, Manifest)>) -> Result<Manifest, ExactError> {
    let (origin, plan) = (training.origin, training.plan);
    let data = plan.subjects().into_iter().map(|subject| (subject.clone(), training.data[&subject].clone())).collect();
    let mut fresh = Manifest::new(origin, plan, data, parent.map(|(_, manifest)| manifest.digest()));
    if let Some((at, parent)) = parent {
        check_parent(&fresh, parent, at)?;
    }
    if !folder.join(crate::MANIFEST).exists() {
        fresh.write(folder)?;
        return Ok(fresh);
    }
    let mut found = Manifest::read(folder)?;
    if !found.is_of_the_training_of(&fresh) {
        let path = folder.join(crate::MANIFEST);
        let (expected, found) = ("that of this training".to_string(), "another's".to_string());
        return Err(ExactError::Unfit { path, field: "manifest".to_string(), expected, found, fix: "start a new run" });
    }
    found.strike_damaged(folder)?;
    Ok(found)
}

/// Checks that the parent was made by the same program, device, kernels and settings; others would not give the same
/// bytes.
fn check_parent(fresh: &Manifest, parent: &Manifest, folder: &Path) -> Result<(), ExactError> {
    let Manifest { lacuna, device, kernels, .. } = fresh;
    let leaving = parent.plan.subjects().difference(&fresh.plan.subjects()).cloned().collect();
    parent.check_erase(folder, &Maker { lacuna, device, kernels }, &leaving)?;
    let file = folder.join(crate::MANIFEST);
    if fresh.settings != parent.settings {
        return Err(ExactError::Unfit {
            path: file,
            field: "settings".to_string(),
            expected: parent.settings.clone(),
            found: fresh.settings.clone(),
            fix: "restore config.toml of the run as it was",
        });
    }
    let changed = fresh.data.iter().find(|(subject, digest)| parent.data.get(*subject) != Some(*digest));
    match changed {
        None => Ok(()),
        Some((subject, digest)) => Err(ExactError::Unfit {
            path: file,
            field: format!("data of {subject}"),
            expected: parent.data.get(subject).cloned().unwrap_or("a subject of the plan".to_string()),
            found: digest.clone(),
            fix: "give the scans and labels that it was trained on",
        }),
    }
}

/// A training that is running.
struct Work<'a> {
    training: &'a Training<'a>,
    folder: &'a Path,
    parent: Option<(&'a Path, Manifest)>,
    manifest: Manifest,
    losses: BTreeMap<usize, f64>,
}

impl Work<'_> {
    fn keep_start(&mut self) -> Result<(), ExactError> {
        if self.manifest.start.is_some() {
            return Ok(());
        }
        let key = key_after(&[], self.manifest.identity());
        let file = start_file(self.folder);
        let of_parent = self.parent.as_ref().and_then(|(folder, parent)| Some((*folder, parent.start.as_ref()?)));
        let kept = match of_parent.filter(|(_, kept)| kept.key == key) {
            Some((folder, kept)) => take_over(&start_file(folder), kept, &file)?,
            None => keep_state(&file, &State::new(self.training.network.clone(), self.training.config), &key)?,
        };
        self.manifest.start = Some(kept);
        self.manifest.write(self.folder)
    }

    fn train_shard(&mut self, shard: usize, observer: &mut dyn Observer) -> Result<(), ExactError> {
        let stages = self.training.plan.stages(shard);
        let names: Vec<String> =
            (0..=stages.len()).map(|done| key_after(&stages[..done], self.manifest.identity())).collect();
        self.take_over_shard(shard, &stages, &names)?;
        if self.manifest.shards[shard].model.is_some() {
            return self.clear_away(shard, &stages);
        }
        let (done, mut state) = self.furthest(shard, &stages, &names)?;
        let passes_before = state.passes.training;
        if done > 0 {
            observer.note(&format!("shard {} goes on after {passes_before} passes", shard + 1));
        }
        for stage in done..stages.len() {
            let passes_before = state.passes.training;
            self.run_stage(shard, &stages[stage], &names[stage + 1], &mut state, observer)?;
            self.manifest.trained_passes += state.passes.training - passes_before;
            match stages.get(stage + 1) {
                Some(next) => self.keep_before(shard, next.slice, &state, &names[stage + 1])?,
                None => self.keep_model(shard, &state, &names[stage + 1])?,
            }
            self.clear_away(shard, &stages[..=stage])?;
            if observer.wants_to_stop() && !self.manifest.is_finished() {
                return Err(TrainError::Interrupted { epochs_done: stages[stage].epochs }.into());
            }
        }
        if done == stages.len() {
            self.keep_model(shard, &state, &names[done])?;
        }
        self.losses.extend(state.history.last().map(|epoch| (shard, epoch.loss)));
        Ok(())
    }

    /// Copies the states and the model that the parent has under the required names.
    fn take_over_shard(&mut self, shard: usize, stages: &[Stage], names: &[String]) -> Result<(), ExactError> {
        let Some((folder, parent)) = &self.parent else { return Ok(()) };
        let files = &mut self.manifest.shards[shard];
        for (stage, name) in stages.iter().zip(names).skip(1) {
            if files.states.contains_key(&(stage.slice + 1)) {
                continue;
            }
            if let Some((path, kept)) = parent.state_named(folder, name) {
                let kept = take_over(&path, kept, &state_file(self.folder, shard, stage.slice))?;
                files.states.insert(stage.slice + 1, kept);
            }
        }
        let name = &names[stages.len()];
        if let (None, Some((path, kept))) = (&files.model, parent.model_named(folder, name)) {
            files.model = Some(take_over(&path, kept, &model_file(self.folder, shard))?);
        }
        self.manifest.write(self.folder)
    }

    /// The number of stages that are done, and the state after them.
    fn furthest(&self, shard: usize, stages: &[Stage], names: &[String]) -> Result<(usize, State), ExactError> {
        let own = |done: usize| {
            let slice = stages.get(done)?.slice;
            let kept = self.manifest.shards[shard].states.get(&(slice + 1))?;
            (kept.key == names[done]).then(|| state_file(self.folder, shard, slice))
        };
        // The state before the last slice is the end of the shard if all subjects of the last slice were erased.
        let of_parent = |done: usize| {
            let (folder, parent) = self.parent.as_ref()?;
            parent.state_named(folder, &names[done]).map(|(path, _)| path)
        };
        let found = (1..=stages.len()).rev().find_map(|done| Some((done, own(done).or_else(|| of_parent(done))?)));
        let (done, path) = found.unwrap_or_else(|| (0, start_file(self.folder)));
        let mut state = State::new(self.training.network.clone(), self.training.config);
        read_checkpoint(&path, &mut state, &names[done])?;
        Ok((done, state))
    }

    fn run_stage(
        &self,
        shard: usize,
        stage: &Stage,
        name: &str,
        state: &mut State,
        observer: &mut dyn Observer,
    ) -> Result<(), ExactError> {
        let Training { cases, seed, device, config, .. } = *self.training;
        let cases = cases.iter().copied().filter(|case| stage.subjects.contains(&case.subject)).collect();
        let config = TrainConfig { epochs: stage.epochs, ..config.clone() };
        let supervised = Supervised::new(cases, &config, seed, device.clone())?;
        let objective = StageObjective { supervised, first_epoch: stage.first_epoch };
        let during = during_file(self.folder, shard, stage.slice);
        if during.exists() {
            read_checkpoint(&during, state, name)?;
        }
        let (slice, epochs, checkpoint_epochs) = (stage.slice, stage.epochs, config.checkpoint_epochs);
        let mut monitor =
            StageMonitor { folder: self.folder, shard, slice, epochs, key: name, checkpoint_epochs, observer };
        let outcome = fit(state, &objective, &config, &mut monitor);
        if let Err(TrainError::Interrupted { .. }) = outcome {
            monitor.checkpoint(state)?;
        }
        outcome?;
        rest(state, &config);
        Ok(())
    }

    fn keep_before(&mut self, shard: usize, slice: usize, state: &State, name: &str) -> Result<(), ExactError> {
        let kept = keep_state(&state_file(self.folder, shard, slice), state, name)?;
        self.manifest.shards[shard].states.insert(slice + 1, kept);
        self.manifest.write(self.folder)
    }

    fn keep_model(&mut self, shard: usize, state: &State, name: &str) -> Result<(), ExactError> {
        let file = model_file(self.folder, shard);
        let mut metadata = self.training.metadata.clone();
        metadata.insert("exact".to_string(), name.to_string());
        write_model(&file, &state.network, &metadata)?;
        self.manifest.shards[shard].model = Some(kept(&file, state, name)?);
        self.manifest.write(self.folder)
    }

    /// Deletes the checkpoints within finished stages: they are not needed, and their moments are traces of the data.
    fn clear_away(&self, shard: usize, done: &[Stage]) -> Result<(), ExactError> {
        for stage in done {
            let path = during_file(self.folder, shard, stage.slice);
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(lacuna_disk::DiskError::Io { path, action: "remove", source }.into());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Resets the optimiser and the epoch count, as at the beginning of a stage.
fn rest(state: &mut State, config: &TrainConfig) {
    state.optimiser = Optimiser::new(config);
    state.epochs_done = 0;
    state.under_way = EpochSums::default();
}

fn keep_state(file: &Path, state: &State, name: &str) -> Result<Kept, ExactError> {
    write_checkpoint(file, state, name)?;
    kept(file, state, name)
}

fn kept(file: &Path, state: &State, name: &str) -> Result<Kept, ExactError> {
    Ok(Kept {
        key: name.to_string(),
        file: lacuna_disk::digest_file(file)?,
        network: state.network.digest(),
        passes: state.passes.training,
    })
}

/// Copies a file after checking that it matches its manifest.
///
/// A copy and not a link, so that the parent's folder can be deleted independently.
fn take_over(from: &Path, kept: &Kept, to: &Path) -> Result<Kept, ExactError> {
    let bytes = lacuna_disk::read_bytes(from, STATE_BYTES_MAX)?;
    let found = lacuna_disk::digest(&bytes);
    if found != kept.file {
        return Err(ExactError::Unfit {
            path: from.to_path_buf(),
            field: "digest".to_string(),
            expected: kept.file.clone(),
            found,
            fix: "restore it from a copy, or train again",
        });
    }
    lacuna_disk::write_bytes(to, &bytes)?;
    Ok(kept.clone())
}
