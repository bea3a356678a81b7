//! The figures of a table's line: the list that every printed format loops over, and their digits.

use crate::table::Line;
use crate::{Estimate, Spread, Table};
use lacuna_metrics::EmptyCounts;

/// One printed column of figures.
pub(crate) struct Figure {
    /// The heading of its group of columns.
    pub(crate) group: &'static str,
    /// The heading of its column within the group.
    pub(crate) name: &'static str,
    /// Digits after the point, of a mean and of an interval.
    digits: usize,
    /// Digits after the point of a range, which prints two numbers.
    range_digits: usize,
    /// Selects the figure of a line.
    of: fn(&Line) -> &Estimate,
    /// The number of empty masks among the values of the figure.
    empty: fn(&Line) -> EmptyCounts,
}

/// The scores of each role, as figures.
pub(crate) static SCORES: [Figure; 6] = [
    dice("retain", |line| &line.scores.retain.dice, |line| line.scores.retain.empty),
    dice("forget", |line| &line.scores.forget.dice, |line| line.scores.forget.empty),
    dice("held out", |line| &line.scores.held_out.dice, |line| line.scores.held_out.empty),
    plain("MAE", "retain", 4, 3, |line| &line.scores.retain.mae),
    plain("MAE", "forget", 4, 3, |line| &line.scores.forget.mae),
    plain("MAE", "held out", 4, 3, |line| &line.scores.held_out.mae),
];

/// The figures of the paper, and the distance to the retrained model.
pub(crate) static DERIVED: [Figure; 5] = [
    plain("% of original Dice", "forget lost", 1, 0, |line| &line.forget_decrease_percent),
    plain("% of original Dice", "retained", 1, 0, |line| &line.retained_percent),
    plain("gap", "Dice", 4, 2, |line| &line.dice_gap),
    plain("gap", "MAE", 4, 3, |line| &line.mae_gap),
    plain("beyond retrain", "forget Dice", 4, 2, |line| &line.forget_dice_beyond_retrain),
];

const fn dice(name: &'static str, of: fn(&Line) -> &Estimate, empty: fn(&Line) -> EmptyCounts) -> Figure {
    Figure { group: "Dice", name, digits: 4, range_digits: 2, of, empty }
}

const fn plain(
    group: &'static str,
    name: &'static str,
    digits: usize,
    range_digits: usize,
    of: fn(&Line) -> &Estimate,
) -> Figure {
    // The MAE of an empty mask is defined, so empty masks are marked only in the columns of Dice.
    Figure { group, name, digits, range_digits, of, empty: |_| EmptyCounts { truth: 0, prediction: 0, both: 0 } }
}

impl Figure {
    /// The mean as text; `*` marks empty masks, `-` means that there is no mean.
    pub(crate) fn mean(&self, line: &Line) -> String {
        let mark = if (self.empty)(line).total() > 0 { "*" } else { "" };
        match (self.of)(line).mean {
            Some(mean) => fixed(mean, self.digits) + mark,
            None => format!("-{mark}"),
        }
    }

    /// The mean without rounding.
    pub(crate) fn value(&self, line: &Line) -> Option<f64> {
        (self.of)(line).mean
    }

    /// The scatter as text; empty if it is unknown.
    pub(crate) fn spread(&self, line: &Line) -> String {
        match (self.of)(line).spread {
            Spread::Unknown => String::new(),
            Spread::Interval95 { half_width } => format!("±{}", fixed(half_width, self.digits)),
            Spread::Range { low, high } => {
                let [low, high] = [low, high].map(|value| fixed(value, self.range_digits));
                // Between negative numbers a dash would read as a sign.
                let between = if low.starts_with('-') || high.starts_with('-') { " to " } else { "–" };
                low + between + &high
            }
        }
    }
}

/// A number rounded to `digits` digits; one that rounds to zero has no sign.
pub(crate) fn fixed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.strip_prefix('-') {
        Some(zero) if zero.bytes().all(|byte| byte == b'0' || byte == b'.') => zero.to_string(),
        _ => text,
    }
}

