//! `lacuna ledger audit`: write down what an audit of the new model found.

use super::show::Shown;
use super::{LedgerArguments, code};
use crate::error::CliError;
use crate::output::Outcome;
use clap::Args;
use lacuna_ledger::evidence::Outcome as Verdict;
use lacuna_ledger::{Ledger, Record, Status, sha256_file};
use std::path::PathBuf;

/// Write down what an audit of the new model found; a request that passes is verified
#[derive(Args)]
#[command(after_help = "Example:\n  lacuna ledger audit req-1f0c --verdict consistent_with_retrain --protocol \
                        study.toml \\\n    --metrics gates.json --ledger requests.db\n\nThe ledger keeps the digests of \
                        both files. The verdict is yours: compare with models that were retrained without the subject. Of the verdicts exact, \
                        retrain_equivalent, consistent_with_retrain and not_remembered (the model before never \
                        detectably remembered the person) let a request be verified.")]
pub struct Arguments {
    /// The identifier of the request
    #[arg(value_name = "REQUEST")]
    request: String,
    #[command(flatten)]
    ledger: LedgerArguments,
    /// The verdict of the audit
    #[arg(long, value_parser = code(&Verdict::ALL, Verdict::name), value_name = "VERDICT")]
    verdict: Verdict,
    /// What was to be measured, by which margins
    #[arg(long, value_name = "FILE")]
    protocol: PathBuf,
    /// What was measured
    #[arg(long, value_name = "FILE")]
    metrics: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<Outcome, CliError> {
    let mut ledger = Ledger::open(&arguments.ledger.ledger)?;
    let request = ledger.find_request(&arguments.request)?.request;
    let records = ledger.view().records_of(&request)?;
    let run = records.iter().rev().find_map(|record| match record {
        Record::Run { run, after: Some(_), .. } => Some(run.clone()),
        _ => None,
    });
    let run = run.ok_or_else(|| CliError::Config {
        what: format!(
            "request {request}: expected a run to audit, found none; fix: `lacuna erase --request {request}`"
        ),
    })?;
    let protocol = sha256_file(&arguments.protocol)?.to_string();
    let metrics = sha256_file(&arguments.metrics)?.to_string();
    let mut records = vec![
        Record::Audit { request: request.clone(), run: run.clone(), protocol, metrics },
        Record::Verdict { request: request.clone(), run, verdict: arguments.verdict.name().to_string() },
    ];
    if arguments.verdict.passes() {
        records.push(Record::Status { request: request.clone(), status: Status::Verified, refusal: None });
    }
    let state = ledger.step(&request, &records)?;
    Ok(Shown::of(state, Vec::new()).with_next(&arguments.ledger).outcome("ledger.audit"))
}
