//! `lacuna verify BUNDLE`: does the evidence of a request hold?

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Outcome;
use clap::Args;
use lacuna_ledger::evidence::{Checked, verify_bundle};
use lacuna_ledger::public_key;
use std::path::PathBuf;

/// Check the evidence of a request with a public key alone; exit code 7 if it does not hold
///
/// Needs no network and no ledger. The key has to have come to you by another way than the bundle.
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna verify evidence/req-1f0c --key public.key")]
pub struct Arguments {
    /// The folder of evidence
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// The public key of the ledger's operator
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let checked = verify_bundle(&arguments.bundle, &public_key(&arguments.key)?)?;
    let exit = if checked.findings.is_empty() { Exit::Done } else { Exit::Ledger };
    Ok(Outcome::new("verify", &checked, text(&checked)).exiting(exit))
}

fn text(checked: &Checked) -> String {
    let Checked { statement, recorded, findings, .. } = checked;
    if let (Some(statement), Some(recorded), []) = (statement, recorded, &findings[..]) {
        let (files, request) = (checked.covered.len(), &statement.predicate.request);
        return format!(
            "as it was signed: {files} files, and in the ledger that was signed at {recorded}\nevery file here is covered: \
             {}\nwhat was done with files since then, the ledger alone says: `lacuna ledger show {request}`\n\n{}",
            checked.covered.join(", "),
            statement.page()
        );
    }
    let lines = findings
        .iter()
        .map(|finding| format!("{}\n  expected: {}\n  found:    {}\n", finding.row, finding.expected, finding.found));
    let uncovered = match checked.uncovered.is_empty() {
        true => String::new(),
        false => format!("not covered by any signature: {}\n", checked.uncovered.join(", ")),
    };
    format!("the evidence does NOT hold: {} finding(s)\n{}{uncovered}", findings.len(), lines.collect::<String>())
}
