//! `results.csv`: one row per strategy, horizon, forgotten subject, seed, scored subject and class.
//!
//! Numbers are written with the fewest digits that read back as the same `f64`. Rows are sorted,
//! so that the same results are the same bytes. The file is replaced as a whole or not at all.

use crate::flat_row::FlatRow;
use crate::{ReportError, ResultRow};
use std::path::Path;

/// The columns of `results.csv`, in order.
pub const COLUMNS: [&str; 26] = [
    "strategy",
    "goal",
    "epochs",
    "forgotten",
    "seed",
    "subject",
    "role",
    "class",
    "grid",
    "dice",
    "mae",
    "variant",
    "network",
    "labels",
    "mae_probability",
    "empty",
    "status",
    "steps",
    "training_passes",
    "teacher_passes",
    "preparation_training_passes",
    "preparation_teacher_passes",
    "seconds",
    "peak_mib",
    "retraining_fraction",
    "cross_entropy",
];

/// The number of columns without costs and losses; files with only these are read, and their later columns are blank.
const COLUMNS_BEFORE_COST: usize = 17;

/// The largest file that is read, in bytes; a million rows are about 130 MB.
pub const FILE_BYTES_MAX: u64 = 1 << 30;

/// Writes rows, sorted; replaces the file at `path`.
///
/// # Errors
/// [`ReportError::Field`] or [`ReportError::Duplicate`] for rows that could not be read back;
/// nothing is written then.
pub fn write(path: &Path, rows: &[ResultRow]) -> Result<(), ReportError> {
    Ok(lacuna_disk::write_bytes(path, &encoded(path, rows)?)?)
}

/// The bytes that [`write()`] would write; `path` is named in errors.
pub(crate) fn encoded(path: &Path, rows: &[ResultRow]) -> Result<Vec<u8>, ReportError> {
    let sorted = sort_and_check(rows, |row| format!("row {row}"))?;
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    let csv_error = |source| ReportError::Csv { path: path.to_path_buf(), source };
    writer.write_record(COLUMNS).map_err(csv_error)?;
    for row in sorted {
        writer.serialize(FlatRow::from(row)).map_err(csv_error)?;
    }
    writer.into_inner().map_err(|error| csv_error(error.into_error().into()))
}

/// Reads rows, in the order of the file.
///
/// # Errors
/// [`ReportError::Columns`], [`ReportError::Csv`] or [`ReportError::Field`], with the line, for a
/// file that [`write()`] could not have written.
pub fn read(path: &Path) -> Result<Vec<ResultRow>, ReportError> {
    let bytes = lacuna_disk::read_bytes(path, FILE_BYTES_MAX)?;
    let csv_error = |source| ReportError::Csv { path: path.to_path_buf(), source };
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let headers = reader.headers().map_err(csv_error)?.clone();
    check_columns(path, &headers)?;
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(csv_error)?;
        let line = record.position().map_or(0, csv::Position::line);
        let location = || format!("{}, line {line}", path.display());
        let flat: FlatRow =
            record.deserialize(Some(&headers)).map_err(|error| field_error(&record, location(), error, csv_error))?;
        rows.push(flat.into_row(location)?);
        lines.push(line);
    }
    sort_and_check(&rows, |row| format!("{}, line {}", path.display(), lines[row]))?;
    Ok(rows)
}

/// Names the column and its value, where the CSV reader states the field.
fn field_error(
    record: &csv::StringRecord,
    location: String,
    error: csv::Error,
    other: impl Fn(csv::Error) -> ReportError,
) -> ReportError {
    let csv::ErrorKind::Deserialize { err, .. } = error.kind() else { return other(error) };
    let Some(field) = err.field().and_then(|field| usize::try_from(field).ok()) else { return other(error) };
    match (COLUMNS.get(field), record.get(field)) {
        (Some(&column), Some(found)) => {
            let expected = match column {
                "epochs" | "seed" => "a whole number, 0 or more",
                "dice" | "mae" | "mae_probability" | "cross_entropy" => "a number or a blank",
                "seconds" | "peak_mib" | "retraining_fraction" => "a number or a blank",
                "steps"
                | "training_passes"
                | "teacher_passes"
                | "preparation_training_passes"
                | "preparation_teacher_passes" => "a whole number, 0 or more, or a blank",
                _ => return other(error),
            };
            ReportError::Field { location, column, found: found.escape_debug().to_string(), expected }
        }
        _ => other(error),
    }
}

