//! Which files a request took out of use, by what they held.

use crate::{Digest, Holds, LedgerError, Record, RemovalKind, View};
use std::collections::BTreeMap;

/// What a request did with a file of a certain content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The request.
    pub request: String,
    /// What the content was to the subject.
    pub holds: Holds,
    /// What was done last.
    pub how: RemovalKind,
}

impl View<'_> {
    /// Contents that should be nowhere outside a quarantine: deleted, moved there, or rewritten; not those put back.
    ///
    /// A file that was only renamed keeps its content, which is then no sign of anything.
    ///
    /// # Errors
    /// A row that cannot be read or understood.
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
