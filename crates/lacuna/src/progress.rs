//! How far the work is: a bar on a terminal, else a plain line per interval that a log can keep.

use crate::context::Context;
use crate::output::say;
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// A bar on a terminal, plain lines elsewhere
    Auto,
    /// A bar
    Bar,
    /// One line per interval, without control codes
    Plain,
    /// Nothing
    None,
}

/// Time between two plain lines: a log of a day's work stays readable.
const INTERVAL: Duration = Duration::from_secs(10);

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
            let template = "{prefix} {bar:30} {pos}/{len} {msg} {elapsed_precise}";
            let style = ProgressStyle::with_template(template).expect("the template is fixed and tested");
            let bar = ProgressBar::new(total as u64).with_style(style).with_prefix(verb);
            bar.set_position(done_before as u64);
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
        let eta = self.eta(done as f64);
        match &mut self.show {
            Show::Nothing => {}
            Show::Bar(bar) => {
                bar.set_position(done as u64);
                bar.set_message(with_eta(fields, eta));
            }
            Show::Plain { last } => {
                let now = Instant::now();
                let due = done == self.total || last.is_none_or(|last| now - last >= INTERVAL);
                if due {
                    *last = Some(now);
                    let (time, verb, unit, total) = (timestamp(), self.verb, self.unit, self.total);
                    say(format!("{time} {verb} {unit}={done}/{total} {}", with_eta(fields, eta)).trim_end());
                }
            }
        }
    }

    /// A line that must not be lost among the progress.
    pub fn note(&self, line: &str) {
        match &self.show {
            Show::Bar(bar) => bar.suspend(|| say(line)),
            Show::Plain { .. } | Show::Nothing => say(line),
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

fn with_eta(fields: &str, eta: Option<Duration>) -> String {
    let mut text = fields.to_string();
    if let Some(eta) = eta {
        let seconds = eta.as_secs();
        let separator = if text.is_empty() { "" } else { " " };
        let _ = write!(text, "{separator}eta={:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    text
}

/// Now, in UTC to the second: `2026-11-23T15:42:10Z`.
pub fn timestamp() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_is_written_in_hours_minutes_and_seconds() {
        assert_eq!(with_eta("loss=0.2", Some(Duration::from_secs(3723))), "loss=0.2 eta=01:02:03");
        assert_eq!(with_eta("", Some(Duration::from_secs(5))), "eta=00:00:05");
        assert_eq!(with_eta("", None), "");
    }

    #[test]
    fn a_timestamp_has_seconds_and_a_zone() {
        let text = timestamp();
        assert_eq!(text.len(), "2026-11-23T15:42:10Z".len());
        assert!(text.ends_with('Z'));
    }
}
