//! `curves.csv` of one unlearning run: a line per epoch and role, read as the curve of a study.
//!
//! A study's file names the run in each line; a run's own file belongs to the run whose results lie beside it.

use crate::{CurveRow, Goal, ReportError, ResultRow, Role, Roles, curves};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 256 << 20;
/// The first columns, by which the file of one run is recognised.
const COLUMNS: [&str; 2] = ["epoch", "role"];

/// The columns of a line that are read; the cost of scoring is ignored.
#[derive(Deserialize)]
struct Line {
    epoch: usize,
    role: Role,
    cross_entropy: Option<f64>,
    dice_output: Option<f64>,
}

/// Reads the curves of a study or of one run; `rows` are the results in the same folder.
///
/// # Errors
/// If the file has neither form, or is that of one run and `rows` have no run.
pub fn read(path: &Path, rows: &[ResultRow]) -> Result<Vec<CurveRow>, ReportError> {
    let bytes = lacuna_disk::read_bytes(path, FILE_BYTES_MAX)?;
    let csv_error = |source| ReportError::Csv { path: path.to_path_buf(), source };
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let columns = reader.headers().map_err(csv_error)?;
    if columns.iter().take(COLUMNS.len()).ne(COLUMNS) {
        return curves::read(path);
    }
    let Some(of) = rows.iter().find(|row| row.run.goal != Goal::Reference) else { return Ok(Vec::new()) };
    let mut points: BTreeMap<usize, CurveRow> = BTreeMap::new();
    for line in reader.deserialize::<Line>() {
        let Line { epoch, role, cross_entropy, dice_output } = line.map_err(csv_error)?;
        let empty = || {
            let none = || Roles { retain: None, forget: None, held_out: None };
            let mut run = of.run.clone();
            run.epochs = epoch;
            CurveRow { run, dice: none(), cross_entropy: none() }
        };
        let point = points.entry(epoch).or_insert_with(empty);
        let set = |roles: &mut Roles<Option<f64>>, value| match role {
            Role::Retain => roles.retain = value,
            Role::Forget => roles.forget = value,
            Role::HeldOut => roles.held_out = value,
            // The curve of a run has no such role.
            Role::ForgottenEarlier => {}
        };
        set(&mut point.dice, dice_output);
        set(&mut point.cross_entropy, cross_entropy);
    }
    Ok(points.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::gated;

    fn read_text(text: &str) -> Result<Vec<CurveRow>, ReportError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.csv");
        std::fs::write(&path, text).unwrap();
        read(&path, &gated().0)
    }

    #[test]
    fn a_line_per_role_becomes_a_point_per_epoch_of_the_run_beside_it() {
        let head = "epoch,role,subjects,cross_entropy,dice_output,dice_volume,training_passes,teacher_passes";
        let lines = "0,retain,2,0.5,0.75,0.7,0,2\n0,forget,1,0.25,,0.8,0,1\n1,forgotten_earlier,1,1,0.1,0.1,0,1\n";
        let rows = read_text(&format!("{head}\n{lines}")).unwrap();
        assert_eq!(rows.iter().map(|row| row.run.epochs).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(
            (rows[0].dice.retain, rows[0].dice.forget, rows[0].cross_entropy.forget),
            (Some(0.75), None, Some(0.25))
        );
        assert_eq!(rows[1].dice.retain, None);
        assert_ne!(rows[0].run.goal, Goal::Reference);
    }

    #[test]
    fn a_file_of_neither_kind_says_which_columns_were_expected() {
        let error = read_text("a,b\n1,2\n").unwrap_err().to_string();
        assert!(error.contains("strategy,goal"), "{error}");
    }
}
