//! What a second search finds after everything else was done, sorted by what it means for the evidence.

use super::models::is_part;
use super::progress::Progress;
use super::purge::Look;
use lacuna_artefacts::PortablePath;
use lacuna_ledger::evidence::{Left, LeftFile};
use lacuna_ledger::{Holds, Keyring};
use serde::Serialize;

/// For the evidence by content, for the operator by path.
pub struct Found {
    pub left: Left,
    /// The same files with their names, for the operator.
    pub listed: Vec<Listed>,
    /// Files of others that mention the person.
    pub mentions: Vec<PortablePath>,
}

/// A file that is left.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    pub path: PortablePath,
    /// What it is to the person; nothing where that is not known.
    pub holds: Option<Holds>,
    /// Why it is not known.
    pub why: Option<String>,
}

/// Sort what was found.
///
/// The person's own scans are removed on purpose only, and models that were replaced are kept where no removal was
/// asked for: both are counted. Every other model that holds the person is left, and so is every other file once a
/// removal was asked for.
pub fn sorted(look: &Look, progress: &Progress, purged: bool, keyring: &Keyring) -> Found {
    let mut found = Found { left: Left::default(), listed: Vec::new(), mentions: look.mentions.clone() };
    for held in &look.held {
        let is_replaced = || progress.made().any(|(run, _)| is_part(&run.from, &held.path.0));
        let is_model = matches!(held.holds, Holds::Weights | Holds::Checkpoint);
        if held.stays {
            continue;
        }
        if held.is_source {
            found.left.sources += 1;
        } else if !purged && is_model && is_replaced() {
            found.left.replaced_models += 1;
        } else if purged || is_model {
            let artefact = held.digest.as_ref().map(|digest| keyring.file_mark(digest));
            found.left.holding.push(LeftFile { holds: Some(held.holds), artefact });
            found.listed.push(Listed { path: held.path.clone(), holds: Some(held.holds), why: None });
        }
    }
    for unknown in &look.unknown {
        // Of what cannot be read there is no digest.
        let digest = lacuna_disk::digest_file(&unknown.path.0).ok();
        let artefact = digest.map(|digest| keyring.file_mark(&digest));
        found.left.unknown.push(LeftFile { holds: None, artefact });
        found.listed.push(Listed { path: unknown.path.clone(), holds: None, why: Some(unknown.why.clone()) });
    }
    found.left.mentions = look.mentions.len();
    // In an order that tells nothing of the paths.
    found.left.holding.sort();
    found.left.unknown.sort();
    found
}

/// Whether something is left that the evidence must not pass over in silence.
pub fn is_open(left: &Left) -> bool {
    !left.holding.is_empty() || !left.unknown.is_empty()
}