fn check_columns(path: &Path, found: &csv::StringRecord) -> Result<(), ReportError> {
    if found == COLUMNS.as_slice() || found == COLUMNS[..COLUMNS_BEFORE_COST] {
        return Ok(());
    }
    let found = found.iter().collect::<Vec<_>>().join(",");
    Err(ReportError::Columns { path: path.to_path_buf(), expected: COLUMNS.join(","), found })
}

/// Checks the rules that every file obeys; called both before writing and after reading.
fn sort_and_check(rows: &[ResultRow], location: impl Fn(usize) -> String) -> Result<Vec<&ResultRow>, ReportError> {
    for (index, row) in rows.iter().enumerate() {
        row.check(|| location(index))?;
    }
    crate::row::sorted(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{diverged, run, scored};
    use crate::{Cost, Outcome, Role};
    use proptest::prelude::*;

    fn rows() -> Vec<ResultRow> {
        let original = run("original", 100, "sub-02", 0);
        let noisy = run("noisy-label", 20, "sub-02", 0);
        let mut rows = vec![
            scored(&noisy, Role::Forget, "sub-02", "mean", Some(1.0 / 3.0)),
            scored(&noisy, Role::Forget, "sub-02", "white, \"deep\" matter", Some(0.1 + 0.2)),
            scored(&noisy, Role::Forget, "sub-02", "csf", None),
            scored(&original, Role::HeldOut, "sub-09", "mean", Some(5e-324)),
            diverged(&run("max-loss", 50, "sub-02", 0)),
        ];
        rows[2].run.variant = "forget_weight=0.5; noise=uniform".into();
        rows[3].cost = Cost {
            steps: Some(90),
            training_passes: Some(100),
            teacher_passes: Some(30),
            preparation_training_passes: Some(0),
            preparation_teacher_passes: Some(6),
            seconds: Some(12.5),
            peak_mib: None,
            retraining_fraction: Some(0.3),
        };
        let Outcome::Scored(scored) = &mut rows[3].outcome else { unreachable!() };
        scored.cross_entropy = Some(0.75);
        rows
    }

    fn sorted(rows: &[ResultRow]) -> Vec<ResultRow> {
        crate::row::sorted(rows).unwrap().into_iter().cloned().collect()
    }

    fn written(rows: &[ResultRow]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        write(&path, rows).unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    fn read_text(text: &str) -> Result<Vec<ResultRow>, ReportError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[track_caller]
    fn refused(change: impl Fn(&str) -> String, evidence: &[&str]) {
        let message = read_text(&change(&written(&rows()))).unwrap_err().to_string();
        for part in evidence {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }

    #[test]
    fn rows_read_back_as_written() {
        assert_eq!(read_text(&written(&rows())).unwrap(), sorted(&rows()));
    }

    #[test]
    fn the_same_rows_in_any_order_are_the_same_bytes() {
        let mut reversed = rows();
        reversed.reverse();
        assert_eq!(written(&reversed), written(&rows()));
    }

    proptest! {
        #[test]
        fn every_number_reads_back_to_the_last_bit(dice in 0.0f64..=1.0, mae in 0.0f64..1e300) {
            let mut row = scored(&run("retrain", 100, "a", u64::MAX), Role::Retain, "b", "mean", Some(dice));
            let Outcome::Scored(scored) = &mut row.outcome else { unreachable!() };
            scored.score.mae = mae;
            prop_assert_eq!(read_text(&written(std::slice::from_ref(&row))).unwrap(), vec![row]);
        }
    }

    proptest! {
        #[test]
        fn a_file_with_one_wrong_byte_is_read_or_refused(at in 0usize..1000, byte: u8) {
            let mut bytes = written(&rows()).into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("results.csv");
            std::fs::write(&path, bytes).unwrap();
            // Whatever is read could have been written.
            if let Ok(rows) = read(&path) {
                prop_assert_eq!(read_text(&written(&rows)).unwrap(), sorted(&rows));
            }
        }
    }

    #[test]
    fn no_rows_are_a_file_with_its_columns() {
        assert_eq!(written(&[]), COLUMNS.join(",") + "\n");
        assert_eq!(read_text(&written(&[])).unwrap(), []);
    }

    #[test]
    fn the_fields_stand_under_their_columns() {
        // One scored row and one diverged row, spelled out.
        let text = written(&rows());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], COLUMNS.join(","));
        assert_eq!(
            lines[1],
            "original,reference,100,sub-02,0,sub-09,held_out,mean,output,5e-324,0.125,,resnet10,tissue,0.25,none,ok,\
             90,100,30,0,6,12.5,,0.3,0.75"
        );
        assert_eq!(lines[2], "max-loss,suppress,50,sub-02,0,,,,,,,,resnet10,tissue,,,diverged,,,,,,,,,");
        assert_eq!(lines.len(), 6);
    }

    #[test]
    fn the_mean_comes_after_the_classes() {
        let text = written(&rows());
        assert!(text.find("\"white, \"\"deep\"\" matter\"").unwrap() < text.find("sub-02,forget,mean").unwrap());
    }

    #[test]
    fn a_file_of_before_costs_is_read_with_blanks() {
        let before = |line: &str| {
            let fields: Vec<&str> = line.split(',').collect();
            fields[..fields.len() - 9].join(",") + "\n"
        };
        let old: String = written(&rows()).lines().map(before).collect();
        let mut expected = sorted(&rows());
        for row in &mut expected {
            row.cost = Cost::default();
            if let Outcome::Scored(scored) = &mut row.outcome {
                scored.cross_entropy = None;
            }
        }
        assert_eq!(read_text(&old).unwrap(), expected);
    }

    #[test]
    fn one_horizon_has_one_cost() {
        let mut rows = rows();
        rows[0].cost.steps = Some(1);
        let message = sort_and_check(&rows, |row| row.to_string()).unwrap_err().to_string();
        assert!(message.contains("noisy-label after 20 epochs") && message.contains("same cost"), "{message}");
    }

    #[test]
    fn other_columns_are_refused_with_both_lists() {
        refused(|text| text.replacen("dice,mae,", "mae,dice,", 1), &["results.csv", "grid,dice,mae", "grid,mae,dice"]);
    }

    #[test]
    fn a_broken_field_names_file_line_and_kind() {
        refused(|text| text.replace("held_out", "unseen"), &["results.csv", "line: 2", "unseen", "held_out"]);
        refused(|text| text.replace("5e-324", "high"), &["line 2", "dice", "`high`", "a number"]);
        refused(|text| text.replace("5e-324", "NaN"), &["line 2", "dice", "NaN"]);
    }

    #[test]
    fn a_short_line_is_refused() {
        refused(|text| text.replace(",tissue,0.25,none,ok", ""), &["line: 2", "22 fields"]);
    }

    #[test]
    fn a_diverged_run_with_a_number_is_refused() {
        refused(|text| text.replace("0,,,,,,,,resnet10", "0,,,,,0.5,,,resnet10"), &["line 3", "dice", "diverged"]);
    }

    #[test]
    fn a_finished_row_without_an_error_is_refused() {
        refused(|text| text.replace(",5e-324,0.125,", ",5e-324,,"), &["line 2", "mae", "status is not `diverged`"]);
    }

    #[test]
    fn a_collapsed_model_keeps_its_numbers_and_says_so_in_every_row() {
        let mut rows = rows();
        let collapsed = |row: &mut ResultRow| match &mut row.outcome {
            Outcome::Scored(scored) => scored.collapsed = true,
            Outcome::Diverged => {}
        };
        rows[..2].iter_mut().for_each(collapsed);
        let text = written(&rows);
        assert_eq!(text.matches("0.125,,resnet10,tissue,0.25,none,collapsed,,,,,,,,,\n").count(), 2, "{text}");
        assert_eq!(read_text(&text).unwrap(), sorted(&rows));
        let half = text.replacen(",collapsed,", ",ok,", 1);
        assert!(matches!(read_text(&half), Err(ReportError::Collapsed { .. })));
    }

    #[test]
    fn the_same_row_twice_is_refused() {
        let mut twice = rows();
        twice.push(twice[0].clone());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        let message = write(&path, &twice).unwrap_err().to_string();
        assert!(message.starts_with("two rows for noisy-label after 20 epochs, sub-02 forgotten"), "{message}");
        assert!(!path.exists(), "nothing is written");
    }

    #[test]
    fn a_run_cannot_both_finish_and_diverge() {
        let mut both = rows();
        both.push(diverged(&both[0].run.clone()));
        assert!(matches!(crate::row::sorted(&both), Err(ReportError::Duplicate { .. })));
    }
}
