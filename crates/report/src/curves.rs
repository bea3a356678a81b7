//! `curves.csv`: how a run went, epoch by epoch, on the output grid.

use crate::{ReportError, Roles, Run};
use std::path::Path;

/// One point of a run's curve; the run's epochs are those of the point.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveRow {
    /// Which run, after how many epochs.
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

/// Write rows, sorted, in place of whatever `path` held.
///
/// # Errors
/// [`ReportError::Duplicate`] if a point is there twice; nothing is written then.
pub fn write(path: &Path, rows: &[CurveRow]) -> Result<(), ReportError> {
    let csv_error = |source| ReportError::Csv { path: path.to_path_buf(), source };
    let mut sorted: Vec<&CurveRow> = rows.iter().collect();
    sorted.sort_by(|one, two| one.run.cmp(&two.run));
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0].run == pair[1].run) {
        return Err(ReportError::Duplicate { what: format!("the curve of {}", pair[0].run) });
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(csv_error)?;
    for row in sorted {
        writer.write_record(fields(row)).map_err(csv_error)?;
    }
    let bytes = writer.into_inner().map_err(|error| csv_error(error.into_error().into()))?;
    Ok(lacuna_disk::write_bytes(path, &bytes)?)
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
        assert!(matches!(write(&path, &[point(2, 0.5), point(2, 0.5)]), Err(ReportError::Duplicate { .. })));
    }
}
