//! `lacuna ledger show`: a request and everything that was written of it.

use super::{LedgerArguments, day_or_today};
use crate::error::CliError;
use crate::output;
use crate::text_table::{aligned, named};
use clap::Args;
use lacuna_ledger::evidence::Outcome;
use lacuna_ledger::{Group, Ledger, Record, RequestState, Status, is_open};
use serde::Serialize;

/// Show a request and all that was written of it
#[derive(Args)]
#[command(
    after_help = "Example:\n  lacuna ledger show req-1f0c --ledger requests.db\n\nA name may be cut short where \
                        only one request begins like this."
)]
pub struct Arguments {
    /// The identifier of the request
    #[arg(value_name = "REQUEST")]
    request: String,
    #[command(flatten)]
    ledger: LedgerArguments,
}

/// A request as it is printed.
#[derive(Serialize)]
pub struct Shown {
    #[serde(flatten)]
    state: RequestState,
    overdue: bool,
    /// Days until the answer is due, negative after it.
    days_left: i32,
    events: Vec<Entry>,
    /// The command that takes the request on.
    #[serde(skip)]
    next: Option<String>,
}

/// One event of it.
#[derive(Serialize)]
pub struct Entry {
    event: u64,
    at: String,
    record: Record,
}

pub fn run(arguments: &Arguments) -> Result<output::Outcome, CliError> {
    let ledger = Ledger::open(&arguments.ledger.ledger)?;
    let state = ledger.find_request(&arguments.request)?;
    let mut events = Vec::new();
    for event in ledger.view().events()? {
        let record = event.record()?;
        if record.request() == Some(state.request.as_str()) {
            events.push(Entry { event: event.sequence, at: event.at, record });
        }
    }
    Ok(Shown::of(state, events).outcome("ledger.show"))
}

impl Shown {
    /// As it stands today.
    pub fn of(state: RequestState, events: Vec<Entry>) -> Shown {
        let today = day_or_today(None);
        Shown { overdue: state.is_overdue(today), days_left: state.days_left(today), state, events, next: None }
    }

    /// With the command that takes the request on.
    pub fn with_next(mut self, ledger: &LedgerArguments) -> Shown {
        self.next = next(&self.state, &ledger.named());
        self
    }

    /// For people and for scripts.
    pub fn outcome(&self, verb: &str) -> output::Outcome {
        output::Outcome::new(verb, self, self.text())
    }

    fn text(&self) -> String {
        let state = &self.state;
        let mut lines = vec![
            ("request", state.request.clone()),
            ("subject", state.subject.to_string()),
            ("status", status_in_words(state)),
            ("ground", state.ground.name().to_string()),
            ("received", state.received.to_string()),
            ("due", due_in_words(state, self.days_left)),
        ];
        lines.extend(state.refusal.map(|ground| ("refused", ground.name().to_string())));
        if let Some(verdict) = &state.verdict {
            let outcome = Outcome::of_name(verdict);
            let title = outcome.map_or(String::new(), |outcome| format!(": {}", outcome.title()));
            lines.push(("verdict", format!("{verdict}{title}")));
            lines.extend(outcome.and_then(Outcome::warning).map(|warning| ("warning", warning.to_string())));
        }
        lines.extend(
            state.evidence_earlier.iter().map(|statement| ("evidence", format!("{statement}, an earlier one"))),
        );
        lines.extend(state.evidence.map(|statement| ("evidence", statement.to_string())));
        lines.extend(after_evidence(state).into_iter().map(|warning| ("warning", warning)));
        lines.extend(self.next.clone().map(|next| ("next", next)));
        let mut text = named(&lines);
        if !self.events.is_empty() {
            text.push_str(&format!("\n{}", aligned(&rows(&self.events))));
        }
        text
    }
}

/// What was done with files after the evidence was signed, which the evidence does not say.
pub fn after_evidence(state: &RequestState) -> Vec<String> {
    let files = |count: usize| if count == 1 { "1 file was".to_string() } else { format!("{count} files were") };
    let mut lines = Vec::new();
    if state.restored_after_evidence > 0 {
        let files = files(state.restored_after_evidence);
        lines.push(format!("{files} put back after the evidence was signed, which says that they were removed"));
    }
    if state.removed_after_evidence > 0 {
        let files = files(state.removed_after_evidence);
        lines.push(format!("{files} removed after the evidence was signed, which does not list them"));
    }
    lines
}

