//! The ledger's records of the runs of a request, before and after them.

use crate::progress::{Progress, Run};
use crate::{EraseError, evidence, outcome_of, weakest_outcome};
use lacuna_ledger::{Digest, Holds, Ledger, Record, RequestState, Status};

/// Before anything runs: what will run, and what will be measured of it. What is there already is not written again.
///
/// # Errors
/// A step that the ledger refuses.
pub fn register(ledger: &mut Ledger, request: &str, progress: &Progress) -> Result<(), EraseError> {
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

/// After all of them, and before anything is removed: models, membership, runs, measurements and verdicts, unless they are
/// there. A request of which a model did not change is not executed by it.
///
/// # Errors
/// A step that the ledger refuses.
pub fn write_down(ledger: &mut Ledger, state: &RequestState, progress: &Progress) -> Result<(), EraseError> {
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
        let outcome = outcome_of(run);
        let model = |model: &str, parent, config| Record::Model { model: model.to_string(), parent, config };
        let membership =
            |model: &str, holds| Record::Membership { model: model.to_string(), subject: state.subject.clone(), holds };
        let holds = if outcome.replaces_the_model() { Holds::Forgotten } else { Holds::Weights };
        records.extend([
            model(&before, None, None),
            membership(&before, Holds::Weights),
            model(&after, Some(before.clone()), Some(progress.recipe.clone())),
            membership(&after, holds),
            of_run,
            Record::Audit {
                request: request.clone(),
                run: run.run.clone(),
                protocol: progress.protocol.to_string(),
                metrics: metrics.clone(),
            },
            Record::Verdict { request: request.clone(), run: run.run.clone(), verdict: outcome.name().to_string() },
        ]);
    }
    if records.is_empty() {
        return Ok(());
    }
    if weakest_outcome(progress).replaces_the_model() {
        records.push(status(request, Status::Executed));
    }
    ledger.step(request, &records)?;
    Ok(())
}

/// Once the search found nothing that the evidence would pass over: a request whose weakest outcome passes is verified.
///
/// # Errors
/// A step that the ledger refuses.
pub fn verify(ledger: &mut Ledger, request: &str, progress: &Progress) -> Result<(), EraseError> {
    let is_executed = ledger.find_request(request)?.status == Status::Executed;
    if is_executed && weakest_outcome(progress).passes() {
        ledger.step(request, &[status(request, Status::Verified)])?;
    }
    Ok(())
}

/// Whether the ledger holds finished runs of a request that are not among these.
///
/// # Errors
/// A ledger that cannot be read.
pub fn has_other_runs(ledger: &Ledger, request: &str, progress: Option<&Progress>) -> Result<bool, EraseError> {
    let own = |run: &str| progress.is_some_and(|progress| progress.runs.iter().any(|own| own.run == run));
    let records = ledger.view().records_of(request)?;
    Ok(records.iter().any(|record| matches!(record, Record::Run { run, after: Some(_), .. } if !own(run))))
}

fn status(request: &str, status: Status) -> Record {
    Record::Status { request: request.to_string(), status, refusal: None }
}

fn of_run(request: &str, progress: &Progress, run: &Run, after: Option<String>) -> Record {
    Record::Run {
        request: request.to_string(),
        run: run.run.clone(),
        strategy: progress.strategy.clone(),
        recipe: progress.recipe.clone(),
        before: run.before.to_string(),
        after,
    }
}
