//! `lacuna study status PLAN`: how far a plan is.

use super::given::{Given, PlanArguments};
use crate::error::CliError;
use crate::output::Outcome;
use crate::studying::duration;
use crate::text_table::aligned;
use clap::Args;
use lacuna_launcher::{Alarm, AttemptOutcome, Count, TaskKind, TaskState};
use serde::Serialize;

/// Say how the tasks of a plan stand
#[derive(Args)]
#[command(
    after_help = "Example:\n  lacuna study status plans/ixi7\n\nAn attempt that was killed cannot say so: `begun` may mean \
                  either. The engine knows what runs (squeue, kubectl get pods, hq job list)."
)]
pub struct Arguments {
    #[command(flatten)]
    plan: PlanArguments,
}

#[derive(Serialize)]
struct Record {
    study: String,
    digest: String,
    tasks: usize,
    over: usize,
    counts: Vec<Count>,
    attempts: usize,
    /// Attempts at tasks that had their result, or were about to get it from another attempt.
    spare_attempts: usize,
    busy_seconds: f64,
    failed: Vec<Failed>,
    alarms: Vec<Alarm>,
}

#[derive(Serialize)]
struct Failed {
    index: usize,
    attempt: usize,
    message: String,
}

pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let given = arguments.plan.read()?;
    let ended = || given.attempts.iter().filter_map(|(at, (_, ended))| Some((at, ended.as_ref()?)));
    let is_spare = |ending: &AttemptOutcome| {
        matches!(ending, AttemptOutcome::Found | AttemptOutcome::Same | AttemptOutcome::Near { .. })
    };
    let record = Record {
        study: given.plan.about.study.clone(),
        digest: given.digest.clone(),
        tasks: given.plan.tasks.len(),
        over: given.plan.tasks.len() - given.task_states.pending().len(),
        counts: given.task_states.counts(&given.plan),
        attempts: given.attempts.len(),
        spare_attempts: ended().filter(|(_, ended)| is_spare(&ended.ending)).count(),
        busy_seconds: ended().fold(0.0, |sum, (_, ended)| sum + ended.seconds),
        failed: failed(&given),
        alarms: given.alarms.clone(),
    };
    let text = text(&record);
    Ok(Outcome::new("study-status", &record, text))
}

/// The last attempts at the tasks that failed.
fn failed(given: &Given) -> Vec<Failed> {
    let of = |((index, attempt), (_, ended)): (&(usize, usize), &(_, Option<lacuna_launcher::Ended>))| match ended {
        Some(ended) if given.task_states.get(*index) == TaskState::Failed => match &ended.ending {
            AttemptOutcome::Failed { message } => {
                Some(Failed { index: *index, attempt: *attempt, message: message.clone() })
            }
            _ => None,
        },
        _ => None,
    };
    given.attempts.iter().filter_map(of).collect()
}

fn text(record: &Record) -> String {
    let head = std::iter::once("").chain(TaskState::ALL.iter().map(|standing| standing.name())).map(str::to_string);
    let row = |kind: TaskKind| {
        let of = |standing| record.counts.iter().find(|count| (count.kind, count.standing) == (kind, standing));
        let cells =
            TaskState::ALL.iter().map(|standing| of(*standing).map_or(String::new(), |count| count.tasks.to_string()));
        std::iter::once(kind.name().to_string()).chain(cells).collect()
    };
    let kinds = [TaskKind::Train, TaskKind::Unlearn, TaskKind::Probe];
    let rows: Vec<Vec<String>> = std::iter::once(head.collect()).chain(kinds.map(row)).collect();
    let mut text = aligned(&rows);
    let Record { over, tasks, attempts, spare_attempts, busy_seconds, .. } = record;
    text.push_str(&format!(
        "{over} of {tasks} tasks are over; {attempts} attempts, {spare_attempts} of them at tasks that had their result; {} of work\n",
        duration(*busy_seconds)
    ));
    for Failed { index, attempt, message } in &record.failed {
        text.push_str(&format!("failed   task {index}, attempt {attempt}: {message}\n"));
    }
    for alarm in &record.alarms {
        text.push_str(&format!("ALARM    another result than the one that counts: {}\n", alarm.kept));
    }
    text
}
