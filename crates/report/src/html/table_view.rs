//! Tables of the page, one template for all of them.

use crate::figure::fixed;

/// A table with its headings.
pub(super) struct TableView {
    /// Its own on the page.
    pub(super) id: String,
    /// What it holds, in one line.
    pub(super) caption: String,
    /// Whether a reader may sort and filter it.
    pub(super) is_sortable: bool,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

/// A heading.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) is_number: bool,
}

/// A line of a table.
pub(super) struct Row {
    /// The series that it is about.
    pub(super) series: Option<usize>,
    pub(super) cells: Vec<Cell>,
}

/// A field.
#[derive(Clone)]
pub(super) struct Cell {
    pub(super) text: String,
    /// By what it is sorted, where that is not its text.
    pub(super) key: Option<String>,
    /// `pass`, `fail` or nothing.
    pub(super) tone: &'static str,
}

impl Column {
    /// Headings of texts and, with a `#` before them, of numbers.
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

    /// A count.
    pub(super) fn count(count: usize) -> Cell {
        Cell { text: count.to_string(), key: Some(count.to_string()), tone: "" }
    }

    /// A number with so many digits; a dash where there is none.
    pub(super) fn number(value: Option<f64>, digits: usize) -> Cell {
        let text = value.map_or("–".to_string(), |value| fixed(value, digits));
        Cell { text, key: value.map(|value| value.to_string()), tone: "" }
    }

    /// A number that is shown in words.
    pub(super) fn said(text: impl Into<String>, key: Option<f64>) -> Cell {
        Cell { text: text.into(), key: key.map(|key| key.to_string()), tone: "" }
    }

    pub(super) fn toned(self, tone: &'static str) -> Cell {
        Cell { tone, ..self }
    }
}
