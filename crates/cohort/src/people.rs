//! Which scan is of which person.
//!
//! Erasure is by person, so every scan must be attributed before anything else happens. In this
//! order: a pattern given by the user, the table `subjects.tsv` beside the data, the layout if it
//! names people, and else each scan is a person of its own.

use crate::error::in_words;
use crate::{CohortError, SubjectId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The table's name, beside the data.
pub const SUBJECTS_FILE: &str = "subjects.tsv";

const TABLE_BYTES_MAX: u64 = 16 << 20;

/// Where in a scan's name the subject's id stands, for example `sub-{subject}_ses-*`.
///
/// `{subject}` is the shortest non-empty run that lets the rest match, `*` any run, everything
/// else itself; the whole name must match. `{subject}` may not touch a `*`, since then nothing
/// would say where the id ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct SubjectPattern {
    before: String,
    after: String,
}

impl FromStr for SubjectPattern {
    type Err = CohortError;

    fn from_str(pattern: &str) -> Result<SubjectPattern, CohortError> {
        let refuse = |reason| CohortError::Pattern { pattern: pattern.to_string(), reason };
        let (before, after) = pattern.split_once("{subject}").ok_or_else(|| refuse("it lacks the place {subject}"))?;
        if before.contains(['{', '}']) || after.contains(['{', '}']) {
            return Err(refuse("{subject} must stand in it once, and no other braces"));
        }
        if before.ends_with('*') || after.starts_with('*') {
            return Err(refuse("{subject} touches a *, so nothing says where the id ends"));
        }
        Ok(SubjectPattern { before: before.to_string(), after: after.to_string() })
    }
}

impl TryFrom<String> for SubjectPattern {
    type Error = CohortError;
    fn try_from(pattern: String) -> Result<SubjectPattern, CohortError> {
        pattern.parse()
    }
}

impl From<SubjectPattern> for String {
    fn from(pattern: SubjectPattern) -> String {
        pattern.to_string()
    }
}

impl fmt::Display for SubjectPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{{subject}}{}", self.before, self.after)
    }
}

impl SubjectPattern {
    /// The subject's part of a scan's name, if the name fits.
    pub fn find<'a>(&self, name: &'a str) -> Option<&'a str> {
        let positions: Vec<usize> = name.char_indices().map(|(index, _)| index).chain([name.len()]).collect();
        let starts = positions.iter().filter(|start| wildcard(&self.before, &name[..**start]));
        starts.into_iter().find_map(|&start| {
            let mut ends = positions.iter().filter(|end| **end > start);
            ends.find(|end| wildcard(&self.after, &name[**end..])).map(|&end| &name[start..end])
        })
    }
}

/// A scan's name, and whose it is where the layout says so.
pub(crate) type NamedScan<'a> = (&'a str, Option<&'a str>);

/// The person of each named scan.
pub(crate) fn attribute<'a>(
    root: &Path,
    scans: impl Iterator<Item = NamedScan<'a>>,
    pattern: Option<&SubjectPattern>,
) -> Result<BTreeMap<String, SubjectId>, CohortError> {
    let table = root.join(SUBJECTS_FILE);
    match pattern {
        Some(pattern) => scans.map(|(name, _)| Ok((name.to_string(), by_pattern(name, pattern)?))).collect(),
        None if table.exists() => by_table(&table, scans.map(|(name, _)| name)),
        None => {
            let own = |(name, person): NamedScan<'a>| Ok((name.to_string(), subject_id(name, person.unwrap_or(name))?));
            scans.map(own).collect()
        }
    }
}

fn by_pattern(name: &str, pattern: &SubjectPattern) -> Result<SubjectId, CohortError> {
    let found = pattern.find(name).ok_or_else(|| CohortError::NoSubject {
        scan: name.to_string(),
        reason: format!("its name does not fit the subject pattern `{pattern}`"),
        fix: "widen the pattern with *, or list scan and subject in subjects.tsv",
    })?;
    subject_id(name, found)
}

