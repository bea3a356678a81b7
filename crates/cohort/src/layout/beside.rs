//! Label maps that lie beside their images, as BraTS has them: `NAME_seg.nii.gz` beside `NAME.nii.gz`.
//!
//! Such a name alone proves nothing: it is a label map where the image of the rest of the name lies in the same folder,
//! where no label map has its name, and where no table lists it as a scan.

use super::volumes::PassedOver;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// How the names of label maps end.
const MARKS: [&str; 2] = ["_seg", "-seg"];

/// The name of the image of which a volume of this name would be the label map.
fn image_of(name: &str) -> Option<&str> {
    MARKS.iter().find_map(|mark| name.strip_suffix(mark)).filter(|image| !image.is_empty())
}

/// Label maps that lie beside images, by the names of these.
#[derive(Default)]
pub(super) struct Beside(BTreeMap<String, Vec<PathBuf>>);

impl Beside {
    /// The volumes of one folder without the label maps among them, which are kept here; volumes called by one of
    /// `images` stay, however they end.
    pub fn without(&mut self, named: Vec<(String, PathBuf)>, images: &BTreeSet<String>) -> Vec<(String, PathBuf)> {
        let names: BTreeSet<String> = named.iter().map(|(name, _)| name.clone()).collect();
        let mut kept = Vec::new();
        for (name, path) in named {
            let image = image_of(&name).filter(|image| names.contains(*image) && !images.contains(&name));
            match image {
                Some(image) => self.0.entry(image.to_string()).or_default().push(path),
                None => kept.push((name, path)),
            }
        }
        kept
    }

    /// The only label map beside an image of `images` that has none in `labels`; all others are reported.
    pub fn labels(
        self,
        images: &BTreeSet<&String>,
        labels: &BTreeMap<String, PathBuf>,
    ) -> (BTreeMap<String, PathBuf>, Vec<PassedOver>) {
        let (mut found, mut passed_over) = (BTreeMap::new(), Vec::new());
        for (image, maps) in self.0 {
            let why = match &maps[..] {
                _ if labels.contains_key(&image) => "a label map beside an image that has one in labels/",
                [only] if images.contains(&image) => {
                    found.insert(image, only.clone());
                    continue;
                }
                [_] => "a label map of a label map by its name",
                _ => "one of several label maps beside an image",
            };
            let fix = "keep one label map of each image, or list it in subjects.tsv if it is an image";
            passed_over.extend(maps.iter().map(|map| PassedOver::new(map, why, fix)));
        }
        (found, passed_over)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LayoutOptions, Listing, Plain, folder_of};
    use super::*;
    use crate::CohortError;
    use crate::layout::Layout;

    fn read(files: &[&str], table: &str) -> Result<Listing, CohortError> {
        let folder = folder_of(files);
        if !table.is_empty() {
            lacuna_disk::write_bytes(&folder.path().join("subjects.tsv"), table.as_bytes()).unwrap();
        }
        Plain.read(folder.path(), &LayoutOptions::default())
    }

    /// Scans with the file names of their label maps, and what is passed over.
    fn found(files: &[&str], table: &str) -> (Vec<(String, Option<String>)>, Vec<String>) {
        let listing = read(files, table).unwrap();
        let file = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        let scans = listing.scans.into_iter().map(|scan| (scan.name, scan.label.as_ref().map(file)));
        (scans.collect(), listing.passed_over.iter().map(|one| file(&one.path)).collect())
    }

    #[track_caller]
    fn check(files: &[&str], table: &str, scans: &[(&str, Option<&str>)], passed_over: &[&str]) {
        let expected = scans.iter().map(|(name, label)| (name.to_string(), label.map(str::to_string))).collect();
        assert_eq!(found(files, table), (expected, passed_over.iter().map(|name| name.to_string()).collect()));
    }

    #[test]
    fn a_label_map_beside_its_image_is_read_and_is_no_person() {
        let files = ["images/a.nii.gz", "images/a_seg.nii.gz", "images/b.nii", "images/b-seg.nii.gz", "images/c.nii"];
        let scans = [("a", Some("a_seg.nii.gz")), ("b", Some("b-seg.nii.gz")), ("c", None)];
        check(&files, "", &scans, &[]);
    }
    #[test]
    fn with_several_channels_one_of_them_may_hold_it() {
        let files = ["images/t1/a.nii", "images/t2/a.nii", "images/t2/a_seg.nii"];
        check(&files, "", &[("a", Some("a_seg.nii"))], &[]);
        let twice = [&files[..], &["images/t1/a_seg.nii"]].concat();
        check(&twice, "", &[("a", None)], &["a_seg.nii", "a_seg.nii"]);
    }
    #[test]
    fn what_could_mean_two_things_is_passed_over() {
        let files = ["images/a.nii", "images/a_seg.nii", "labels/a.nii.gz"];
        check(&files, "", &[("a", Some("a.nii.gz"))], &["a_seg.nii"]);
        check(
            &["images/a.nii", "images/a_seg.nii", "images/a-seg.nii"],
            "",
            &[("a", None)],
            &["a-seg.nii", "a_seg.nii"],
        );
        let files = ["images/a.nii", "images/a_seg.nii", "images/a_seg_seg.nii"];
        check(&files, "", &[("a", Some("a_seg.nii"))], &["a_seg_seg.nii"]);
    }
    #[test]
    fn an_image_that_only_ends_so_stays_an_image() {
        check(&["images/a_seg.nii", "images/b.nii"], "", &[("a_seg", None), ("b", None)], &[]);
        let files = ["images/a.nii", "images/a_seg.nii", "labels/a.nii", "labels/a_seg.nii"];
        check(&files, "", &[("a", Some("a.nii")), ("a_seg", Some("a_seg.nii"))], &[]);
        let table = "scan\tsubject\na\tanna\na_seg\tanna\n";
        check(&["images/a.nii", "images/a_seg.nii"], table, &[("a", None), ("a_seg", None)], &[]);
    }
}
