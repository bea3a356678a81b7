//! `lacuna quarantine`: what purges set aside, put back or deleted for good.

use crate::context::Context;
use crate::error::CliError;
use crate::output::Outcome;
use crate::text_table::aligned;
use clap::{Args, Subcommand};
use lacuna_artefacts::PortablePath;
use lacuna_ledger::Ledger;
use lacuna_trace::{Quarantine, restore};
use serde::Serialize;
use std::path::PathBuf;

/// List, put back or delete what `lacuna trace --purge` and `lacuna erase --purge` set aside
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lacuna quarantine list\n  lacuna quarantine restore req-1f0c --ledger requests.db\n  \
                        lacuna quarantine delete purge-4a1b9c02 --yes\n\nClosing a request deletes its quarantine."
)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List every quarantine below the folder of runs
    #[command(after_help = "Example:\n  lacuna quarantine list")]
    List,
    /// Put every file back as it was
    #[command(after_help = "Example:\n  lacuna quarantine restore req-1f0c --ledger requests.db")]
    Restore(Restoration),
    /// Delete the files for good
    #[command(after_help = "Example:\n  lacuna quarantine delete purge-4a1b9c02 --yes")]
    Delete(Deletion),
}

/// Which quarantine.
#[derive(Args)]
struct Which {
    /// Its name, as `lacuna quarantine list` shows it
    #[arg(value_name = "NAME")]
    name: String,
    /// The ledger of the request that it belongs to
    #[arg(long, env = "LACUNA_LEDGER", value_name = "FILE")]
    ledger: Option<PathBuf>,
}

#[derive(Args)]
struct Restoration {
    #[command(flatten)]
    which: Which,
    /// Put back files though signed evidence of the request says that they were removed; the ledger says so from then
    /// on
    #[arg(long)]
    against_evidence: bool,
}

#[derive(Args)]
struct Deletion {
    #[command(flatten)]
    which: Which,
    /// Confirm that the files are to be deleted: nothing brings them back
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Listed {
    quarantines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: String,
    folder: PortablePath,
    request: Option<String>,
    at: String,
    state: lacuna_trace::State,
    steps: usize,
    bytes: u64,
}

#[derive(Serialize)]
struct Done {
    name: String,
    files: usize,
}

#[derive(Serialize)]
struct Restored {
    name: String,
    files: usize,
    /// Those that signed evidence of the request says were removed.
    against_evidence: usize,
}

pub fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, CliError> {
    match &arguments.verb {
        Verb::List => list(context),
        Verb::Restore(arguments) => put_back(arguments, context),
        Verb::Delete(deletion) => delete(deletion, context),
    }
}

fn put_back(arguments: &Restoration, context: &Context) -> Result<Outcome, CliError> {
    let which = &arguments.which;
    let quarantine = find(&which.name, context)?;
    let mut ledger = ledger_of(&quarantine, which)?;
    let (steps, against_evidence) = restore(quarantine, ledger.as_mut(), arguments.against_evidence)?;
    let files = steps.len();
    let mut text = format!("put back {files} files\n");
    if against_evidence > 0 {
        text.push_str(&format!("warning: signed evidence says of {against_evidence} of them that they were removed\n"));
    }
    Ok(Outcome::new("quarantine.restore", &Restored { name: which.name.clone(), files, against_evidence }, text))
}

fn list(context: &Context) -> Result<Outcome, CliError> {
    let line = |quarantine: Quarantine| {
        let journal = quarantine.journal();
        Line {
            name: quarantine.name().to_string(),
            folder: quarantine.folder().into(),
            request: journal.request.clone(),
            at: journal.at.clone(),
            state: journal.state,
            steps: journal.steps.len(),
            bytes: journal.steps.iter().map(|step| step.bytes).sum(),
        }
    };
    let listed = Listed { quarantines: Quarantine::all(&context.runs)?.into_iter().map(line).collect() };
    let mut rows = vec![["name", "state", "request", "since", "files", "bytes", "folder"].map(str::to_string).to_vec()];
    for line in &listed.quarantines {
        let request = line.request.clone().unwrap_or_else(|| "-".to_string());
        let folder = line.folder.display().to_string();
        rows.push(vec![
            line.name.clone(),
            line.state.in_words().to_string(),
            request,
            line.at.clone(),
            line.steps.to_string(),
            line.bytes.to_string(),
            folder,
        ]);
    }
    let text = if listed.quarantines.is_empty() { "nothing is in quarantine\n".to_string() } else { aligned(&rows) };
    Ok(Outcome::new("quarantine.list", &listed, text))
}

fn delete(deletion: &Deletion, context: &Context) -> Result<Outcome, CliError> {
    let name = &deletion.which.name;
    let quarantine = find(name, context)?;
    if !deletion.yes {
        let steps = quarantine.journal().steps.len();
        let what = format!("{name}: {steps} files would be deleted for good; fix: --yes confirms it");
        return Err(CliError::Config { what });
    }
    let mut ledger = ledger_of(&quarantine, &deletion.which)?;
    let files = lacuna_trace::delete(quarantine, ledger.as_mut())?;
    Ok(Outcome::new("quarantine.delete", &Done { name: name.clone(), files }, format!("deleted {files} files\n")))
}

fn find(name: &str, context: &Context) -> Result<Quarantine, CliError> {
    let all = Quarantine::all(&context.runs)?;
    let known: Vec<String> = all.iter().map(|quarantine| quarantine.name().to_string()).collect();
    let exact = all.iter().any(|quarantine| quarantine.name() == name);
    let is_meant = |quarantine: &Quarantine| match exact {
        true => quarantine.name() == name,
        false => !name.is_empty() && quarantine.name().starts_with(name),
    };
    let mut meant: Vec<Quarantine> = all.into_iter().filter(is_meant).collect();
    let found = if meant.len() == 1 { meant.pop() } else { None };
    found.ok_or_else(|| CliError::Config {
        what: format!(
            "quarantine: expected one of {}, found `{name}`; fix: `lacuna quarantine list` shows the names",
            if known.is_empty() { "none".to_string() } else { known.join(", ") }
        ),
    })
}

/// What happens to the files of a request is written into its ledger, which has to be named.
fn ledger_of(quarantine: &Quarantine, which: &Which) -> Result<Option<Ledger>, CliError> {
    match (&quarantine.journal().request, &which.ledger) {
        (Some(request), None) => Err(CliError::Usage {
            what: format!("--ledger: expected the ledger of request {request}, found none; fix: --ledger FILE"),
        }),
        (Some(_), Some(path)) => Ok(Some(Ledger::open(path)?)),
        (None, _) => Ok(None),
    }
}