fn by_table<'a>(path: &Path, names: impl Iterator<Item = &'a str>) -> Result<BTreeMap<String, SubjectId>, CohortError> {
    let table = read_table(path)?;
    let (listed, missing): (Vec<_>, Vec<_>) = names.partition(|name| table.contains_key(*name));
    if !missing.is_empty() {
        return Err(CohortError::Format {
            path: path.to_path_buf(),
            field: "column scan".into(),
            expected: "a row for every scan".into(),
            found: format!("none for {}", in_words(missing)),
            fix: "add a row for each".into(),
        });
    }
    // Rows of scans that are not here are allowed: files leave a data set, its table stays.
    Ok(listed.into_iter().map(|name| (name.to_string(), table[name].clone())).collect())
}

#[derive(Deserialize)]
struct Row {
    scan: String,
    subject: String,
    /// Where the scan's files lie, in a layout that cannot keep every name.
    folder: Option<PathBuf>,
}

/// The names of scans whose folders the table tells, by folder; none without a table.
pub(crate) fn names_of_folders(root: &Path) -> Result<BTreeMap<PathBuf, String>, CohortError> {
    let table = root.join(SUBJECTS_FILE);
    if !table.exists() {
        return Ok(BTreeMap::new());
    }
    let named = read_rows(&table)?.into_iter().filter_map(|row| Some((row.folder?, row.scan)));
    Ok(named.filter(|(folder, _)| !folder.as_os_str().is_empty()).collect())
}

/// The scans that the table lists; none without a table.
pub(crate) fn scans_listed(root: &Path) -> Result<BTreeSet<String>, CohortError> {
    let table = root.join(SUBJECTS_FILE);
    let rows = if table.exists() { read_rows(&table)? } else { Vec::new() };
    Ok(rows.into_iter().map(|row| row.scan).collect())
}

fn read_table(path: &Path) -> Result<BTreeMap<String, SubjectId>, CohortError> {
    let mut table = BTreeMap::new();
    for row in read_rows(path)? {
        let subject = subject_id(&row.scan, &row.subject)?;
        if table.insert(row.scan.clone(), subject).is_some() {
            return Err(malformed(path, "column scan", format!("`{}` twice", row.scan)));
        }
    }
    Ok(table)
}

fn read_rows(path: &Path) -> Result<Vec<Row>, CohortError> {
    let text = lacuna_disk::read_text(path, TABLE_BYTES_MAX)?;
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').trim(csv::Trim::All).from_reader(text.as_bytes());
    reader.deserialize::<Row>().map(|row| row.map_err(|error| malformed(path, "rows", error.to_string()))).collect()
}

fn malformed(path: &Path, field: &str, found: String) -> CohortError {
    CohortError::Format {
        path: PathBuf::from(path),
        field: field.into(),
        expected: "the tab-separated columns `scan` and `subject`, each scan once".into(),
        found,
        fix: "correct the table".into(),
    }
}

fn subject_id(scan: &str, text: &str) -> Result<SubjectId, CohortError> {
    SubjectId::new(text).map_err(|error| CohortError::NoSubject {
        scan: scan.to_string(),
        reason: error.to_string(),
        fix: "list scan and subject in subjects.tsv, or give a subject pattern such as `sub-{subject}_ses-*`",
    })
}

