//! `lacuna ledger export`: events and a signed checkpoint, to be kept where the ledger is not.

use super::LedgerArguments;
use crate::error::CliError;
use crate::output::Outcome;
use clap::Args;
use lacuna_ledger::{CHECKPOINT, EVENTS, Ledger, PUBLIC_KEY, export};
use serde::Serialize;
use std::path::PathBuf;

/// Write the events and a signed checkpoint into a folder, to be kept elsewhere
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna ledger export --ledger requests.db --out ledger-2026-11\n\nCopy \
                        checkpoint.txt where no holder of the ledger can change it: it is what shows a ledger \
                        that was rewritten.")]
pub struct Arguments {
    #[command(flatten)]
    ledger: LedgerArguments,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Serialize)]
struct Exported {
    #[serde(serialize_with = "lacuna_artefacts::portable::path")]
    out: PathBuf,
    files: [&'static str; 3],
    events: u64,
    root: String,
    at: String,
}

pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let ledger = Ledger::open(&arguments.ledger.ledger)?;
    let checkpoint = export(&ledger, &arguments.out)?;
    let (events, root, at) = (checkpoint.events, checkpoint.root.to_string(), checkpoint.at);
    let text = format!("{events} events and a signed checkpoint in {}\nroot {root}\n", arguments.out.display());
    let files = [EVENTS, CHECKPOINT, PUBLIC_KEY];
    Ok(Outcome::new("ledger.export", &Exported { out: arguments.out.clone(), files, events, root, at }, text))
}