/// The day, how far it is, and why it is that one.
fn due_in_words(state: &RequestState, days_left: i32) -> String {
    let mut words = state.due.day.to_string();
    match (state.status, days_left) {
        (Status::Closed, _) => {}
        _ if state.paused_since.is_some() => {}
        (_, 0) => words.push_str(", today"),
        (_, days) if days > 0 => words.push_str(&format!(", in {days} days")),
        (_, days) => words.push_str(&format!(", OVERDUE by {} days", -days)),
    }
    if let Some(since) = state.paused_since {
        words.push_str(&format!(", standing still since {since} with {days_left} days left, until who asks is sure"));
    }
    if state.paused_days > 0 {
        words.push_str(&format!(" (stood still for {} days)", state.paused_days));
    }
    if let Some(first) = state.due_before_extension {
        words.push_str(&format!(" (extended; {first} before)"));
    }
    if !state.due.moved_over.is_empty() {
        let days: Vec<String> = state.due.moved_over.iter().map(ToString::to_string).collect();
        words.push_str(&format!(" (moved over {})", days.join(", ")));
    }
    words
}

/// What comes next in a request's life, as a command.
fn next(state: &RequestState, ledger: &str) -> Option<String> {
    let request = &state.request;
    let by_verdict = match state.verdict.as_deref() {
        Some(verdict) if is_open(verdict) => format!(
            "lacuna ledger audit {request}{ledger} --verdict VERDICT --protocol FILE --metrics FILE, or, where none can \
             judge it, lacuna ledger close {request} --unassessed{ledger}"
        ),
        _ => format!("lacuna erase --request {request}{ledger} --data DIR --strategy NAME, with another strategy"),
    };
    Some(match state.status {
        Status::Received => {
            format!("lacuna ledger accept {request}{ledger}, or lacuna ledger refuse {request} --ground GROUND{ledger}")
        }
        Status::IdentityPending => format!("lacuna ledger accept {request}{ledger}, once it is sure who asks"),
        Status::Accepted | Status::Extended => {
            format!(
                "lacuna erase --request {request}{ledger} --data DIR --strategy NAME --audit FILE, or, where files are to be \
                 removed and no model is to forget, lacuna trace SUBJECT --purge{ledger} and lacuna ledger close {request} \
                 --removed{ledger}"
            )
        }
        Status::Executed => by_verdict,
        Status::Verified | Status::Refused => {
            format!("lacuna ledger close {request}{ledger}, once the person was informed")
        }
        Status::Closed => return None,
    })
}

fn status_in_words(state: &RequestState) -> String {
    let how = match (state.closed_unassessed, state.closed_by_removal) {
        (true, _) => ", without an assessment",
        (_, true) => ", by removing files alone",
        _ => "",
    };
    format!("{}{how}", state.status.name())
}

/// A line for each event; for removals of files that follow each other a line for each kind.
fn rows(events: &[Entry]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for part in lacuna_ledger::grouped(events, |entry| &entry.record) {
        match part {
            Group::One(entry) => rows.push(row(entry)),
            Group::Removals { how, events } => {
                let first = events[0];
                let what = how.in_words(events.len());
                rows.push(vec![first.event.to_string(), first.at.clone(), "removal".to_string(), what]);
            }
        }
    }
    rows
}

fn row(entry: &Entry) -> Vec<String> {
    let json = serde_json::to_value(&entry.record).expect("a record is JSON");
    let fields = json.as_object().expect("a record is an object");
    let shown = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
    let rest = fields.iter().filter(|(name, value)| !["kind", "request"].contains(&name.as_str()) && !value.is_null());
    let rest: Vec<String> = rest.map(|(name, value)| format!("{name} {}", shown(value))).collect();
    vec![entry.event.to_string(), entry.at.clone(), shown(&fields["kind"]), rest.join(", ")]
}
