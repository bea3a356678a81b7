//! `probes.csv`: one row per probed model.

use crate::{Goal, ProbeRow, Rebound, ReboundStatus, Relearn, RelearnStatus, ReportError, Roles, Run};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Writes rows, sorted; replaces the file at `path`.
///
/// # Errors
/// [`ReportError::Duplicate`] if a model has two rows; nothing is written then.
pub fn write(path: &Path, rows: &[ProbeRow]) -> Result<(), ReportError> {
    Ok(lacuna_disk::write_bytes(path, &encoded(path, rows)?)?)
}

/// The bytes that [`write()`] would write; `path` is named in errors.
pub(crate) fn encoded(path: &Path, rows: &[ProbeRow]) -> Result<Vec<u8>, ReportError> {
    let csv_error = |source| ReportError::Csv { path: path.to_path_buf(), source };
    let mut writer = csv::Writer::from_writer(Vec::new());
    if rows.is_empty() {
        writer.write_record(COLUMNS).map_err(csv_error)?;
    }
    for row in sorted(rows)? {
        writer.serialize(Flat::from(row)).map_err(csv_error)?;
    }
    writer.into_inner().map_err(|error| csv_error(error.into_error().into()))
}

/// Reads rows, in the order of the file.
///
/// # Errors
/// If the file could not have been written by [`write()`].
pub fn read(path: &Path) -> Result<Vec<ProbeRow>, ReportError> {
    let bytes = lacuna_disk::read_bytes(path, FILE_BYTES_MAX)?;
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let csv_error = |source| ReportError::Csv { path: path.to_path_buf(), source };
    let found = reader.headers().map_err(csv_error)?.clone();
    if found != *COLUMNS.as_slice() {
        let found = found.iter().collect::<Vec<_>>().join(",");
        return Err(ReportError::Columns { path: path.to_path_buf(), expected: COLUMNS.join(","), found });
    }
    let mut rows = Vec::new();
    for (index, flat) in reader.deserialize::<Flat>().enumerate() {
        rows.push(flat.map_err(csv_error)?.into_row(|| format!("{}, line {}", path.display(), index + 2))?);
    }
    sorted(&rows)?;
    Ok(rows)
}

fn sorted(rows: &[ProbeRow]) -> Result<Vec<&ProbeRow>, ReportError> {
    let mut sorted: Vec<&ProbeRow> = rows.iter().collect();
    sorted.sort_by(|one, two| one.run.cmp(&two.run));
    match sorted.windows(2).find(|pair| pair[0].run == pair[1].run) {
        Some(pair) => Err(ReportError::Duplicate { what: format!("the probe of {}", pair[0].run) }),
        None => Ok(sorted),
    }
}

/// The columns, in order.
pub const COLUMNS: [&str; 21] = [
    "strategy",
    "goal",
    "epochs",
    "forgotten",
    "seed",
    "variant",
    "network",
    "labels",
    "rebound_status",
    "rebound_passes",
    "rebound_retain_dice",
    "rebound_forget_dice",
    "rebound_held_out_dice",
    "rebound_retain_dice_volume",
    "rebound_forget_dice_volume",
    "rebound_held_out_dice_volume",
    "rebound_forget_cross_entropy",
    "relearn_status",
    "relearn_passes",
    "relearn_passes_max",
    "relearn_cross_entropy_max",
];

/// A row with a field for each column of the file.
#[derive(Serialize, Deserialize)]
struct Flat {
    strategy: String,
    goal: Goal,
    epochs: usize,
    forgotten: String,
    seed: u64,
    variant: String,
    network: String,
    labels: String,
    rebound_status: Option<ReboundStatus>,
    rebound_passes: Option<u64>,
    rebound_retain_dice: Option<f64>,
    rebound_forget_dice: Option<f64>,
    rebound_held_out_dice: Option<f64>,
    rebound_retain_dice_volume: Option<f64>,
    rebound_forget_dice_volume: Option<f64>,
    rebound_held_out_dice_volume: Option<f64>,
    rebound_forget_cross_entropy: Option<f64>,
    relearn_status: Option<RelearnStatus>,
    relearn_passes: Option<u64>,
    relearn_passes_max: Option<u64>,
    relearn_cross_entropy_max: Option<f64>,
}

impl From<&ProbeRow> for Flat {
    fn from(row: &ProbeRow) -> Flat {
        let run = row.run.clone();
        let output = row.rebound.map_or(Roles::default(), |rebound| rebound.output);
        let volume = row.rebound.map_or(Roles::default(), |rebound| rebound.volume);
        Flat {
            strategy: run.strategy,
            goal: run.goal,
            epochs: run.epochs,
            forgotten: run.forgotten,
            seed: run.seed,
            variant: run.variant,
            network: run.network,
            labels: run.labels,
            rebound_status: row.rebound.map(|rebound| rebound.status),
            rebound_passes: row.rebound.map(|rebound| rebound.passes),
            rebound_retain_dice: output.retain,
            rebound_forget_dice: output.forget,
            rebound_held_out_dice: output.held_out,
            rebound_retain_dice_volume: volume.retain,
            rebound_forget_dice_volume: volume.forget,
            rebound_held_out_dice_volume: volume.held_out,
            rebound_forget_cross_entropy: row.rebound.and_then(|rebound| rebound.forget_cross_entropy),
            relearn_status: row.relearn.map(|relearn| relearn.status),
            relearn_passes: row.relearn.and_then(|relearn| relearn.passes),
            relearn_passes_max: row.relearn.map(|relearn| relearn.passes_max),
            relearn_cross_entropy_max: row.relearn.map(|relearn| relearn.cross_entropy_max),
        }
    }
}

