//! What is seen of a run: its record, its status, how it stands.

use crate::error::CliError;
use crate::live::{FILE, Live};
use crate::progress::timestamp;
use crate::run_folder::{RunRecord, RunState, Status, read_record, read_status};
use crate::studying::duration;
use serde::Serialize;
use std::path::Path;

/// One look at a run.
#[derive(Clone, Debug, Serialize)]
pub struct View {
    /// What the run folder is called.
    pub name: String,
    /// What it was made of.
    #[serde(skip)]
    pub record: RunRecord,
    /// How it ended, or that it has not.
    pub status: Status,
    /// How it stands; older runs, and those that have not done an epoch, do not say.
    pub progress: Option<Live>,
    /// When it was looked at.
    #[serde(skip)]
    pub now: String,
}

/// Losses of some hundred epochs are kilobytes.
const BYTES_MAX: u64 = 16 << 20;

impl View {
    /// Look.
    ///
    /// # Errors
    /// Files that no run writes.
    pub fn read(folder: &Path) -> Result<View, CliError> {
        let file = folder.join(FILE);
        let progress = if file.is_file() {
            let text = lacuna_disk::read_text(&file, BYTES_MAX)?;
            let progress = serde_json::from_str(&text).map_err(|error| CliError::Data {
                what: format!("{}: {error}; fix: is this a folder that lacuna made?", file.display()),
            })?;
            Some(progress)
        } else {
            None
        };
        let name = folder.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
        let (record, status) = (read_record(folder)?, read_status(folder)?);
        Ok(View { name, record, status, progress, now: timestamp() })
    }

    /// How it stands in a word.
    pub fn state(&self) -> &'static str {
        match self.status.status {
            RunState::Running => "running",
            RunState::Done => "done",
            RunState::Failed => "failed",
            RunState::Interrupted => "interrupted",
        }
    }

    /// Seconds since the run last wrote anything.
    pub fn silent_seconds(&self) -> Option<i64> {
        let time = |text: &str| text.parse::<jiff::Timestamp>().ok().map(|time| time.as_second());
        let last = self.progress.as_ref().map_or(&self.status.at, |live| &live.at);
        Some(time(&self.now)? - time(last)?)
    }

    /// One line, as of a log.
    pub fn line(&self) -> String {
        let mut words = vec![self.record.verb.clone(), format!("status={}", self.state())];
        if let Some(live) = &self.progress {
            let ([task, tasks], [epoch, epochs]) = (live.task, live.epochs);
            words.insert(0, live.at.clone());
            if tasks > 1 {
                words.push(format!("task={task}/{tasks}"));
            }
            words.push(format!("epoch={epoch}/{epochs}"));
            words.extend(live.curves.get("loss").and_then(|loss| loss.last()).map(|loss| format!("loss={loss:.4}")));
            if self.status.status == RunState::Running {
                words.extend(live.seconds_left.map(|seconds| format!("left={}", clock(seconds))));
            }
            words.extend(live.memory_mib.map(|mib| format!("mem={:.1}GiB", mib / 1024.0)));
        } else {
            words.insert(0, self.status.at.clone());
        }
        words.join(" ")
    }

    /// The same for people, a fact a line.
    pub fn named(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("run", self.name.clone()), ("status", self.state().to_string())];
        lines.extend(self.status.message.clone().map(|message| ("message", message)));
        let Some(live) = &self.progress else { return lines };
        let ([task, tasks], [epoch, epochs]) = (live.task, live.epochs);
        if tasks > 1 {
            lines.push(("task", format!("{task} of {tasks}")));
        }
        if !live.what.is_empty() {
            lines.push(("doing", live.what.clone()));
        }
        lines.push(("epochs", format!("{epoch} of {epochs}")));
        lines.extend(live.curves.get("loss").and_then(|l| l.last()).map(|loss| ("loss", format!("{loss:.4}"))));
        if self.status.status == RunState::Running {
            lines.extend(live.seconds_left.map(|seconds| ("left", duration(seconds))));
        }
        lines.extend(live.memory_mib.map(|mib| ("memory", format!("{:.1} GiB at most", mib / 1024.0))));
        if !live.subjects.is_empty() {
            lines.push(("scored", live.scored.clone()));
            let dice = |dice: Option<f64>| dice.map_or("none".to_string(), |dice| format!("{dice:.4}"));
            let subject = |one: &crate::live::LiveSubject| {
                ("", format!("{} {} Dice {}", one.name, one.role, dice(one.dice)).replace("  ", " "))
            };
            lines.extend(live.subjects.iter().map(subject));
        }
        lines
    }
}

/// Hours, minutes, seconds.
pub fn clock(seconds: f64) -> String {
    let seconds = seconds.clamp(0.0, 3.6e8) as u64;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
