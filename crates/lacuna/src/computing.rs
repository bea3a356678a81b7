//! Seconds of computing, over all pieces of an interrupted run: a file beside the checkpoint keeps them.

use crate::error::CliError;
use lacuna_study::Stopwatch;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// The file in a run folder, as long as the run is not at its end.
const FILE: &str = "computing.json";
const BYTES_MAX: u64 = 4096;

/// A clock that stands still while something else than computing is done.
pub struct Clock {
    file: PathBuf,
    /// None where nothing says how long the pieces before took.
    stopwatch: RefCell<Option<Stopwatch>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    seconds: f64,
}

impl Clock {
    /// Running: from 0 at a run's beginning, else from what lies beside its checkpoint.
    pub fn running(folder: &Path, epochs_done: usize) -> Clock {
        let file = folder.join(FILE);
        let before = if epochs_done == 0 { Some(0.0) } else { kept(&file) };
        Clock { file, stopwatch: RefCell::new(before.map(Stopwatch::running)) }
    }

    pub fn stop(&self) {
        self.stopwatch.borrow_mut().iter_mut().for_each(Stopwatch::stop);
    }

    pub fn go_on(&self) {
        self.stopwatch.borrow_mut().iter_mut().for_each(Stopwatch::go_on);
    }

    /// What it shows while it stands still; none where a piece of the run was not timed.
    pub fn seconds(&self) -> Option<f64> {
        self.stopwatch.borrow().as_ref().map(Stopwatch::seconds)
    }

    /// Keep what it shows, for the piece that goes on.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn keep(&self) -> Result<(), lacuna_disk::DiskError> {
        let Some(seconds) = self.seconds() else { return Ok(()) };
        let text = serde_json::to_vec(&Kept { seconds }).expect("plain data is JSON");
        lacuna_disk::write_bytes(&self.file, &text)
    }
}

/// Remove the file of a finished run.
///
/// # Errors
/// If it is there and cannot be removed.
pub fn forget(folder: &Path) -> Result<(), CliError> {
    Ok(lacuna_disk::remove_file(&folder.join(FILE)).map(drop)?)
}

fn kept(file: &Path) -> Option<f64> {
    let text = lacuna_disk::read_text(file, BYTES_MAX).ok()?;
    let kept: Kept = serde_json::from_str(&text).ok()?;
    Some(kept.seconds).filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_go_on_from_those_of_the_piece_before() {
        let folder = tempfile::tempdir().unwrap();
        let first = Clock::running(folder.path(), 0);
        first.stop();
        first.keep().unwrap();
        let before = first.seconds().unwrap();
        let second = Clock::running(folder.path(), 3);
        second.stop();
        assert!(second.seconds().unwrap() >= before);
        // A run that begins anew counts from nothing, whatever lies there.
        std::fs::write(folder.path().join(FILE), r#"{"seconds": 1e6}"#).unwrap();
        for (epochs_done, is_more) in [(0, false), (1, true)] {
            let clock = Clock::running(folder.path(), epochs_done);
            clock.stop();
            assert_eq!(clock.seconds().unwrap() >= 1e6, is_more);
        }
        forget(folder.path()).unwrap();
        forget(folder.path()).unwrap();
    }

    #[test]
    fn where_a_piece_was_not_timed_nothing_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "{}", r#"{"seconds": -1.0}"#, r#"{"seconds": 1e999}"#] {
            std::fs::write(folder.path().join(FILE), text).unwrap();
            let clock = Clock::running(folder.path(), 1);
            clock.stop();
            assert_eq!(clock.seconds(), None, "{text}");
            clock.keep().unwrap();
        }
    }
}
