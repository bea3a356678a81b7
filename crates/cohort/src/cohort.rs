//! The scans of a data set, attributed to people.

use crate::error::{all_of, in_words};
use crate::layout::{self, ByProduct, Excluded, LayoutOptions, ListedScan, Listing, PassedOver};
use crate::{CohortError, ReadOptions, Scan, SubjectId, people};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The scans of a data set, each attributed to a person.
#[derive(Clone, Debug, PartialEq)]
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
    /// What lies among the scans and is not read.
    pub passed_over: Vec<PassedOver>,
    /// How its files are read.
    pub read: ReadOptions,
    /// The scans that were left out as asked.
    pub excluded: Vec<Scan>,
    /// The scans that a converter made of the series of another one, under that one's subject. They are passed over,
    /// and yet images of that person.
    pub by_products: Vec<Scan>,
    scans: Vec<Scan>,
}

impl Cohort {
    /// List the scans at `path`, a folder or a list file, and attribute each to a subject.
    ///
    /// Only names are read here, no image: a file that is missing or broken is found by
    /// [`check`](crate::check()) or when its scan is prepared.
    pub fn open(path: &Path, options: &LayoutOptions) -> Result<Cohort, CohortError> {
        if !path.exists() {
            return Err(CohortError::Missing { path: path.to_path_buf() });
        }
        let layout = layout::choose(path, options.layout.as_deref())?;
        let listing = layout.read(path, options)?;
        if listing.scans.is_empty() {
            let (path, layout, expected) = (path.to_path_buf(), layout.name(), layout.about());
            let passed_over = in_a_few_words(&listing.passed_over);
            return Err(CohortError::Empty { path, layout, expected, passed_over });
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
        let Listing { root, channels, classes_in_file, scans_declared, scans, mut passed_over } = listing;
        let (scans, by_products) = match options.subject_pattern {
            Some(_) => (scans, Vec::new()),
            None => layout::without_by_products(scans, &people::scans_listed(&root)?),
        };
        passed_over.extend(by_products.iter().map(ByProduct::passed_over));
        let mut names = BTreeSet::new();
        if let Some(twice) = scans.iter().find(|scan| !names.insert(scan.name.as_str())) {
            return Err(CohortError::DuplicateScan { root, scan: twice.name.clone() });
        }
        let named = scans.iter().map(|scan| (scan.name.as_str(), scan.subject.as_deref()));
        let people = people::attribute(&root, named, options.subject_pattern.as_ref())?;
        let scan_of = |subject: &SubjectId, scan: ListedScan| Scan {
            subject: subject.clone(),
            name: scan.name,
            images: scan.images,
            label: scan.label,
        };
        let by_products = by_products.into_iter().map(|one| scan_of(&people[&one.kept], one.scan)).collect();
        let mut scans: Vec<Scan> = scans.into_iter().map(|scan| scan_of(&people[&scan.name], scan)).collect();
        scans.sort_by(|a, b| (&a.subject, &a.name).cmp(&(&b.subject, &b.name)));
        let (excluded, scans) = left_out(scans, &options.exclude)?;
        let read = ReadOptions::of(options.tolerance_mm, options.voxels_max, options.gib_max)?;
        Ok(Cohort {
            layout,
            root,
            channels,
            classes_in_file,
            scans_declared,
            passed_over,
            read,
            excluded,
            by_products,
            scans,
        })
    }
}

/// The scans that are to be left out, and the others. A name is that of a subject if there is one, else that of a scan.
fn left_out(scans: Vec<Scan>, exclude: &[Excluded]) -> Result<(Vec<Scan>, Vec<Scan>), CohortError> {
    let subjects: BTreeSet<&str> = scans.iter().map(|scan| scan.subject.as_str()).collect();
    let is_of = |scan: &Scan, name: &str| match subjects.contains(name) {
        true => scan.subject.as_str() == name,
        false => scan.name == name,
    };
    let names = exclude.iter().map(|excluded| excluded.subject.as_str());
    let unknown: Vec<&str> = names.clone().filter(|name| !scans.iter().any(|scan| is_of(scan, name))).collect();
    if !unknown.is_empty() {
        return Err(CohortError::UnknownSubject { subjects: in_words(unknown), known: all_of(&subjects) });
    }
    let is_out: Vec<bool> = scans.iter().map(|scan| names.clone().any(|name| is_of(scan, name))).collect();
    if is_out.iter().all(|out| *out) {
        return Err(CohortError::NobodyLeft);
    }
    let mut is_out = is_out.into_iter();
    Ok(scans.into_iter().partition(|_| is_out.next() == Some(true)))
}

/// What goes on from "no scan".
fn in_a_few_words(passed_over: &[PassedOver]) -> String {
    match passed_over {
        [] => String::new(),
        [one] => format!("; {} is {}, {}", one.path.display(), one.found, one.fix),
        [one, more @ ..] => {
            format!("; {} is {}, {} (and {} more)", one.path.display(), one.found, one.fix, more.len())
        }
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
    fn what_is_not_read_is_kept_and_said_where_nothing_else_is_there() {
        let folder = plain(&["a", "a_Eq_1"]);
        let file = |name: &str| folder.path().join("images").join(name);
        lacuna_disk::write_bytes(&file("b.mgz"), b"").unwrap();
        let cohort = Cohort::open(folder.path(), &LayoutOptions::default()).unwrap();
        assert_eq!((cohort.scans().len(), cohort.passed_over.len()), (1, 2));
        // It is passed over, and still an image of the same person.
        let by_product = &cohort.by_products[0];
        assert_eq!((by_product.name.as_str(), by_product.subject.as_str()), ("a_Eq_1", "a"));
        std::fs::remove_file(file("a.nii.gz")).unwrap();
        std::fs::remove_file(file("a_Eq_1.nii.gz")).unwrap();
        std::fs::remove_dir_all(folder.path().join("labels")).unwrap();
        let options = LayoutOptions { layout: Some("plain".into()), ..LayoutOptions::default() };
        let message = Cohort::open(folder.path(), &options).unwrap_err().to_string();
        assert!(message.contains("found no scan; ") && message.contains("b.mgz is a FreeSurfer volume"), "{message}");
    }

    #[test]
    fn a_subject_or_one_scan_can_be_left_out_and_is_kept_by_name() {
        let folder = plain(&["a_1", "a_2", "b_1"]);
        let open = |names: &[&str]| {
            let excluded = |name: &&str| Excluded { subject: name.to_string(), reason: None };
            let exclude = names.iter().map(excluded).collect();
            let subject_pattern = Some("{subject}_*".parse().unwrap());
            Cohort::open(folder.path(), &LayoutOptions { exclude, subject_pattern, ..LayoutOptions::default() })
        };
        let left = |names: &[&str]| -> Vec<String> {
            open(names).unwrap().scans().iter().map(|scan| scan.name.clone()).collect()
        };
        assert_eq!(left(&["a"]), ["b_1"]);
        assert_eq!(left(&["a_2"]), ["a_1", "b_1"]);
        assert_eq!(open(&["a_2"]).unwrap().excluded[0].name, "a_2");
        let message = open(&["c"]).unwrap_err().to_string();
        assert!(message.contains("no subject c; fix: choose from a, b"), "{message}");
        assert!(open(&["a", "b"]).unwrap_err().is_config());
    }

    #[test]
    fn a_folder_that_is_not_there_is_called_missing() {
        let error = Cohort::open(Path::new("/nowhere/headz"), &LayoutOptions::default()).unwrap_err();
        assert_eq!(error.to_string(), "/nowhere/headz: no such file or folder; fix: check the path");
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
