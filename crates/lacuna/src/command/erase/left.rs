//! What a second search finds after everything else was done, sorted by what it means for the evidence.

use super::models::is_same;
use super::progress::Progress;
use super::purge::Look;
use crate::error::CliError;
use lacuna_ledger::evidence::{Left, LeftFile};
use lacuna_ledger::{Holds, Keyring};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// For the evidence by content, for the operator by path.
pub struct Found {
    /// Without names.
    pub left: Left,
    /// The same files for whoever has to look at them.
    pub listed: Vec<Listed>,
}

/// A file that is left.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Where it lies.
    pub path: PathBuf,
    /// What it is to the person; nothing where that is not known.
    pub holds: Option<Holds>,
}

/// Sort what was found.
///
/// The person's own scans are removed on purpose only, and models that were replaced are kept where no removal was asked
/// for: both are counted. Every other model that holds the person is left, and so is every other file once a removal was
/// asked for.
pub fn sorted(look: &Look, progress: &Progress, purged: bool, keyring: &Keyring) -> Result<Found, CliError> {
    let mut found = Found { left: Left::default(), listed: Vec::new() };
    for held in &look.held {
        let is_replaced = || progress.made().any(|(run, _)| is_same(&run.from, &held.path));
        let is_model = matches!(held.holds, Holds::Weights | Holds::Checkpoint);
        if held.holds == Holds::Forgotten {
            continue;
        }
        if held.is_source {
            found.left.sources += 1;
        } else if !purged && is_model && is_replaced() {
            found.left.replaced_models += 1;
        } else if purged || is_model {
            found.left.holding.push(left_file(&held.path, Some(held.holds), keyring)?);
            found.listed.push(Listed { path: held.path.clone(), holds: Some(held.holds) });
        }
    }
    for path in &look.unknown {
        found.left.unknown.push(left_file(path, None, keyring)?);
        found.listed.push(Listed { path: path.clone(), holds: None });
    }
    // In an order that tells nothing of the paths.
    found.left.holding.sort();
    found.left.unknown.sort();
    Ok(found)
}

/// Whether something is left that the evidence must not pass over in silence.
pub fn is_open(left: &Left) -> bool {
    !left.holding.is_empty() || !left.unknown.is_empty()
}

fn left_file(path: &Path, holds: Option<Holds>, keyring: &Keyring) -> Result<LeftFile, CliError> {
    let digest = if path.is_file() { Some(lacuna_disk::digest_file(path)?) } else { None };
    Ok(LeftFile { holds, artefact: digest.map(|digest| keyring.file_mark(&digest)) })
}
