//! What can be wrong with a cohort, with the evidence and the fix.

use crate::{GridMismatch, OutsideTable, SubjectId};
use lacuna_disk::DiskError;
use lacuna_volume::{PreprocessError, VolumeError};
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// Why a cohort, a label table or a split cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CohortError {
    /// A file could not be read or written.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A volume could not be read or written.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// A scan that is being written could not be entered into a register; the caller knows why.
    #[error("scan `{scan}`: could not be entered into the register of the folder")]
    NotEntered {
        /// The name of the scan.
        scan: String,
    },
    /// The files of one scan do not lie on one grid.
    #[error(transparent)]
    GridMismatch(Box<GridMismatch>),
    /// The preprocessing cannot be applied to a scan.
    #[error("scan `{scan}`: {source}")]
    Preprocess {
        /// The name of the scan.
        scan: String,
        /// The reason of the refusal.
        source: Box<PreprocessError>,
    },
    /// A folder could not be listed.
    #[error("{path}: cannot list the folder: {source}")]
    Folder {
        /// The folder that was read.
        path: PathBuf,
        /// The reason given.
        source: std::io::Error,
    },
    /// No layout has this name.
    #[error("no layout is called `{name}`; fix: use one of {known}")]
    UnknownLayout {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// No layout recognises the data.
    #[error(
        "{path}: no known layout.\nlooked for:\n{looked_for}found: {found}\nfix: arrange the files so, or name the layout with --layout"
    )]
    NoLayout {
        /// What was opened.
        path: PathBuf,
        /// One line per layout.
        looked_for: String,
        /// What lies there instead.
        found: String,
    },
    /// More than one layout recognises the data.
    #[error("{path}: could be any of the layouts {claimed}; fix: choose one with --layout")]
    SeveralLayouts {
        /// What was opened.
        path: PathBuf,
        /// The layouts that fit.
        claimed: String,
    },
    /// The layout fits, but no scan lies there.
    #[error(
        "{path}: layout {layout}: expected {expected}, found no scan{passed_over}; fix: check the path, or name the layout"
    )]
    Empty {
        /// What was opened.
        path: PathBuf,
        /// The layout it was read as.
        layout: &'static str,
        /// What the layout looks like.
        expected: &'static str,
        /// What lies there and is not read, in words that go on from "no scan".
        passed_over: String,
    },
    /// Nothing lies at the path.
    #[error("{path}: no such file or folder; fix: check the path")]
    Missing {
        /// What was to be opened.
        path: PathBuf,
    },
    /// A text file that describes the cohort does not say what it must.
    #[error("{path}: {field}: expected {expected}, found {found}; fix: {fix}")]
    Format {
        /// The file that was read.
        path: PathBuf,
        /// The line, key or column.
        field: String,
        /// What should stand there.
        expected: String,
        /// What stands there.
        found: String,
        /// The action that mends it.
        fix: String,
    },
    /// A file names a path outside the data set's own folder.
    #[error("{path}: `{entry}` leads outside {root}; fix: only relative paths below that folder are read")]
    LeavesRoot {
        /// The file that names the path.
        path: PathBuf,
        /// The path as named.
        entry: String,
        /// The folder it must stay in.
        root: PathBuf,
    },
    /// A file names a link that leads out of the data set's own folder.
    #[error(
        "{path}: `{entry}` is a link that leads to {target}, outside {root}; fix: put the file itself there, since paths \
         that a list names are not followed out of its folder"
    )]
    LinkLeavesRoot {
        /// The file that names the path.
        path: PathBuf,
        /// The path as named.
        entry: String,
        /// The target of the path.
        target: PathBuf,
        /// The folder it must stay in.
        root: PathBuf,
    },
    /// One name with two endings, so that nothing says which is meant.
    #[error("{folder}: the scan `{scan}` occurs twice, as {first} and {second}; fix: remove or rename one of the two")]
    TwoFiles {
        /// The folder of both files.
        folder: PathBuf,
        /// The name that both files give.
        scan: String,
        /// The name of the first file.
        first: String,
        /// The name of the second file.
        second: String,
    },
    /// Two files claim the same scan name.
    #[error("{root}: the scan `{scan}` occurs twice; fix: rename one of the two files")]
    DuplicateScan {
        /// Where the cohort lies.
        root: PathBuf,
        /// The name of the scan.
        scan: String,
    },
    /// Folders that look like people where channels are expected.
    #[error(
        "{folder}: {folders} could be people or channels: {reason}; fix: put the images of people side by side as \
         images/NAME.nii.gz, or say with --channels that the folders are channels"
    )]
    PeopleOrChannels {
        /// The folder that holds these folders.
        folder: PathBuf,
        /// The names of the folders.
        folders: String,
        /// What looks like people.
        reason: String,
    },
    /// Images and label maps do not pair up by name.
    #[error(
        "{root}: label maps without an image of the same name: {labels}; images without a label map: {images}; fix: give each pair one name"
    )]
    Unpaired {
        /// Where the cohort lies.
        root: PathBuf,
        /// Scan names that only a label map has.
        labels: String,
        /// Scan names that only an image has.
        images: String,
    },
    /// A scan cannot be attributed to a person.
    #[error("scan `{scan}`: {reason}; fix: {fix}")]
    NoSubject {
        /// The name of the scan.
        scan: String,
        /// The reason of the refusal.
        reason: String,
        /// The action that mends it.
        fix: &'static str,
    },
    /// A subject pattern that cannot be used.
    #[error("subject pattern `{pattern}`: {reason}; fix: for example `sub-{{subject}}_ses-*`")]
    Pattern {
        /// The pattern as given.
        pattern: String,
        /// The reason of the refusal.
        reason: &'static str,
    },
    /// The layout cannot hold or find these channels.
    #[error("layout {layout}: expected {expected}, found {found}; fix: {fix}")]
    Channels {
        /// The name of the layout.
        layout: &'static str,
        /// The channels possible.
        expected: String,
        /// The channels asked for.
        found: String,
        /// The action that mends it.
        fix: String,
    },
    /// Every subject of a data set is left out.
    #[error("every subject is left out by --exclude; fix: leave out fewer")]
    NobodyLeft,
    /// A tolerance that is no length.
    #[error("tolerance_mm: expected 0 or more, found {found}; fix: state a length in millimetres")]
    Tolerance {
        /// What was stated.
        found: f64,
    },
    /// Nothing of a prepared scan would be learned from or scored.
    #[error("{label_source}: {reason}; fix: {fix}, or leave the scan out with --exclude {scan}")]
    NothingCounts {
        /// The label map's file, or the scan if it came from memory.
        label_source: String,
        /// The name of the scan.
        scan: String,
        /// What became of the labels.
        reason: String,
        /// The action that mends it.
        fix: &'static str,
    },
    /// A scan that must have a label map has none.
    #[error(
        "scan `{scan}` of subject {subject} has no label map; fix: add it, or leave the scan out with --exclude {scan}"
    )]
    LabelMissing {
        /// The name of the scan.
        scan: String,
        /// The subject of the scan.
        subject: SubjectId,
    },
    /// A label table contradicts itself or is not known.
    #[error("label table `{table}`: {field}: expected {expected}, found {found}")]
    Table {
        /// The table's name.
        table: String,
        /// The key of the setting.
        field: String,
        /// What should stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A label map holds values of which the table says nothing.
    #[error(
        "{label_source}: {outside}; fix: choose another table, or add the values to your own as a class or as ignored"
    )]
    LabelsOutsideTable {
        /// The label map's file, or the scan if it came from memory.
        label_source: String,
        /// The label values outside the table.
        outside: OutsideTable,
    },
    /// A subject would be on both sides.
    #[error("subjects both in training and held out: {subjects}; fix: list each subject once")]
    BothSides {
        /// The ids of these subjects.
        subjects: String,
    },
    /// A subject to forget was never trained on.
    #[error("cannot forget {subjects}: not in the training set; fix: choose from {training}")]
    ForgetOutsideTraining {
        /// The subjects that are not there.
        subjects: String,
        /// All subjects of the training set.
        training: String,
    },
    /// A list names subjects that the cohort lacks.
    #[error("the cohort has no subject {subjects}; fix: choose from {known}")]
    UnknownSubject {
        /// The names that fit no person.
        subjects: String,
        /// All subjects of the cohort.
        known: String,
    },
    /// The cohort is too small for the split asked for.
    #[error("{wanted} needs at least {needed} subjects, the cohort has {found}; fix: hold out fewer")]
    TooFewSubjects {
        /// The split asked for.
        wanted: String,
        /// Subjects needed.
        needed: usize,
        /// Subjects there are.
        found: usize,
    },
    /// A scan that was read again is no longer what it was.
    #[error("a scan's files were changed while a run was reading them; fix: leave the data alone, and start again")]
    Changed,
    /// Two scans would be written to the same files.
    #[error(
        "{path}: is already taken when scan `{scan}` comes; fix: rename scans or subjects that differ in signs alone"
    )]
    SamePlace {
        /// The file that two scans would share.
        path: PathBuf,
        /// The second scan.
        scan: String,
    },
    /// The target folder of an export holds something already.
    #[error("{path}: not empty; fix: export into a new folder")]
    TargetNotEmpty {
        /// The folder that was read.
        path: PathBuf,
    },
}

