//! What the ledger is told of the runs of a request, before them and after.

use super::evidence;
use super::progress::Progress;
use crate::command::ledger::is_passing;
use crate::error::CliError;
use lacuna_ledger::{Digest, Holds, Ledger, Record, RequestState, Status};

/// Before anything runs: what will run, and what will be measured of it. What is there already is not written again.
pub fn register(ledger: &mut Ledger, request: &str, progress: &Progress) -> Result<(), CliError> {
    let known = ledger.view().records_of(request)?;
    let mut records = Vec::new();
    for run in &progress.runs {
        let protocol = Record::Protocol {
            request: request.to_string(),
            run: run.run.clone(),
            protocol: progress.protocol.to_string(),
        };
        if !known.contains(&protocol) {
            records.extend([protocol, of_run(request, progress, run, None)]);
        }
    }
    if !records.is_empty() {
        ledger.step(request, &records)?;
    }
    Ok(())
}

/// After all of them: models, membership, runs, measurements and verdicts, unless they are there.
pub fn write_down(ledger: &mut Ledger, state: &RequestState, progress: &Progress) -> Result<(), CliError> {
    let request = &state.request;
    let known = ledger.view().records_of(request)?;
    let metrics = Digest::of(&[&evidence::metrics(progress)]).to_string();
    let mut records = Vec::new();
    for (run, made) in progress.made() {
        let (before, after) = (run.before.to_string(), made.after.to_string());
        let of_run = of_run(request, progress, run, Some(after.clone()));
        if known.contains(&of_run) {
            continue;
        }
        let model = |model: &str, parent, config| Record::Model { model: model.to_string(), parent, config };
        let membership =
            |model: &str, holds| Record::Membership { model: model.to_string(), subject: state.subject.clone(), holds };
        let verdict = evidence::verdict_of(run).to_string();
        records.extend([
            model(&before, None, None),
            membership(&before, Holds::Weights),
            model(&after, Some(before.clone()), Some(progress.recipe.clone())),
            membership(&after, Holds::Forgotten),
            of_run,
            Record::Audit {
                request: request.clone(),
                run: run.run.clone(),
                protocol: progress.protocol.to_string(),
                metrics: metrics.clone(),
            },
            Record::Verdict { request: request.clone(), run: run.run.clone(), verdict },
        ]);
    }
    if records.is_empty() {
        return Ok(());
    }
    let status = |status| Record::Status { request: request.clone(), status, refusal: None };
    records.push(status(Status::Executed));
    // The weakest of the verdicts decides.
    if is_passing(evidence::verdict(progress)) {
        records.push(status(Status::Verified));
    }
    ledger.step(request, &records)?;
    Ok(())
}

fn of_run(request: &str, progress: &Progress, run: &super::Run, after: Option<String>) -> Record {
    Record::Run {
        request: request.to_string(),
        run: run.run.clone(),
        strategy: progress.strategy.clone(),
        recipe: progress.recipe.clone(),
        before: run.before.to_string(),
        after,
    }
}
