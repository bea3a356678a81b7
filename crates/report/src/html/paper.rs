//! The paper's figures beside those of this study.
//!
//! They are those of Noisy Label after 50 epochs that the abstract and citing works state; the paper's tables were not
//! accessible, so there are no figures for the other strategies. Source: Singh, Singh and Arora, "To forget is to
//! preserve", 2026 (arXiv 2606.16180); the retained Dice of the baseline, 0.902, follows from the 84 %.

use super::table_view::{Cell, Column, Row, TableView};
use crate::{Line, ORIGINAL, Table};

/// A figure of the paper: its name, its value in the paper, and the study's own value.
type Figure = (&'static str, &'static str, fn(&Line, Option<&Line>) -> Cell);

const STRATEGY: &str = "noisy-label";

const FIGURES: [Figure; 7] = [
    ("forget Dice before", "0.9226", |_, original| dice(original.and_then(|line| line.scores.forget.dice.mean))),
    ("forget Dice after", "0.0613", |line, _| dice(line.scores.forget.dice.mean)),
    ("forget Dice lost, %", "93", |line, _| Cell::number(line.forget_decrease_percent.mean, 1)),
    ("retain Dice after", "0.7576", |line, _| dice(line.scores.retain.dice.mean)),
    ("retain Dice kept, %", "84", |line, _| Cell::number(line.retained_percent.mean, 1)),
    ("retain minus forget Dice", "0.6963", |line, _| dice(line.dice_gap.mean)),
    ("forget minus retain MAE", "0.091", |line, _| Cell::number(line.mae_gap.mean, 4)),
];

fn dice(value: Option<f64>) -> Cell {
    Cell::number(value, 4)
}

/// The study's figures in the columns, one per setting of the paper's strategy; without any, only the paper's.
pub(super) fn beside_the_paper(table: &Table, id: &str) -> TableView {
    let original = table.lines.iter().find(|line| line.strategy == ORIGINAL);
    let ours: Vec<&Line> = table.lines.iter().filter(|line| line.strategy == STRATEGY).collect();
    let mut columns = Column::all(&["figure", "#paper, 50 epochs"]);
    columns.extend(ours.iter().map(|line| {
        let variant = if line.variant.is_empty() { String::new() } else { format!(" [{}]", line.variant) };
        Column { name: format!("ours, {} epochs{variant}", line.epochs), is_number: true }
    }));
    let rows = FIGURES.iter().map(|(name, paper, own)| {
        let mut cells = vec![Cell::text(*name), Cell::text(*paper)];
        cells.extend(ours.iter().map(|line| own(line, original)));
        Row { series: None, cells }
    });
    let none = if ours.is_empty() { "; no run of it here" } else { "" };
    let caption = format!(
        "Noisy Label{none}: grid {}, network {}, labels {}, n = {}",
        table.grid,
        table.network,
        table.labels,
        table.forgotten.len()
    );
    TableView { id: id.to_string(), caption, is_sortable: false, columns, rows: rows.collect() }
}