/// Whether `text` is `pattern`, in which `*` stands for any run.
///
/// On a mismatch only the last `*` has to grow, so this is quadratic at worst, never exponential.
fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            last_star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((star, from)) = last_star {
            last_star = Some((star, from + 1));
            (p, t) = (star + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expected: Option<&str>) {
        assert_eq!(pattern.parse::<SubjectPattern>().unwrap().find(name), expected, "{pattern} on {name}");
    }

    proptest! {
        #[test]
        fn a_name_built_from_a_pattern_gives_its_subject_back(subject in "[a-z0-9]{1,8}", tail in "[ -~]{0,12}") {
            let pattern: SubjectPattern = "sub-{subject}_ses-*".parse().unwrap();
            let name = format!("sub-{subject}_ses-{tail}");
            prop_assert_eq!(pattern.find(&name), Some(subject.as_str()));
        }

        #[test]
        fn whatever_a_pattern_says_it_reads_back_and_does_not_panic(
            before in "\\PC{0,6}", after in "\\PC{0,6}", name in "\\PC{0,24}",
        ) {
            if let Ok(pattern) = format!("{before}{{subject}}{after}").parse::<SubjectPattern>() {
                pattern.find(&name);
                prop_assert_eq!(pattern.to_string().parse::<SubjectPattern>().unwrap(), pattern);
            }
        }
    }

    #[test]
    fn the_subject_ends_where_the_rest_begins() {
        check("{subject}-*", "IXI012-HH-1211", Some("IXI012"));
    }
    #[test]
    fn a_star_may_stand_in_front() {
        check("*_{subject}_*", "site_07_a_b", Some("07"));
    }
    #[test]
    fn a_whole_name_can_be_the_subject() {
        check("{subject}", "s1", Some("s1"));
    }
    #[test]
    fn an_empty_subject_does_not_match() {
        check("sub-{subject}", "sub-", None);
    }
    #[test]
    fn the_whole_name_must_match() {
        check("sub-{subject}_t1", "sub-01_t2", None);
    }

    #[test]
    fn patterns_that_leave_the_subject_open_are_refused() {
        for pattern in ["sub-*", "{subject}*", "*{subject}", "{subject}-{subject}", "{subject}-{session}"] {
            let error = pattern.parse::<SubjectPattern>().unwrap_err();
            assert!(error.is_config(), "{error}");
        }
    }

    fn attributed(table: &str, names: &[&str]) -> Result<BTreeMap<String, SubjectId>, CohortError> {
        let folder = tempfile::tempdir().unwrap();
        lacuna_disk::write_bytes(&folder.path().join(SUBJECTS_FILE), table.as_bytes()).unwrap();
        attribute(folder.path(), names.iter().map(|name| (*name, None)), None)
    }

    #[test]
    fn the_table_joins_two_scans_of_one_person() {
        let people =
            attributed("subject\tage\tscan\nanna\t40\tx1\nanna\t41\tx2\nben\t7\tgone\n", &["x1", "x2"]).unwrap();
        assert_eq!(people["x1"], people["x2"]);
        assert_eq!(people.len(), 2);
    }

    #[test]
    fn a_scan_the_table_forgets_is_named() {
        let message = attributed("scan\tsubject\nx1\tanna\n", &["x1", "x2"]).unwrap_err().to_string();
        assert!(message.contains("subjects.tsv") && message.contains("none for x2"), "{message}");
    }

    #[test]
    fn broken_tables_are_refused_with_the_reason() {
        for (table, reason) in [
            ("scan\tperson\nx1\tanna\n", "missing field `subject`"),
            ("scan\tsubject\nx1\tanna\nx1\tben\n", "`x1` twice"),
            ("scan\tsubject\nx1\t../anna\n", "`../anna` cannot be a subject id"),
            ("scan\tsubject\nx1\n", "found record with 1 fields"),
        ] {
            let message = attributed(table, &["x1"]).unwrap_err().to_string();
            assert!(message.contains(reason), "{message}");
        }
    }

    #[test]
    fn a_layout_that_names_people_is_believed_unless_table_or_pattern_say_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let scans = || [("x1", Some("anna")), ("x2", Some("anna"))].into_iter();
        assert_eq!(attribute(folder.path(), scans(), None).unwrap()["x2"].as_str(), "anna");
        let pattern = "{subject}".parse().unwrap();
        assert_eq!(attribute(folder.path(), scans(), Some(&pattern)).unwrap()["x2"].as_str(), "x2");
        let table = folder.path().join(SUBJECTS_FILE);
        lacuna_disk::write_bytes(&table, b"scan\tsubject\nx1\tben\nx2\tben\n").unwrap();
        assert_eq!(attribute(folder.path(), scans(), None).unwrap()["x2"].as_str(), "ben");
    }

    #[test]
    fn without_table_and_pattern_each_scan_is_a_person() {
        let folder = tempfile::tempdir().unwrap();
        let people = attribute(folder.path(), [("b", None), ("a", None)].into_iter(), None).unwrap();
        assert_eq!(people["a"].as_str(), "a");
        let message = attribute(folder.path(), [("a b", None)].into_iter(), None).unwrap_err().to_string();
        assert!(message.contains("scan `a b`") && message.contains("fix: list scan and subject"), "{message}");
    }
}
