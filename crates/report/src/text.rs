//! The table for a terminal: plain text, aligned, at most 100 characters wide, no control codes.

use crate::Table;
use crate::figure::{DERIVED, EXPLANATION, Figure, SCORES, heading, notes};
use crate::table::Line;
use std::collections::BTreeMap;

/// The largest number of characters in a line.
const WIDTH: usize = 100;
/// The width of the strategy's column, its indent included.
const STRATEGY: usize = 20;
/// The width of the column of epochs.
const EPOCHS: usize = 6;
/// The widths of the columns of scores: Dice, then MAE.
const SCORE_WIDTHS: [usize; 6] = [10, 10, 10, 12, 12, 12];
/// The widths of the columns of derived figures.
const DERIVED_WIDTHS: [usize; 5] = [13, 12, 15, 17, 16];

impl Table {
    /// Tables as plain text, with their common explanation once below them, ending in a newline.
    pub fn texts(tables: &[Table]) -> String {
        let explanation: String = EXPLANATION.iter().flat_map(|part| wrap(part)).map(|line| line + "\n").collect();
        tables.iter().map(|table| table.text() + "\n").collect::<String>() + &explanation
    }

    /// One table as plain text without the common explanation, ending in a newline.
    ///
    /// Two blocks, scores and derived figures; the scatter stands below each mean.
    fn text(&self) -> String {
        let labels = labels(&self.lines);
        let mut lines = wrap(&heading(self));
        lines.push(String::new());
        lines.extend(block(self, &labels, &SCORES, &SCORE_WIDTHS, &COUNTS));
        lines.push(String::new());
        lines.extend(block(self, &labels, &DERIVED, &DERIVED_WIDTHS, &[]));
        lines.push(String::new());
        for ((strategy, variant), label) in &labels {
            let variant = if variant.is_empty() { String::new() } else { format!(" {variant}") };
            lines.extend(wrap(&format!("{label} {strategy}{variant}")));
        }
        lines.extend(notes(self).iter().flat_map(|note| wrap(note)));
        lines.join("\n") + "\n"
    }
}

/// A column of whole numbers at the right of a block.
struct Count {
    name: &'static str,
    width: usize,
    of: fn(&Line) -> usize,
}

static COUNTS: [Count; 2] =
    [Count { name: "n", width: 3, of: |line| line.n }, Count { name: "div", width: 4, of: |line| line.diverged }];

/// Letters that stand for strategies whose names or differences do not fit their column.
type Labels<'a> = BTreeMap<(&'a str, &'a str), String>;

fn labels(lines: &[Line]) -> Labels<'_> {
    let mut labels = Labels::new();
    for line in lines.iter().filter(|line| !line.variant.is_empty() || line.strategy.chars().count() > STRATEGY - 2) {
        let next = labels.len();
        labels.entry((&line.strategy, &line.variant)).or_insert_with(|| format!("[{}]", next + 1));
    }
    labels
}

fn block(table: &Table, labels: &Labels<'_>, figures: &[Figure], widths: &[usize], counts: &[Count]) -> Vec<String> {
    let count = |text: &dyn Fn(&Count) -> String| {
        counts.iter().map(|count| format!("{:>1$}", text(count), count.width)).collect::<String>()
    };
    let names: Vec<String> = figures.iter().map(|figure| figure.name.to_string()).collect();
    let mut lines = vec![
        format!("{}{}", " ".repeat(STRATEGY + EPOCHS), groups(figures, widths)).trim_end().to_string(),
        format!(
            "{:<STRATEGY$}{:>EPOCHS$}{}{}",
            "strategy",
            "epochs",
            cells(&names, widths),
            count(&|count| count.name.into())
        ),
    ];
    for (index, line) in table.lines.iter().enumerate() {
        if index == 0 || table.lines[index - 1].goal != line.goal {
            lines.push(line.goal.to_string());
        }
        let means: Vec<String> = figures.iter().map(|figure| figure.mean(line)).collect();
        let spreads: Vec<String> = figures.iter().map(|figure| figure.spread(line)).collect();
        let name = short_name(line, labels);
        let figures = cells(&means, widths) + &count(&|count| (count.of)(line).to_string());
        lines.push(format!("  {name:<0$}{epochs:>EPOCHS$}{figures}", STRATEGY - 2, epochs = line.epochs));
        if spreads.iter().any(|spread| !spread.is_empty()) {
            lines.push(format!("{}{}", " ".repeat(STRATEGY + EPOCHS), cells(&spreads, widths)).trim_end().to_string());
        }
    }
    lines
}

/// The names of the groups, each at the right end of its columns.
fn groups(figures: &[Figure], widths: &[usize]) -> String {
    let mut text = String::new();
    let mut width = 0;
    for (index, figure) in figures.iter().enumerate() {
        width += widths[index];
        if figures.get(index + 1).is_none_or(|next| next.group != figure.group) {
            text += &format!("{:>width$}", figure.group);
            width = 0;
        }
    }
    text
}

fn cells(texts: &[String], widths: &[usize]) -> String {
    texts.iter().zip(widths).map(|(text, width)| format!("{text:>width$}")).collect()
}

fn short_name(line: &Line, labels: &Labels<'_>) -> String {
    match labels.get(&(line.strategy.as_str(), line.variant.as_str())) {
        None => line.strategy.clone(),
        Some(label) => {
            let room = STRATEGY - 3 - label.chars().count();
            let name: String = line.strategy.chars().take(room).collect();
            format!("{name} {label}")
        }
    }
}

/// Breaks a text at blanks, so that no line is longer than [`WIDTH`]; a longer word is cut.
pub(crate) fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        for piece in word.chars().collect::<Vec<_>>().chunks(WIDTH) {
            let last = lines.last().map_or(0, |line| line.chars().count());
            if last > 0 && last + 1 + piece.len() > WIDTH {
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                line.extend((!line.is_empty()).then_some(' ').iter().chain(piece));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{assert_golden, study};
    use crate::{ScoreGrid, tables};

    #[test]
    fn the_text_is_the_golden_file() {
        let text = Table::texts(&tables(&study(), ScoreGrid::Output).unwrap()[..1]);
        assert_golden("table.txt", &text);
    }

    #[test]
    fn no_line_is_longer_than_a_hundred_characters_and_none_steers_the_terminal() {
        let mut rows = study();
        for row in &mut rows {
            row.run.variant = "a_rather_long_key=with_a_rather_long_value ".repeat(4);
            row.run.strategy += "-with-a-name-that-nobody-would-choose";
            row.run.network = "x".repeat(250);
        }
        let text = Table::texts(&tables(&rows, ScoreGrid::Output).unwrap()[..1]);
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert!(text.chars().all(|character| character == '\n' || !character.is_control()));
    }

    #[test]
    fn wrapping_loses_nothing_but_blanks() {
        let text = format!("one {} two {}", "a".repeat(250), "b".repeat(99));
        let together = |text: &str| text.chars().filter(|character| !character.is_whitespace()).collect::<String>();
        assert_eq!(together(&wrap(&text).concat()), together(&text));
    }
}
