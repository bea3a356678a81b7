//! nnU-Net's `splits_final.json`: its folds, by subject.
//!
//! The file lists cases, and a case is a scan. Folds that put two scans of a person on two sides
//! are refused here, since the score on the second would be partly a memory of the first.

use crate::error::in_words;
use crate::{Cohort, CohortError, SplitLists, SubjectId};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const FILE_BYTES_MAX: u64 = 64 << 20;

#[derive(Deserialize)]
struct FoldOfCases {
    train: Vec<String>,
    val: Vec<String>,
}

/// Every fold of the file with no subject to forget yet; `val` is held out.
///
/// # Errors
/// [`CohortError::Format`] for a file that is no list of folds, a case that the cohort lacks, and
/// a person whose scans are not all on one side.
pub fn nnunet_folds(path: &Path, cohort: &Cohort) -> Result<Vec<SplitLists>, CohortError> {
    let text = lacuna_disk::read_text(path, FILE_BYTES_MAX)?;
    let folds: Vec<FoldOfCases> = serde_json::from_str(&text).map_err(|error| {
        let expected = "a list of {\"train\": [cases], \"val\": [cases]}";
        CohortError::format(path, "content", expected, error.to_string(), "copy the file from nnUNet_preprocessed")
    })?;
    if folds.is_empty() {
        return Err(CohortError::format(path, "content", "at least one fold", "none".into(), "make the splits anew"));
    }
    let of_scan: BTreeMap<&str, &SubjectId> =
        cohort.scans().iter().map(|scan| (scan.name.as_str(), &scan.subject)).collect();
    folds.iter().enumerate().map(|(number, fold)| by_subject(path, number, fold, &of_scan)).collect()
}

fn by_subject(
    path: &Path,
    number: usize,
    fold: &FoldOfCases,
    of_scan: &BTreeMap<&str, &SubjectId>,
) -> Result<SplitLists, CohortError> {
    let field = format!("fold {number}");
    let strangers: Vec<&String> =
        fold.train.iter().chain(&fold.val).filter(|case| !of_scan.contains_key(case.as_str())).collect();
    if !strangers.is_empty() {
        let fix = "name the data set that the splits were made for";
        return Err(CohortError::format(path, &field, "cases of this data set", in_words(strangers), fix));
    }
    let [train, held_out] = [&fold.train, &fold.val].map(|cases| side(cases, of_scan));
    let scattered: BTreeSet<&SubjectId> = of_scan
        .iter()
        .filter(|(case, subject)| {
            let named = |cases: &[String]| cases.iter().any(|name| name == *case);
            (train.contains(subject) && !named(&fold.train)) || (held_out.contains(subject) && !named(&fold.val))
        })
        .map(|(_, subject)| *subject)
        .collect();
    if !scattered.is_empty() {
        let fix = "make the splits anew with all scans of a person on one side";
        return Err(CohortError::format(path, &field, "all scans of a person on one side", in_words(scattered), fix));
    }
    Ok(SplitLists { train, held_out, forget: BTreeSet::new() })
}

fn side(cases: &[String], of_scan: &BTreeMap<&str, &SubjectId>) -> BTreeSet<SubjectId> {
    cases.iter().map(|case| of_scan[case.as_str()].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LayoutOptions;

    fn folds(splits: &str) -> Result<Vec<SplitLists>, CohortError> {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| lacuna_disk::write_bytes(&folder.path().join(name), text.as_bytes());
        for scan in ["a1", "a2", "b", "c"] {
            write(&format!("images/{scan}.nii"), "").unwrap();
            write(&format!("labels/{scan}.nii"), "").unwrap();
        }
        write("subjects.tsv", "scan\tsubject\na1\ta\na2\ta\nb\tb\nc\tc\n").unwrap();
        write("splits_final.json", splits).unwrap();
        let cohort = Cohort::open(folder.path(), &LayoutOptions::default()).unwrap();
        nnunet_folds(&folder.path().join("splits_final.json"), &cohort)
    }

    #[test]
    fn cases_become_people() {
        let folds = folds(r#"[{"train": ["a1", "a2", "b"], "val": ["c"]}, {"train": ["c"], "val": ["b"]}]"#).unwrap();
        let names = |side: &BTreeSet<SubjectId>| side.iter().map(|id| id.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&folds[0].train), ["a", "b"]);
        assert_eq!(names(&folds[0].held_out), ["c"]);
        assert_eq!(names(&folds[1].train), ["c"]);
    }

    #[track_caller]
    fn check_refused(splits: &str, expected: &str) {
        let message = folds(splits).unwrap_err().to_string();
        assert!(message.contains("splits_final.json") && message.contains(expected), "{message}");
    }

    #[test]
    fn a_person_on_two_sides_is_refused_by_name() {
        check_refused(r#"[{"train": ["a1", "b"], "val": ["a2", "c"]}]"#, "fold 0: expected all scans");
    }
    #[test]
    fn a_person_with_a_scan_on_no_side_is_refused_too() {
        check_refused(r#"[{"train": ["b"], "val": ["a2"]}]"#, "on one side, found a;");
    }
    #[test]
    fn a_case_of_another_data_set_is_named() {
        check_refused(r#"[{"train": ["x"], "val": ["b"]}]"#, "found x");
    }
    #[test]
    fn other_json_is_refused() {
        check_refused("{}", "expected a list of");
        check_refused("[]", "at least one fold");
    }
}
