//! The contents of files that requests removed, so that a file that returns is recognised.

use crate::{Digest, Holds, LedgerError, Record, RemovalKind, View};
use std::collections::BTreeMap;

/// The removal of a file's content by a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The name of the request.
    pub request: String,
    /// The kind of data that the content held.
    pub holds: Holds,
    /// The last operation on the content.
    pub how: RemovalKind,
}

impl View<'_> {
    /// The contents that should exist nowhere outside a quarantine, by digest: deleted, quarantined or rewritten files,
    /// without those that were restored.
    ///
    /// Renamed files are left out: their content is unchanged and does not show a removal.
    ///
    /// # Errors
    /// If a row cannot be read or is no valid record.
    pub fn removed(&self) -> Result<BTreeMap<Digest, Removed>, LedgerError> {
        let mut removed = BTreeMap::new();
        let deletions = self.records_of_kind("deletion")?;
        for record in deletions.into_iter().chain(self.records_of_kind("removal")?) {
            match record {
                Record::Deletion { request, artefact, holds, .. } => {
                    removed.insert(artefact, Removed { request, holds, how: RemovalKind::Deleted });
                }
                Record::Removal { artefact, how: RemovalKind::Restored, .. } => {
                    removed.remove(&artefact);
                }
                Record::Removal { how: RemovalKind::Renamed, .. } => {}
                Record::Removal { request, artefact, holds, how, .. } => {
                    removed.insert(artefact, Removed { request, holds, how });
                }
                _ => {}
            }
        }
        Ok(removed)
    }
}
