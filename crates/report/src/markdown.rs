//! The table as Markdown: one row per strategy and horizon.

use crate::Table;
use crate::figure::{DERIVED, EXPLANATION, Figure, SCORES, full_name, heading, notes};
use crate::table::Line;

impl Table {
    /// Tables as GitHub-flavoured Markdown, with their common explanation once below them, ending in a newline.
    pub fn markdowns(tables: &[Table]) -> String {
        let explanation: Vec<String> = EXPLANATION.iter().map(|part| escape(part) + "\n").collect();
        tables.iter().map(|table| table.markdown() + "\n").collect::<String>() + &explanation.join("\n")
    }

    /// One table without the common explanation, ending in a newline.
    fn markdown(&self) -> String {
        let figures: Vec<&Figure> = SCORES.iter().chain(&DERIVED).collect();
        let mut titles = ["goal", "strategy", "epochs"].map(String::from).to_vec();
        titles.extend(figures.iter().map(|figure| format!("{}: {}", figure.group, figure.name)));
        titles.extend(["n", "runs", "div"].map(String::from));
        let alignment = titles.iter().enumerate().map(|(index, _)| if index < 2 { ":--" } else { "--:" });
        let mut lines =
            vec![escape(&heading(self)), String::new(), row(titles.iter().cloned()), row(alignment.map(String::from))];
        lines.extend(self.lines.iter().map(|line| row(cells(line, &figures).into_iter().map(|cell| escape(&cell)))));
        for note in notes(self) {
            lines.extend([String::new(), escape(&note)]);
        }
        lines.join("\n") + "\n"
    }
}

fn cells(line: &Line, figures: &[&Figure]) -> Vec<String> {
    let mut cells = vec![line.goal.to_string(), full_name(line), line.epochs.to_string()];
    cells.extend(
        figures.iter().map(|figure| format!("{} {}", figure.mean(line), figure.spread(line)).trim_end().to_string()),
    );
    cells.extend([line.n, line.runs, line.diverged].map(|count| count.to_string()));
    cells
}

pub(crate) fn row(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
}

/// Escapes a name; names come from users, and none may end a cell, begin emphasis or be read as HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' => escaped.extend(['\\', character]),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use crate::ScoreGrid;
    use crate::Table;
    use crate::fixture::{assert_golden, study};
    use crate::tables;

    #[test]
    fn every_row_has_the_same_cells_whatever_a_strategy_is_called() {
        let mut rows = study();
        for row in rows.iter_mut().filter(|row| row.run.strategy == "max-loss") {
            row.run.strategy = "a|b<script>".into();
        }
        let text = Table::markdowns(&tables(&rows, ScoreGrid::Output).unwrap()[..1]);
        let bars = |line: &str| line.replace("\\|", "").matches('|').count();
        let table: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert!(table.iter().all(|line| bars(line) == bars(table[0])), "{text}");
        assert!(text.contains("a\\|b&lt;script>"), "{text}");
    }

    #[test]
    fn the_markdown_is_the_golden_file() {
        let text = Table::markdowns(&tables(&study(), ScoreGrid::Output).unwrap()[..1]);
        assert_golden("table.md", &text);
    }
}
