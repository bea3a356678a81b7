//! Runs side by side: the same setting in each, and how far it lies from the first.
//!
//! Runs stay apart, so their results may contradict each other; a setting is what it is called, whatever data and
//! seeds stand behind it. Means are those of each run's own table.

use crate::figure::{fixed, name_of};
use crate::table::Line;
use crate::{Goal, ReportError, ResultRow, ScoreGrid, tables};
use serde::Serialize;
use std::collections::BTreeMap;

/// Runs by name with their rows.
pub type NamedRows<'a> = (&'a str, &'a [ResultRow]);

/// Runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The runs, the one that others are set against first.
    pub runs: Vec<String>,
    /// On which grid.
    pub grid: ScoreGrid,
    /// Every setting that any of them has.
    pub settings: Vec<Setting>,
}

/// One setting in every run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// The network.
    pub network: String,
    /// The label table.
    pub labels: String,
    /// What the strategy is after.
    pub goal: Goal,
    /// The strategy.
    pub strategy: String,
    /// How it differs from the named one.
    pub variant: String,
    /// The horizon.
    pub epochs: usize,
    /// In the order of the runs; none where a run has no such setting.
    pub cells: Vec<Option<Means>>,
}

/// Means of one setting in one run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Means {
    /// Dice of the forgotten.
    pub forget: Option<f64>,
    /// Dice of those kept.
    pub retain: Option<f64>,
    /// Dice of those never seen.
    pub held_out: Option<f64>,
    /// Forget Dice minus that of the retrained model.
    pub beyond_retrain: Option<f64>,
    /// Finished runs.
    pub runs: usize,
}

/// A figure of a comparison.
#[derive(Clone, Copy)]
pub(crate) struct Compared {
    pub(crate) name: &'static str,
    pub(crate) of: fn(&Means) -> Option<f64>,
}

/// What is set side by side.
pub(crate) const COMPARED: [Compared; 4] = [
    Compared { name: "forget Dice", of: |means| means.forget },
    Compared { name: "retain Dice", of: |means| means.retain },
    Compared { name: "held-out Dice", of: |means| means.held_out },
    Compared { name: "forget Dice beyond retrained", of: |means| means.beyond_retrain },
];

/// Set runs side by side on a grid.
///
/// # Errors
/// Rows within a run that no study writes.
pub fn compare(runs: &[NamedRows<'_>], grid: ScoreGrid) -> Result<Comparison, ReportError> {
    let mut settings: BTreeMap<_, Vec<Option<Means>>> = BTreeMap::new();
    for (place, (_, rows)) in runs.iter().enumerate() {
        for table in tables(rows, grid)? {
            for line in &table.lines {
                let name = (line.goal, line.strategy.clone(), line.variant.clone(), line.epochs);
                let key = (table.network.clone(), table.labels.clone(), name);
                settings.entry(key).or_insert_with(|| vec![None; runs.len()])[place] = Some(means(line));
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
    /// As tables call it.
    pub fn name(&self) -> String {
        name_of(&self.strategy, &self.variant)
    }

    /// A figure of one run, and its difference from the first run that has it if that is another one.
    pub(crate) fn cell(&self, figure: Compared, run: usize) -> (Option<f64>, Option<f64>) {
        let of = |cell: &Option<Means>| cell.as_ref().and_then(figure.of);
        let value = of(&self.cells[run]);
        let first = self.cells.iter().position(|cell| of(cell).is_some());
        let difference = first.filter(|&first| first != run).and_then(|first| Some(value? - of(&self.cells[first])?));
        (value, difference)
    }
}

/// A value with its difference.
pub(crate) fn in_words((value, difference): (Option<f64>, Option<f64>)) -> String {
    let value = value.map_or("–".to_string(), |value| fixed(value, 4));
    match difference {
        Some(difference) if fixed(difference, 4).starts_with('-') => format!("{value} ({})", fixed(difference, 4)),
        Some(difference) => format!("{value} (+{})", fixed(difference, 4)),
        None => value,
    }
}

impl Comparison {
    /// A block for each figure: a row for each setting, a column for each run, in brackets how far from the first.
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

/// Columns as wide as their widest cell.
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
