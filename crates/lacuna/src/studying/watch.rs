//! How a study goes, shown as it goes: to the terminal, and to those who watch its run folder from elsewhere.

use crate::context::Context;
use crate::error::CliError;
use crate::interrupt;
use crate::live::{LiveSubject, ProgressFile};
use crate::progress::Progress;
use crate::reporting::Report;
use crate::run_folder::RunFolder;
use lacuna_audit::Held;
use lacuna_study::{Estimate, Record, Study};
use lacuna_train::{Control, EpochRecord};
use std::time::{Duration, Instant};

/// Shows how a study goes, and stops it where the user wants that.
pub struct Watch<'a> {
    context: &'a Context,
    verb: &'static str,
    /// What others see from elsewhere, where there is a run folder.
    elsewhere: Option<Elsewhere<'a>>,
    /// `3/35`, as the running task counts.
    pub(super) tasks: String,
    progress: Option<Progress>,
    /// Epochs of the running task.
    task_epochs: usize,
    /// Whether a model that the task needs is being made again. Its epochs are shown; they are none of the task's.
    is_again: bool,
    /// Lines of `metrics.jsonl`.
    pub(super) epochs: Vec<String>,
}

/// The files of a run folder that say how a study goes. Watching from elsewhere is a convenience: that one of them cannot
/// be written ends no study.
struct Elsewhere<'a> {
    study: &'a Study,
    folder: &'a RunFolder,
    live: ProgressFile<'a>,
    /// When the page of what is there so far was written last.
    page_written: Option<Instant>,
}

/// A page of what is there so far is written so often at most.
const PAGE_EVERY: Duration = Duration::from_secs(60);

impl<'a> Watch<'a> {
    /// A watch that has seen nothing yet.
    pub fn new(verb: &'static str, context: &'a Context) -> Watch<'a> {
        Watch {
            context,
            verb,
            elsewhere: None,
            tasks: String::new(),
            progress: None,
            task_epochs: 0,
            is_again: false,
            epochs: Vec::new(),
        }
    }

    /// One that keeps what others see in a run folder.
    pub(super) fn in_folder(
        verb: &'static str,
        study: &'a Study,
        folder: &'a RunFolder,
        context: &'a Context,
    ) -> Watch<'a> {
        let elsewhere = Elsewhere { study, folder, live: ProgressFile::new(folder), page_written: None };
        Watch { elsewhere: Some(elsewhere), ..Watch::new(verb, context) }
    }

    /// Whether a task has begun.
    pub(super) fn has_begun(&self) -> bool {
        !self.tasks.is_empty()
    }

    /// Tell those who watch from elsewhere, if there is where to.
    fn tell(&mut self, what: impl FnOnce(&mut ProgressFile<'a>) -> Result<(), CliError>) {
        let told = self.elsewhere.as_mut().map_or(Ok(()), |elsewhere| what(&mut elsewhere.live));
        self.unless_told(told);
    }

    fn unless_told(&self, told: Result<(), CliError>) {
        if let Err(error) = told {
            self.context.note(&format!("note     {error}"));
        }
    }

    fn begin_progress(&mut self, epochs: usize) {
        self.progress = Some(Progress::begin(self.context, self.verb, "epoch", epochs, 0));
    }

    /// The page of a study or demo as far as it has come; the finished one takes its place.
    fn write_page(&mut self) {
        if !matches!(self.verb, "study" | "demo") {
            return;
        }
        let told = self.elsewhere.as_mut().map_or(Ok(()), |elsewhere| elsewhere.write_page(&self.tasks));
        self.unless_told(told);
    }
}

