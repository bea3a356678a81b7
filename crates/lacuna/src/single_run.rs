//! The progress of one task in its run folder: shown, logged, and stopped where the user wants that.

use crate::context::Context;
use crate::error::CliError;
use crate::interrupt;
use crate::live::{LiveSubject, ProgressFile};
use crate::progress::Progress;
use crate::run_folder::RunFolder;
use lacuna_cohort::SubjectId;
use lacuna_study::{EpochScores, Executor, Record, StudyError, Task};
use lacuna_train::{Control, EpochRecord, State, TrainError};
use std::collections::{BTreeMap, BTreeSet};

/// Follows one task for `lacuna train` and `lacuna unlearn`.
pub struct SingleRun<'a> {
    context: &'a Context,
    verb: &'static str,
    folder: &'a RunFolder,
    live: ProgressFile<'a>,
    progress: Option<Progress>,
    what: String,
    epochs: usize,
    /// The role of each subject, for those who watch the run.
    roles: BTreeMap<String, &'static str>,
    /// Called after each epoch.
    after_epoch: &'a mut dyn FnMut(&State) -> Result<(), CliError>,
}

impl<'a> SingleRun<'a> {
    /// Follows a task in its run folder; `sides` are the subjects by role whose scores are shown to those who watch.
    pub fn new(
        verb: &'static str,
        folder: &'a RunFolder,
        sides: &[(&'static str, BTreeSet<SubjectId>)],
        context: &'a Context,
        after_epoch: &'a mut dyn FnMut(&State) -> Result<(), CliError>,
    ) -> SingleRun<'a> {
        let roles =
            sides.iter().flat_map(|(role, subjects)| subjects.iter().map(|id| (id.to_string(), *role))).collect();
        let (live, what) = (ProgressFile::new(folder), String::new());
        SingleRun { context, verb, folder, live, progress: None, what, epochs: 0, roles, after_epoch }
    }

    /// Runs the task, or goes on with it, and returns its record. `again` is the command that goes on with it, up to
    /// the run folder.
    ///
    /// # Errors
    /// [`CliError::Interrupted`] if the user stops it, and every error of the run but a strategy's divergence.
    pub fn run(mut self, executor: &Executor, task: Task, again: &str) -> Result<Record, CliError> {
        let key = task.key().to_string();
        match executor.run_tasks(&[task], &mut self) {
            Err(StudyError::Train(TrainError::Interrupted { epochs_done })) => {
                let (epochs, folder) = (self.epochs, self.folder.path().display());
                let kept = format!("{epochs_done} of {epochs} epochs are kept in {folder}; fix: {again} {folder}");
                Err(CliError::Interrupted { kept })
            }
            Err(error) => Err(error.into()),
            Ok(()) => Ok(executor.store().record(&key)?.expect("a task that ended without an error has its record")),
        }
    }

    fn begin(&mut self, epochs_done: usize) {
        self.progress = Some(Progress::begin(self.context, self.verb, "epoch", self.epochs, epochs_done));
        let told = self.live.task([1, 1], &self.what, [epochs_done, self.epochs]);
        self.unless_written(told);
    }

    /// Files for those who watch from elsewhere are a convenience: that one of them cannot be written ends no run.
    fn unless_written(&self, written: Result<(), CliError>) {
        if let Err(error) = written {
            self.context.note(&format!("note     {error}"));
        }
    }

    fn record(&mut self, state: &State) -> Result<(), CliError> {
        self.folder.write("metrics.jsonl", lines(&state.history).as_bytes())?;
        if let Some(epoch) = state.history.last() {
            let told = self.live.epoch(epoch);
            self.unless_written(told);
        }
        (self.after_epoch)(state)
    }
}

impl lacuna_study::Progress for SingleRun<'_> {
    fn task(&mut self, _number: usize, _total: usize, what: &str, epochs: usize) {
        (self.what, self.epochs) = (what.to_string(), epochs);
        self.begin(0);
    }

    fn resumed(&mut self, epochs_done: usize) {
        self.progress = None;
        self.context.note(&format!("resume   after epoch {epochs_done} of {}", self.epochs));
        self.begin(epochs_done);
    }

    fn task_done(&mut self, _record: &Record, _found: bool) {
        self.progress = None;
    }

    fn step(&mut self, epoch: usize, step: usize, steps: usize, loss: f64) -> Control {
        let share = (step + 1) as f64 / steps as f64;
        if let Some(progress) = &mut self.progress {
            progress.within(epoch + 1, share, &format!("step={}/{steps} loss={loss:.4}", step + 1));
        }
        if interrupt::requested() { Control::Stop } else { Control::Continue }
    }

    fn epoch(&mut self, state: &State) -> Result<(), TrainError> {
        self.record(state).map_err(|error| match error {
            // The loop takes a score that is not finite for divergence.
            CliError::Train(error) => error,
            error => TrainError::Monitor { epoch: state.epochs_done, reason: error.to_string() },
        })
    }

    fn scored(&mut self, scores: &EpochScores) {
        if scores.collapsed {
            let epochs = scores.epochs;
            self.context.note(&format!("collapsed: after {epochs} epochs the network predicts one class everywhere"));
        }
        let subject = |(name, scores): (&String, &lacuna_metrics::SubjectScores)| {
            let role = self.roles.get(name)?.to_string();
            Some(LiveSubject { name: name.clone(), role, dice: scores.mean.dice })
        };
        let subjects: Vec<LiveSubject> = scores.output.iter().filter_map(subject).collect();
        if subjects.is_empty() {
            return;
        }
        let told = self.live.scored(format!("after {} epochs", scores.epochs), subjects);
        self.unless_written(told);
    }
}

/// One line of JSON per epoch.
fn lines(history: &[EpochRecord]) -> String {
    history.iter().map(|record| serde_json::to_string(record).expect("a record is JSON") + "\n").collect()
}
