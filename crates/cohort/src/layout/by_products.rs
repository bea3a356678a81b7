//! What a converter writes beside a series: more files of the same person.
//!
//! dcm2niix writes `NAME_Eq_1` where slices are not equally far apart, `NAME_Tilt_1` where the gantry was tilted, both
//! beside `NAME`, and `NAME_ROI1` for an overlay. Each would count as another person. (dcm2niix 1.0.20260724.)

use super::{ListedScan, PassedOver};
use std::collections::{BTreeMap, BTreeSet};

/// The name of the series that `name` was made of, if it is such a file.
fn source_of(name: &str) -> Option<&str> {
    let mut rest = name;
    while let Some(shorter) = without_mark(rest) {
        rest = shorter;
    }
    (rest.len() < name.len() && !rest.is_empty()).then_some(rest)
}

fn without_mark(name: &str) -> Option<&str> {
    let without_number = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let has_number = without_number.len() < name.len();
    match without_number.strip_suffix("_ROI") {
        Some(before) if has_number => return Some(before),
        _ => {}
    }
    let without_number = if has_number { without_number.strip_suffix('_')? } else { name };
    without_number.strip_suffix("_Eq").or_else(|| without_number.strip_suffix("_Tilt"))
}

/// A scan of the same series as one that is kept.
pub(crate) struct ByProduct {
    pub scan: ListedScan,
    /// The name of the scan that is kept, whose person this is of.
    pub kept: String,
}

impl ByProduct {
    /// What is reported of it.
    pub fn passed_over(&self) -> PassedOver {
        report(&self.scan, &self.kept)
    }
}

/// The scans without those that were made of the series of another one, and these. Names in `wanted` stay: a table of
/// the user's lists them.
///
/// Of a series and what was made of it the only one with a label map is taken, else the series itself.
pub(crate) fn without_by_products(
    scans: Vec<ListedScan>,
    wanted: &BTreeSet<String>,
) -> (Vec<ListedScan>, Vec<ByProduct>) {
    let names: BTreeSet<&str> = scans.iter().map(|scan| scan.name.as_str()).collect();
    let mut made_of: BTreeMap<String, Vec<&ListedScan>> = BTreeMap::new();
    for scan in scans.iter().filter(|scan| scan.subject.is_none() && !wanted.contains(&scan.name)) {
        if let Some(source) = source_of(&scan.name).filter(|source| names.contains(source)) {
            made_of.entry(source.to_string()).or_default().push(scan);
        }
    }
    let mut left_out = BTreeMap::new();
    for (source, mut group) in made_of {
        group.extend(scans.iter().find(|scan| scan.name == source && !wanted.contains(&source)));
        let labelled: Vec<&&ListedScan> = group.iter().filter(|scan| scan.label.is_some()).collect();
        let kept = if let [only] = labelled[..] { only.name.clone() } else { source };
        left_out.extend(group.iter().filter(|scan| scan.name != kept).map(|scan| (scan.name.clone(), kept.clone())));
    }
    let (out, kept): (Vec<_>, Vec<_>) = scans.into_iter().partition(|scan| left_out.contains_key(&scan.name));
    let by_product = |scan: ListedScan| ByProduct { kept: left_out[&scan.name].clone(), scan };
    (kept, out.into_iter().map(by_product).collect())
}

fn report(scan: &ListedScan, kept: &str) -> PassedOver {
    let found =
        format!("of the same series as `{kept}`, as dcm2niix names what it makes of one; not counted as a person");
    let fix = match scan.name.contains("_ROI") {
        true => "move it elsewhere: it is an overlay drawn on the image, no image",
        false => {
            "hold both files against the positions of the slices in the DICOM files, keep the one that has them, and move \
             the other elsewhere; or list both scans in subjects.tsv"
        }
    };
    PassedOver::new(&scan.images[0], found, fix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn scan(name: &str, labelled: bool) -> ListedScan {
        let file = PathBuf::from(format!("{name}.nii.gz"));
        ListedScan { name: name.into(), subject: None, label: labelled.then(|| file.clone()), images: vec![file] }
    }

    #[track_caller]
    fn check(names: &[(&str, bool)], wanted: &[&str], expected: &[&str]) {
        let scans = names.iter().map(|(name, labelled)| scan(name, *labelled)).collect();
        let (kept, out) = without_by_products(scans, &wanted.iter().map(|name| name.to_string()).collect());
        assert_eq!(kept.iter().map(|scan| scan.name.as_str()).collect::<Vec<_>>(), expected);
        assert_eq!(kept.len() + out.len(), names.len(), "nothing disappears without a word");
    }

    #[test]
    fn what_was_made_of_a_series_is_nobody_else() {
        let names = ["2_CT", "2_CT_Eq_1", "4_CT", "4_CT_Tilt_1", "4_CT_Tilt_Eq_1", "6_MR", "6_MR_ROI1"];
        check(&names.map(|name| (name, true)), &[], &["2_CT", "4_CT", "6_MR"]);
    }
    #[test]
    fn of_a_series_the_labelled_file_is_taken() {
        check(&[("a", false), ("a_Eq_1", true)], &[], &["a_Eq_1"]);
        check(&[("a", false), ("a_Eq_1", false)], &[], &["a"]);
    }
    #[test]
    fn a_name_alone_or_listed_by_the_user_stays() {
        check(&[("a_Eq_1", true), ("b", true)], &[], &["a_Eq_1", "b"]);
        check(&[("a", true), ("a_Tilt_1", true)], &["a", "a_Tilt_1"], &["a", "a_Tilt_1"]);
    }
    #[test]
    fn other_names_are_names() {
        for name in ["a_1", "a_Eq1x", "aROI1", "a_ROI", "_Eq_1", "Eq_1", "a_Equal"] {
            assert_eq!(source_of(name), None, "{name}");
        }
    }
}
