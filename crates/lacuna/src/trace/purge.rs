//! Carrying a plan out: the ledger first, then the transaction.
//!
//! What will be removed is written into the ledger before the purge is decided. A crash in between leaves files that the
//! ledger calls removed; the next trace finds them as such, and the next purge removes them.

use super::plan::{How, Plan, Step};
use super::quarantine::{Quarantine, Receipt, State};
use crate::error::CliError;
use lacuna_ledger::{Ledger, Record, RemovalKind, random_hex};
use std::path::Path;

/// Carry a plan out.
///
/// # Errors
/// A file that cannot be moved or written, or a request that is not at a point where anything is removed.
pub fn purge(runs: &Path, plan: &Plan, ledger: Option<(&mut Ledger, &str)>) -> Result<Receipt, CliError> {
    if plan.is_empty() {
        return Ok(Receipt { quarantine: None, folder: None, steps: Vec::new(), pseudonym: plan.pseudonym.clone() });
    }
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
pub fn finish(runs: &Path) -> Result<usize, CliError> {
    let mut finished = 0;
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
pub fn quarantines_of(runs: &Path, request: &str) -> Result<Vec<Quarantine>, CliError> {
    let mut all = Quarantine::all(runs)?;
    all.retain(|quarantine| quarantine.journal().request.as_deref() == Some(request));
    Ok(all)
}

/// What a ledger is told when the quarantines of a request are deleted for good.
///
/// # Errors
/// A journal that cannot be read.
pub fn deletions(runs: &Path, request: &str, ledger: &Ledger) -> Result<Vec<Record>, CliError> {
    let of_quarantine =
        |quarantine: &Quarantine| records(&quarantine.journal().steps, request, ledger, &|_| RemovalKind::Deleted);
    Ok(quarantines_of(runs, request)?.iter().flat_map(of_quarantine).collect())
}

/// Delete for good what was set aside for a request that is still open, after writing that down; how many files.
///
/// # Errors
/// A file that cannot be deleted, or a request that is closed.
pub fn delete_quarantined(runs: &Path, request: &str, ledger: &mut Ledger) -> Result<usize, CliError> {
    let records = deletions(runs, request, ledger)?;
    let known = ledger.view().records_of(request)?;
    let new: Vec<Record> = records.into_iter().filter(|record| !known.contains(record)).collect();
    if !new.is_empty() {
        ledger.step(request, &new)?;
    }
    let mut deleted = 0;
    for quarantine in quarantines_of(runs, request)? {
        deleted += quarantine.delete()?.steps.len();
    }
    Ok(deleted)
}

/// Put back what was set aside, and write that down where it belongs to a request.
///
/// # Errors
/// A file that cannot be put back, or a request that is closed.
pub fn restore(quarantine: Quarantine, ledger: Option<&mut Ledger>) -> Result<Vec<Step>, CliError> {
    if let (Some(ledger), Some(request)) = (ledger, quarantine.journal().request.clone()) {
        let records = records(&quarantine.journal().steps, &request, ledger, &|_| RemovalKind::Restored);
        ledger.step(&request, &records)?;
    }
    Ok(quarantine.restore()?.steps)
}

/// What the ledger is told of steps: a renamed folder has no content.
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
