//! The scans of a data set, attributed to people.

use crate::layout::{self, LayoutOptions, Listing};
use crate::{CohortError, Scan, SubjectId, people};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The scans of a data set, each attributed to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cohort {
    /// The name of the layout the files lie in.
    pub layout: &'static str,
    /// The folder all files lie below.
    pub root: PathBuf,
    /// The input channels, in the order of every scan's images.
    pub channels: Vec<String>,
    /// What the data set itself says of its label values, if it does.
    pub classes_in_file: Option<BTreeMap<u16, String>>,
    /// How many labelled scans the data set says it has.
    pub scans_declared: Option<usize>,
    scans: Vec<Scan>,
}

impl Cohort {
    /// List the scans at `path`, a folder or a list file, and attribute each to a subject.
    ///
    /// Only names are read here, no image: a file that is missing or broken is found by
    /// [`check`](crate::check()) or when its scan is prepared.
    pub fn open(path: &Path, options: &LayoutOptions) -> Result<Cohort, CohortError> {
        let layout = layout::choose(path, options.layout.as_deref())?;
        let listing = layout.read(path, options)?;
        if listing.scans.is_empty() {
            let (path, layout, expected) = (path.to_path_buf(), layout.name(), layout.about());
            return Err(CohortError::Empty { path, layout, expected });
        }
        Cohort::attributed(layout.name(), listing, options)
    }

    /// Every subject once, in order.
    pub fn subjects(&self) -> Vec<SubjectId> {
        self.scans.iter().map(|scan| scan.subject.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// All scans, ordered by subject and then by name.
    pub fn scans(&self) -> &[Scan] {
        &self.scans
    }

    /// The scans of one subject, in order; none if the cohort does not have the subject.
    pub fn scans_of(&self, subject: &SubjectId) -> &[Scan] {
        let first = self.scans.partition_point(|scan| scan.subject < *subject);
        let count = self.scans[first..].partition_point(|scan| scan.subject == *subject);
        &self.scans[first..first + count]
    }

    fn attributed(layout: &'static str, listing: Listing, options: &LayoutOptions) -> Result<Cohort, CohortError> {
        let Listing { root, channels, classes_in_file, scans_declared, scans } = listing;
        let mut names = BTreeSet::new();
        if let Some(twice) = scans.iter().find(|scan| !names.insert(scan.name.as_str())) {
            return Err(CohortError::DuplicateScan { root, scan: twice.name.clone() });
        }
        let named = scans.iter().map(|scan| (scan.name.as_str(), scan.subject.as_deref()));
        let people = people::attribute(&root, named, options.subject_pattern.as_ref())?;
        let mut scans: Vec<Scan> = scans
            .into_iter()
            .map(|scan| Scan {
                subject: people[&scan.name].clone(),
                name: scan.name,
                images: scan.images,
                label: scan.label,
            })
            .collect();
        scans.sort_by(|a, b| (&a.subject, &a.name).cmp(&(&b.subject, &b.name)));
        Ok(Cohort { layout, root, channels, classes_in_file, scans_declared, scans })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plain data set of empty files: nothing here opens an image.
    fn plain(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (kind, name) in ["images", "labels"].iter().flat_map(|kind| names.iter().map(move |name| (kind, name))) {
            lacuna_disk::write_bytes(&folder.path().join(kind).join(format!("{name}.nii.gz")), b"").unwrap();
        }
        folder
    }

    #[test]
    fn scans_come_in_order_of_subject_and_then_of_name() {
        let folder = plain(&["b_2", "a_9", "b_1"]);
        let options =
            LayoutOptions { subject_pattern: Some("{subject}_*".parse().unwrap()), ..LayoutOptions::default() };
        let cohort = Cohort::open(folder.path(), &options).unwrap();
        let names: Vec<&str> = cohort.scans().iter().map(|scan| scan.name.as_str()).collect();
        assert_eq!(names, ["a_9", "b_1", "b_2"]);
        let subjects = cohort.subjects();
        assert_eq!(subjects.len(), 2);
        assert_eq!(cohort.scans_of(&subjects[1]).len(), 2);
        assert!(cohort.scans_of(&SubjectId::new("c").unwrap()).is_empty());
    }

    #[test]
    fn a_name_that_occurs_twice_is_refused() {
        let folder = plain(&["a"]);
        lacuna_disk::write_bytes(&folder.path().join("images/a.nii"), b"").unwrap();
        let message = Cohort::open(folder.path(), &LayoutOptions::default()).unwrap_err().to_string();
        assert!(message.contains("the scan `a` occurs twice"), "{message}");
    }

    #[test]
    fn an_empty_data_set_says_what_was_expected() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("images")).unwrap();
        std::fs::create_dir_all(folder.path().join("labels")).unwrap();
        let error = Cohort::open(folder.path(), &LayoutOptions::default()).unwrap_err();
        assert!(!error.is_config());
        assert!(
            error.to_string().contains("layout plain: expected") && error.to_string().contains("found no scan"),
            "{error}"
        );
    }
}
