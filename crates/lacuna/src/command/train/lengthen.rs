//! A training that goes on beyond its last epoch.
//!
//! It becomes a run of its own, which begins at the checkpoint of the first one: a finished run is never changed, since
//! other runs and evidence name its model. Killed before the checkpoint is in its folder, it begins at the first epoch,
//! and ends in the same bytes all the same.

use super::TrainRun;
use crate::config::Settings;
use crate::error::CliError;
use crate::run_folder::{RunFolder, RunRecord, read_record};
use crate::run_identity;
use lacuna_study::Store;
use std::path::Path;

/// The settings of the run in `folder`, with more epochs.
///
/// # Errors
/// Not more epochs than it has; a training in shards; a learning rate that follows from the number of epochs; a folder
/// without a checkpoint.
pub fn run(folder: &Path, epochs: usize) -> Result<TrainRun, CliError> {
    let mut run = TrainRun::of_folder(folder)?;
    let refuse = |what: String| Err(CliError::Config { what: format!("{}: {what}", folder.display()) });
    let before = run.train.epochs;
    if run.exact.is_some() {
        return refuse(
            "expected a training of one network to lengthen, found one in shards; fix: train anew with --epochs".into(),
        );
    }
    if epochs <= before {
        return refuse(format!(
            "--epochs: expected more than the {before} epochs of the run, found {epochs}; fix: a larger number, or leave \
             --epochs out to go on with a run that was stopped"
        ));
    }
    if run.train.schedule.depends_on_length() {
        return refuse(format!(
            "expected a learning rate that does not follow from the number of epochs (train.schedule constant or \
             exponential), found one that has come down over {before} epochs: with more of them it would not be a training \
             of {epochs}; fix: train anew with --epochs {epochs}, or begin a new training from this model with --init"
        ));
    }
    let [checkpoint, _] = Store::UNFINISHED_IN_RUN_FOLDER;
    if !folder.join(checkpoint).is_file() {
        return refuse(format!(
            "expected {checkpoint}, which `lacuna train --keep-checkpoint` leaves, found none; fix: train anew with \
             --epochs {epochs}, or begin a new training from this model with --init"
        ));
    }
    run.train.epochs = epochs;
    run.checked()
}

/// Begin a new run where the checkpoint of another stands, with the scores so far first: a checkpoint without them
/// cannot be used.
///
/// # Errors
/// A file that cannot be copied.
pub fn begin_at_checkpoint(from: &Path, folder: &RunFolder) -> Result<(), CliError> {
    for name in Store::UNFINISHED_IN_RUN_FOLDER.into_iter().rev() {
        lacuna_disk::share(&from.join(name), &folder.file(name))?;
    }
    Ok(())
}

/// Refuse to go on from a run that another program, device or other data made; `now` is the record of the new run.
///
/// # Errors
/// The first difference.
pub fn check_identity(begun: &Path, now: &RunRecord) -> Result<(), CliError> {
    run_identity::check(begun, &read_record(begun)?, now)
}