impl Elsewhere<'_> {
    fn write_page(&mut self, tasks: &str) -> Result<(), CliError> {
        if self.page_written.is_some_and(|written| written.elapsed() < PAGE_EVERY) {
            return Ok(());
        }
        self.page_written = Some(Instant::now());
        self.page_so_far(tasks)?.write(self.folder)
    }

    fn page_so_far(&self, tasks: &str) -> Result<Report, CliError> {
        let (rows, probes, curves) = (self.study.rows()?, self.study.probe_rows()?, self.study.curve_rows()?);
        let running = Some(format!("{tasks} tasks are done; this page is written again as more are."));
        let title = self.study.config().name.clone();
        Ok(Report { title, rows, probes, curves, running, ..Report::of_study(self.study) })
    }
}

impl lacuna_study::Progress for Watch<'_> {
    fn task(&mut self, number: usize, total: usize, what: &str, epochs: usize) {
        self.progress = None;
        self.tasks = format!("{number}/{total}");
        self.context.note(&format!("task     {number}/{total}  {what}"));
        self.tell(|live| live.task([number, total], what, [0, epochs]));
        (self.task_epochs, self.is_again) = (epochs, false);
        self.begin_progress(epochs);
    }

    fn made_again(&mut self, what: Option<(&str, usize)>) {
        self.progress = None;
        self.is_again = what.is_some();
        if let Some((what, _)) = what {
            self.context.note(&format!("         makes its model again: {what}"));
        }
        self.begin_progress(what.map_or(self.task_epochs, |(_, epochs)| epochs));
    }

    fn task_done(&mut self, record: &Record, found: bool) {
        self.progress = None;
        if let (Some(elsewhere), true) = (&mut self.elsewhere, found) {
            elsewhere.live.passed_over();
        }
        if let Some(scores) = record.horizons.last() {
            let subjects = scores.output.iter().map(|(name, scores)| LiveSubject {
                name: name.clone(),
                role: String::new(),
                dice: scores.mean.dice,
            });
            self.tell(|live| live.scored(format!("after {} epochs", scores.epochs), subjects.collect()));
        }
        if !found {
            self.write_page();
        }
        if found {
            self.context.note("         found its record");
        }
        if let Some(scores) = record.horizons.iter().find(|scores| scores.collapsed) {
            let epochs = scores.epochs;
            self.context.note(&format!("         collapsed after {epochs} epochs: it says one class everywhere"));
        }
        if let Some(what) = &record.diverged {
            self.context.note(&format!("         {what}"));
        }
    }

    fn task_left_out(&mut self, why: &str) {
        self.progress = None;
        self.context.note(&format!("         left out: {why}"));
    }

    fn step(&mut self, _epoch: usize, _step: usize, _steps: usize, _loss: f64) -> Control {
        if interrupt::requested() { Control::Stop } else { Control::Continue }
    }

    fn epoch(&mut self, record: &EpochRecord) {
        if let Some(progress) = &mut self.progress {
            progress.advance(record.epoch, &format!("task={} loss={:.4}", self.tasks, record.loss));
        }
        if self.is_again {
            return;
        }
        self.tell(|live| live.epoch(record));
        let line = serde_json::json!({ "task": self.tasks, "epoch": record });
        self.epochs.push(format!("{line}\n"));
    }
}

impl lacuna_study::audit::Watch for Watch<'_> {
    fn declared(&mut self, held: &Held) {
        self.context.note(&format!("protocol {} declared", &held.digest[..16]));
        if held.unlearned_before > 0 {
            let found = held.unlearned_before;
            self.context
                .note(&format!("note     {found} of the unlearned models had been made before it was declared"));
        }
    }

    fn estimated(&mut self, estimate: &Estimate) {
        self.context.note(&format!("estimate {estimate}"));
    }

    fn measured(&mut self, done: usize, seeds: usize, subject: &str) {
        if done == 1 {
            self.progress = Some(Progress::begin(self.context, self.verb, "seed", seeds, 0));
        }
        if let Some(progress) = &mut self.progress {
            progress.advance(done, &format!("subject={subject}"));
        }
    }

    fn wants_to_stop(&self) -> bool {
        interrupt::requested()
    }
}