impl CohortError {
    /// [`CohortError::Format`] of borrowed words.
    pub(crate) fn format(path: &Path, field: &str, expected: &str, found: String, fix: &str) -> CohortError {
        let (field, expected, fix) = (field.to_string(), expected.to_string(), fix.to_string());
        CohortError::Format { path: path.to_path_buf(), field, expected, found, fix }
    }

    /// Whether the request is at fault (exit code 3) rather than the data (exit code 4).
    pub fn is_config(&self) -> bool {
        use CohortError::*;
        matches!(
            self,
            UnknownLayout { .. }
                | SeveralLayouts { .. }
                | PeopleOrChannels { .. }
                | Pattern { .. }
                | Channels { .. }
                | Table { .. }
                | BothSides { .. }
                | ForgetOutsideTraining { .. }
                | UnknownSubject { .. }
                | TooFewSubjects { .. }
                | NobodyLeft
                | Tolerance { .. }
                | SamePlace { .. }
                | TargetNotEmpty { .. }
        )
    }
}

/// The first eight of `items` in one line, and how many more there are.
pub(crate) fn in_words<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    const SHOWN: usize = 8;
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.len() {
        0 => "none".to_string(),
        n if n <= SHOWN => items.join(", "),
        n => format!("{} and {} more", items[..SHOWN].join(", "), n - SHOWN),
    }
}

/// All of `items` in one line: for lists from which the reader has to choose.
pub(crate) fn all_of<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_says_how_much_it_leaves_out() {
        assert_eq!(in_words(0..0), "none");
        assert_eq!(in_words(0..3), "0, 1, 2");
        assert_eq!(in_words(0..10), "0, 1, 2, 3, 4, 5, 6, 7 and 2 more");
    }
}
