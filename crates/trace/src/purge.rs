//! Carrying a plan out: the ledger first, then the transaction.
//!
//! What will be removed is written into the ledger before the purge is decided. A crash in between leaves files that the
//! ledger calls removed; the next trace finds them as such, and the next purge removes them.

use crate::error::{TraceError, refused};
use crate::plan::{How, Plan, Step};
use crate::quarantine::{Quarantine, Receipt, State};
use lacuna_ledger::{Ledger, Record, RemovalKind, RequestState, random_hex};
use std::path::Path;

/// Carry a plan out.
///
/// # Errors
/// A file that cannot be moved or written, or a request that is not at a point where anything is removed.
pub fn purge(runs: &Path, plan: &Plan, ledger: Option<(&mut Ledger, &str)>) -> Result<Receipt, TraceError> {
    if plan.is_empty() {
        return Ok(Receipt { quarantine: None, folder: None, steps: Vec::new(), pseudonym: plan.pseudonym.clone() });
    }
    let _lock = lock(runs)?;
    let request = ledger.as_ref().map(|(_, request)| request.to_string());
    let name = request.clone().unwrap_or_else(|| format!("purge-{}", random_hex::<4>()));
    if let Some((ledger, request)) = ledger {
        let records = records(&plan.steps, request, ledger, &|how| how.removal());
        ledger.step(request, &records)?;
    }
    let mut quarantine = Quarantine::prepare(runs, &name, plan, request.as_deref())?;
    quarantine.decide()?;
    quarantine.carry_out()?;
    Ok(quarantine.receipt())
}

/// Finish purges that were decided and did not come to their end; how many.
///
/// # Errors
/// As [`purge`].
pub fn finish(runs: &Path) -> Result<usize, TraceError> {
    let mut finished = 0;
    if Quarantine::all(runs)?.is_empty() {
        return Ok(finished);
    }
    let _lock = lock(runs)?;
    for mut quarantine in Quarantine::all(runs)? {
        if quarantine.journal().state == State::Decided {
            quarantine.carry_out()?;
            finished += 1;
        }
    }
    Ok(finished)
}

/// The quarantines of a request.
///
/// # Errors
/// A journal that cannot be read.
pub fn quarantines_of(runs: &Path, request: &str) -> Result<Vec<Quarantine>, TraceError> {
    let mut all = Quarantine::all(runs)?;
    all.retain(|quarantine| quarantine.journal().request.as_deref() == Some(request));
    Ok(all)
}

/// The records of a ledger when the quarantines of a request are deleted for good.
///
/// # Errors
/// A journal that cannot be read.
pub fn deletions(runs: &Path, request: &str, ledger: &Ledger) -> Result<Vec<Record>, TraceError> {
    let of_quarantine =
        |quarantine: &Quarantine| records(&quarantine.journal().steps, request, ledger, &|_| RemovalKind::Deleted);
    Ok(quarantines_of(runs, request)?.iter().flat_map(of_quarantine).collect())
}

/// Delete one quarantine for good, after writing that down where it belongs to an open request; how many steps it had.
///
/// # Errors
/// A file that cannot be deleted, or a request that is closed.
pub fn delete(quarantine: Quarantine, ledger: Option<&mut Ledger>) -> Result<usize, TraceError> {
    if let (Some(ledger), Some(request)) = (ledger, quarantine.journal().request.clone()) {
        let records = records(&quarantine.journal().steps, &request, ledger, &|_| RemovalKind::Deleted);
        ledger.step(&request, &records)?;
    }
    Ok(quarantine.delete()?.steps.len())
}

/// One purge at a time in a folder of runs; others wait.
fn lock(runs: &Path) -> Result<std::fs::File, TraceError> {
    let folder = runs.join(lacuna_artefacts::FOLDER).join("quarantine");
    std::fs::create_dir_all(&folder).map_err(refused(&folder, "create"))?;
    let path = folder.join("lock");
    let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(refused(&path, "open"))?;
    file.lock().map_err(refused(&path, "lock"))?;
    Ok(file)
}

/// Put back what was set aside, and write that down where it belongs to a request; how many files that signed evidence of
/// the request says were removed. Those are put back only where `against_evidence` says so.
///
/// # Errors
/// A file that cannot be put back, a request that is closed, evidence that says otherwise.
pub fn restore(
    quarantine: Quarantine,
    ledger: Option<&mut Ledger>,
    against_evidence: bool,
) -> Result<(Vec<Step>, usize), TraceError> {
    quarantine.check_restorable()?;
    let mut contradicted = 0;
    if let (Some(ledger), Some(request)) = (ledger, quarantine.journal().request.clone()) {
        let records = records(&quarantine.journal().steps, &request, ledger, &|_| RemovalKind::Restored);
        contradicted = contradictions(ledger, &request, &records)?;
        if contradicted > 0 && !against_evidence {
            let quarantine = quarantine.name().to_string();
            return Err(TraceError::AgainstEvidence { quarantine, request, files: contradicted });
        }
        ledger.step(&request, &records)?;
    }
    Ok((quarantine.restore()?.steps, contradicted))
}

/// How many more files would then be there that the last evidence of the request says were removed.
fn contradictions(ledger: &Ledger, request: &str, restored: &[Record]) -> Result<usize, TraceError> {
    let mut course = ledger.view().records_of(request)?;
    let before = RequestState::of(request, &course)?.restored_after_evidence;
    course.extend(restored.iter().cloned());
    Ok(RequestState::of(request, &course)?.restored_after_evidence - before)
}

/// The records of steps; a renamed folder has no content.
fn records(steps: &[Step], request: &str, ledger: &Ledger, how: &dyn Fn(&How) -> RemovalKind) -> Vec<Record> {
    let of_file = |step: &&Step| !matches!(step.how, How::Rename { .. });
    let record = |step: &Step| Record::Removal {
        request: request.to_string(),
        artefact: ledger.keyring().file_mark(&step.before),
        holds: step.holds,
        bytes: step.bytes,
        how: how(&step.how),
    };
    steps.iter().filter(of_file).map(record).collect()
}