impl Flat {
    fn into_row(self, location: impl Fn() -> String) -> Result<ProbeRow, ReportError> {
        let (rebound, relearn) = (self.rebound(&location)?, self.relearn(&location)?);
        let run = Run {
            network: self.network,
            labels: self.labels,
            goal: self.goal,
            strategy: self.strategy,
            variant: self.variant,
            epochs: self.epochs,
            forgotten: self.forgotten,
            seed: self.seed,
        };
        Ok(ProbeRow { run, rebound, relearn })
    }

    fn rebound(&self, location: &impl Fn() -> String) -> Result<Option<Rebound>, ReportError> {
        let Some(status) = self.rebound_status else { return Ok(None) };
        let passes = self.rebound_passes.ok_or_else(|| blank(location(), "rebound_passes"))?;
        let output = Roles {
            retain: self.rebound_retain_dice,
            forget: self.rebound_forget_dice,
            held_out: self.rebound_held_out_dice,
        };
        let volume = Roles {
            retain: self.rebound_retain_dice_volume,
            forget: self.rebound_forget_dice_volume,
            held_out: self.rebound_held_out_dice_volume,
        };
        let forget_cross_entropy = self.rebound_forget_cross_entropy;
        Ok(Some(Rebound { status, passes, output, volume, forget_cross_entropy }))
    }

    fn relearn(&self, location: &impl Fn() -> String) -> Result<Option<Relearn>, ReportError> {
        let Some(status) = self.relearn_status else { return Ok(None) };
        if (status == RelearnStatus::Within) != self.relearn_passes.is_some() {
            return Err(ReportError::Field {
                location: location(),
                column: "relearn_passes",
                found: self.relearn_passes.map_or(String::new(), |passes| passes.to_string()),
                expected: "a number where the status is `within`, and a blank elsewhere",
            });
        }
        Ok(Some(Relearn {
            status,
            passes: self.relearn_passes,
            passes_max: self.relearn_passes_max.ok_or_else(|| blank(location(), "relearn_passes_max"))?,
            cross_entropy_max: self
                .relearn_cross_entropy_max
                .ok_or_else(|| blank(location(), "relearn_cross_entropy_max"))?,
        }))
    }
}

fn blank(location: String, column: &'static str) -> ReportError {
    ReportError::Field { location, column, found: String::new(), expected: "a number, since the probe has a status" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::run;

    fn rows() -> Vec<ProbeRow> {
        let dice = |forget| Roles { retain: Some(0.98), forget: Some(forget), held_out: None };
        let rebound = Rebound {
            status: ReboundStatus::Ok,
            passes: 60,
            output: dice(0.1 + 0.2),
            volume: dice(0.25),
            forget_cross_entropy: Some(0.75),
        };
        let relearn =
            Relearn { status: RelearnStatus::Within, passes: Some(9), passes_max: 60, cross_entropy_max: 0.1 };
        let never = Relearn { status: RelearnStatus::NotWithin, passes: None, ..relearn };
        vec![
            ProbeRow { run: run("noisy-label", 50, "sub-02", 0), rebound: Some(rebound), relearn: Some(never) },
            ProbeRow { run: run("retrain", 100, "sub-02", 3), rebound: None, relearn: Some(relearn) },
        ]
    }

    fn written(rows: &[ProbeRow]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("probes.csv");
        write(&path, rows).unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    fn read_text(text: &str) -> Result<Vec<ProbeRow>, ReportError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("probes.csv");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn rows_read_back_as_written_in_their_order() {
        let mut found = read_text(&written(&rows())).unwrap();
        found.reverse();
        assert_eq!(found, rows());
        assert_eq!(read_text(&written(&[])).unwrap(), []);
    }

    #[test]
    fn the_columns_are_the_fields() {
        let text = written(&rows());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], COLUMNS.join(","));
        assert_eq!(lines[1], "retrain,reference,100,sub-02,3,,resnet10,tissue,,,,,,,,,,within,9,60,0.1");
        assert!(lines[2].ends_with(",ok,60,0.98,0.30000000000000004,,0.98,0.25,,0.75,not_within,,60,0.1"), "{text}");
    }

    #[test]
    fn a_model_has_one_row_and_a_relearning_in_time_a_number() {
        let twice = [&rows()[..], &rows()[..1]].concat();
        assert!(matches!(sorted(&twice), Err(ReportError::Duplicate { .. })));
        let message = read_text(&written(&rows()).replace("within,9,", "within,,")).unwrap_err().to_string();
        assert!(message.contains("line 2") && message.contains("relearn_passes"), "{message}");
    }
}
