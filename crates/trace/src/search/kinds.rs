//! Every kind of file that a search judges, and the files that are of none.

use super::Search;
use crate::mentions;
use crate::models::may_be_a_model;
use crate::report::Unknown;
use lacuna_runs::Shown;
use std::io::ErrorKind;
use std::path::Path;

/// A kind of file, by what says whether it holds the person.
///
/// A new kind is a variant here: then the compiler asks how its files are recognised, and the test that makes one file of
/// each kind asks for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// An image, label map, table or list of a data set: by the listing of the data set.
    DataSet,
    /// A file of a data set of a bucket that was copied into a cache: by the listing of the copy.
    CopiedDataSet,
    /// A prepared scan: by the digest of its image.
    PreparedScan,
    /// A page with slices, or the list of people beside it: by that list.
    Page,
    /// A document, table, setting or sealed record that lacuna wrote: by its own fields.
    Ours,
    /// A state, model or record of losses of an exact training: by the manifest of the training.
    ExactTraining,
    /// What a verb entered in a register: by the entry.
    Registered,
    /// A network, a checkpoint, or an archive that may hold one: by lineage, records, parents and content.
    Weights,
    /// Numbers by epoch for TensorBoard, which name no subject.
    EventLog,
    /// Any other text: it is searched for mentions of the person.
    Text,
}

impl FileKind {
    /// Every kind, in the order in which a file is recognised.
    pub const ALL: [FileKind; 10] = [
        FileKind::DataSet,
        FileKind::CopiedDataSet,
        FileKind::PreparedScan,
        FileKind::Page,
        FileKind::Ours,
        FileKind::ExactTraining,
        FileKind::Registered,
        FileKind::Weights,
        FileKind::EventLog,
        FileKind::Text,
    ];
}

const OF_NO_KIND: &str = "a file in a run folder of a kind that lacuna does not know, so nothing says whom it holds; fix: \
                          look at it, then move it out of the run folder or delete it";

impl Search<'_> {
    /// Files of run folders that are of no known kind, and files that cannot be read: each is listed, since it may hold
    /// the person.
    pub(super) fn unjudged(&mut self) {
        for path in self.walked.files.iter().filter(|path| !self.found.contains_key(*path)) {
            match std::fs::File::open(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    let why = format!("the file cannot be read: {error}");
                    self.report.unattributed.push(Unknown::new(path, why));
                }
                _ if self.survey.run_of(path).is_some() && self.kind_of(path).is_none() => {
                    self.report.unattributed.push(Unknown::new(path, OF_NO_KIND));
                }
                _ => {}
            }
        }
    }

    /// The first kind that a file is of.
    fn kind_of(&self, path: &Path) -> Option<FileKind> {
        FileKind::ALL.into_iter().find(|kind| self.is_of(path, *kind))
    }

    fn is_of(&self, path: &Path, kind: FileKind) -> bool {
        match kind {
            FileKind::DataSet => self.is_in_data(path),
            FileKind::CopiedDataSet => self.copies.iter().any(|copy| path.starts_with(copy)),
            FileKind::PreparedScan => super::is_prepared(path),
            FileKind::Page => {
                let list = path.with_extension("subjects.json");
                Shown::is_beside_a_page(path) || self.walked.files.contains(&list)
            }
            FileKind::Ours => self.report.ours.contains_key(path),
            FileKind::ExactTraining => self.exact.found.contains_key(path) || self.exact.others.contains(path),
            FileKind::Registered => self.survey.entry_of(path).is_some(),
            FileKind::Weights => may_be_a_model(path),
            FileKind::EventLog => has_name(path, |name| name.starts_with("events.out.tfevents.")),
            FileKind::Text => mentions::is_text(path),
        }
    }
}

fn has_name(path: &Path, is: impl Fn(&str) -> bool) -> bool {
    path.file_name().is_some_and(|name| is(&name.to_string_lossy()))
}
