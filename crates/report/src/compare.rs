//! Runs side by side: the same setting in each, and its difference from the first run.
//!
//! Runs are not pooled, so their results may contradict each other. A setting is identified by its names alone,
//! whatever data and seeds the runs used. Means are those of each run's own table.

use crate::figure::{fixed, name_of};
use crate::table::Line;
use crate::{Goal, ReportError, ResultRow, ScoreGrid, tables};
use serde::Serialize;
use std::collections::BTreeMap;

/// Runs by name with their rows.
pub type NamedRows<'a> = (&'a str, &'a [ResultRow]);

/// Several runs, compared setting by setting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The names of the runs; the first is the one that the others are compared with.
    pub runs: Vec<String>,
    /// The grid that scores are taken from.
    pub grid: ScoreGrid,
    /// The settings that occur in any of the runs.
    pub settings: Vec<Setting>,
}

/// One setting, with its means in every run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// The name of the network.
    pub network: String,
    /// The label table.
    pub labels: String,
    /// The goal of the strategy.
    pub goal: Goal,
    /// The name of the strategy.
    pub strategy: String,
    /// The differences from the named strategy.
    pub variant: String,
    /// The number of epochs after which it was scored.
    pub epochs: usize,
    /// The means in the order of the runs; `None` where a run has no such setting.
    pub cells: Vec<Option<Means>>,
}

/// The means of one setting in one run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Means {
    /// Mean Dice of forgotten subjects.
    pub forget: Option<f64>,
    /// Mean Dice of retained subjects.
    pub retain: Option<f64>,
    /// Mean Dice of held-out subjects.
    pub held_out: Option<f64>,
    /// Forget Dice minus that of the retrained model.
    pub beyond_retrain: Option<f64>,
    /// The number of finished runs.
    pub runs: usize,
}

/// One figure of a comparison, with its name.
#[derive(Clone, Copy)]
pub(crate) struct Compared {
    pub(crate) name: &'static str,
    pub(crate) of: fn(&Means) -> Option<f64>,
}

/// The figures that are compared.
pub(crate) const COMPARED: [Compared; 4] = [
    Compared { name: "forget Dice", of: |means| means.forget },
    Compared { name: "retain Dice", of: |means| means.retain },
    Compared { name: "held-out Dice", of: |means| means.held_out },
    Compared { name: "forget Dice beyond retrained", of: |means| means.beyond_retrain },
];

/// Compares runs on a grid.
///
/// # Errors
/// If a run has rows that no study writes.
pub fn compare(runs: &[NamedRows<'_>], grid: ScoreGrid) -> Result<Comparison, ReportError> {
    let mut settings: BTreeMap<_, Vec<Option<Means>>> = BTreeMap::new();
    for (index, (_, rows)) in runs.iter().enumerate() {
        for table in tables(rows, grid)? {
            for line in &table.lines {
                let name = (line.goal, line.strategy.clone(), line.variant.clone(), line.epochs);
                let key = (table.network.clone(), table.labels.clone(), name);
                settings.entry(key).or_insert_with(|| vec![None; runs.len()])[index] = Some(means(line));
            }
        }
    }
    let setting = |((network, labels, (goal, strategy, variant, epochs)), cells)| Setting {
        network,
        labels,
        goal,
        strategy,
        variant,
        epochs,
        cells,
    };
    let names = runs.iter().map(|(name, _)| name.to_string()).collect();
    Ok(Comparison { runs: names, grid, settings: settings.into_iter().map(setting).collect() })
}

fn means(line: &Line) -> Means {
    Means {
        forget: line.scores.forget.dice.mean,
        retain: line.scores.retain.dice.mean,
        held_out: line.scores.held_out.dice.mean,
        beyond_retrain: line.forget_dice_beyond_retrain.mean,
        runs: line.runs,
    }
}

impl Setting {
    /// The name in tables: the strategy with its differences.
    pub fn name(&self) -> String {
        name_of(&self.strategy, &self.variant)
    }

    /// A figure of one run, and its difference from the first run that has the figure, unless this is the first.
    pub(crate) fn cell(&self, figure: Compared, run: usize) -> (Option<f64>, Option<f64>) {
        let of = |cell: &Option<Means>| cell.as_ref().and_then(figure.of);
        let value = of(&self.cells[run]);
        let first = self.cells.iter().position(|cell| of(cell).is_some());
        let difference = first.filter(|&first| first != run).and_then(|first| Some(value? - of(&self.cells[first])?));
        (value, difference)
    }
}

/// A value as text, with its difference in brackets.
pub(crate) fn in_words((value, difference): (Option<f64>, Option<f64>)) -> String {
    let value = value.map_or("–".to_string(), |value| fixed(value, 4));
    match difference {
        Some(difference) if fixed(difference, 4).starts_with('-') => format!("{value} ({})", fixed(difference, 4)),
        Some(difference) => format!("{value} (+{})", fixed(difference, 4)),
        None => value,
    }
}

impl Comparison {
    /// The comparison as text: a block for each figure, a row for each setting, a column for each run; the differences
    /// from the first run are in brackets.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for figure in COMPARED {
            let head = [format!("{}, grid {}", figure.name, self.grid), "epochs".to_string()];
            let mut rows: Vec<Vec<String>> = vec![head.into_iter().chain(self.runs.iter().cloned()).collect()];
            for setting in &self.settings {
                let cells: Vec<_> = (0..self.runs.len()).map(|run| setting.cell(figure, run)).collect();
                if cells.iter().any(|(value, _)| value.is_some()) {
                    let name = [setting.name(), setting.epochs.to_string()];
                    rows.push(name.into_iter().chain(cells.into_iter().map(in_words)).collect());
                }
            }
            if rows.len() > 1 {
                text += &format!("{}\n", aligned(&rows));
            }
        }
        if text.is_empty() { "none of these runs has a score on this grid\n".to_string() } else { text }
    }
}

