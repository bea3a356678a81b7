//! Tables and lists of a data set that have rows of a person: whole rows are taken out, nothing is replaced within one.
//!
//! A row ties a scan to a person, so a pseudonym in it would lead from the scan to the ledger.

use crate::person::Person;
use serde_json::Value;
use std::path::Path;

const BYTES_MAX: u64 = 64 << 20;

/// Whether a table or list of a data set has a row of the person.
pub fn lists(path: &Path, person: &Person) -> bool {
    without(path, person).is_some()
}

/// The same file without the rows of the person; `None` where it has none, or is no table or list.
pub fn without(path: &Path, person: &Person) -> Option<Vec<u8>> {
    let ending = path.extension()?.to_str()?.to_lowercase();
    if !["tsv", "csv", "txt", "json"].contains(&ending.as_str()) {
        return None;
    }
    let text = String::from_utf8(lacuna_disk::read_bytes(path, BYTES_MAX).ok()?).ok()?;
    // The byte order mark is no part of the first cell, and stays where there is one.
    let (mark, text) = text.strip_prefix('\u{feff}').map_or(("", text.as_str()), |rest| ("\u{feff}", rest));
    let left = match ending.as_str() {
        "tsv" => rows(text, &['\t'], person),
        "csv" => rows(text, &[',', ';'], person),
        "txt" => lines(text, person),
        _ => document(text, path, person),
    };
    Some([mark.as_bytes(), &left?].concat())
}

/// Columns that name people.
const PEOPLE: &[&str] = &["participant_id", "subject", "subject_id", "patient", "patient_id"];
/// Columns that name scans or files; where a table has a column of people, that one decides.
const COLUMNS: &[&str] = &["scan", "scan_id", "case", "case_id", "filename", "file", "image", "label", "name", "id"];
/// Fields of an index whose entries are scans or people.
const LISTS: &[&str] = &["training", "test", "validation", "train", "val", "held_out", "forget", "subjects"];
/// Fields of an index whose keys are scans.
const KEYED: &[&str] = &["dataset"];

/// Rows of a table of which no cell in a column of people, scans or files refers to the person; the others stay as they
/// are, byte by byte. A number in another column is not an id.
fn rows(text: &str, between: &[char], person: &Person) -> Option<Vec<u8>> {
    let header = text.lines().next()?;
    let clean = |cell: &str| cell.trim().trim_start_matches('\u{feff}').trim_matches('"').to_string();
    let among = |names: &[&str]| -> Vec<usize> {
        let named = |cell: &str| names.contains(&clean(cell).to_lowercase().as_str());
        header.split(between).enumerate().filter(|(_, cell)| named(cell)).map(|(at, _)| at).collect()
    };
    let people = among(PEOPLE);
    let columns = if people.is_empty() { among(COLUMNS) } else { people };
    let refers = |line: &str| {
        let cells: Vec<&str> = line.split(between).collect();
        columns.iter().any(|at| cells.get(*at).is_some_and(|cell| person.is_referred_to_by(&clean(cell))))
    };
    kept(text, |line| !refers(line))
}

/// The lines of a list of files or scans, without those that refer to the person.
fn lines(text: &str, person: &Person) -> Option<Vec<u8>> {
    let refers = |line: &str| {
        let line = line.trim().trim_start_matches('\u{feff}');
        let of_file = |word: &str| word.contains('.') && person.is_referred_to_by(word);
        person.is(line) || line.split([' ', '\t', ',']).any(of_file)
    };
    kept(text, |line| !refers(line))
}

fn kept(text: &str, stays: impl Fn(&str) -> bool) -> Option<Vec<u8>> {
    let kept: String = text.split_inclusive('\n').filter(|line| stays(line)).collect();
    (kept.len() != text.len()).then(|| kept.into_bytes())
}