/// The heading of a table, in one line.
pub(crate) fn heading(table: &Table) -> String {
    let seeds = table.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    let (n, people) = (table.forgotten.len(), if table.forgotten.len() == 1 { "subject" } else { "subjects" });
    let seed = if table.seeds.len() == 1 { "seed" } else { "seeds" };
    let Table { grid, network, labels, .. } = table;
    format!(
        "Grid {grid}, network {network}, labels {labels}; n = {n} forgotten {people}, one at a time; {seed} {seeds}."
    )
}

/// The explanations that apply to every table; printed once below all of them.
pub(crate) const EXPLANATION: [&str; 3] = [
    "Dice: mean over classes without the background. MAE: of label maps, by class number. Both are averaged over \
     the subjects of a role, then over seeds, then over the n forgotten subjects; ± is half the 95 % t-interval \
     over forgotten subjects (from n = 3, taking them for independent), low–high, for fewer, the range over runs.",
    "forget lost: 100 (1 - forget Dice / the original's); retained: 100 retain Dice / the original's; \
     Dice gap: retain - forget; MAE gap: forget - retain; beyond retrain: forget Dice minus that of the model \
     retrained without the subject; at 0 the subject is segmented like one never seen. Every run is compared with \
     the original and the retrained model of its own forgotten subject and seed, or left out of these figures.",
    "div: runs that diverged by this horizon; they are in no mean. -: no run has a value.",
];

/// Notes on the empty masks and the collapsed runs of one table.
pub(crate) fn notes(table: &Table) -> Vec<String> {
    let empty: Vec<String> = table.lines.iter().flat_map(empty_masks).collect();
    let first = match empty.is_empty() {
        true => "Empty masks: none.",
        false => {
            "*: some masks (one per run, subject and class) were empty. Dice is 0 where one of prediction and truth \
             is, and undefined, hence in no mean, where both are."
        }
    };
    [first.to_string()].into_iter().chain(empty).chain(table.lines.iter().filter_map(collapsed)).collect()
}

fn collapsed(line: &Line) -> Option<String> {
    let Line { collapsed, runs, epochs, .. } = line;
    let note = format!(
        "Collapsed: {}, {epochs} epochs: in {collapsed} of {runs} runs the model says one class everywhere; its scores \
         are in the means.",
        full_name(line)
    );
    (*collapsed > 0).then_some(note)
}

fn empty_masks(line: &Line) -> Vec<String> {
    let roles = [("retain", &line.scores.retain), ("forget", &line.scores.forget), ("held out", &line.scores.held_out)];
    let marked = roles.into_iter().filter(|(_, column)| column.empty.total() > 0);
    marked
        .map(|(role, column)| {
            let EmptyCounts { truth, prediction, both } = column.empty;
            let mut note = format!(
                "* {}, {} epochs, {role}: of {} pairs of masks {prediction} empty in the prediction alone, {truth} in \
                 the truth alone, {both} in both",
                full_name(line),
                line.epochs,
                column.masks
            );
            if column.subjects_without_dice > 0 {
                note += &format!("; {} subjects have no mean Dice", column.subjects_without_dice);
            }
            note + "."
        })
        .collect()
}

/// The name of a line: the strategy with its differences.
pub(crate) fn full_name(line: &Line) -> String {
    name_of(&line.strategy, &line.variant)
}

/// The name of a strategy with its differences.
pub(crate) fn name_of(strategy: &str, variant: &str) -> String {
    match variant {
        "" => strategy.to_string(),
        variant => format!("{strategy} [{variant}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rounds_to_zero_has_no_sign() {
        assert_eq!(fixed(-0.00001, 4), "0.0000");
        assert_eq!(fixed(-0.4, 0), "0");
        assert_eq!(fixed(-0.05, 4), "-0.0500");
    }
}
