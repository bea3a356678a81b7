//! `lacuna ledger list`: every request, the one due first at the top.

use super::{LedgerArguments, day_or_today};
use crate::error::CliError;
use crate::output::Outcome;
use crate::text_table::aligned;
use clap::Args;
use lacuna_ledger::{Ledger, RequestState, Status};
use serde::Serialize;

/// List the requests that are open, the one due first at the top
#[derive(Args)]
#[command(after_help = "Examples:\n  lacuna ledger list --ledger requests.db\n  lacuna ledger list --all --subject \
                        phantom-002 --ledger requests.db")]
pub struct Arguments {
    #[command(flatten)]
    ledger: LedgerArguments,
    /// The closed ones too
    #[arg(long)]
    all: bool,
    /// Only those of this subject, by its id in your data
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    requests: Vec<Request>,
}

#[derive(Serialize)]
struct Request {
    #[serde(flatten)]
    state: RequestState,
    overdue: bool,
}

pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let ledger = Ledger::open(&arguments.ledger.ledger)?;
    let mut requests = ledger.requests()?;
    if let Some(id) = &arguments.subject {
        let subject = ledger.keyring().find(id)?;
        requests.retain(|state| Some(&state.subject) == subject.as_ref());
    }
    requests.retain(|state| arguments.all || state.status != Status::Closed);
    requests.sort_by(|one, other| (one.due.day, &one.request).cmp(&(other.due.day, &other.request)));
    let today = day_or_today(None);
    let requests: Vec<Request> =
        requests.into_iter().map(|state| Request { overdue: state.is_overdue(today), state }).collect();
    let text = text(&requests);
    Ok(Outcome::new("ledger.list", &Listed { requests }, text))
}

fn text(requests: &[Request]) -> String {
    if requests.is_empty() {
        return "no open request\n".to_string();
    }
    let mut rows = vec![["request", "subject", "received", "due", "status"].map(str::to_string).to_vec()];
    for Request { state, overdue } in requests {
        let status = format!("{}{}", state.status.name(), if *overdue { ", OVERDUE" } else { "" });
        let (received, due) = (state.received.to_string(), state.due.day.to_string());
        rows.push(vec![state.request.clone(), state.subject.to_string(), received, due, status]);
    }
    aligned(&rows)
}
