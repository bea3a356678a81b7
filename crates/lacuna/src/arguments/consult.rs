//! The check of a model against the ledger before it is used.
//!
//! A file is known by its content under the guard's key where a purge deleted it, by its SHA-256 where a run wrote down
//! whom it holds, and by the lineage beside it. No person is named: the ledger's pseudonyms are used here too.

use crate::context::Context;
use crate::error::CliError;
use crate::lineage;
use clap::Args;
use lacuna_exact::{Ensemble, MANIFEST};
use lacuna_ledger::{
    Digest, Holds, Ledger, Pseudonym, Record, RemovalKind, Removed, RequestState, Status, sha256_file,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The ledger to ask before a model is used.
#[derive(Args)]
pub struct ConsultArguments {
    /// Ask this ledger whether the model may still be used: one that a request deleted, or that holds a person who was
    /// erased, is refused
    #[arg(long, env = "LACUNA_LEDGER", value_name = "FILE")]
    ledger: Option<PathBuf>,
}

/// What the model is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To segment people's images.
    Use,
    /// To make it forget a subject, which may be just what is missing.
    Unlearn,
}

impl ConsultArguments {
    /// The ledger, if one is named.
    pub fn ledger(&self) -> Option<&PathBuf> {
        self.ledger.as_ref()
    }

    /// Refuse a model that has to be gone, and say what else the ledger knows against it.
    ///
    /// # Errors
    /// A ledger that cannot be read, or a model that must not be used.
    pub fn check(&self, model: &Path, purpose: Purpose, context: &Context) -> Result<(), CliError> {
        let Some(path) = &self.ledger else { return Ok(()) };
        let ledger = Ledger::open(path)?;
        let removed = ledger.view().removed()?;
        for file in files(model)? {
            refuse_removed(&ledger, &removed, &file)?;
            for state in requests_against(&ledger, &file)? {
                let done = [Status::Executed, Status::Verified, Status::Closed].contains(&state.status);
                let (request, subject, file) = (&state.request, &state.subject, file.display());
                match (done, purpose) {
                    (true, Purpose::Use) => {
                        return Err(CliError::Data {
                            what: format!(
                                "{file}: expected a model without erased subjects, found one that holds the subject \
                                 {subject} of request {request}; fix: the model that the request made (`lacuna ledger \
                                 show {request}`), and `lacuna trace --purge` for this one"
                            ),
                        });
                    }
                    (true, Purpose::Unlearn) => context.note(&format!(
                        "warning  {file} still holds the subject {subject}, whom request {request} erased elsewhere"
                    )),
                    (false, Purpose::Use) => context.note(&format!(
                        "warning  {file} holds the subject {subject}, whose request {request} is {} and due on {}",
                        state.status.name(),
                        state.due.day
                    )),
                    (false, Purpose::Unlearn) => {}
                }
            }
        }
        Ok(())
    }
}

/// The file, or the manifest of an exact training's folder and the models that it names.
fn files(model: &Path) -> Result<Vec<PathBuf>, CliError> {
    if !model.is_dir() {
        return Ok(vec![model.to_path_buf()]);
    }
    let shards = Ensemble::open(model)?;
    Ok(std::iter::once(model.join(MANIFEST)).chain(shards.files().map(Path::to_path_buf)).collect())
}

fn refuse_removed(ledger: &Ledger, removed: &BTreeMap<Digest, Removed>, file: &Path) -> Result<(), CliError> {
    let mark = ledger.keyring().file_mark(&lacuna_disk::digest_file(file)?);
    let Some(Removed { request, how, .. }) = removed.get(&mark) else { return Ok(()) };
    let file = file.display();
    let (done, fix) = match how {
        RemovalKind::Quarantined => ("moved to quarantine", "the model that the request made"),
        _ => ("deleted", "delete it again (`lacuna trace --purge`), and see where it came back from"),
    };
    Err(CliError::Data {
        what: format!(
            "{file}: expected a model that may still be there, found one that request {request} {done}; fix: {fix}"
        ),
    })
}

/// Requests, neither refused nor withdrawn, of people whom the model holds.
fn requests_against(ledger: &Ledger, file: &Path) -> Result<Vec<RequestState>, CliError> {
    let held = held_by(ledger, file)?;
    let mut requests = ledger.requests()?;
    requests.retain(|state| held.contains(&state.subject) && state.refusal.is_none());
    Ok(requests)
}

/// The pseudonyms of those in the model, by the ledger's memberships and by the lineage beside the file.
fn held_by(ledger: &Ledger, file: &Path) -> Result<BTreeSet<Pseudonym>, CliError> {
    let digest = sha256_file(file)?.to_string();
    let mut held = BTreeSet::new();
    for record in ledger.view().records_of_kind("membership")? {
        if let Record::Membership { model, subject, holds } = record
            && model == digest
        {
            // A later record says what holds now.
            if holds == Holds::Weights {
                held.insert(subject)
            } else {
                held.remove(&subject)
            };
        }
    }
    // The lineage is compared with the weights when these are read; here only its list of people counts.
    if let Some(lineage) = lineage::unchecked_beside(file)? {
        for subject in lineage.trained.difference(&lineage.forgotten()) {
            held.extend(ledger.keyring().find(subject.as_str())?);
        }
    }
    Ok(held)
}
