//! The tables of the page, rendered by one template.

use crate::figure::fixed;

/// A table with its headings.
pub(super) struct TableView {
    /// The element id, unique within the page.
    pub(super) id: String,
    /// The caption, in one line.
    pub(super) caption: String,
    /// Whether the reader can sort and filter the table.
    pub(super) is_sortable: bool,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

/// The heading of a column.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) is_number: bool,
}

/// A row of a table.
pub(super) struct Row {
    /// The index of the series that the row is about, if any.
    pub(super) series: Option<usize>,
    pub(super) cells: Vec<Cell>,
}

/// A cell of a table.
#[derive(Clone)]
pub(super) struct Cell {
    pub(super) text: String,
    /// The sort key, where it differs from the text.
    pub(super) key: Option<String>,
    /// `pass`, `fail` or empty, as the CSS class.
    pub(super) tone: &'static str,
}

impl Column {
    /// The headings; a `#` before a name marks a column of numbers.
    pub(super) fn all(names: &[&str]) -> Vec<Column> {
        let column =
            |name: &&str| Column { name: name.trim_start_matches('#').to_string(), is_number: name.starts_with('#') };
        names.iter().map(column).collect()
    }
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), key: None, tone: "" }
    }

    /// A cell with a count.
    pub(super) fn count(count: usize) -> Cell {
        Cell { text: count.to_string(), key: Some(count.to_string()), tone: "" }
    }

    /// A cell with a number of `digits` digits, or a dash for `None`.
    pub(super) fn number(value: Option<f64>, digits: usize) -> Cell {
        let text = value.map_or("–".to_string(), |value| fixed(value, digits));
        Cell { text, key: value.map(|value| value.to_string()), tone: "" }
    }

    /// A cell with a text that stands for a number, by which it is sorted.
    pub(super) fn said(text: impl Into<String>, key: Option<f64>) -> Cell {
        Cell { text: text.into(), key: key.map(|key| key.to_string()), tone: "" }
    }

    pub(super) fn toned(self, tone: &'static str) -> Cell {
        Cell { tone, ..self }
    }
}
