//! How far the work is: a bar on a terminal, else a plain line per interval that a log can keep.

use crate::context::Context;
use crate::output::say;
use crate::redact::redacted;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use lacuna_runs::timestamp;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// A bar on a terminal, plain lines elsewhere
    Auto,
    /// A bar that is drawn anew
    Bar,
    /// One line per interval, without control codes
    Plain,
    /// No progress at all
    None,
}

/// Time between two plain lines: a log of a day's work stays readable.
const INTERVAL: Duration = Duration::from_secs(10);

/// How finely a bar moves within a unit.
const BAR_STEPS: u64 = 100;

/// The progress of one verb.
pub struct Progress {
    verb: &'static str,
    unit: &'static str,
    total: usize,
    began: Instant,
    /// Units done before this process, which say nothing of its pace.
    done_before: usize,
    show: Show,
}

enum Show {
    Bar(ProgressBar),
    Plain { last: Option<Instant> },
    Nothing,
}

impl Progress {
    /// Begin; `total` counts `unit`s, of which `done_before` were done by an earlier process.
    pub fn begin(
        context: &Context,
        verb: &'static str,
        unit: &'static str,
        total: usize,
        done_before: usize,
    ) -> Progress {
        let bar = || {
            let style = ProgressStyle::with_template("{prefix} {bar:30} {msg}").expect("the template is fixed");
            let bar = ProgressBar::new(total as u64 * BAR_STEPS).with_style(style).with_prefix(verb);
            bar.set_position(done_before as u64 * BAR_STEPS);
            Show::Bar(bar)
        };
        let show = match context.progress {
            ProgressMode::None => Show::Nothing,
            ProgressMode::Bar => bar(),
            ProgressMode::Auto if std::io::stderr().is_terminal() => bar(),
            ProgressMode::Auto | ProgressMode::Plain => Show::Plain { last: None },
        };
        Progress { verb, unit, total, began: Instant::now(), done_before, show }
    }

    /// `done` units are done; `fields` says what there is to say, as `name=value` words.
    pub fn advance(&mut self, done: usize, fields: &str) {
        self.show(done, done as f64, fields);
    }

    /// Within unit `number`, counted from 1, of which `share` is done.
    pub fn within(&mut self, number: usize, share: f64, fields: &str) {
        self.show(number, (number - 1) as f64 + share, fields);
    }

    fn show(&mut self, number: usize, done: f64, fields: &str) {
        let (unit, total) = (self.unit, self.total);
        let fields = with_eta(&format!("{unit}={number}/{total}"), fields, self.eta(done));
        match &mut self.show {
            Show::Nothing => {}
            Show::Bar(bar) => {
                bar.set_position((done * BAR_STEPS as f64) as u64);
                bar.set_message(redacted(&fields));
            }
            Show::Plain { last } => {
                let now = Instant::now();
                let due = done >= total as f64 || last.is_none_or(|last| now - last >= INTERVAL);
                if due {
                    *last = Some(now);
                    say(&format!("{} {} {fields}", timestamp(), self.verb));
                }
            }
        }
    }

    /// A line for people that a bar must not paint over.
    pub fn note(&self, context: &Context, line: &str) {
        match &self.show {
            Show::Bar(bar) => bar.suspend(|| context.note(line)),
            Show::Plain { .. } | Show::Nothing => context.note(line),
        }
    }

    /// Time left at the pace so far.
    fn eta(&self, done: f64) -> Option<Duration> {
        let here = done - self.done_before as f64;
        let left = self.total as f64 - done;
        (here > 0.0 && left > 0.0).then(|| self.began.elapsed().mul_f64(left / here))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Show::Bar(bar) = &self.show {
            bar.finish_and_clear();
        }
    }
}

fn with_eta(count: &str, fields: &str, eta: Option<Duration>) -> String {
    let eta = eta.map(|eta| {
        let seconds = eta.as_secs();
        format!("eta={:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    });
    let words = [count, fields, eta.as_deref().unwrap_or("")];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The progress of files, of a number that is known with the first.
pub struct Files<'a> {
    verb: &'static str,
    context: &'a Context,
    progress: Option<Progress>,
}

impl<'a> Files<'a> {
    pub fn new(verb: &'static str, context: &'a Context) -> Files<'a> {
        Files { verb, context, progress: None }
    }

    /// So many of so many are done.
    pub fn advance(&mut self, done: usize, total: usize) {
        let begin = || Progress::begin(self.context, self.verb, "file", total, 0);
        self.progress.get_or_insert_with(begin).advance(done, "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_written_in_hours_minutes_and_seconds() {
        let eta = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(with_eta("epoch=1/2", "loss=0.2", eta(3723)), "epoch=1/2 loss=0.2 eta=01:02:03");
        assert_eq!(with_eta("scan=1/2", "", eta(5)), "scan=1/2 eta=00:00:05");
        assert_eq!(with_eta("scan=2/2", "", None), "scan=2/2");
    }
}
