//! `curves.csv`: the scores of runs epoch by epoch, on the output grid.

use crate::{Goal, ReportError, Roles, Run, check_text};
use serde::Deserialize;
use std::path::Path;

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// One point of a run's curve; `run.epochs` are those of the point.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveRow {
    /// The run, with the number of epochs at this point.
    pub run: Run,
    /// Mean Dice by role.
    pub dice: Roles<Option<f64>>,
    /// Mean cross-entropy by role.
    pub cross_entropy: Roles<Option<f64>>,
}

/// The columns, in order.
pub const COLUMNS: [&str; 14] = [
    "strategy",
    "goal",
    "epochs",
    "forgotten",
    "seed",
    "variant",
    "network",
    "labels",
    "retain_dice",
    "forget_dice",
    "held_out_dice",
    "retain_cross_entropy",
    "forget_cross_entropy",
    "held_out_cross_entropy",
];

/// Writes rows, sorted; replaces the file at `path`.
///
/// # Errors
/// [`ReportError::Duplicate`] if two rows are about the same point; nothing is written then.
pub fn write(path: &Path, rows: &[CurveRow]) -> Result<(), ReportError> {
    Ok(lacuna_disk::write_bytes(path, &encoded(path, rows)?)?)
}

/// Reads rows, in the order of the file.
///
/// # Errors
/// If the file could not have been written by [`write()`].
pub fn read(path: &Path) -> Result<Vec<CurveRow>, ReportError> {
    let bytes = lacuna_disk::read_bytes(path, FILE_BYTES_MAX)?;
    let csv_error = |source| ReportError::Csv { path: path.to_path_buf(), source };
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let found = reader.headers().map_err(csv_error)?.clone();
    if found != *COLUMNS.as_slice() {
        let found = found.iter().collect::<Vec<_>>().join(",");
        return Err(ReportError::Columns { path: path.to_path_buf(), expected: COLUMNS.join(","), found });
    }
    let flat = reader.deserialize::<Flat>().collect::<Result<Vec<_>, _>>().map_err(csv_error)?;
    let mut rows = Vec::new();
    for (index, flat) in flat.into_iter().enumerate() {
        rows.push(flat.into_row(|| format!("{}, line {}", path.display(), index + 2))?);
    }
    check_each_once(&rows)?;
    Ok(rows)
}

fn check_each_once(rows: &[CurveRow]) -> Result<Vec<&CurveRow>, ReportError> {
    let mut sorted: Vec<&CurveRow> = rows.iter().collect();
    sorted.sort_by(|one, two| one.run.cmp(&two.run));
    match sorted.windows(2).find(|pair| pair[0].run == pair[1].run) {
        Some(pair) => Err(ReportError::Duplicate { what: format!("the curve of {}", pair[0].run) }),
        None => Ok(sorted),
    }
}

/// A row with a field for each column of the file.
#[derive(Deserialize)]
struct Flat {
    strategy: String,
    goal: Goal,
    epochs: usize,
    forgotten: String,
    seed: u64,
    variant: String,
    network: String,
    labels: String,
    retain_dice: Option<f64>,
    forget_dice: Option<f64>,
    held_out_dice: Option<f64>,
    retain_cross_entropy: Option<f64>,
    forget_cross_entropy: Option<f64>,
    held_out_cross_entropy: Option<f64>,
}

impl Flat {
    fn into_row(self, location: impl Fn() -> String) -> Result<CurveRow, ReportError> {
        let Flat { strategy, goal, epochs, forgotten, seed, variant, network, labels, .. } = self;
        for (column, text) in [
            ("strategy", &strategy),
            ("forgotten", &forgotten),
            ("variant", &variant),
            ("network", &network),
            ("labels", &labels),
        ] {
            if let Err(expected) = check_text(text) {
                let found = text.escape_debug().to_string();
                return Err(ReportError::Field { location: location(), column, found, expected });
            }
        }
        let dice = Roles { retain: self.retain_dice, forget: self.forget_dice, held_out: self.held_out_dice };
        let cross_entropy = Roles {
            retain: self.retain_cross_entropy,
            forget: self.forget_cross_entropy,
            held_out: self.held_out_cross_entropy,
        };
        for (column, numbers) in [("dice", &dice), ("cross_entropy", &cross_entropy)] {
            let found = [numbers.retain, numbers.forget, numbers.held_out].into_iter().flatten();
            let most = if column == "dice" { 1.0 } else { f64::MAX };
            if let Some(bad) = found.into_iter().find(|number| !(0.0..=most).contains(number)) {
                let (found, expected) = (bad.to_string(), "a number that a score can be, or a blank");
                return Err(ReportError::Field { location: location(), column, found, expected });
            }
        }
        let run = Run { network, labels, goal, strategy, variant, epochs, forgotten, seed };
        Ok(CurveRow { run, dice, cross_entropy })
    }
}

/// The bytes that [`write()`] would write; `path` is named in errors.
pub(crate) fn encoded(path: &Path, rows: &[CurveRow]) -> Result<Vec<u8>, ReportError> {
    let csv_error = |source| ReportError::Csv { path: path.to_path_buf(), source };
    let sorted = check_each_once(rows)?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(csv_error)?;
    for row in sorted {
        writer.write_record(fields(row)).map_err(csv_error)?;
    }
    writer.into_inner().map_err(|error| csv_error(error.into_error().into()))
}

fn fields(row: &CurveRow) -> Vec<String> {
    let Run { network, labels, goal, strategy, variant, epochs, forgotten, seed } = &row.run;
    let (goal, epochs, seed) = (goal.to_string(), epochs.to_string(), seed.to_string());
    let names = [strategy, &goal, &epochs, forgotten, &seed, variant, network, labels].map(String::clone);
    let numbers = [row.dice, row.cross_entropy].into_iter().flat_map(|of| [of.retain, of.forget, of.held_out]);
    let number = |number: Option<f64>| number.map_or(String::new(), |number| number.to_string());
    names.into_iter().chain(numbers.map(number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::run;

    #[test]
    fn points_are_written_in_the_order_of_epochs_each_once() {
        let point = |epochs, forget| CurveRow {
            run: run("noisy-label", epochs, "sub-02", 0),
            dice: Roles { retain: Some(0.98), forget: Some(forget), held_out: None },
            cross_entropy: Roles { retain: Some(0.05), forget: Some(1.5), held_out: None },
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("curves.csv");
        write(&path, &[point(10, 0.25), point(2, 0.5)]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = [
            COLUMNS.join(","),
            "noisy-label,suppress,2,sub-02,0,,resnet10,tissue,0.98,0.5,,0.05,1.5,".to_string(),
            "noisy-label,suppress,10,sub-02,0,,resnet10,tissue,0.98,0.25,,0.05,1.5,".to_string(),
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
        assert_eq!(read(&path).unwrap(), [point(2, 0.5), point(10, 0.25)]);
        std::fs::write(&path, text.replace("0.25", "1.25")).unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("line 3") && message.contains("1.25"), "{message}");
        assert!(matches!(write(&path, &[point(2, 0.5), point(2, 0.5)]), Err(ReportError::Duplicate { .. })));
    }
}