/// The rows as text, each column as wide as its widest cell.
fn aligned(rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect::<Vec<_>>();
        cells.join("  ").trim_end().to_string() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::study;
    use crate::{Outcome, Role};

    /// The small study with every forget Dice a tenth lower.
    fn lower() -> Vec<ResultRow> {
        let mut rows = study();
        for row in &mut rows {
            if let Outcome::Scored(scored) = &mut row.outcome
                && scored.role == Role::Forget
                && row.run.goal != Goal::Reference
            {
                scored.score.dice = scored.score.dice.map(|dice| dice * 0.9);
            }
        }
        rows
    }

    #[test]
    fn a_run_beside_itself_differs_by_nothing() {
        let rows = study();
        let comparison = compare(&[("a", &rows), ("b", &rows)], ScoreGrid::Output).unwrap();
        for setting in &comparison.settings {
            assert_eq!(setting.cells[0], setting.cells[1]);
            for figure in COMPARED {
                assert!(setting.cell(figure, 1).1.is_none_or(|difference| difference == 0.0));
            }
        }
        assert!(comparison.text().contains("(+0.0000)"));
    }

    #[test]
    fn a_difference_is_the_run_minus_the_first() {
        let (rows, lower) = (study(), lower());
        let comparison = compare(&[("a", &rows), ("b", &lower)], ScoreGrid::Output).unwrap();
        let setting = comparison.settings.iter().find(|setting| setting.goal != Goal::Reference).unwrap();
        let (value, difference) = setting.cell(COMPARED[0], 1);
        let first = setting.cell(COMPARED[0], 0).0.unwrap();
        assert!((value.unwrap() - 0.9 * first).abs() < 1e-12);
        assert!((difference.unwrap() + 0.1 * first).abs() < 1e-12);
        let back = compare(&[("b", &lower), ("a", &rows)], ScoreGrid::Output).unwrap();
        let setting = back.settings.iter().find(|setting| setting.goal != Goal::Reference).unwrap();
        assert!((setting.cell(COMPARED[0], 1).1.unwrap() + difference.unwrap()).abs() < 1e-12);
    }

    #[test]
    fn what_only_one_run_has_stands_alone() {
        let rows = study();
        let few: Vec<ResultRow> = rows.iter().filter(|row| row.run.strategy != "noisy-label").cloned().collect();
        let comparison = compare(&[("a", &few), ("b", &rows)], ScoreGrid::Output).unwrap();
        let setting = comparison.settings.iter().find(|setting| setting.strategy == "noisy-label").unwrap();
        assert!(setting.cells[0].is_none() && setting.cells[1].is_some());
        assert_eq!(setting.cell(COMPARED[1], 1).1, None);
        assert!(compare(&[], ScoreGrid::Output).unwrap().text().contains("none of these runs"));
    }
}