/// A JSON index without the entries of lists that refer to the person.
fn document(text: &str, path: &Path, person: &Person) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
    let before = value.clone();
    drop_entries(&mut value, "", person);
    count_again(&mut value, &before, path, person);
    (value != before).then(|| {
        let mut text = serde_json::to_vec_pretty(&value).expect("a document is JSON");
        text.push(b'\n');
        text
    })
}

fn drop_entries(value: &mut Value, field: &str, person: &Person) {
    match value {
        Value::Array(items) => {
            if LISTS.contains(&field) {
                items.retain(|item| !refers(item, person));
            }
            items.iter_mut().for_each(|item| drop_entries(item, field, person));
        }
        Value::Object(fields) => {
            let is_keyed = KEYED.contains(&field);
            fields.retain(|key, _| !(is_keyed && person.is_referred_to_by(key)));
            fields.iter_mut().for_each(|(key, value)| drop_entries(value, key, person));
        }
        _ => {}
    }
}

/// Whether an entry of a list is the person's: a word, or a table one of whose words refers to the person.
fn refers(entry: &Value, person: &Person) -> bool {
    match entry {
        Value::String(word) => person.is_referred_to_by(word),
        Value::Object(fields) => {
            fields.values().any(|field| field.as_str().is_some_and(|word| person.is_referred_to_by(word)))
        }
        _ => false,
    }
}

/// `numTraining`, where the entries or the files that it counts lose some.
fn count_again(value: &mut Value, before: &Value, path: &Path, person: &Person) {
    let Some(count) = value.get("numTraining").and_then(Value::as_u64) else { return };
    let listed = |value: &Value| value.get("training").and_then(Value::as_array).map(Vec::len);
    let left = match (listed(before), listed(value)) {
        (Some(before), Some(after)) => count.saturating_sub((before - after) as u64),
        _ => {
            let labels = path.with_file_name("labelsTr");
            let cases = person
                .files
                .iter()
                .filter(|file| file.parent() == Some(&crate::paths::shown(&labels)) && file.is_file());
            count.saturating_sub(cases.count() as u64)
        }
    };
    value["numTraining"] = left.into();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, text: &str, id: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        without(&path, &Person::named(id)).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn rows_of_the_person_go_and_all_else_stays_byte_by_byte() {
        let table = "\u{feff}participant_id\tage\r\n1\t10\r\n10\t1\r\n";
        assert_eq!(written("participants.tsv", table, "10").unwrap(), "\u{feff}participant_id\tage\r\n1\t10\r\n");
        assert_eq!(written("participants.tsv", table, "1").unwrap(), "\u{feff}participant_id\tage\r\n10\t1\r\n");
        assert_eq!(written("participants.tsv", table, "11"), None);
        assert_eq!(written("subjects.tsv", "scan\tsubject\nx\tp1\ny\tp2\n", "p1").unwrap(), "scan\tsubject\ny\tp2\n");
        // Two people whose scans are called like the other.
        let crossed = "scan\tsubject\np1\tp2\np2\tp1\n";
        assert_eq!(written("subjects.tsv", crossed, "p1").unwrap(), "scan\tsubject\np1\tp2\n");
        assert_eq!(written("train.txt", "2\n1\n", "1").unwrap(), "2\n");
        assert_eq!(written("README", "1\n", "1"), None);
    }

    #[test]
    fn entries_of_an_index_go_with_their_count_and_label_values_stay() {
        let index = r#"{"numTraining": 2, "labels": {"1": "brain", "2": "tumour"}, "modality": {"1": "T1"},
                        "training": ["1", {"image": "2", "label": "x"}]}"#;
        let left: Value = serde_json::from_str(&written("dataset.json", index, "2").unwrap()).unwrap();
        let expected = serde_json::json!({"numTraining": 1, "labels": {"1": "brain", "2": "tumour"},
                                          "modality": {"1": "T1"}, "training": ["1"]});
        assert_eq!(left, expected);
        assert_eq!(written("dataset.json", index, "brain"), None);
    }
}
